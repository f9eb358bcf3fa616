package components

import (
	"fmt"
	"strings"
	"time"

	"github.com/muhlba91/pulumi-proxmoxve/sdk/v6/go/proxmoxve/storage"
	"github.com/muhlba91/pulumi-proxmoxve/sdk/v6/go/proxmoxve/vm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/templates"
)

// Timeouts of operations on guests, in seconds. A full clone copies the template's disk.
const (
	copyTimeoutSeconds   = 1800
	powerTimeoutSeconds  = 300
	uploadTimeoutSeconds = 60
)

// How long a read of a VM waits for its guest agent. A static address is known without it, so
// nobody should wait for an agent that is still being installed; a DHCP address is not.
// The provider's own default is 15 minutes for each read
// (https://github.com/bpg/terraform-provider-proxmox/issues/669).
const (
	agentTimeoutStatic = 15 * time.Second
	agentTimeoutDHCP   = 5 * time.Minute
)

// VMArgs describes a virtual machine made from a cloud-init template.
type VMArgs struct {
	// Node is the node the VM runs on.
	Node string
	// VMID is 100 to 999999999; 0 lets Proxmox choose. With a VMID an interrupted update can be
	// recovered, because the rest of it is recognised.
	VMID int
	// TemplateID is the VMID of the template, TemplateNode where it lies. A template on another
	// node is cloned there and migrated.
	TemplateID   int
	TemplateNode string

	// Address is an IPv4 address with its prefix length, such as 192.168.1.21/24, or "dhcp".
	Address      string
	Gateway      string
	DNSServers   []string
	SearchDomain string
	Bridge       string
	// VLAN is 1 to 4094, or 0 for untagged.
	VLAN int
	// MAC is optional; Proxmox makes one up and keeps it.
	MAC string
	// Firewall lets the rules of Proxmox' firewall apply to the VM's NIC.
	Firewall bool

	Cores   int
	CPUType string
	// MemoryMiB is what the VM gets; a BalloonMiB above 0 is what the host may shrink it to.
	MemoryMiB  int
	BalloonMiB int
	// DiskGiB is the size of the system disk, at least the template's. Its other options are the
	// template's own.
	DiskGiB   int
	Datastore string
	// DataDisks become scsi1, scsi2, ... in this order.
	DataDisks []DataDisk

	// GuestAgent installs the guest agent and lets Proxmox use it.
	GuestAgent bool
	// AgentTimeout is how long a read of the VM waits for the agent; 0 means 15 seconds, or
	// 5 minutes when only the agent knows the address.
	AgentTimeout time.Duration
	OnBoot       bool
	// StartOrder counts from 1; 0 means any. StartDelaySeconds is how long Proxmox waits
	// before it starts the next guest.
	StartOrder        int
	StartDelaySeconds int

	Tags        []string
	Description string
	// Protection makes Proxmox refuse to remove the VM or its disks, and Pulumi to destroy it.
	Protection bool
	// Migrate lets a change of Node move the VM; otherwise such a change is refused.
	Migrate bool

	Username         string
	SSHPublicKeys    []string
	SnippetDatastore string
}

// DataDisk is a disk besides the system disk.
type DataDisk struct {
	SizeGiB   int
	Datastore string
	// Backup includes the disk in vzdump backups.
	Backup bool
}

// VM is a virtual machine and the snippets of its first boot.
type VM struct {
	pulumi.ResourceState

	VMID pulumi.IntOutput    `pulumi:"vmId"`
	Node pulumi.StringOutput `pulumi:"node"`
	// Address is the IPv4 address without its prefix length.
	Address pulumi.StringOutput `pulumi:"address"`
}

