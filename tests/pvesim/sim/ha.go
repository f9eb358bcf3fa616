package sim

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Kinds of entries of the HA configuration.
const (
	haResources = "resources"
	haGroups    = "groups"
	haRules     = "rules"
)

var haNumbers = set("max_restart", "max_relocate", "nofailback", "restricted", "failback", "disable", "strict")

func haSID(g *guest) string { return strings.ToLower(g.noun()) + ":" + vmidText(g.VMID) }

func (s *Sim) haEntries(kind string) map[string]map[string]string {
	if s.state.Groupings[kind] == nil {
		s.state.Groupings[kind] = map[string]map[string]string{}
	}
	return s.state.Groupings[kind]
}

// haIDName is the parameter that names an entry.
var haIDName = map[string]string{haResources: "sid", haGroups: "group", haRules: "rule"}

// haAvailable refuses groups on version 9, where rules replaced them, and rules on version 8.
func (c *call) haAvailable(kind, doing string) error {
	if kind == haGroups && c.is9() {
		return fail("cannot %s: ha groups have been migrated to rules", doing)
	}
	if kind == haRules && !c.is9() {
		return &apiError{status: http.StatusNotImplemented, reason: "Method '" + c.http.Method + " /cluster/ha/rules' not implemented"}
	}
	return nil
}

func (c *call) haID(kind string) string {
	id := c.param(haIDName[kind])
	if _, err := strconv.Atoi(id); err == nil && kind == haResources {
		if g := c.state.Guests[c.integer("sid", 0)]; g != nil {
			return haSID(g)
		}
		return "vm:" + id
	}
	return id
}

func (c *call) haAnswer(kind, id string, entry map[string]string) map[string]any {
	answer := numbered(entry, haNumbers)
	answer[haIDName[kind]] = id
	answer["digest"] = digestOf(id)
	if kind == haResources {
		answer["type"], _, _ = strings.Cut(id, ":")
	}
	return answer
}

func haList(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if err := c.haAvailable(kind, "index groups"); err != nil {
			return nil, err
		}
		list := []map[string]any{}
		for _, id := range sortedKeys(c.haEntries(kind)) {
			entry := c.haAnswer(kind, id, c.haEntries(kind)[id])
			if c.has("type") && c.param("type") != entry["type"] {
				continue
			}
			list = append(list, entry)
		}
		return list, nil
	}
}

func (c *call) haEntry(kind string) (string, map[string]string, error) {
	id := c.haID(kind)
	entry := c.haEntries(kind)[id]
	if entry == nil {
		return "", nil, fail("no such %s '%s'", strings.TrimSuffix(kind, "s"), id)
	}
	return id, entry, nil
}

func haGet(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if err := c.haAvailable(kind, "read group"); err != nil {
			return nil, err
		}
		id, entry, err := c.haEntry(kind)
		if err != nil {
			return nil, err
		}
		return c.haAnswer(kind, id, entry), nil
	}
}

func haCreate(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if err := c.haAvailable(kind, "create group"); err != nil {
			return nil, err
		}
		id := c.haID(kind)
		if c.haEntries(kind)[id] != nil {
			return nil, fail("create failed: %s ID '%s' already defined", strings.TrimSuffix(kind, "s"), id)
		}
		entry := c.values(haIDName[kind], "delete")
		if kind == haResources {
			if err := c.checkHAResource(id, entry); err != nil {
				return nil, err
			}
		}
		c.haEntries(kind)[id] = entry
		c.changed()
		c.haApply(kind, id, entry)
		return nil, nil
	}
}

func (c *call) checkHAResource(id string, entry map[string]string) error {
	if entry["state"] == "" {
		entry["state"] = "started"
	}
	if entry["group"] != "" && c.is9() {
		return fail("invalid parameter 'group': ha groups have been migrated to rules")
	}
	if group := entry["group"]; group != "" && c.haEntries(haGroups)[group] == nil {
		return fail("group '%s' does not exist", group)
	}
	if c.haGuest(id) == nil {
		return fail("cannot add resource '%s': no such guest in the cluster", id)
	}
	return nil
}

