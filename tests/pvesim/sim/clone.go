package sim

import (
	"fmt"
	"maps"
	"time"
)

// guestClone copies a guest. The copy is locked until its task ends; clones of one template wait for each
// other's locked phase.
func guestClone(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		from, err := c.unlocked(kind)
		if err != nil {
			return nil, err
		}
		newID, pool, node := c.integer("newid", 0), c.param("pool"), c.param("target")
		if node == "" {
			node = from.Node
		}
		if !c.hasNode(node) {
			return nil, badParam("target", "no such cluster node '%s'", node)
		}
		if err := c.checkClone(from, newID, node); err != nil {
			return nil, err
		}
		if err := c.joinPool(newID, pool); err != nil {
			return nil, err
		}
		if g := c.state.Guests[newID]; g != nil {
			return nil, fail("unable to create %s %d: config file already exists", from.noun(), newID)
		}
		to := c.newGuest(newID, kind, node)
		to.Config["lock"] = "clone"
		if kind == kindCT {
			to.Config["lock"] = "create"
			to.SSHKeys, to.Password = from.SSHKeys, from.Password
		}
		name, description := c.param("name"), c.param("description")
		if kind == kindCT {
			name = c.param("hostname")
		}
		storageID, format := c.param("storage"), c.param("format")
		c.enterPool(to, pool)
		return c.start(from.taskType("clone"), vmidText(from.VMID), work{
			delay: c.waitForTemplate(from),
			run: func(t *task) error {
				t.Log = append(t.Log, fmt.Sprintf("create full clone of %s %d (%s)", from.noun(), from.VMID, from.name()))
				if err := c.applyClone(from, to, storageID, format); err != nil {
					return fail("clone failed: %s", err)
				}
				switch {
				case name == "":
				case kind == kindCT:
					to.Config["hostname"] = name
				default:
					to.Config["name"] = name
				}
				if description != "" {
					to.Config["description"] = description
				}
				return nil
			},
			undo: func() { c.drop(to) },
		}), nil
	}
}

// waitForTemplate returns how long a clone waits: for the locked phase of the one before it and for its own.
func (s *Sim) waitForTemplate(from *guest) time.Duration {
	phase := s.durations["clone-lock"]
	if phase == 0 {
		return 0
	}
	now := time.Now()
	end := s.templateFree[from.VMID]
	if end.Before(now) {
		end = now
	}
	end = end.Add(phase)
	s.templateFree[from.VMID] = end
	return end.Sub(now)
}

func (c *call) checkClone(from *guest, newID int, node string) error {
	if newID < 100 {
		return badParam("newid", "invalid format - value does not look like a valid VM ID")
	}
	content := "images"
	if from.Kind == kindCT {
		content = "rootdir"
	}
	full := c.boolean("full") || !from.template()
	if c.has("storage") && !full {
		return badParam("storage", "parameter 'storage' not allowed for linked clones")
	}
	for _, key := range from.diskKeys() {
		volid := from.volid(key)
		v := c.state.volume(from.Node, volid)
		if !from.owns(v) {
			continue
		}
		id := v.Storage
		if wanted := c.param("storage"); wanted != "" && !isCloudInit(volid) {
			id = wanted
		}
		if err := c.checkStorage(from.Node, id, content); err != nil {
			return err
		}
		if node != from.Node && !c.state.Storages[v.Storage].Shared {
			return fail("can't clone to non-shared storage '%s'", v.Storage)
		}
		if node != from.Node && !c.state.Storages[id].Shared {
			return fail("can't clone to non-shared storage '%s'", id)
		}
	}
	for key, value := range from.Config {
		if netKey.MatchString(key) {
			if err := c.checkBridge(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// notCloned are keys that belong to the source alone.
var notCloned = set("template", "lock", "parent", "snaptime", "protection", "vmgenid", "smbios1", "meta")

func (s *Sim) applyClone(from, to *guest, storageID, format string) error {
	config := maps.Clone(from.Config)
	to.Config = map[string]string{}
	for _, key := range sortedKeys(config) {
		value := config[key]
		switch {
		case notCloned[key], unusedKey.MatchString(key):
		case from.isDisk(key):
			if err := s.copyDisk(from, to, key, storageID, format); err != nil {
				return err
			}
		case netKey.MatchString(key) && from.Kind == kindVM:
			nic := parseNIC(value)
			nic["macaddr"] = macAddress(to.VMID, key)
			to.Config[key] = printNIC(nic)
		case netKey.MatchString(key):
			nic := parseProperties(value, "name")
			nic["hwaddr"] = macAddress(to.VMID, key)
			to.Config[key] = printContainerNIC(nic)
		default:
			to.Config[key] = value
		}
	}
	if to.Kind == kindVM {
		to.identify()
	}
	return nil
}
