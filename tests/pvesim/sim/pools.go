package sim

import (
	"slices"
	"strconv"
)

type pool struct {
	Comment  string
	VMIDs    []int
	Storages []string
}

// joinPool checks that a guest may be created in a pool.
func (c *call) joinPool(vmid int, id string) error {
	if id == "" {
		return nil
	}
	if c.state.Pools[id] == nil {
		return fail("pool '%s' does not exist", id)
	}
	return c.requireGuest(vmid, id, "VM.Allocate")
}

func (c *call) enterPool(g *guest, id string) {
	if p := c.state.Pools[id]; p != nil {
		p.VMIDs = append(p.VMIDs, g.VMID)
	}
}

func poolList(c *call) (any, error) {
	if id := c.param("poolid"); id != "" {
		detail, err := c.poolDetail(id)
		if err != nil {
			return nil, err
		}
		detail["poolid"] = id
		return []any{detail}, nil
	}
	list := []map[string]any{}
	for _, id := range sortedKeys(c.state.Pools) {
		if c.allowed("/pool/"+id, "Pool.Audit") {
			list = append(list, map[string]any{"poolid": id, "comment": c.state.Pools[id].Comment})
		}
	}
	return list, nil
}

func (c *call) poolDetail(id string) (map[string]any, error) {
	p := c.state.Pools[id]
	if p == nil {
		return nil, fail("pool '%s' does not exist", id)
	}
	members := []map[string]any{}
	for _, vmid := range p.VMIDs {
		if g := c.state.Guests[vmid]; g != nil {
			members = append(members, c.guestResource(g))
		}
	}
	for _, name := range p.Storages {
		members = append(members, map[string]any{"id": "storage/" + c.opts.Nodes[0].Name + "/" + name, "type": "storage", "storage": name, "node": c.opts.Nodes[0].Name})
	}
	return map[string]any{"comment": p.Comment, "members": members}, nil
}

func poolGet(c *call) (any, error) { return c.poolDetail(c.vars["poolid"]) }

func poolCreate(c *call) (any, error) {
	id := c.param("poolid")
	if c.state.Pools[id] != nil {
		return nil, fail("create pool failed: pool '%s' already exists", id)
	}
	c.state.Pools[id] = &pool{Comment: c.param("comment")}
	c.changed()
	return nil, nil
}

func poolUpdate(c *call) (any, error) {
	p := c.state.Pools[c.param("poolid")]
	if p == nil {
		return nil, fail("update pools failed: pool '%s' does not exist", c.param("poolid"))
	}
	if c.has("comment") {
		p.Comment = c.param("comment")
	}
	for _, text := range splitList(c.param("vms")) {
		vmid, err := strconv.Atoi(text)
		if err != nil {
			return nil, badParam("vms", "invalid format - value does not look like a valid VM ID")
		}
		p.VMIDs = slices.DeleteFunc(p.VMIDs, func(v int) bool { return v == vmid })
		if !c.boolean("delete") {
			if other := c.poolOf("/vms/" + text); other != "" && !c.boolean("allow-move") {
				return nil, fail("update pools failed: VM %d belongs already to pool '%s'", vmid, other)
			}
			p.VMIDs = append(p.VMIDs, vmid)
		}
	}
	for _, name := range splitList(c.param("storage")) {
		p.Storages = slices.DeleteFunc(p.Storages, func(v string) bool { return v == name })
		if !c.boolean("delete") {
			p.Storages = append(p.Storages, name)
		}
	}
	c.changed()
	return nil, nil
}

func poolDelete(c *call) (any, error) {
	id := c.param("poolid")
	p := c.state.Pools[id]
	switch {
	case p == nil:
		return nil, fail("delete pool failed: pool '%s' does not exist", id)
	case len(p.VMIDs)+len(p.Storages) > 0:
		return nil, fail("delete pool failed: pool '%s' is not empty", id)
	}
	delete(c.state.Pools, id)
	c.changed()
	return nil, nil
}
