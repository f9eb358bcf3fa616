package rendered

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// diskSizeBytes is enough for each file system; xfs wants the most.
const diskSizeBytes = 512 << 20

// machine is the part of a guest that the script data-disk changes.
type machine struct {
	t      *testing.T
	script string
	fstab  string
	mount  string
}

func newMachine(t *testing.T) machine {
	t.Helper()
	asRoot(t)
	for name, debianPackage := range map[string]string{
		"losetup": "mount", "mount": "mount", "mountpoint": "util-linux", "blkid": "util-linux", "wipefs": "util-linux", "mkfs.ext4": "e2fsprogs",
	} {
		program(t, name, debianPackage)
	}
	folder := t.TempDir()
	m := machine{
		t: t, script: script(t, "data-disk"), mount: filepath.Join(folder, "srv", "data"),
		fstab: write(t, folder, "fstab", "# comments stay\nUUID=0-0 / ext4 defaults 0 1\n", 0o644),
	}
	t.Cleanup(m.unmount)
	return m
}

// run runs the script as the first boot does.
func (m machine) run(device, filesystem string) (string, error) {
	m.t.Helper()
	return run(m.t, []string{"FSTAB=" + m.fstab}, m.script, device, m.mount, filesystem)
}

func (m machine) unmount() {
	m.t.Helper()
	if _, err := run(m.t, nil, "mountpoint", "--quiet", m.mount); err == nil {
		m.must("umount", m.mount)
	}
}

// must runs a command on the machine that tests.
func (m machine) must(name string, args ...string) string {
	m.t.Helper()
	output, err := run(m.t, nil, name, args...)
	require.NoError(m.t, err, output)
	return strings.TrimSpace(output)
}

// disk is a loop device over a file of zeros.
func (m machine) disk() (device, image string) {
	m.t.Helper()
	image = write(m.t, m.t.TempDir(), "disk.img", "", 0o600)
	require.NoError(m.t, os.Truncate(image, diskSizeBytes))
	device = m.must("losetup", "--find", "--show", image)
	m.t.Cleanup(func() {
		m.unmount()
		m.must("losetup", "--detach", device)
	})
	return device, image
}

func (m machine) table() string {
	m.t.Helper()
	text, err := os.ReadFile(m.fstab)
	require.NoError(m.t, err)
	return string(text)
}

func digest(t *testing.T, image string) string {
	t.Helper()
	f, err := os.Open(image)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	h := sha256.New()
	_, err = io.Copy(h, f)
	require.NoError(t, err)
	return string(h.Sum(nil))
}

func TestEmptyDataDiskIsFormatted(t *testing.T) {
	for filesystem, debianPackage := range map[string]string{"ext4": "e2fsprogs", "xfs": "xfsprogs"} {
		t.Run(filesystem, func(t *testing.T) {
			program(t, "mkfs."+filesystem, debianPackage)
			m := newMachine(t)
			device, _ := m.disk()
			output, err := m.run(device, filesystem)
			require.NoError(t, err, output)

			require.Equal(t, filesystem, m.must("findmnt", "--noheadings", "--output", "FSTYPE", m.mount))
			uuid := m.must("blkid", "--probe", "--match-tag", "UUID", "--output", "value", device)
			require.Equal(t, "# comments stay\nUUID=0-0 / ext4 defaults 0 1\nUUID="+uuid+" "+m.mount+" "+filesystem+
				" defaults,nofail,x-systemd.device-timeout=30s,x-systemd.growfs 0 2\n", m.table())

			// A second first boot, and one after a reboot, change nothing.
			write(t, m.mount, "data", "kept", 0o600)
			table := m.table()
			for range 2 {
				output, err = m.run(device, filesystem)
				require.NoError(t, err, output)
				require.Equal(t, table, m.table())
				kept, err := os.ReadFile(filepath.Join(m.mount, "data"))
				require.NoError(t, err)
				require.Equal(t, "kept", string(kept))
				m.unmount()
			}
		})
	}
}

