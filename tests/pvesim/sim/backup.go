package sim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// backup is what a backup archive holds.
type backup struct {
	Kind      string
	Config    map[string]string
	DiskBytes map[string]int64
	Contents  map[string]*contents
	SSHKeys   string
	Node      string
}

// backupRatio is by how much an archive is smaller than the disks it holds.
const backupRatio = 4

// vzdump backs up the guests of one node in one task.
func vzdump(c *call) (any, error) {
	node := c.vars["node"]
	storageID := c.param("storage")
	if storageID == "" {
		storageID = "local"
	}
	if _, err := c.state.usable(node, storageID, ""); err != nil {
		return nil, err
	}
	if !slices.Contains(c.state.Storages[storageID].Content, "backup") {
		return nil, fail("storage '%s' does not support backups", storageID)
	}
	if err := c.require("/storage/"+storageID, "Datastore.AllocateSpace"); err != nil {
		return nil, err
	}
	if c.has("prune-backups") {
		if err := c.require("/storage/"+storageID, "Datastore.Allocate"); err != nil {
			return nil, err
		}
	}
	vmids := c.selected(c.values())
	if len(vmids) == 0 && !c.boolean("all") {
		return nil, badParam("vmid", "property is missing and it is not optional")
	}
	for _, vmid := range vmids {
		if err := c.require("/vms/"+vmidText(vmid), "VM.Backup"); err != nil {
			return nil, err
		}
	}
	id := ""
	if len(vmids) == 1 {
		id = vmidText(vmids[0])
	}
	values := c.values()
	return c.start("vzdump", id, work{run: func(t *task) error {
		var failed []string
		for _, vmid := range vmids {
			g := c.state.Guests[vmid]
			if g != nil && g.Node != node {
				continue
			}
			if err := c.dump(t, g, vmid, storageID, values); err != nil {
				t.Log = append(t.Log, fmt.Sprintf("ERROR: Backup of VM %d failed - %s", vmid, err))
				failed = append(failed, err.Error())
			}
		}
		if len(failed) == 1 && len(vmids) == 1 {
			return fail("%s", failed[0])
		}
		if len(failed) > 0 {
			return fail("job errors")
		}
		return nil
	}}), nil
}

// selected are the guests that a job's options name, sorted.
func (s *Sim) selected(values map[string]string) []int {
	var vmids []int
	switch {
	case isTrue(values["all"]) || values["pool"] == "" && values["exclude"] != "":
		for vmid := range s.state.Guests {
			if !slices.Contains(splitList(values["exclude"]), vmidText(vmid)) {
				vmids = append(vmids, vmid)
			}
		}
	case values["pool"] != "":
		if p := s.state.Pools[values["pool"]]; p != nil {
			vmids = slices.Clone(p.VMIDs)
		}
	default:
		for _, text := range splitList(values["vmid"]) {
			if vmid, err := strconv.Atoi(text); err == nil {
				vmids = append(vmids, vmid)
			}
		}
	}
	slices.Sort(vmids)
	return vmids
}