// NewVM clones a template and starts it. User-data is for the first boot: when it changes, the
// snippet is rewritten and the running VM stays as it is.
func NewVM(ctx *pulumi.Context, name string, proxmox *Proxmox, args VMArgs, opts ...pulumi.ResourceOption) (*VM, error) {
	v := &VM{}
	if err := ctx.RegisterComponentResource("pve-home:index:VM", name, v, opts...); err != nil {
		return nil, fmt.Errorf("register VM %s: %w", name, err)
	}
	child := []pulumi.ResourceOption{pulumi.Parent(v), pulumi.Provider(proxmox.Provider)}
	if args.Migrate {
		proxmox.guard.mayMigrate.Store(name, true)
	}

	userData, err := args.userData(name)
	if err != nil {
		return nil, fmt.Errorf("user-data of %s: %w", name, err)
	}
	var initialization []pulumi.Resource
	for kind, content := range map[string]string{"user-data": userData, "meta-data": metaData(ctx, name)} {
		snippet, err := storage.NewFile(ctx, name+"-"+kind, &storage.FileArgs{
			NodeName:    pulumi.String(args.Node),
			DatastoreId: pulumi.String(args.SnippetDatastore),
			ContentType: pulumi.String("snippets"),
			SourceRaw: storage.FileSourceRawArgs{
				FileName: pulumi.String(snippetName(ctx, name, kind)),
				Data:     pulumi.String(content),
			},
			TimeoutUpload: pulumi.Int(uploadTimeoutSeconds),
		}, append(child,
			// New content goes to the same file name; created first, it would be deleted with the old one.
			pulumi.DeleteBeforeReplace(true),
			pulumi.ResourceHooks(proxmox.guard.file),
		)...)
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", kind, name, err)
		}
		initialization = append(initialization, snippet)
	}

	machine, err := vm.NewVirtualMachine(ctx, name, args.machine(ctx, name),
		append(child,
			pulumi.DependsOn(initialization),
			pulumi.Protect(args.Protection),
			neverDeleteFirst,
			pulumi.IgnoreChanges(args.ignored()),
			pulumi.ResourceHooks(proxmox.guard.vm),
		)...)
	if err != nil {
		return nil, fmt.Errorf("machine of %s: %w", name, err)
	}

	v.VMID = machine.VmId
	v.Node = machine.NodeName
	v.Address = args.address(name, machine)
	return v, ctx.RegisterResourceOutputs(v, pulumi.Map{"vmId": v.VMID, "node": v.Node, "address": v.Address})
}

// snippetName is fixed: another name would replace the VM.
func snippetName(ctx *pulumi.Context, name, kind string) string {
	return fmt.Sprintf("%s-%s-%s-%s.yaml", ctx.Project(), ctx.Stack(), name, kind)
}

// metaData pins the instance id. Proxmox's own is a hash of user-data and network, so that any
// change of either would run the whole first boot again at the next start, new SSH host keys
// included (PVE::QemuServer::Cloudinit, nocloud_gen_metadata).
func metaData(ctx *pulumi.Context, name string) string {
	return fmt.Sprintf("instance-id: %s-%s-%s\n", ctx.Project(), ctx.Stack(), name)
}

// neverDeleteFirst makes the engine create a replacement before it deletes the guest: so the guard
// is asked while everything is still there. By itself the provider has what bears a name deleted first.
var neverDeleteFirst = pulumi.DeleteBeforeReplace(false)

func (args VMArgs) dhcp() bool { return args.Address == "dhcp" }

func (args VMArgs) agentTimeout() time.Duration {
	switch {
	case args.AgentTimeout != 0:
		return args.AgentTimeout
	case args.dhcp():
		return agentTimeoutDHCP
	}
	return agentTimeoutStatic
}

func (args VMArgs) userData(name string) (string, error) {
	u := templates.UserData{
		Hostname:      name,
		Username:      args.Username,
		SSHPublicKeys: args.SSHPublicKeys,
		GuestAgent:    args.GuestAgent,
	}
	if args.SearchDomain != "" {
		u.FQDN = name + "." + args.SearchDomain
	}
	return u.Render()
}

