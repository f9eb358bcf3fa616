package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/pve-home/pve-home/tests/pvesim/docker"
	"github.com/pve-home/pve-home/tests/pvesim/filetree"
)

// contents is what a guest has on its system disk. It moves, is copied and is lost with the volume.
type contents struct {
	Files  *filetree.Tree
	Docker *docker.Engine
	// DockerSetup is what SetDocker said, empty for what the user-data installs.
	DockerSetup string `json:",omitempty"`
	// VMID is the guest that booted from the disk: another one is a first boot.
	VMID int
	// ReadyUnixMilli is when the first boot's cloud-init has finished.
	ReadyUnixMilli int64
}

// osBytes is what the operating system takes of a disk.
const osBytes = gib

func newContents() *contents {
	c := &contents{Files: filetree.New(), Docker: docker.New()}
	c.Files.OtherBytes = osBytes
	return c
}

// clone copies what is on a disk; nothing stays nothing.
func (c *contents) clone() *contents {
	if c == nil {
		return nil
	}
	own := *c
	own.Files, own.Docker = c.Files.Clone(), c.Docker.Clone()
	return &own
}

// systemDisk is the volume from which a guest boots: the first of the boot order for a VM, rootfs for a container.
func (s *Sim) systemDisk(g *guest) *volume {
	keys := g.diskKeys()
	if g.Kind == kindVM {
		if order := parseProperties(g.Config["boot"], "order")["order"]; order != "" {
			first, _, _ := strings.Cut(order, ";")
			keys = append([]string{first}, keys...)
		}
	} else {
		keys = []string{"rootfs"}
	}
	for _, key := range keys {
		if v := s.state.volume(g.Node, g.volid(key)); g.owns(v) {
			return v
		}
	}
	return nil
}

// bootDisk prepares what is on the system disk for a start with the given identity. A guest without a disk gets
// contents that nobody keeps.
func (s *Sim) bootDisk(g *guest, id *identity) *contents {
	disk := newContents()
	disk.Files.CapacityBytes = 4 * gib
	if v := s.systemDisk(g); v != nil {
		if v.Contents == nil {
			v.Contents = disk
		}
		disk = v.Contents
		disk.Files.CapacityBytes = v.SizeBytes
	}
	if first := disk.VMID != g.VMID; first {
		disk.VMID = g.VMID
		disk.ReadyUnixMilli = time.Now().Add(s.durations["cloud-init"]).UnixMilli()
		if f := s.strike(FaultCloudInit, "", vmidText(g.VMID)); f != nil {
			id.CloudInitError, id.CloudInitWarning = f.ExitStatus, f.Reason
			if f.ExitStatus == "" && f.Reason == "" {
				id.CloudInitError = "simulated failure"
			}
		}
	}
	root := disk.Files.Root()
	for _, name := range id.userNames() {
		uid := id.uid(name)
		if _, err := root.Stat(home(name), true); err != nil && root.Mkdir(home(name), 0o700) == nil {
			_ = root.Chown(home(name), uid, uid) // it was just made
		}
	}
	// A full disk keeps the old name, as a real one would.
	_ = root.WriteFile("/etc/hostname", []byte(id.Hostname+"\n"), 0o644)
	disk.Docker.HostStops()
	disk.Docker.HostStarts(disk.Files)
	return disk
}

// userNames are the guest's users without root, sorted.
func (id *identity) userNames() []string {
	return slices.DeleteFunc(sortedKeys(id.Users), func(name string) bool { return name == "root" })
}

// firstUID is that of the first user who is no system user.
const firstUID = 1000

func (id *identity) uid(name string) uint32 {
	if name == "root" {
		return 0
	}
	return firstUID + uint32(slices.Index(id.userNames(), name)) //nolint:gosec // every user has a place in the list
}

func home(name string) string {
	if name == "root" {
		return "/root"
	}
	return "/home/" + name
}
