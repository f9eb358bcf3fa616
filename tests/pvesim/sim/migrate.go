package sim

import (
	"fmt"
	"slices"
	"strings"
)

// localDisks are the guest's own volumes on storages that are not shared.
func (s *Sim) localDisks(g *guest) []*volume {
	var disks []*volume
	for _, key := range g.diskKeys() {
		if v := s.state.volume(g.Node, g.volid(key)); g.owns(v) && v.Node != "" && !slices.Contains(disks, v) {
			disks = append(disks, v)
		}
	}
	return disks
}

func migrateCheck(c *call) (any, error) {
	g, err := c.guest(kindVM)
	if err != nil {
		return nil, err
	}
	disks := []map[string]any{}
	for _, v := range c.localDisks(g) {
		disks = append(disks, map[string]any{"volid": v.Volid, "size": v.SizeBytes, "cdrom": bit(isCloudInit(v.Volid))})
	}
	nodes := slices.DeleteFunc(c.nodeNames(), func(name string) bool { return name == g.Node })
	return map[string]any{
		"running": bit(g.Status == statusRunning), "allowed_nodes": nodes, "local_disks": disks,
		"local_resources": []any{}, "mapped-resources": []any{},
	}, nil
}

func guestMigrate(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.unlocked(kind)
		if err != nil {
			return nil, err
		}
		target, running := c.param("target"), g.Status == statusRunning
		switch {
		case target == g.Node:
			return nil, badParam("target", "target is local node.")
		case !c.hasNode(target):
			return nil, badParam("target", "no such cluster node '%s'", target)
		case kind == kindVM && running && !c.boolean("online"):
			return nil, fail("can't migrate running VM without --online")
		case kind == kindCT && running && !c.boolean("restart"):
			return nil, fail("can't migrate running container without --online or --restart")
		}
		storageID := parseProperties(c.param("targetstorage")+c.param("target-storage"), "")[""]
		if storageID == "1" {
			storageID = ""
		}
		if storageID != "" {
			if err := c.require("/storage/"+storageID, "Datastore.AllocateSpace"); err != nil {
				return nil, err
			}
		}
		if disks := c.localDisks(g); kind == kindVM && running && len(disks) > 0 && !c.boolean("with-local-disks") {
			return nil, fail("can't migrate VM which uses local disks without --with-local-disks: %s", disks[0].Volid)
		}
		g.Config["lock"] = "migrate"
		migrate := work{
			run: func(t *task) error {
				delete(g.Config, "lock")
				t.Log = append(t.Log, fmt.Sprintf("starting migration of %s %d to node '%s'", g.noun(), g.VMID, target))
				return c.move(g, target, storageID)
			},
			undo: func() { delete(g.Config, "lock") },
		}
		taskType := map[string]string{kindVM: "qmigrate", kindCT: "vzmigrate"}[kind]
		if c.haManaged(g) {
			taskType = "hamigrate"
		}
		return c.start(taskType, vmidText(g.VMID), migrate), nil
	}
}

// move brings a guest and its local volumes to another node; it keeps running.
func (s *Sim) move(g *guest, target, storageID string) error {
	content := map[string]string{kindVM: "images", kindCT: "rootdir"}[g.Kind]
	disks := s.localDisks(g)
	for _, v := range disks {
		id := v.Storage
		if storageID != "" {
			id = storageID
		}
		if _, err := s.state.usable(target, id, content); err != nil {
			return fail("migration aborted: %s", err)
		}
	}
	snippet := parseProperties(g.Config["cicustom"], "")["user"]
	if snippet != "" && s.state.volume(target, snippet) == nil {
		s.log.Warn("user-data is not on the target node: the guest will not start there", "vmid", g.VMID, "node", target, "volume", snippet)
	}
	for _, v := range disks {
		s.relocate(g, v, target, storageID, content)
	}
	g.Node = target
	s.changed()
	return nil
}

// relocate moves a volume to another node, under its name when that is free there.
func (s *Sim) relocate(g *guest, v *volume, target, storageID, content string) {
	s.state.deleteVolume(v)
	old := v.Volid
	keep := storageID == "" || storageID == v.Storage
	if keep && s.state.volume(target, old) == nil {
		v.Node = target
		s.state.addVolume(v)
		return
	}
	if storageID == "" {
		storageID = v.Storage
	}
	suffix := ""
	if isCloudInit(old) {
		suffix = "cloudinit"
	}
	// The storage was checked before the first volume moved.
	moved, err := s.state.allocate(target, storageID, content, g.VMID, v.SizeBytes, v.Format, suffix)
	if err != nil {
		s.log.Error("migrate", "volume", old, "error", err)
		return
	}
	moved.Contents = v.Contents
	for _, key := range g.diskKeys() {
		if g.volid(key) == old {
			g.Config[key] = strings.Replace(g.Config[key], old, moved.Volid, 1)
		}
	}
}

// moveDisk copies a disk to another storage; the parameter that names the disk differs by kind.
func moveDisk(kind, parameter string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.unlocked(kind)
		if err != nil {
			return nil, err
		}
		key, storageID, format := c.param(parameter), c.param("storage"), c.param("format")
		source := c.state.volume(g.Node, g.volid(key))
		if !g.owns(source) {
			return nil, fail("disk '%s' does not exist", key)
		}
		if source.Storage == storageID && (format == "" || format == source.Format) {
			return nil, fail("you can't move to the same storage with same format")
		}
		content := map[string]string{kindVM: "images", kindCT: "rootdir"}[kind]
		if err := c.checkStorage(g.Node, storageID, content); err != nil {
			return nil, err
		}
		discard := c.boolean("delete")
		g.Config["lock"] = "disk"
		return c.start(map[string]string{kindVM: "qmmove", kindCT: "move_volume"}[kind], vmidText(g.VMID), work{
			run: func(*task) error {
				delete(g.Config, "lock")
				old := g.volid(key)
				if err := c.copyDisk(g, g, key, storageID, format); err != nil {
					return err
				}
				if discard {
					c.state.deleteVolume(source)
				} else {
					c.unlink(g, old)
				}
				return nil
			},
			undo: func() { delete(g.Config, "lock") },
		}), nil
	}
}