func (s *Sim) dump(t *task, g *guest, vmid int, storageID string, values map[string]string) error {
	if g == nil {
		return fail("unable to find VM '%d'", vmid)
	}
	if err := g.checkLock(); err != nil {
		return err
	}
	archive := &backup{Kind: g.Kind, Config: maps.Clone(g.Config), DiskBytes: map[string]int64{}, Contents: map[string]*contents{}, SSHKeys: g.SSHKeys, Node: g.Node}
	var sizeBytes int64
	for _, key := range g.diskKeys() {
		if v := s.state.volume(g.Node, g.volid(key)); g.owns(v) && included(g, key) {
			archive.DiskBytes[key], archive.Contents[key] = v.SizeBytes, v.Contents.clone()
			sizeBytes += v.SizeBytes
		}
	}
	sizeBytes /= backupRatio
	def := s.state.Storages[storageID]
	if used := s.state.usedBytes(g.Node, def); used+sizeBytes > int64(def.SizeGiB)*gib {
		return fail("vma_queue_write: write error - No space left on device")
	}
	name := s.archiveName(g, storageID)
	notes := strings.NewReplacer("{{guestname}}", g.name(), "{{vmid}}", vmidText(vmid), "{{node}}", g.Node, "{{cluster}}", "pvesim").
		Replace(values["notes-template"])
	s.state.addVolume(&volume{
		Storage: storageID, Node: g.Node, Volid: storageID + ":backup/" + name, Content: "backup", Format: fileFormat("backup", name),
		SizeBytes: sizeBytes, VMID: vmid, CreatedUnix: time.Now().Unix(), Notes: notes, Protected: isTrue(values["protected"]), Backup: archive,
	})
	t.Log = append(t.Log, fmt.Sprintf("INFO: Finished Backup of VM %d: creating vzdump archive '%s'", vmid, s.state.Storages[storageID].Path+"/dump/"+name))
	if keep := values["prune-backups"]; keep != "" && (values["remove"] == "" || isTrue(values["remove"])) {
		for volid, mark := range s.pruneMarks(g.Node, def, parseProperties(keep, ""), g.Kind, vmid) {
			if mark == pruneRemove {
				s.state.deleteVolume(s.state.volume(g.Node, volid))
			}
		}
	}
	return nil
}

// included says whether a backup holds the disk: CD-ROMs and unused disks never, mount points only on request.
func included(g *guest, key string) bool {
	if unusedKey.MatchString(key) {
		return false
	}
	if g.Kind == kindCT {
		return key == "rootfs" || isTrue(parseProperties(g.Config[key], "volume")["backup"])
	}
	drive := parseProperties(g.Config[key], "file")
	return !isCDROM(drive, false) && (drive["backup"] == "" || isTrue(drive["backup"]))
}

func (s *Sim) archiveName(g *guest, storageID string) string {
	extension := map[string]string{kindVM: "vma.zst", kindCT: "tar.zst"}[g.Kind]
	for at := time.Now(); ; at = at.Add(time.Second) {
		name := fmt.Sprintf("vzdump-%s-%d-%s.%s", g.Kind, g.VMID, at.Format("2006_01_02-15_04_05"), extension)
		if s.state.volume(g.Node, storageID+":backup/"+name) == nil {
			return name
		}
	}
}

// restore makes a guest from a backup, over an existing one only with force.
func restore(c *call, kind, volid string) (any, error) {
	vmid, node, pool := c.integer("vmid", 0), c.vars["node"], c.param("pool")
	what := map[string]string{kindVM: "VM", kindCT: "CT"}[kind]
	existing := c.state.Guests[vmid]
	if existing == nil || !c.allowed("/vms/"+vmidText(vmid), "VM.Backup") {
		if err := c.requireGuest(vmid, pool, "VM.Allocate"); err != nil {
			return nil, err
		}
	}
	id, _, _ := strings.Cut(volid, ":")
	if _, err := c.state.usable(node, id, ""); err != nil {
		return nil, err
	}
	v := c.state.volume(node, volid)
	if v == nil || v.Backup == nil || v.Backup.Kind != kind {
		return nil, fail("unable to restore %s %d - volume '%s' does not exist", what, vmid, volid)
	}
	if err := c.mayReadVolume(v); err != nil {
		return nil, err
	}
	if storageID := c.param("storage"); storageID != "" {
		if err := c.checkStorage(node, storageID, map[string]string{kindVM: "images", kindCT: "rootdir"}[kind]); err != nil {
			return nil, err
		}
	}
	if existing != nil {
		if err := c.checkReplaceable(existing, kind, what); err != nil {
			return nil, err
		}
		c.drop(existing)
	}
	archive, storageID, unique, startNow := v.Backup, c.param("storage"), c.boolean("unique"), c.boolean("start")
	overrides := c.values(append(append([]string{}, qemuNoConfig...), lxcNoConfig...)...)
	g := c.newGuest(vmid, kind, node)
	g.Config["lock"] = "create"
	c.enterPool(g, pool)
	return c.start(map[string]string{kindVM: "qmrestore", kindCT: "vzrestore"}[kind], vmidText(vmid), work{
		run: func(t *task) error {
			if err := c.unpack(g, archive, storageID, unique); err != nil {
				return fail("unable to restore %s %d - %s", what, vmid, err)
			}
			apply := c.applyQemu
			if kind == kindCT {
				apply = c.applyContainer
			}
			delete(overrides, "rootfs")
			if err := apply(g, overrides); err != nil {
				return err
			}
			t.Log = append(t.Log, "restored '"+volid+"'")
			if startNow {
				return c.powerOn(g)
			}
			return nil
		},
		undo: func() { c.drop(g) },
	}), nil
}