// machine writes every field that Proxmox reports: what is left out comes back as a difference
// (https://github.com/muhlba91/pulumi-proxmoxve/issues/176).
func (args VMArgs) machine(ctx *pulumi.Context, name string) *vm.VirtualMachineArgs {
	ipv4 := vm.VirtualMachineInitializationIpConfigIpv4Args{Address: pulumi.String(args.Address)}
	if !args.dhcp() && args.Gateway != "" {
		ipv4.Gateway = pulumi.String(args.Gateway)
	}
	nic := vm.VirtualMachineNetworkDeviceArgs{
		Bridge:   pulumi.String(args.Bridge),
		Firewall: pulumi.Bool(args.Firewall),
		Model:    pulumi.String("virtio"),
	}
	if args.VLAN != 0 {
		nic.VlanId = pulumi.Int(args.VLAN)
	}
	if args.MAC != "" {
		nic.MacAddress = pulumi.String(strings.ToUpper(args.MAC))
	}
	m := &vm.VirtualMachineArgs{
		Name:        pulumi.String(name),
		Description: pulumi.String(args.Description),
		NodeName:    pulumi.String(args.Node),
		// A change of node must never replace the VM: it migrates, or the guard refuses it.
		Migrate: pulumi.Bool(true),
		Tags:    pulumi.ToStringArray(args.Tags),
		Clone: vm.VirtualMachineCloneArgs{
			VmId:        pulumi.Int(args.TemplateID),
			NodeName:    pulumi.String(args.TemplateNode),
			DatastoreId: pulumi.String(args.Datastore),
			Full:        pulumi.Bool(true),
			Retries:     pulumi.Int(1), // the guard retries, and only what another try can mend
		},
		Agent: vm.VirtualMachineAgentArgs{
			Enabled: pulumi.Bool(args.GuestAgent),
			Timeout: pulumi.String(args.agentTimeout().String()),
			Trim:    pulumi.Bool(args.GuestAgent),
			Type:    pulumi.String("virtio"),
		},
		Cpu: vm.VirtualMachineCpuArgs{
			Cores:   pulumi.Int(args.Cores),
			Sockets: pulumi.Int(1),
			Type:    pulumi.String(args.CPUType),
		},
		Memory: vm.VirtualMachineMemoryArgs{
			Dedicated: pulumi.Int(args.MemoryMiB),
			Floating:  pulumi.Int(args.BalloonMiB),
		},
		ScsiHardware:    pulumi.String("virtio-scsi-single"),
		Disks:           args.disks(),
		NetworkDevices:  vm.VirtualMachineNetworkDeviceArray{nic},
		OperatingSystem: vm.VirtualMachineOperatingSystemArgs{Type: pulumi.String("l26")},
		// Cloud images log to a serial console, and Debian's hang without one.
		SerialDevices: vm.VirtualMachineSerialDeviceArray{
			vm.VirtualMachineSerialDeviceArgs{Device: pulumi.String("socket")},
		},
		Vga: vm.VirtualMachineVgaArgs{Type: pulumi.String("std"), Memory: pulumi.Int(16)},
		Initialization: vm.VirtualMachineInitializationArgs{
			DatastoreId: pulumi.String(args.Datastore),
			Interface:   pulumi.String("ide2"),
			Dns:         args.dns(),
			IpConfigs: vm.VirtualMachineInitializationIpConfigArray{
				vm.VirtualMachineInitializationIpConfigArgs{Ipv4: ipv4},
			},
			UserDataFileId: pulumi.String(args.SnippetDatastore + ":snippets/" + snippetName(ctx, name, "user-data")),
			MetaDataFileId: pulumi.String(args.SnippetDatastore + ":snippets/" + snippetName(ctx, name, "meta-data")),
		},
		OnBoot:     pulumi.Bool(args.OnBoot),
		Started:    pulumi.Bool(true),
		Protection: pulumi.Bool(args.Protection),
		// A guest without an answering agent would hold up its own shutdown.
		StopOnDestroy: pulumi.Bool(true),

		TimeoutClone:      pulumi.Int(copyTimeoutSeconds),
		TimeoutCreate:     pulumi.Int(copyTimeoutSeconds),
		TimeoutMigrate:    pulumi.Int(copyTimeoutSeconds),
		TimeoutReboot:     pulumi.Int(powerTimeoutSeconds),
		TimeoutShutdownVm: pulumi.Int(powerTimeoutSeconds),
		TimeoutStartVm:    pulumi.Int(powerTimeoutSeconds),
		TimeoutStopVm:     pulumi.Int(powerTimeoutSeconds),
	}
	if args.VMID != 0 {
		m.VmId = pulumi.Int(args.VMID)
	}
	if args.StartOrder != 0 {
		m.Startup = vm.VirtualMachineStartupArgs{
			Order:     pulumi.Int(args.StartOrder),
			UpDelay:   pulumi.Int(args.StartDelaySeconds),
			DownDelay: pulumi.Int(0),
		}
	}
	return m
}

