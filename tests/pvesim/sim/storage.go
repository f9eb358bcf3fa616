package sim

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

type storage struct{ Storage }

// volume is a disk image, a container's root, a backup or a file. Only files that clients write themselves have
// their Data.
type volume struct {
	Storage     string
	Node        string // empty on shared storages
	Volid       string
	Content     string
	Format      string
	SizeBytes   int64
	VMID        int
	CreatedUnix int64
	Notes       string
	Protected   bool
	Data        []byte
	// Backup is what a restore brings back.
	Backup *backup
	// Contents is what a guest has on its system disk, once it was started.
	Contents *contents `json:",omitempty"`
}

func volumeKey(node, volid string) string { return node + "|" + volid }

func (st *state) addVolume(v *volume) {
	if def := st.Storages[v.Storage]; def != nil && def.Shared {
		v.Node = ""
	}
	st.Volumes[volumeKey(v.Node, v.Volid)] = v
}

// volume finds a volume as a node sees it.
func (st *state) volume(node, volid string) *volume {
	if v := st.Volumes[volumeKey("", volid)]; v != nil {
		return v
	}
	return st.Volumes[volumeKey(node, volid)]
}

func (st *state) deleteVolume(v *volume) { delete(st.Volumes, volumeKey(v.Node, v.Volid)) }

// on says whether the node can use the storage.
func (d *storage) on(node string) bool { return len(d.Nodes) == 0 || slices.Contains(d.Nodes, node) }

// fileBased storages keep disks as files in a directory per guest.
func (d *storage) fileBased() bool { return d.Path != "" }

// usable finds a storage that exists, is enabled on the node and permits the content type ("" permits any).
func (st *state) usable(node, id, content string) (*storage, error) {
	def := st.Storages[id]
	switch {
	case def == nil:
		return nil, fail("storage '%s' does not exist", id)
	case def.Disabled:
		return nil, fail("storage '%s' is disabled", id)
	case !def.on(node):
		return nil, fail("storage '%s' is not available on node '%s'", id, node)
	case content != "" && !slices.Contains(def.Content, content):
		return nil, fail("storage '%s' does not support content-type '%s'", id, content)
	}
	return def, nil
}

// volumesOf lists a storage's volumes as a node sees them, sorted by name.
func (st *state) volumesOf(node string, def *storage) []*volume {
	var list []*volume
	for _, v := range st.Volumes {
		if v.Storage == def.ID && (v.Node == "" || v.Node == node) {
			list = append(list, v)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Volid < list[j].Volid })
	return list
}

func (st *state) usedBytes(node string, def *storage) int64 {
	var used int64
	for _, v := range st.Volumes {
		if v.Storage == def.ID && (v.Node == "" || v.Node == node) {
			used += v.SizeBytes
		}
	}
	return used
}

// allocate makes a new disk for a guest and returns its volume id. A suffix other than "" (cloudinit) names the
// volume instead of the next free disk number.
func (st *state) allocate(node, id, content string, vmid int, sizeBytes int64, format, suffix string) (*volume, error) {
	def, err := st.usable(node, id, content)
	if err != nil {
		return nil, err
	}
	if format == "" || !def.fileBased() {
		format = "raw"
	}
	name := func(suffix string) string {
		if def.fileBased() {
			return fmt.Sprintf("%s:%d/vm-%d-%s.%s", id, vmid, vmid, suffix, format)
		}
		return fmt.Sprintf("%s:vm-%d-%s", id, vmid, suffix)
	}
	volid := name(suffix)
	for i := 0; suffix == ""; i++ {
		volid = name("disk-" + strconv.Itoa(i))
		if st.volume(node, volid) == nil {
			break
		}
	}
	v := &volume{
		Storage: id, Node: node, Volid: volid, Content: content, Format: format, SizeBytes: sizeBytes, VMID: vmid,
		CreatedUnix: time.Now().Unix(),
	}
	st.addVolume(v)
	return v, nil
}

