package sim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// firewall is the configuration of one level: the cluster, a node, a guest or a security group.
type firewall struct {
	Comment string
	Options map[string]string
	Rules   []map[string]string
	Aliases map[string]map[string]string
	IPSets  map[string]*ipset
}

type ipset struct {
	Comment string
	Entries []map[string]string
}

const clusterFirewall = "cluster"

func (g *guest) firewallName() string { return "guest/" + vmidText(g.VMID) }

// firewallOf finds the level that the path of a call names and creates its empty configuration.
func (c *call) firewallOf() (*firewall, error) {
	name := clusterFirewall
	switch {
	case c.vars["vmid"] != "":
		g := c.state.Guests[c.integer("vmid", 0)]
		if g == nil || g.Node != c.vars["node"] {
			return nil, fail("Configuration file 'nodes/%s/qemu-server/%s.conf' does not exist", c.vars["node"], c.vars["vmid"])
		}
		name = g.firewallName()
	case c.vars["node"] != "":
		name = "node/" + c.vars["node"]
	case c.vars["group"] != "":
		name = "group/" + c.vars["group"]
		if c.state.Firewalls[name] == nil {
			return nil, fail("no such security group '%s'", c.vars["group"])
		}
	}
	return c.firewallNamed(name), nil
}

func (s *Sim) firewallNamed(name string) *firewall {
	f := s.state.Firewalls[name]
	if f == nil {
		f = &firewall{Options: map[string]string{}, Aliases: map[string]map[string]string{}, IPSets: map[string]*ipset{}}
		s.state.Firewalls[name] = f
	}
	return f
}

var firewallNumbers = set("enable", "dhcp", "ebtables", "ipfilter", "macfilter", "ndp", "radv", "nosmurfs", "tcpflags",
	"log_nf_conntrack", "nf_conntrack_allow_invalid", "nf_conntrack_max", "nftables", "protection_synflood", "pos", "nomatch")

// numbered answers options with the numbers as JSON numbers.
func numbered(values map[string]string, isNumber map[string]bool) map[string]any {
	answer := map[string]any{}
	for key, text := range values {
		answer[key] = text
		if n, err := strconv.Atoi(normalBool(text)); err == nil && isNumber[key] {
			answer[key] = n
		}
	}
	return answer
}

// onFirewall makes a handler of a function on the level that the call names.
func onFirewall(f func(c *call, level *firewall) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		level, err := c.firewallOf()
		if err != nil {
			return nil, err
		}
		return f(c, level)
	}
}

func firewallOptions(_ *call, level *firewall) (any, error) {
	answer := numbered(level.Options, firewallNumbers)
	answer["digest"] = digestOf(fmt.Sprint(level.Options))
	return answer, nil
}

func firewallOptionsUpdate(c *call, level *firewall) (any, error) {
	c.update(level.Options)
	return nil, nil
}

func ruleList(_ *call, level *firewall) (any, error) {
	list := []map[string]any{}
	for i, rule := range level.Rules {
		entry := numbered(rule, firewallNumbers)
		entry["pos"], entry["digest"] = i, digestOf(fmt.Sprint(level.Rules))
		list = append(list, entry)
	}
	return list, nil
}

func (c *call) rulePosition(level *firewall) (int, error) {
	pos := c.integer("pos", -1)
	if pos < 0 || pos >= len(level.Rules) {
		return 0, fail("no rule at position %s", c.vars["pos"])
	}
	return pos, nil
}

func ruleGet(c *call, level *firewall) (any, error) {
	pos, err := c.rulePosition(level)
	if err != nil {
		return nil, err
	}
	answer := numbered(level.Rules[pos], firewallNumbers)
	// A single rule has its position as text.
	answer["pos"], answer["digest"] = strconv.Itoa(pos), digestOf(fmt.Sprint(level.Rules))
	return answer, nil
}

// ruleCreate puts a rule before all others, or at pos.
func ruleCreate(c *call, level *firewall) (any, error) {
	rule := c.values("pos", "delete")
	if rule["type"] == "group" && c.state.Firewalls["group/"+rule["action"]] == nil {
		return nil, badParam("action", "no such security group '%s'", rule["action"])
	}
	pos := min(max(0, c.integer("pos", 0)), len(level.Rules))
	level.Rules = slices.Insert(level.Rules, pos, rule)
	c.changed()
	return nil, nil
}

func ruleUpdate(c *call, level *firewall) (any, error) {
	pos, err := c.rulePosition(level)
	if err != nil {
		return nil, err
	}
	rule := level.Rules[pos]
	if c.has("moveto") {
		// The position is counted before the rule is taken out.
		to := min(max(0, c.integer("moveto", 0)), len(level.Rules))
		level.Rules = slices.Delete(level.Rules, pos, pos+1)
		if to > pos {
			to--
		}
		level.Rules = slices.Insert(level.Rules, to, rule)
		c.changed()
		return nil, nil
	}
	maps.Copy(rule, c.values("delete", "moveto"))
	for _, key := range c.deletions() {
		delete(rule, key)
	}
	c.changed()
	return nil, nil
}

