package stacks

import (
	"fmt"
	"net/netip"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/components"
	"github.com/pve-home/pve-home/stacks/config"
)

// guests makes the connection to Proxmox, every VM and container of the stack and their backup
// jobs, and exports them by name as `guests` and `backupJobs`.
func guests(ctx *pulumi.Context, cfg *config.Config) error {
	proxmox, err := newProxmox(ctx, cfg)
	if err != nil {
		return err
	}
	outputs, backedUp := pulumi.Map{}, map[string]components.BackupGuest{}
	for _, v := range cfg.VMs {
		machine, err := components.NewVM(ctx, v.Name, proxmox, vmArgs(v))
		if err != nil {
			return fmt.Errorf("vms.%s: %w", v.Name, err)
		}
		outputs[v.Name] = guestOutput("vm", machine.VMID, machine.Node, machine.Address)
		backedUp[v.Name] = components.BackupGuest{VMID: machine.VMID, Node: v.Node, Disks: vmBackupDisks(v), Wanted: v.Backup}
	}
	for _, c := range cfg.Containers {
		container, err := components.NewLXC(ctx, c.Name, proxmox, lxcArgs(c))
		if err != nil {
			return fmt.Errorf("containers.%s: %w", c.Name, err)
		}
		outputs[c.Name] = guestOutput("lxc", container.VMID, container.Node, container.Address)
		backedUp[c.Name] = components.BackupGuest{VMID: container.VMID, Node: c.Node, Disks: lxcBackupDisks(c), Wanted: c.Backup}
	}
	ctx.Export("guests", outputs)
	return backups(ctx, cfg, proxmox, backedUp)
}

func guestOutput(kind string, vmid pulumi.IntOutput, node, address pulumi.StringOutput) pulumi.Map {
	return pulumi.Map{"kind": pulumi.String(kind), "vmId": vmid, "node": node, "address": address}
}

func newProxmox(ctx *pulumi.Context, cfg *config.Config) (*components.Proxmox, error) {
	nodes := map[string]components.ProxmoxNode{}
	for name, n := range cfg.Nodes {
		nodes[name] = components.ProxmoxNode{Address: n.Address, SSHPort: n.SSHPort}
	}
	return components.NewProxmox(ctx, "proxmox", components.ProxmoxArgs{
		Endpoint:      cfg.Proxmox.Endpoint,
		APIToken:      cfg.Proxmox.APIToken,
		Insecure:      cfg.Proxmox.Insecure,
		SSHUsername:   cfg.Proxmox.SSHUsername,
		SSHPrivateKey: cfg.Proxmox.SSHPrivateKey,
		SSHPassword:   cfg.Proxmox.SSHPassword,
		SSHAgent:      cfg.Proxmox.SSHAgent,
		Nodes:         nodes,
	})
}

func vmArgs(v config.VM) components.VMArgs {
	args := components.VMArgs{
		Node: v.Node, VMID: v.VMID, TemplateID: v.TemplateID, TemplateNode: v.TemplateNode,
		Address: address(v.Address), Gateway: gateway(v.Gateway), DNSServers: v.DNSServers, SearchDomain: v.SearchDomain,
		Bridge: v.Bridge, VLAN: v.VLAN, MAC: v.MAC, Firewall: v.Firewall,
		Cores: v.Cores, CPUType: v.CPUType, MemoryMiB: v.MemoryMiB, BalloonMiB: v.BalloonMiB,
		DiskGiB: v.DiskGiB, Datastore: v.Datastore,
		GuestAgent: v.Agent, OnBoot: v.OnBoot, StartOrder: v.StartOrder, StartDelaySeconds: v.StartDelaySeconds,
		Tags: v.Tags, Description: v.Description, Protection: v.Protection, Migrate: v.Migrate,
		Username: v.Username, SSHPublicKeys: v.SSHPublicKeys, SnippetDatastore: v.SnippetDatastore,
	}
	for _, d := range v.DataDisks {
		args.DataDisks = append(args.DataDisks, components.DataDisk(d))
	}
	return args
}

func lxcArgs(c config.Container) components.LXCArgs {
	args := components.LXCArgs{
		Node: c.Node, VMID: c.VMID, Template: c.Template, OSType: c.OSType,
		Address: address(c.Address), Gateway: gateway(c.Gateway), DNSServers: c.DNSServers, SearchDomain: c.SearchDomain,
		Bridge: c.Bridge, VLAN: c.VLAN, MAC: c.MAC, Firewall: c.Firewall,
		Cores: c.Cores, MemoryMiB: c.MemoryMiB, SwapMiB: c.SwapMiB, DiskGiB: c.DiskGiB, Datastore: c.Datastore,
		Unprivileged: c.Unprivileged, Nesting: c.Nesting,
		OnBoot: c.OnBoot, StartOrder: c.StartOrder, StartDelaySeconds: c.StartDelaySeconds,
		Tags: c.Tags, Description: c.Description, Protection: c.Protection, SSHPublicKeys: c.SSHPublicKeys,
	}
	for _, m := range c.MountPoints {
		args.MountPoints = append(args.MountPoints, components.MountPoint(m))
	}
	return args
}

// address is what Proxmox calls the guest's address.
func address(prefix netip.Prefix) string {
	if !prefix.IsValid() {
		return "dhcp"
	}
	return prefix.String()
}

func gateway(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}
