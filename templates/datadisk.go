package templates

import "strconv"

// DataDisk is a disk that the first boot formats, only if it is empty, and mounts by UUID. The file
// system fills the whole disk, without partitions, so that it grows at boot after the disk did.
type DataDisk struct {
	// SCSI is the N of Proxmox's scsiN, 1 to 30; scsi0 is the system disk.
	SCSI int
	// MountPoint is an absolute path.
	MountPoint string
	// Filesystem is what an empty disk gets, ext4 (the default) or xfs. One that the disk has already stays.
	Filesystem Filesystem
}

// Filesystem is a file system's type.
type Filesystem string

// The file systems that can grow while they are mounted.
const (
	FilesystemExt4 Filesystem = "ext4"
	FilesystemXFS  Filesystem = "xfs"
)

// Device is the disk's name in the guest. It comes from Proxmox's name for the disk; the kernel's
// /dev/sdb may be another disk at the next boot.
func (d DataDisk) Device() string {
	return "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_drive-scsi" + strconv.Itoa(d.SCSI)
}

func (u UserData) dataDisksPart() (p part, err error) {
	for _, d := range u.DataDisks {
		filesystem := d.Filesystem
		if filesystem == "" {
			filesystem = FilesystemExt4
		}
		if filesystem == FilesystemXFS {
			p.packages = append(p.packages, "xfsprogs")
		}
		p.steps = append(p.steps, []string{scriptDataDisk, d.Device(), d.MountPoint, string(filesystem)})
	}
	return p, nil
}
