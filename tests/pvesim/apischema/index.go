package apischema

import (
	"strconv"
	"strings"
)

// indexCount says how many parameters an indexed name such as "scsi[n]" stands
// for: scsi0 to scsi30. The schema file does not carry it; the counts are those
// of qemu-server (QemuServer.pm, Drive.pm, USB.pm, PCI.pm, Virtiofs.pm,
// Network.pm), pve-container (LXC/Config.pm), pve-cluster (corosync links) and
// pve-manager (ACME domains).
var indexCount = map[string]int{
	"acmedomain": 6,
	"dev":        256,
	"hostpci":    16,
	"ide":        4,
	"ipconfig":   32,
	"link":       8,
	"mp":         256,
	"net":        32,
	"numa":       8,
	"parallel":   3,
	"sata":       6,
	"scsi":       31,
	"serial":     4,
	"unused":     256,
	"usb":        14,
	"virtio":     16,
	"virtiofs":   10,
}

// defaultIndexCount serves indexed names of a schema newer than indexCount.
const defaultIndexCount = 32

// expandIndex returns the parameter names that a schema name stands for.
func expandIndex(name string) []string {
	base, indexed := strings.CutSuffix(name, "[n]")
	if !indexed {
		return []string{name}
	}
	count, known := indexCount[base]
	if !known {
		count = defaultIndexCount
	}
	names := make([]string, count)
	for i := range names {
		names[i] = base + strconv.Itoa(i)
	}
	return names
}
