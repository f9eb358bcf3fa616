package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var newDiskText = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9._-]*):(\d+(?:\.\d+)?)$`)

// cloudInitSizeBytes is the size of a generated cloud-init drive.
const cloudInitSizeBytes = 4 << 20

func isCloudInit(volid string) bool {
	return strings.HasSuffix(volid, ":cloudinit") || strings.Contains(volid, "-cloudinit")
}

// isCDROM says whether a stored drive is a CD-ROM; the cloud-init drive does not count when it is excluded.
func isCDROM(drive properties, excludeCloudInit bool) bool {
	return drive["media"] == "cdrom" && (!excludeCloudInit || !isCloudInit(drive["file"]))
}

// checkDrive refuses a drive before a task starts: unknown storages, missing volumes, missing privileges.
func (c *call) checkDrive(g *guest, key, text string) error {
	drive := parseProperties(text, "file")
	file := drive["file"]
	if file == "none" || file == "cdrom" {
		return nil
	}
	if m := newDiskText.FindStringSubmatch(file); m != nil || strings.HasSuffix(file, ":cloudinit") {
		id, _, _ := strings.Cut(file, ":")
		return c.checkStorage(g.Node, id, "images")
	}
	if strings.HasPrefix(file, "/") {
		return fail("Only root can pass arbitrary filesystem paths.")
	}
	if !volumeIDText.MatchString(file) {
		return badParam(key, "invalid format - format error\n%s.file: invalid format - unable to parse volume ID '%s'", key, file)
	}
	v := c.state.volume(g.Node, file)
	if v == nil {
		return fail("volume '%s' does not exist", file)
	}
	if g.owns(v) {
		return nil
	}
	return c.mayReadVolume(v)
}

// checkStorage is what every allocation needs.
func (c *call) checkStorage(node, id, content string) error {
	if _, err := c.state.usable(node, id, ""); err != nil {
		return err
	}
	if err := c.require("/storage/"+id, "Datastore.AllocateSpace"); err != nil {
		return err
	}
	if !slices.Contains(c.state.Storages[id].Content, content) {
		what := "vm images"
		if content == "rootdir" {
			what = "container directories"
		}
		return badParam("storage", "storage '%s' does not support %s", id, what)
	}
	return nil
}

// setDrive stores a drive and allocates what it asks for. A volume that the key held before becomes unused.
func (s *Sim) setDrive(g *guest, key, text string) error {
	drive := parseProperties(text, "file")
	file := drive["file"]
	old := g.volid(key)
	switch m := newDiskText.FindStringSubmatch(file); {
	case strings.HasSuffix(file, ":cloudinit"):
		id, _, _ := strings.Cut(file, ":")
		v, err := s.state.allocate(g.Node, id, "images", g.VMID, cloudInitSizeBytes, drive["format"], "cloudinit")
		if err != nil {
			return err
		}
		drive["file"], drive["size"], drive["media"] = v.Volid, "4M", "cdrom"
	case m != nil:
		sizeGiB, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return fail("unable to parse size '%s'", m[2])
		}
		sizeBytes := int64(sizeGiB * float64(gib))
		if source := drive["import-from"]; source != "" {
			image := s.state.volume(g.Node, source)
			if image == nil {
				return fail("volume '%s' does not exist", source)
			}
			sizeBytes = importedBytes(image)
		}
		v, err := s.state.allocate(g.Node, m[1], "images", g.VMID, sizeBytes, drive["format"], "")
		if err != nil {
			return err
		}
		delete(drive, "import-from")
		delete(drive, "format")
		drive["file"], drive["size"] = v.Volid, formatSize(sizeBytes)
	case drive["size"] != "":
		// A size that comes with an existing volume is only a note; the volume knows its own.
		sizeBytes, err := parseSize(drive["size"])
		if err != nil {
			return badParam(key, "%s", err)
		}
		if v := s.state.volume(g.Node, file); v != nil {
			sizeBytes = v.SizeBytes
		}
		drive["size"] = formatSize(sizeBytes)
	default:
		if v := s.state.volume(g.Node, file); g.owns(v) {
			drive["size"] = formatSize(v.SizeBytes)
		}
	}
	g.Config[key] = drive.String("file")
	if old != "" && old != drive["file"] {
		s.unlink(g, old)
	}
	for _, other := range g.diskKeys() {
		if unusedKey.MatchString(other) && g.volid(other) == drive["file"] {
			delete(g.Config, other)
		}
	}
	return nil
}

// importedBytes is the virtual size of an image: whole GiB, at least what a cloud image has.
func importedBytes(image *volume) int64 {
	const cloudImageGiB = 3
	return max(cloudImageGiB*gib, (image.SizeBytes+gib-1)/gib*gib)
}

// unlink keeps a volume that a key no longer holds as unusedN; a cloud-init drive is deleted.
func (s *Sim) unlink(g *guest, volid string) {
	v := s.state.volume(g.Node, volid)
	if !g.owns(v) || g.uses(volid) {
		return
	}
	if isCloudInit(volid) {
		s.state.deleteVolume(v)
		return
	}
	for i := 0; ; i++ {
		key := fmt.Sprintf("unused%d", i)
		if _, taken := g.Config[key]; !taken {
			g.Config[key] = volid
			return
		}
	}
}

// removeKey deletes a configuration key; a disk becomes unused, an unused disk is destroyed.
func (s *Sim) removeKey(g *guest, key string, force bool) error {
	volid := g.volid(key)
	if _, found := g.Config[key]; !found {
		return nil
	}
	v := s.state.volume(g.Node, volid)
	switch {
	case unusedKey.MatchString(key):
		if err := g.checkProtection(fmt.Sprintf("can't remove unused disk '%s'", volid)); err != nil {
			return err
		}
		delete(g.Config, key)
		if g.owns(v) {
			s.state.deleteVolume(v)
		}
	case g.isDisk(key):
		if g.owns(v) && !isCloudInit(volid) {
			if err := g.checkProtection(fmt.Sprintf("can't remove drive '%s'", key)); err != nil {
				return err
			}
		}
		delete(g.Config, key)
		if force && g.owns(v) {
			s.state.deleteVolume(v)
			return nil
		}
		s.unlink(g, volid)
	default:
		delete(g.Config, key)
	}
	return nil
}

// resizeDisk grows a disk to size ("20G", bytes) or by it ("+5G").
func (s *Sim) resizeDisk(g *guest, key, size string) error {
	v := s.state.volume(g.Node, g.volid(key))
	if !g.owns(v) {
		return fail("disk '%s' does not exist", key)
	}
	added, relative := strings.CutPrefix(size, "+")
	sizeBytes, err := parseSize(added)
	if err != nil {
		return badParam("size", "%s", err)
	}
	if relative {
		sizeBytes += v.SizeBytes
	}
	if sizeBytes < v.SizeBytes {
		if g.Kind == kindCT {
			return fail("unable to shrink disk size")
		}
		return fail("shrinking disks is not supported")
	}
	v.SizeBytes = sizeBytes
	defaultKey := "file"
	if g.Kind == kindCT {
		defaultKey = "volume"
	}
	drive := parseProperties(g.Config[key], defaultKey)
	drive["size"] = formatSize(sizeBytes)
	g.Config[key] = drive.String(defaultKey)
	return nil
}

// copyDisk makes the disk of a clone.
func (s *Sim) copyDisk(from, to *guest, key, storageID, format string) error {
	defaultKey, content := "file", "images"
	if from.Kind == kindCT {
		defaultKey, content = "volume", "rootdir"
	}
	drive := parseProperties(from.Config[key], defaultKey)
	source := s.state.volume(from.Node, drive[defaultKey])
	if !from.owns(source) {
		to.Config[key] = from.Config[key]
		return nil
	}
	suffix := ""
	if isCloudInit(source.Volid) {
		suffix = "cloudinit"
	}
	if storageID == "" || suffix != "" {
		storageID = source.Storage
	}
	if format == "" {
		format = source.Format
	}
	v, err := s.state.allocate(to.Node, storageID, content, to.VMID, source.SizeBytes, format, suffix)
	if err != nil {
		return err
	}
	v.Contents = source.Contents.clone()
	if from == to {
		// The running guest goes on with what it has.
		v.Contents, source.Contents = source.Contents, v.Contents
	}
	drive[defaultKey], drive["size"] = v.Volid, formatSize(v.SizeBytes)
	to.Config[key] = drive.String(defaultKey)
	return nil
}