func (c *call) checkReplaceable(g *guest, kind, what string) error {
	switch {
	case g.Kind != kind || !c.boolean("force"):
		return fail("unable to restore %s %d - %s", what, g.VMID, c.unusedVMID(g.VMID))
	case g.Node != c.vars["node"]:
		return fail("unable to restore %s %d - %s", what, g.VMID, c.unusedVMID(g.VMID))
	case g.Status != statusStopped:
		return fail("unable to restore %s %d - %s %d is running", what, g.VMID, what, g.VMID)
	}
	if err := g.checkLock(); err != nil {
		return err
	}
	return g.checkProtection(fmt.Sprintf("unable to restore %s %d", what, g.VMID))
}

// unpack writes a backup's configuration and disks into a new guest.
func (s *Sim) unpack(g *guest, archive *backup, storageID string, unique bool) error {
	content, defaultKey := "images", "file"
	if archive.Kind == kindCT {
		content, defaultKey = "rootdir", "volume"
	}
	g.SSHKeys = archive.SSHKeys
	g.Config = map[string]string{}
	for _, key := range sortedKeys(archive.Config) {
		value := archive.Config[key]
		sizeBytes, packed := archive.DiskBytes[key]
		switch {
		case key == "lock", key == "parent", key == "template", unusedKey.MatchString(key):
		case packed || driveKey.MatchString(key) && isCloudInit(value):
			drive := parseProperties(value, defaultKey)
			id, _, _ := strings.Cut(drive[defaultKey], ":")
			suffix := ""
			if !packed {
				suffix, sizeBytes = "cloudinit", cloudInitSizeBytes
			}
			if storageID != "" {
				id = storageID
			}
			v, err := s.state.allocate(g.Node, id, content, g.VMID, sizeBytes, "", suffix)
			if err != nil {
				return err
			}
			v.Contents = archive.Contents[key].clone()
			drive[defaultKey], drive["size"] = v.Volid, formatSize(sizeBytes)
			g.Config[key] = drive.String(defaultKey)
		case g.isDisk(key) && !isCDROM(parseProperties(value, defaultKey), false):
			// A disk that was left out of the backup is left out of the guest.
		case netKey.MatchString(key) && unique && g.Kind == kindVM:
			nic := parseNIC(value)
			nic["macaddr"] = macAddress(g.VMID, key)
			g.Config[key] = printNIC(nic)
		default:
			g.Config[key] = value
		}
	}
	return nil
}

// extractConfig shows the configuration in a backup as its file would read.
func extractConfig(c *call) (any, error) {
	v := c.state.volume(c.vars["node"], c.param("volume"))
	if v == nil || v.Backup == nil {
		return nil, fail("volume '%s' does not exist", c.param("volume"))
	}
	if err := c.mayReadVolume(v); err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, key := range sortedKeys(v.Backup.Config) {
		fmt.Fprintf(&text, "%s: %s\n", key, v.Backup.Config[key])
	}
	return text.String(), nil
}
