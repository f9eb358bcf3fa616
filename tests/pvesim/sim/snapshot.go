package sim

import (
	"maps"
	"strings"
	"time"
)

// current is the name under which the list of snapshots shows the guest as it is now.
const current = "current"

func snapshotList(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.guest(kind)
		if err != nil {
			return nil, err
		}
		list := []map[string]any{}
		for _, name := range sortedKeys(g.Snapshots) {
			list = append(list, g.Snapshots[name].listed())
		}
		now := map[string]any{"name": current, "description": "You are here!", "digest": g.digest(), "running": bit(g.Status == statusRunning)}
		if parent := g.Config["parent"]; parent != "" {
			now["parent"] = parent
		}
		return append(list, now), nil
	}
}

func (s *snapshot) listed() map[string]any {
	m := map[string]any{"name": s.Name, "description": s.Description, "snaptime": s.TimeUnix, "vmstate": bit(s.VMState)}
	if s.Parent != "" {
		m["parent"] = s.Parent
	}
	return m
}

func snapshotCreate(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.unlocked(kind)
		if err != nil {
			return nil, err
		}
		name := c.param("snapname")
		switch {
		case name == current:
			return nil, fail("unable to use snapshot name 'current' (reserved name)")
		case g.Snapshots[name] != nil:
			return nil, fail("snapshot name '%s' already used", name)
		case g.template():
			return nil, fail("a template can't have a snapshot")
		}
		for _, key := range g.diskKeys() {
			if v := c.state.volume(g.Node, g.volid(key)); g.owns(v) && !isCloudInit(v.Volid) && !snapshotable(c.state.Storages[v.Storage], v) {
				return nil, fail("snapshot feature is not available")
			}
		}
		snap := &snapshot{Name: name, Description: c.param("description"), TimeUnix: time.Now().Unix(), VMState: c.boolean("vmstate") && g.Status == statusRunning}
		g.Config["lock"] = "snapshot"
		return c.start(g.taskType("snapshot"), vmidText(g.VMID), work{
			run: func(*task) error {
				delete(g.Config, "lock")
				snap.Parent, snap.Config, snap.DiskBytes = g.Config["parent"], maps.Clone(g.Config), map[string]int64{}
				snap.Contents = map[string]*contents{}
				for _, key := range g.diskKeys() {
					if v := c.state.volume(g.Node, g.volid(key)); g.owns(v) {
						snap.DiskBytes[v.Volid], snap.Contents[v.Volid] = v.SizeBytes, v.Contents.clone()
					}
				}
				g.Snapshots[name] = snap
				g.Config["parent"] = name
				return nil
			},
			undo: func() { delete(g.Config, "lock") },
		}), nil
	}
}

// snapshotable is true for thin storages and qcow2 files.
func snapshotable(def *storage, v *volume) bool {
	return def != nil && (v.Format == "qcow2" || def.Type == "lvmthin" || strings.HasPrefix(def.Type, "zfs") || def.Type == "btrfs" || def.Type == "rbd")
}

func (c *call) snapshotOf(kind string) (*guest, *snapshot, error) {
	g, err := c.guest(kind)
	if err != nil {
		return nil, nil, err
	}
	snap := g.Snapshots[c.vars["snapname"]]
	if snap == nil {
		return nil, nil, fail("snapshot '%s' does not exist", c.vars["snapname"])
	}
	return g, snap, nil
}

func snapshotConfig(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, snap, err := c.snapshotOf(kind)
		if err != nil {
			return nil, err
		}
		config := typed(g.Kind, snap.Config)
		config["snaptime"], config["description"] = snap.TimeUnix, snap.Description
		return config, nil
	}
}

func snapshotDescribe(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		_, snap, err := c.snapshotOf(kind)
		if err != nil {
			return nil, err
		}
		snap.Description = c.param("description")
		c.changed()
		return nil, nil
	}
}

func snapshotDelete(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, snap, err := c.snapshotOf(kind)
		if err != nil {
			return nil, err
		}
		if err := g.checkLock(); err != nil {
			return nil, err
		}
		return c.start(g.taskType("delsnapshot"), vmidText(g.VMID), work{run: func(*task) error {
			for _, other := range g.Snapshots {
				if other.Parent == snap.Name {
					other.Parent = snap.Parent
				}
			}
			if g.Config["parent"] == snap.Name {
				g.set("parent", snap.Parent)
			}
			delete(g.Snapshots, snap.Name)
			return nil
		}}), nil
	}
}

func snapshotRollback(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, snap, err := c.snapshotOf(kind)
		if err != nil {
			return nil, err
		}
		if err := g.checkLock(); err != nil {
			return nil, err
		}
		startNow := c.boolean("start") || snap.VMState
		return c.start(g.taskType("rollback"), vmidText(g.VMID), work{run: func(*task) error {
			c.powerOff(g)
			for volid, sizeBytes := range snap.DiskBytes {
				if v := c.state.volume(g.Node, volid); v != nil {
					v.SizeBytes, v.Contents = sizeBytes, snap.Contents[volid].clone()
				}
			}
			g.Config = maps.Clone(snap.Config)
			g.Config["parent"] = snap.Name
			if startNow {
				return c.powerOn(g)
			}
			return nil
		}}), nil
	}
}