// A rebuilt guest gets its old data disk back, with an fstab that knows nothing of it.
func TestDataDiskWithDataIsMountedAsItIs(t *testing.T) {
	m := newMachine(t)
	device, _ := m.disk()
	m.must("mkfs.ext4", "-q", device)
	folder := t.TempDir()
	m.must("mount", device, folder)
	write(t, folder, "data", "kept", 0o600)
	m.must("umount", folder)
	uuid := m.must("blkid", "--probe", "--match-tag", "UUID", "--output", "value", device)

	output, err := m.run(device, "xfs") // what is there wins over what was asked for
	require.NoError(t, err, output)
	kept, err := os.ReadFile(filepath.Join(m.mount, "data"))
	require.NoError(t, err)
	require.Equal(t, "kept", string(kept))
	require.Contains(t, m.table(), "UUID="+uuid+" "+m.mount+" ext4 ")
}

// Whatever else is on a disk is somebody's: not one byte of it changes.
func TestDataDiskWithSomethingElseIsRefused(t *testing.T) {
	for name, fill := range map[string]func(m machine, device, image string){
		"GPT": func(m machine, device, _ string) { m.partition(device, "label: gpt\n,\n") },
		"MBR": func(m machine, device, _ string) { m.partition(device, "label: dos\n,\n") },
		"partition table without partitions": func(m machine, device, _ string) {
			m.partition(device, "label: gpt\n")
		},
		"swap": func(m machine, device, _ string) { m.must("mkswap", device) },
		"LVM, by its signature": func(m machine, _, image string) {
			label := append([]byte("LABELONE"), make([]byte, 24)...)
			label[8] = 1                                                               // the sector that the label stands in
			copy(label[16:], []byte{0xe9, 0x2e, 0x4d, 0x42, 0x20, 0, 0, 0})            // checksum, offset of the header
			copy(label[24:], "LVM2 001")                                               // type
			m.overwrite(image, 512, append(label, []byte(strings.Repeat("a", 32))...)) // UUID
		},
		"LUKS, by its signature": func(m machine, _, image string) { m.overwrite(image, 0, []byte("LUKS\xba\xbe\x00\x01")) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			device, image := m.disk()
			fill(m, device, image)
			m.must("sync")
			before, table := digest(t, image), m.table()
			output, err := m.run(device, "ext4")
			require.Error(t, err)
			require.Contains(t, output, "nothing was changed")
			m.must("sync")
			require.Equal(t, before, digest(t, image), "the disk was written to")
			require.Equal(t, table, m.table())
			require.NoDirExists(t, m.mount)
		})
	}
}

func (m machine) partition(device, table string) {
	m.t.Helper()
	sfdisk := program(m.t, "sfdisk", "fdisk")
	script := write(m.t, m.t.TempDir(), "table", table, 0o600)
	m.must("sh", "-c", `"$0" --quiet --no-reread "$1" <"$2"`, sfdisk, device, script)
}

// overwrite writes to the disk past the loop device's cache.
func (m machine) overwrite(image string, offset int64, content []byte) {
	m.t.Helper()
	m.must("sync")
	f, err := os.OpenFile(image, os.O_WRONLY, 0)
	require.NoError(m.t, err)
	_, err = f.WriteAt(content, offset)
	require.NoError(m.t, err)
	require.NoError(m.t, f.Close())
	m.must("blockdev", "--flushbufs", m.must("losetup", "--noheadings", "--output", "NAME", "--associated", image))
}

func TestDataDiskThatIsNotThereIsRefused(t *testing.T) {
	m := newMachine(t)
	output, err := m.run("/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_drive-scsi9", "ext4")
	require.Error(t, err)
	require.Contains(t, output, "there is no such disk")
}

// Another disk at the mount point, for example after two were swapped, is not hidden by this one.
func TestMountPointOfAnotherDiskIsRefused(t *testing.T) {
	m := newMachine(t)
	device, _ := m.disk()
	m.must("mkfs.ext4", "-q", device)
	require.NoError(t, os.WriteFile(m.fstab, []byte("UUID=1-1 "+m.mount+" ext4 defaults 0 2\n"), 0o600))
	output, err := m.run(device, "ext4")
	require.Error(t, err)
	require.Contains(t, output, "already has UUID=1-1 there")
}

// A disk at /etc, for example, would hide what makes the guest work.
func TestMountPointWithFilesIsRefused(t *testing.T) {
	m := newMachine(t)
	device, image := m.disk()
	write(t, m.mount, "data", "seen", 0o600)
	before := digest(t, image)
	output, err := m.run(device, "ext4")
	require.Error(t, err)
	require.Contains(t, output, "holds files")
	m.must("sync")
	require.Equal(t, before, digest(t, image), "the disk was written to")
	require.NotContains(t, m.table(), m.mount)
}