func (s *Sim) haGuest(sid string) *guest {
	_, number, _ := strings.Cut(sid, ":")
	vmid, err := strconv.Atoi(number)
	if err != nil {
		return nil
	}
	return s.state.Guests[vmid]
}

// haApply does what the HA manager does with a resource's requested state.
func (c *call) haApply(kind, id string, entry map[string]string) {
	g := c.haGuest(id)
	if kind != haResources || g == nil {
		return
	}
	switch {
	case entry["state"] == "started" && g.Status == statusStopped:
		c.startTask(g.Node, "hastart", vmidText(g.VMID), rootUser, work{run: func(*task) error { return c.powerOn(g) }})
	case (entry["state"] == "stopped" || entry["state"] == "disabled") && g.Status != statusStopped:
		c.startTask(g.Node, "hastop", vmidText(g.VMID), rootUser, work{run: func(*task) error {
			c.powerOff(g)
			return nil
		}})
	}
}

func haUpdate(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if err := c.haAvailable(kind, "update group"); err != nil {
			return nil, err
		}
		id, entry, err := c.haEntry(kind)
		if err != nil {
			return nil, err
		}
		changed := maps.Clone(entry)
		maps.Copy(changed, c.values(haIDName[kind], "delete"))
		for _, key := range c.deletions() {
			delete(changed, key)
		}
		if kind == haResources {
			if err := c.checkHAResource(id, changed); err != nil {
				return nil, err
			}
		}
		c.haEntries(kind)[id] = changed
		c.changed()
		c.haApply(kind, id, changed)
		return nil, nil
	}
}

func haDelete(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if err := c.haAvailable(kind, "delete group"); err != nil {
			return nil, err
		}
		id, _, err := c.haEntry(kind)
		if err != nil {
			return nil, err
		}
		if kind == haGroups {
			for sid, resource := range c.haEntries(haResources) {
				if resource["group"] == id {
					return nil, fail("ha group is used by service '%s'", sid)
				}
			}
		}
		delete(c.haEntries(kind), id)
		c.changed()
		return nil, nil
	}
}

// haMove migrates or relocates a resource's guest.
func haMove(c *call) (any, error) {
	id, _, err := c.haEntry(haResources)
	if err != nil {
		return nil, err
	}
	target := c.form.Get("node")
	g := c.haGuest(id)
	if g == nil || !c.hasNode(target) {
		return nil, fail("no such guest or node for '%s'", id)
	}
	if g.Node != target {
		c.startTask(g.Node, "hamigrate", vmidText(g.VMID), rootUser, work{run: func(*task) error { return c.move(g, target, "") }})
	}
	return map[string]any{"sid": id, "requested-node": target}, nil
}

func haStatus(c *call) (any, error) {
	master := c.nodeNames()[0]
	now := time.Now().Unix()
	list := []map[string]any{
		{"id": "quorum", "type": "quorum", "node": master, "status": "OK", "quorate": 1},
		{"id": "master", "type": "master", "node": master, "status": master + " (active)", "timestamp": now},
	}
	for _, name := range c.nodeNames() {
		list = append(list, map[string]any{"id": "lrm:" + name, "type": "lrm", "node": name, "status": name + " (active)", "timestamp": now})
	}
	for _, id := range sortedKeys(c.haEntries(haResources)) {
		entry := c.haAnswer(haResources, id, c.haEntries(haResources)[id])
		entry["id"], entry["type"], entry["request_state"] = "service:"+id, "service", entry["state"]
		if g := c.haGuest(id); g != nil {
			entry["node"], entry["crm_state"], entry["status"] = g.Node, entry["state"], id+" ("+g.Node+", "+c.haEntries(haResources)[id]["state"]+")"
		}
		list = append(list, entry)
	}
	return list, nil
}

func haManagerStatus(c *call) (any, error) {
	nodes := map[string]string{}
	for _, name := range c.nodeNames() {
		nodes[name] = "online"
	}
	return map[string]any{"quorum": map[string]any{"node": c.nodeNames()[0], "quorate": 1}, "manager_status": map[string]any{"master_node": c.nodeNames()[0], "node_status": nodes}}, nil
}
