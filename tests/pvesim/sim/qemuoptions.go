package sim

import (
	"regexp"
	"strings"
)

// qemuPrivilege names the privilege that each configuration option of a VM needs, following the groups of
// options in Proxmox VE's PVE/API2/Qemu.pm.
var qemuPrivilege = func() map[string]string {
	options := map[string]string{}
	for privilege, keys := range map[string][]string{
		"VM.Config.CPU":    {"cores", "sockets", "cpu", "vcpus", "cpulimit", "cpuunits", "numa", "affinity"},
		"VM.Config.Memory": {"memory", "balloon", "shares", "hugepages", "keephugepages", "allow-ksm"},
		"VM.Config.HWType": {"acpi", "hotplug", "kvm", "machine", "scsihw", "smbios1", "tablet", "vga", "watchdog", "audio0", "rng0"},
		"VM.Config.Options": {
			"agent", "autostart", "bios", "description", "keyboard", "localtime", "migrate_downtime", "migrate_speed", "name",
			"onboot", "ostype", "protection", "reboot", "startdate", "startup", "tdf", "template", "tags", "vmgenid",
			"amd-sev", "intel-tdx",
		},
		"VM.PowerMgmt":      {"freeze"},
		"VM.Config.Disk":    {"boot", "bootdisk", "vmstatestorage"},
		"VM.Config.Network": {"bridge"},
	} {
		for _, key := range keys {
			options[key] = privilege
		}
	}
	return options
}()

var (
	cloudInitOptions = set("cicustom", "cipassword", "citype", "ciuser", "ciupgrade", "nameserver", "searchdomain", "sshkeys")
	ipConfigKey      = regexp.MustCompile(`^ipconfig\d+$`)
	numaKey          = regexp.MustCompile(`^numa\d+$`)
	serialKey        = regexp.MustCompile(`^(serial|parallel)\d+$`)
	passthroughKey   = regexp.MustCompile(`^(usb|hostpci|virtiofs)\d+$`)
)

// checkQemuOptions is the check that Proxmox VE's code makes for each option that is set or deleted.
func (c *call) checkQemuOptions(g *guest, values map[string]string, deletions []string, pool string) error {
	for _, key := range sortedKeys(values) {
		if err := c.checkQemuOption(g, key, values[key], pool); err != nil {
			return err
		}
	}
	for _, key := range deletions {
		// A key that is not there needs the same privilege.
		if err := c.checkQemuOption(g, key, g.Config[key], pool); err != nil {
			return err
		}
	}
	if tags, found := values["tags"]; found {
		if _, err := normalTags(tags); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) checkQemuOption(g *guest, key, value, pool string) error {
	privilege := qemuPrivilege[key]
	switch {
	case privilege != "":
		return c.requireGuest(g.VMID, pool, privilege)
	case driveKey.MatchString(key), key == "cdrom":
		return c.checkDriveOption(g, key, value, pool)
	case unusedKey.MatchString(key):
		return c.requireGuest(g.VMID, pool, "VM.Config.Disk")
	case netKey.MatchString(key):
		if err := c.requireGuest(g.VMID, pool, "VM.Config.Network"); err != nil {
			return err
		}
		return c.checkBridge(value)
	case cloudInitOptions[key], ipConfigKey.MatchString(key):
		if c.allowed("/vms/"+vmidText(g.VMID), "VM.Config.Cloudinit") {
			return c.require("/vms/"+vmidText(g.VMID), "VM.Config.Cloudinit")
		}
		return c.requireGuest(g.VMID, pool, "VM.Config.Network")
	case numaKey.MatchString(key):
		return c.requireGuest(g.VMID, pool, "VM.Config.CPU")
	case serialKey.MatchString(key):
		if value == "socket" || value == "" {
			return c.requireGuest(g.VMID, pool, "VM.Config.HWType")
		}
		return c.rootOnly("only root can set '" + key + "' config for real devices")
	case passthroughKey.MatchString(key):
		if err := c.requireGuest(g.VMID, pool, "VM.Config.HWType"); err != nil {
			return err
		}
		mapping := parseProperties(value, "host")["mapping"]
		if mapping == "" && value != "" && !strings.HasPrefix(value, "spice") {
			return c.rootOnly("only root can set '" + key + "' config for non-mapped devices")
		}
		if mapping != "" {
			return c.require("/mapping/"+strings.TrimRight(strings.TrimPrefix(key, "host"), "0123456789")+"/"+mapping, "Mapping.Use")
		}
		return nil
	default:
		return c.rootOnly("only root can set '" + key + "' config")
	}
}

func (c *call) rootOnly(message string) error {
	if c.user == rootUser {
		return nil
	}
	return fail("%s", message)
}

func (c *call) checkDriveOption(g *guest, key, value, pool string) error {
	drive := parseProperties(value, "file")
	privilege := "VM.Config.Disk"
	if key == "cdrom" || isCDROM(drive, true) {
		privilege = "VM.Config.CDROM"
	}
	if err := c.requireGuest(g.VMID, pool, privilege); err != nil {
		return err
	}
	if value == "" || value == g.Config[key] {
		return nil
	}
	return c.checkDrive(g, key, value)
}

// checkBridge needs SDN.Use on the bridge, or on its VLAN when the device has a tag.
func (c *call) checkBridge(nic string) error {
	p := parseProperties(nic, "model")
	if p["bridge"] == "" {
		return nil
	}
	path := "/sdn/zones/localnetwork/" + p["bridge"]
	if p["tag"] != "" {
		path += "/" + p["tag"]
	}
	return c.require(path, "SDN.Use")
}
