package sim

import (
	"fmt"
	"slices"
	"strings"
)

// definition is the entry of storage.cfg.
func (d *storage) definition() map[string]any {
	m := map[string]any{
		"storage": d.ID, "type": d.Type, "content": strings.Join(d.Content, ","), "digest": digestOf(fmt.Sprint(d.Storage)),
	}
	if d.Shared {
		m["shared"] = 1
	}
	if d.Path != "" {
		m["path"] = d.Path
	}
	if d.Type == "lvmthin" {
		m["vgname"], m["thinpool"] = "pve", "data"
	}
	if d.Type == "nfs" {
		m["server"], m["export"] = "127.0.0.1", "/export/"+d.ID
	}
	if len(d.Nodes) > 0 {
		m["nodes"] = strings.Join(d.Nodes, ",")
	}
	if d.Disabled {
		m["disable"] = 1
	}
	return m
}

func (c *call) maySeeStorage(id string) bool {
	return c.allowed("/storage/"+id, "Datastore.Audit") || c.allowed("/storage/"+id, "Datastore.AllocateSpace")
}

func storageDefinitions(c *call) (any, error) {
	list := []map[string]any{}
	for _, id := range sortedKeys(c.state.Storages) {
		def := c.state.Storages[id]
		if c.maySeeStorage(id) && (!c.has("type") || c.param("type") == def.Type) {
			list = append(list, def.definition())
		}
	}
	return list, nil
}

func (c *call) storageDefinition() (*storage, error) {
	def := c.state.Storages[c.vars["storage"]]
	if def == nil {
		return nil, fail("storage '%s' does not exist", c.vars["storage"])
	}
	return def, nil
}

func storageDefinitionGet(c *call) (any, error) {
	def, err := c.storageDefinition()
	if err != nil {
		return nil, err
	}
	return def.definition(), nil
}

// defaultStorageSizeGiB is the capacity of a storage that is added over the API.
const defaultStorageSizeGiB = 500

func storageDefinitionCreate(c *call) (any, error) {
	id := c.form.Get("storage")
	if c.state.Storages[id] != nil {
		return nil, fail("create storage failed: storage ID '%s' already defined", id)
	}
	def := &storage{Storage{ID: id, Type: c.param("type"), Path: c.param("path"), SizeGiB: defaultStorageSizeGiB}}
	def.Shared = slices.Contains([]string{"nfs", "cifs", "pbs", "cephfs", "rbd", "iscsi"}, def.Type)
	def.Content = []string{"images", "rootdir"}
	if def.Path == "" && slices.Contains([]string{"nfs", "cifs", "cephfs"}, def.Type) {
		def.Path = "/mnt/pve/" + id
	}
	c.state.Storages[id] = def
	c.configure(def)
	return map[string]any{"storage": id, "type": def.Type}, nil
}

func (c *call) configure(def *storage) {
	if c.has("content") {
		def.Content = splitList(c.param("content"))
	}
	if c.has("nodes") {
		def.Nodes = splitList(c.param("nodes"))
	}
	if c.has("disable") {
		def.Disabled = c.boolean("disable")
	}
	if c.has("shared") {
		def.Shared = c.boolean("shared")
	}
	for _, key := range c.deletions() {
		switch key {
		case "nodes":
			def.Nodes = nil
		case "disable":
			def.Disabled = false
		case "shared":
			def.Shared = false
		}
	}
	c.changed()
}

func storageDefinitionUpdate(c *call) (any, error) {
	def, err := c.storageDefinition()
	if err != nil {
		return nil, err
	}
	c.configure(def)
	return map[string]any{"storage": def.ID, "type": def.Type}, nil
}

func storageDefinitionDelete(c *call) (any, error) {
	def, err := c.storageDefinition()
	if err != nil {
		return nil, err
	}
	delete(c.state.Storages, def.ID)
	c.changed()
	return nil, nil
}

func (s *Sim) storageStatusOf(node string, def *storage) map[string]any {
	used, total := s.state.usedBytes(node, def), int64(def.SizeGiB)*gib
	return map[string]any{
		"type": def.Type, "content": strings.Join(def.Content, ","), "shared": bit(def.Shared), "active": bit(!def.Disabled),
		"enabled": bit(!def.Disabled), "total": total, "used": used, "avail": max(0, total-used),
	}
}

func nodeStorages(c *call) (any, error) {
	node := c.vars["node"]
	list := []map[string]any{}
	for _, id := range sortedKeys(c.state.Storages) {
		def := c.state.Storages[id]
		wanted := splitList(c.param("content"))
		fits := len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return slices.Contains(def.Content, w) })
		if !def.on(node) || !c.maySeeStorage(id) || !fits || c.boolean("enabled") && def.Disabled || c.has("storage") && c.param("storage") != id {
			continue
		}
		entry := c.storageStatusOf(node, def)
		entry["storage"] = id
		entry["used_fraction"] = float64(entry["used"].(int64)) / float64(max(1, entry["total"].(int64)))
		list = append(list, entry)
	}
	return list, nil
}

func storageStatus(c *call) (any, error) {
	def, err := c.storageDefinition()
	if err != nil {
		return nil, err
	}
	if !def.on(c.vars["node"]) {
		return nil, fail("storage '%s' is not available on node '%s'", def.ID, c.vars["node"])
	}
	return c.storageStatusOf(c.vars["node"], def), nil
}