// dns is nil for the node's own settings.
func (args VMArgs) dns() vm.VirtualMachineInitializationDnsPtrInput {
	if args.SearchDomain == "" && len(args.DNSServers) == 0 {
		return nil
	}
	return vm.VirtualMachineInitializationDnsArgs{
		Domain:  pulumi.String(args.SearchDomain),
		Servers: pulumi.ToStringArray(args.DNSServers),
	}
}

func (args VMArgs) disks() vm.VirtualMachineDiskArray {
	disks := vm.VirtualMachineDiskArray{
		// Options of the system disk are the template's: a clone does not apply others.
		vm.VirtualMachineDiskArgs{
			Interface:   pulumi.String("scsi0"),
			DatastoreId: pulumi.String(args.Datastore),
			Size:        pulumi.Int(args.DiskGiB),
		},
	}
	for i, d := range args.DataDisks {
		disks = append(disks, vm.VirtualMachineDiskArgs{
			Interface:   pulumi.String(fmt.Sprintf("scsi%d", i+1)),
			DatastoreId: pulumi.String(d.Datastore),
			Size:        pulumi.Int(d.SizeGiB),
			Backup:      pulumi.Bool(d.Backup),
			Discard:     pulumi.String("on"),
			Iothread:    pulumi.Bool(true),
			Ssd:         pulumi.Bool(true),
		})
	}
	return disks
}

// ignored lists what must not count as a change.
func (args VMArgs) ignored() []string {
	ignored := []string{
		// Only the creation reads it (https://github.com/bpg/terraform-provider-proxmox/issues/1988).
		"clone",
	}
	for _, option := range []string{"aio", "backup", "cache", "discard", "fileFormat", "iothread", "replicate", "ssd"} {
		ignored = append(ignored, "disks[0]."+option)
	}
	for i := range len(args.DataDisks) + 1 {
		// The provider reports limits of zero where none were set; a wildcard is not understood.
		ignored = append(ignored, fmt.Sprintf("disks[%d].speed", i))
	}
	return ignored
}

// address returns the static address, or what the guest agent reports.
func (args VMArgs) address(name string, machine *vm.VirtualMachine) pulumi.StringOutput {
	if !args.dhcp() {
		// It is known beforehand, but what connects to it has to wait for the machine.
		return machine.NodeName.ApplyT(func(string) string {
			static, _, _ := strings.Cut(args.Address, "/")
			return static
		}).(pulumi.StringOutput)
	}
	return machine.Ipv4Addresses.ApplyT(func(nics [][]string) (string, error) {
		for _, addresses := range nics {
			for _, a := range addresses {
				if a != "127.0.0.1" {
					return a, nil
				}
			}
		}
		return "", fmt.Errorf("%s: its guest agent did not answer within %s, so its DHCP address is not known. Check that qemu-guest-agent runs in the guest, or give it a static address; then run pulumi up --refresh",
			name, args.agentTimeout())
	}).(pulumi.StringOutput)
}
