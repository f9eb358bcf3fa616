package sim

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// addTemplate makes a VM template that exists from the start.
func (st *state) addTemplate(t VMTemplate) error {
	g := &guest{
		VMID: t.VMID, Kind: kindVM, Node: t.Node, Status: statusStopped, Snapshots: map[string]*snapshot{},
		CreatedUnix: time.Now().Unix(),
		Config: map[string]string{
			"name": t.Name, "template": "1", "agent": "1", "boot": "order=scsi0", "cores": "1", "memory": "1024",
			"net0": "virtio=" + macAddress(t.VMID, "net0") + ",bridge=vmbr0", "ostype": "l26",
			"scsihw": "virtio-scsi-single", "serial0": "socket", "vga": "serial0", "sockets": "1",
		},
	}
	g.identify()
	for key, value := range t.Config {
		g.Config[key] = value
	}
	v, err := st.allocate(t.Node, "local-lvm", "images", t.VMID, int64(t.DiskSizeGiB)*gib, "", "")
	if err != nil {
		return fmt.Errorf("template %d: %w", t.VMID, err)
	}
	st.rename(v, strings.Replace(v.Volid, "vm-", "base-", 1))
	drive := parseProperties(t.DiskOptions, "")
	drive["file"], drive["size"] = v.Volid, formatSize(v.SizeBytes)
	g.Config["scsi0"] = drive.String("file")
	st.Guests[t.VMID] = g
	return nil
}

func (st *state) rename(v *volume, volid string) {
	st.deleteVolume(v)
	v.Volid = volid
	st.addVolume(v)
}

// identify gives a VM the ids that Proxmox VE makes up: they are derived from the VMID and the time of creation.
func (g *guest) identify() {
	seed := binary.BigEndian.AppendUint64(nil, uint64(g.VMID))
	seed = binary.BigEndian.AppendUint64(seed, uint64(g.CreatedUnix))
	g.Config["vmgenid"] = uuid.NewSHA1(uuid.NameSpaceOID, append(seed, "vmgenid"...)).String()
	g.Config["smbios1"] = "uuid=" + uuid.NewSHA1(uuid.NameSpaceOID, append(seed, "smbios"...)).String()
	g.Config["meta"] = fmt.Sprintf("creation-qemu=9.2.0,ctime=%d", g.CreatedUnix)
}

// qemuNoConfig are parameters of creation that do not become configuration.
var qemuNoConfig = []string{
	"vmid", "node", "storage", "archive", "force", "unique", "pool", "start", "bwlimit", "live-restore", "delete",
	"revert", "skiplock", "background_delay", "import-working-storage", "ha-managed",
}

func qemuCreate(c *call) (any, error) {
	vmid, node, pool := c.integer("vmid", 0), c.vars["node"], c.param("pool")
	if c.has("archive") {
		return restore(c, kindVM, c.param("archive"))
	}
	if err := c.requireGuest(vmid, pool, "VM.Allocate"); err != nil {
		return nil, err
	}
	if err := c.unusedVMID(vmid); err != nil {
		return nil, fail("unable to create VM %d - %s", vmid, err)
	}
	if err := c.joinPool(vmid, pool); err != nil {
		return nil, err
	}
	values := c.values(qemuNoConfig...)
	planned := &guest{VMID: vmid, Kind: kindVM, Node: node, Config: map[string]string{}}
	if err := c.checkQemuOptions(planned, values, nil, pool); err != nil {
		return nil, err
	}
	g := c.newGuest(vmid, kindVM, node)
	g.Config["lock"] = "create"
	c.enterPool(g, pool)
	return c.start("qmcreate", vmidText(vmid), work{
		run: func(t *task) error {
			g.identify()
			g.Config["boot"] = ""
			if err := c.applyQemu(g, values); err != nil {
				return fail("unable to create VM %d - %s", vmid, err)
			}
			if g.Config["boot"] == "" {
				g.Config["boot"] = "order=" + strings.Join(g.bootable(), ";")
			}
			if uuid, found := values["vmgenid"]; found && uuid == "0" {
				delete(g.Config, "vmgenid")
			}
			delete(g.Config, "lock")
			t.Log = append(t.Log, fmt.Sprintf("VM %d created", vmid))
			if c.boolean("start") {
				return c.powerOn(g)
			}
			return nil
		},
		undo: func() { c.drop(g) },
	}), nil
}

// bootable are the disks and network devices in the order that Proxmox VE boots from.
func (g *guest) bootable() []string {
	var disks, nics []string
	for _, key := range sortedKeys(g.Config) {
		switch {
		case driveKey.MatchString(key) && !isCDROM(parseProperties(g.Config[key], "file"), false) && key != "efidisk0" && key != "tpmstate0":
			disks = append(disks, key)
		case netKey.MatchString(key):
			nics = append(nics, key)
		}
	}
	return append(disks[:min(1, len(disks))], nics...)
}

// applyQemu stores options in the form in which Proxmox VE keeps them.
func (s *Sim) applyQemu(g *guest, values map[string]string) error {
	for _, key := range sortedKeys(values) {
		value := values[key]
		switch {
		case key == "cdrom":
			if err := s.setDrive(g, "ide2", value+",media=cdrom"); err != nil {
				return err
			}
		case driveKey.MatchString(key):
			if err := s.setDrive(g, key, value); err != nil {
				return err
			}
		case netKey.MatchString(key):
			nic := parseNIC(value)
			if nic["macaddr"] == "" {
				nic["macaddr"] = macAddress(g.VMID, key)
			}
			g.Config[key] = printNIC(nic)
		case key == "cpu":
			g.Config[key] = parseProperties(value, "cputype").String("cputype")
		case key == "tags":
			tags, err := normalTags(value)
			if err != nil {
				return err
			}
			g.set(key, tags)
		case key == "vmgenid" && value == "1":
		case booleans[key]:
			g.Config[key] = normalBool(value)
		default:
			g.set(key, strings.TrimRight(value, ","))
		}
	}
	return nil
}