// fileFormat is the format that the API reports for a file.
func fileFormat(content, name string) string {
	switch {
	case content == "snippets":
		return "snippet"
	case strings.HasSuffix(name, ".tar.zst"):
		return "tzst"
	case strings.HasSuffix(name, ".tar.gz"):
		return "tgz"
	case strings.HasSuffix(name, ".tar.xz"):
		return "txz"
	}
	return name[strings.LastIndex(name, ".")+1:]
}

var (
	contentDirectory = map[string]string{"iso": "template/iso", "vztmpl": "template/cache", "backup": "dump", "snippets": "snippets", "import": "import"}
	volumeIDText     = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9._-]*):(.+)$`)
)

// filePath is where a file based storage keeps a volume.
func (d *storage) filePath(v *volume) string {
	_, name, _ := strings.Cut(v.Volid, ":")
	if directory, found := contentDirectory[v.Content]; found {
		return d.Path + "/" + directory + "/" + name[strings.Index(name, "/")+1:]
	}
	if d.fileBased() {
		return d.Path + "/images/" + name
	}
	return "/dev/" + d.ID + "/" + name
}

// fileAt finds what a node has at an absolute path, and where a new file there belongs.
func (st *state) fileAt(node, path string) (v *volume, def *storage, content, name string) {
	for _, id := range sortedKeys(st.Storages) {
		def := st.Storages[id]
		if !def.fileBased() || !def.on(node) {
			continue
		}
		for content, directory := range contentDirectory {
			name, found := strings.CutPrefix(path, def.Path+"/"+directory+"/")
			if found && name != "" && !strings.Contains(name, "/") {
				return st.volume(node, def.ID+":"+content+"/"+name), def, content, name
			}
		}
	}
	return nil, nil, "", ""
}

// writeFile stores a file that came over SSH or by upload.
func (st *state) writeFile(node string, def *storage, content, name string, data []byte) *volume {
	v := &volume{
		Storage: def.ID, Node: node, Volid: def.ID + ":" + content + "/" + name, Content: content,
		Format: fileFormat(content, name), SizeBytes: int64(len(data)), CreatedUnix: time.Now().Unix(), Data: data,
	}
	st.addVolume(v)
	return v
}

func (v *volume) listed() map[string]any {
	entry := map[string]any{"volid": v.Volid, "content": v.Content, "format": v.Format, "size": v.SizeBytes, "ctime": v.CreatedUnix}
	if v.VMID != 0 {
		entry["vmid"] = v.VMID
	}
	if v.Notes != "" {
		entry["notes"] = v.Notes
	}
	if v.Protected {
		entry["protected"] = 1
	}
	if v.Backup != nil {
		entry["subtype"] = v.Backup.Kind
	}
	return entry
}

// mayReadVolume is Proxmox's rule for reading a volume: templates need access to the storage, backups and disks
// access to their guest too, everything else (snippets) the right to configure the storage.
func (c *call) mayReadVolume(v *volume) error {
	path := "/storage/" + v.Storage
	switch {
	case c.allowed(path, "Datastore.Allocate"):
		c.use("Datastore.Allocate")
		return nil
	case v.Content == "iso" || v.Content == "vztmpl" || v.Content == "import":
		return c.requireAny(path, "Datastore.AllocateSpace", "Datastore.Audit")
	case v.Content == "backup" && v.VMID != 0:
		if err := c.require(path, "Datastore.AllocateSpace"); err != nil {
			return err
		}
		return c.require("/vms/"+vmidText(v.VMID), "VM.Backup")
	case v.VMID != 0:
		if err := c.require(path, "Datastore.Audit"); err != nil {
			return err
		}
		return c.require("/vms/"+vmidText(v.VMID), "VM.Config.Disk")
	}
	return forbidden(path + ", Datastore.Allocate")
}

func (c *call) storageOf(content string) (*storage, error) {
	return c.state.usable(c.vars["node"], c.vars["storage"], content)
}

func storageContent(c *call) (any, error) {
	def, err := c.storageOf("")
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	for _, v := range c.state.volumesOf(c.vars["node"], def) {
		if !slices.Contains(def.Content, v.Content) || c.has("content") && v.Content != c.param("content") ||
			c.has("vmid") && vmidText(v.VMID) != c.param("vmid") || c.mayReadVolume(v) != nil {
			continue
		}
		list = append(list, v.listed())
	}
	return list, nil
}

// volumeOf finds the volume of a call; the storage's name may be left out of it.
func (c *call) volumeOf() (*volume, error) {
	volid := c.vars["volume"]
	if !volumeIDText.MatchString(volid) {
		volid = c.vars["storage"] + ":" + volid
	}
	id, _, _ := strings.Cut(volid, ":")
	if _, err := c.state.usable(c.vars["node"], id, ""); err != nil {
		return nil, err
	}
	v := c.state.volume(c.vars["node"], volid)
	if v == nil {
		return nil, fail("volume '%s' does not exist", volid)
	}
	return v, nil
}

func volumeGet(c *call) (any, error) {
	v, err := c.volumeOf()
	if err != nil {
		return nil, err
	}
	if err := c.mayReadVolume(v); err != nil {
		return nil, err
	}
	answer := map[string]any{
		"path": c.state.Storages[v.Storage].filePath(v), "format": v.Format, "size": v.SizeBytes, "used": v.SizeBytes,
	}
	if v.Notes != "" {
		answer["notes"] = v.Notes
	}
	if v.Protected {
		answer["protected"] = 1
	}
	return answer, nil
}

func volumeUpdate(c *call) (any, error) {
	v, err := c.volumeOf()
	if err != nil {
		return nil, err
	}
	if err := c.mayReadVolume(v); err != nil {
		return nil, err
	}
	if v.Content != "backup" {
		return nil, fail("attribute update is only supported for backups")
	}
	if c.has("notes") {
		v.Notes = c.param("notes")
	}
	if c.has("protected") {
		v.Protected = c.boolean("protected")
	}
	c.changed()
	return nil, nil
}

func volumeDelete(c *call) (any, error) {
	v, err := c.volumeOf()
	if err != nil {
		return nil, err
	}
	path := "/storage/" + v.Storage
	if v.Content == "backup" && c.allowed(path, "Datastore.AllocateSpace") && c.allowed("/vms/"+vmidText(v.VMID), "VM.Backup") {
		c.use("Datastore.AllocateSpace", "VM.Backup")
	} else if err := c.require(path, "Datastore.Allocate"); err != nil {
		return nil, err
	}
	if v.Protected {
		return nil, fail("cannot remove protected volume '%s' on '%s'", v.Volid, v.Storage)
	}
	if g := c.state.Guests[v.VMID]; g != nil && v.Content != "backup" && g.uses(v.Volid) {
		return nil, fail("Cannot remove image, a guest with VMID '%d' exists!", v.VMID)
	}
	return c.start("imgdel", vmidOr(v.VMID, v.Storage), work{run: func(*task) error {
		c.state.deleteVolume(v)
		return nil
	}}), nil
}

func vmidOr(vmid int, other string) string {
	if vmid != 0 {
		return vmidText(vmid)
	}
	return other
}

func volumeAllocate(c *call) (any, error) {
	size := c.param("size")
	if size != "" && !strings.ContainsAny(size, "KMGT") {
		size += "K"
	}
	sizeBytes, err := parseSize(size)
	if err != nil {
		return nil, badParam("size", "%s", err)
	}
	if _, err := c.storageOf("images"); err != nil {
		return nil, err
	}
	v, err := c.state.allocate(c.vars["node"], c.vars["storage"], "images", c.integer("vmid", 0), sizeBytes, c.param("format"), "")
	if err != nil {
		return nil, err
	}
	c.changed()
	return v.Volid, nil
}