func ruleDelete(c *call, level *firewall) (any, error) {
	pos, err := c.rulePosition(level)
	if err != nil {
		return nil, err
	}
	level.Rules = slices.Delete(level.Rules, pos, pos+1)
	c.changed()
	return nil, nil
}

func aliasList(_ *call, level *firewall) (any, error) {
	list := []map[string]string{}
	for _, name := range sortedKeys(level.Aliases) {
		list = append(list, level.Aliases[name])
	}
	return list, nil
}

func aliasGet(c *call, level *firewall) (any, error) {
	alias := level.Aliases[c.vars["name"]]
	if alias == nil {
		return nil, badParam("name", "no such alias")
	}
	return alias, nil
}

func aliasCreate(c *call, level *firewall) (any, error) {
	alias := c.values()
	if level.Aliases[alias["name"]] != nil {
		return nil, badParam("name", "alias '%s' already exists", alias["name"])
	}
	level.Aliases[alias["name"]] = alias
	c.changed()
	return nil, nil
}

func aliasUpdate(c *call, level *firewall) (any, error) {
	alias := level.Aliases[c.vars["name"]]
	if alias == nil {
		return nil, badParam("name", "no such alias")
	}
	maps.Copy(alias, c.values("rename"))
	if name := c.param("rename"); name != "" {
		delete(level.Aliases, c.vars["name"])
		alias["name"] = name
		level.Aliases[name] = alias
	}
	c.changed()
	return nil, nil
}

func aliasDelete(c *call, level *firewall) (any, error) {
	delete(level.Aliases, c.vars["name"])
	c.changed()
	return nil, nil
}

func ipsetList(_ *call, level *firewall) (any, error) {
	list := []map[string]string{}
	for _, name := range sortedKeys(level.IPSets) {
		list = append(list, map[string]string{"name": name, "comment": level.IPSets[name].Comment, "digest": digestOf(fmt.Sprint(*level.IPSets[name]))})
	}
	return list, nil
}

func ipsetCreate(c *call, level *firewall) (any, error) {
	name, old := c.param("name"), c.param("rename")
	if old != "" {
		if level.IPSets[old] == nil {
			return nil, badParam("name", "IPSet '%s' does not exist", old)
		}
		if old != name {
			level.IPSets[name] = level.IPSets[old]
			delete(level.IPSets, old)
		}
		level.IPSets[name].Comment = c.param("comment")
		c.changed()
		return nil, nil
	}
	if level.IPSets[name] != nil {
		return nil, badParam("name", "IPSet '%s' already exists", name)
	}
	level.IPSets[name] = &ipset{Comment: c.param("comment")}
	c.changed()
	return nil, nil
}

func (c *call) ipsetOf(level *firewall) (*ipset, int, error) {
	found := level.IPSets[c.vars["name"]]
	if found == nil {
		return nil, 0, fail("no such IPSet '%s'", c.vars["name"])
	}
	cidr := c.param("cidr")
	return found, slices.IndexFunc(found.Entries, func(e map[string]string) bool { return e["cidr"] == cidr }), nil
}

func ipsetGet(c *call, level *firewall) (any, error) {
	found, _, err := c.ipsetOf(level)
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	for _, entry := range found.Entries {
		list = append(list, numbered(entry, firewallNumbers))
	}
	return list, nil
}

func ipsetDelete(c *call, level *firewall) (any, error) {
	found, _, err := c.ipsetOf(level)
	if err != nil {
		return nil, err
	}
	if len(found.Entries) > 0 && !c.boolean("force") {
		return nil, fail("IPSet '%s' is not empty", c.vars["name"])
	}
	delete(level.IPSets, c.vars["name"])
	c.changed()
	return nil, nil
}

func ipsetAdd(c *call, level *firewall) (any, error) {
	found, at, err := c.ipsetOf(level)
	if err != nil {
		return nil, err
	}
	if at >= 0 {
		return nil, badParam("cidr", "address '%s' already exists", c.param("cidr"))
	}
	found.Entries = append(found.Entries, c.values())
	c.changed()
	return nil, nil
}

// ipsetEntry handles the calls on one address of a set.
func ipsetEntry(change func(c *call, found *ipset, at int) any) func(*call, *firewall) (any, error) {
	return func(c *call, level *firewall) (any, error) {
		found, at, err := c.ipsetOf(level)
		if err != nil {
			return nil, err
		}
		if at < 0 {
			return nil, badParam("cidr", "no such IP/Network")
		}
		return change(c, found, at), nil
	}
}

func ipsetEntryGet(_ *call, found *ipset, at int) any {
	return numbered(found.Entries[at], firewallNumbers)
}

func ipsetEntryUpdate(c *call, found *ipset, at int) any {
	maps.Copy(found.Entries[at], c.values())
	c.changed()
	return nil
}