// set stores a value; Proxmox VE drops an option that is set to the empty string, but for the description.
func (g *guest) set(key, value string) {
	if value == "" && key != "description" {
		delete(g.Config, key)
		return
	}
	g.Config[key] = value
}

func qemuUpdate(asTask bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.guest(kindVM)
		if err != nil {
			return nil, err
		}
		if err := c.checkDigest(g); err != nil {
			return nil, err
		}
		if !c.boolean("skiplock") {
			if err := g.checkLock(); err != nil {
				return nil, err
			}
		} else if err := c.requireRoot("skiplock"); err != nil {
			return nil, err
		}
		values, deletions := c.values(append(qemuNoConfig, "digest")...), c.deletions()
		for _, key := range deletions {
			if _, both := values[key]; both {
				return nil, badParam(key, "unable to set and delete option '%s' at the same time", key)
			}
		}
		if err := c.checkQemuOptions(g, values, deletions, ""); err != nil {
			return nil, err
		}
		apply := func() error {
			for _, key := range deletions {
				if err := c.removeKey(g, key, c.boolean("force")); err != nil {
					return err
				}
			}
			if err := c.applyQemu(g, values); err != nil {
				return err
			}
			g.hotplug()
			c.changed()
			return nil
		}
		if asTask {
			return c.start("qmconfig", vmidText(g.VMID), work{run: func(*task) error { return apply() }}), nil
		}
		return nil, apply()
	}
}

func qemuUnlink(c *call) (any, error) {
	g, err := c.unlocked(kindVM)
	if err != nil {
		return nil, err
	}
	keys := splitList(c.param("idlist"))
	if err := c.checkQemuOptions(g, nil, keys, ""); err != nil {
		return nil, err
	}
	for _, key := range keys {
		if err := c.removeKey(g, key, c.boolean("force")); err != nil {
			return nil, err
		}
	}
	c.changed()
	return nil, nil
}

func guestResize(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.unlocked(kind)
		if err != nil {
			return nil, err
		}
		if err := c.checkDigest(g); err != nil {
			return nil, err
		}
		key, size := c.param("disk"), c.param("size")
		volid := g.volid(key)
		if volid == "" {
			return nil, fail("disk '%s' does not exist", key)
		}
		id, _, _ := strings.Cut(volid, ":")
		if err := c.require("/storage/"+id, "Datastore.AllocateSpace"); err != nil {
			return nil, err
		}
		probe := *g
		probe.Config = map[string]string{key: g.Config[key]}
		if v := c.state.volume(g.Node, volid); v != nil {
			before := v.SizeBytes
			err = c.resizeDisk(&probe, key, size)
			v.SizeBytes = before
			if err != nil {
				return nil, err
			}
		}
		return c.start("resize", vmidText(g.VMID), work{run: func(*task) error { return c.resizeDisk(g, key, size) }}), nil
	}
}

// guestDelete destroys a stopped, unprotected guest.
func guestDelete(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.guest(kind)
		if err != nil {
			return nil, err
		}
		if err := g.checkProtection(fmt.Sprintf("can't remove %s %d", g.noun(), g.VMID)); err != nil {
			return nil, err
		}
		if !c.boolean("skiplock") {
			if err := g.checkLock(); err != nil {
				return nil, err
			}
		}
		if c.haManaged(g) && !c.boolean("purge") {
			return nil, fail("unable to remove %s %d - used in HA resources and purge parameter not set.", g.noun(), g.VMID)
		}
		force := kind == kindCT && c.boolean("force")
		if g.Status != statusStopped && !force {
			if kind == kindCT {
				return nil, fail("unable to destroy CT %d - container is running", g.VMID)
			}
			return nil, fail("VM %d is running - destroy failed", g.VMID)
		}
		if g.template() {
			if err := c.checkLinkedClones(g); err != nil {
				return nil, err
			}
		}
		g.Config["lock"] = "destroyed"
		purge := c.boolean("purge")
		return c.start(g.taskType("destroy"), vmidText(g.VMID), work{
			run: func(*task) error {
				c.drop(g)
				if purge {
					c.purge(g.VMID)
				}
				return nil
			},
			undo: func() { delete(g.Config, "lock") },
		}), nil
	}
}

// checkLinkedClones refuses to destroy a template whose disks others build on.
func (s *Sim) checkLinkedClones(g *guest) error {
	for _, other := range s.state.Guests {
		for _, key := range other.diskKeys() {
			if other != g && slices.ContainsFunc(g.diskKeys(), func(k string) bool { return strings.HasPrefix(other.volid(key), g.volid(k)+"/") }) {
				return fail("base volume '%s' is still in use by linked cloned", g.volid(key))
			}
		}
	}
	return nil
}

func guestTemplate(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.unlocked(kind)
		if err != nil {
			return nil, err
		}
		switch {
		case g.template():
			return nil, fail("you can't convert a template to a template")
		case len(g.Snapshots) > 0:
			return nil, fail("unable to create template, because %s contains snapshots", g.noun())
		case g.Status != statusStopped:
			return nil, fail("you can't convert a %s to template if %s is running", g.noun(), g.noun())
		}
		return c.start(g.taskType("template"), vmidText(g.VMID), work{run: func(*task) error {
			g.Config["template"] = "1"
			return nil
		}}), nil
	}
}
