package pve

import "slices"

// Privileges lists what the role of the API token needs on a Proxmox VE version such as "8.4" or
// "9.1". The end-to-end tests run with a token of exactly this role.
// See https://pve.proxmox.com/pve-docs/pve-admin-guide.html#pveum_permission_management.
func Privileges(version string) []string {
	privileges := []string{
		"Datastore.Allocate",
		"Datastore.AllocateSpace",
		"SDN.Use",
		"Sys.Audit",
		"Sys.Modify",
		"VM.Allocate",
		"VM.Audit",
		"VM.Clone",
		"VM.Config.CDROM",
		"VM.Config.CPU",
		"VM.Config.Cloudinit",
		"VM.Config.Disk",
		"VM.Config.HWType",
		"VM.Config.Memory",
		"VM.Config.Network",
		"VM.Config.Options",
		"VM.Migrate",
		"VM.PowerMgmt",
	}
	// Asking the guest agent for addresses: Proxmox VE 9 replaced the privilege
	// (https://pve.proxmox.com/wiki/Upgrade_from_8_to_9).
	agent := "VM.Monitor"
	if version >= "9" {
		agent = "VM.GuestAgent.Audit"
	}
	privileges = append(privileges, agent)
	slices.Sort(privileges)
	return privileges
}