func ipsetEntryDelete(c *call, found *ipset, at int) any {
	found.Entries = slices.Delete(found.Entries, at, at+1)
	c.changed()
	return nil
}

// firewallRefs lists the aliases and sets that rules may name.
func firewallRefs(c *call, level *firewall) (any, error) {
	list := []map[string]any{}
	scopes := []struct {
		scope string
		level *firewall
	}{{"dc", c.firewallNamed(clusterFirewall)}}
	if c.vars["vmid"] != "" {
		scopes = append(scopes, struct {
			scope string
			level *firewall
		}{"guest", level})
	}
	for _, s := range scopes {
		for _, name := range sortedKeys(s.level.Aliases) {
			list = append(list, map[string]any{"type": "alias", "name": name, "ref": s.scope + "/" + name, "scope": s.scope})
		}
		for _, name := range sortedKeys(s.level.IPSets) {
			list = append(list, map[string]any{"type": "ipset", "name": name, "ref": "+" + s.scope + "/" + name, "scope": s.scope})
		}
	}
	return list, nil
}

func securityGroups(c *call) (any, error) {
	list := []map[string]any{}
	for _, name := range sortedKeys(c.state.Firewalls) {
		if group, isGroup := cutGroup(name); isGroup {
			list = append(list, map[string]any{"group": group, "comment": c.state.Firewalls[name].Comment, "digest": digestOf(fmt.Sprint(*c.state.Firewalls[name]))})
		}
	}
	return list, nil
}

func cutGroup(name string) (string, bool) {
	const prefix = "group/"
	if len(name) > len(prefix) && name[:len(prefix)] == prefix {
		return name[len(prefix):], true
	}
	return "", false
}

func securityGroupCreate(c *call) (any, error) {
	name, old := c.param("group"), c.param("rename")
	switch {
	case old != "":
		if c.state.Firewalls["group/"+old] == nil {
			return nil, badParam("group", "Security group '%s' does not exist", old)
		}
		f := c.state.Firewalls["group/"+old]
		delete(c.state.Firewalls, "group/"+old)
		f.Comment = c.param("comment")
		c.state.Firewalls["group/"+name] = f
	case c.state.Firewalls["group/"+name] != nil:
		return nil, badParam("group", "Security group '%s' already exists", name)
	default:
		c.firewallNamed("group/" + name).Comment = c.param("comment")
	}
	c.changed()
	return nil, nil
}

func securityGroupDelete(c *call, level *firewall) (any, error) {
	if len(level.Rules) > 0 {
		return nil, fail("Security group '%s' is not empty", c.vars["group"])
	}
	delete(c.state.Firewalls, "group/"+c.vars["group"])
	c.changed()
	return nil, nil
}

func firewallLog(*call) (any, error) {
	return []map[string]any{{"n": 1, "t": "no content"}}, nil
}

// firewallRoutes are the calls of one level below its path.
func firewallRoutes(base string, guest bool) map[string]func(*call) (any, error) {
	routes := map[string]func(*call) (any, error){
		"GET " + base + "/options":        onFirewall(firewallOptions),
		"PUT " + base + "/options":        onFirewall(firewallOptionsUpdate),
		"GET " + base + "/rules":          onFirewall(ruleList),
		"POST " + base + "/rules":         onFirewall(ruleCreate),
		"GET " + base + "/rules/{pos}":    onFirewall(ruleGet),
		"PUT " + base + "/rules/{pos}":    onFirewall(ruleUpdate),
		"DELETE " + base + "/rules/{pos}": onFirewall(ruleDelete),
	}
	if guest {
		maps.Copy(routes, map[string]func(*call) (any, error){
			"GET " + base + "/aliases":                onFirewall(aliasList),
			"POST " + base + "/aliases":               onFirewall(aliasCreate),
			"GET " + base + "/aliases/{name}":         onFirewall(aliasGet),
			"PUT " + base + "/aliases/{name}":         onFirewall(aliasUpdate),
			"DELETE " + base + "/aliases/{name}":      onFirewall(aliasDelete),
			"GET " + base + "/ipset":                  onFirewall(ipsetList),
			"POST " + base + "/ipset":                 onFirewall(ipsetCreate),
			"GET " + base + "/ipset/{name}":           onFirewall(ipsetGet),
			"POST " + base + "/ipset/{name}":          onFirewall(ipsetAdd),
			"DELETE " + base + "/ipset/{name}":        onFirewall(ipsetDelete),
			"GET " + base + "/ipset/{name}/{cidr}":    onFirewall(ipsetEntry(ipsetEntryGet)),
			"PUT " + base + "/ipset/{name}/{cidr}":    onFirewall(ipsetEntry(ipsetEntryUpdate)),
			"DELETE " + base + "/ipset/{name}/{cidr}": onFirewall(ipsetEntry(ipsetEntryDelete)),
			"GET " + base + "/refs":                   onFirewall(firewallRefs),
		})
	}
	return routes
}
