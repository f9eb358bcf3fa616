package components

import (
	"fmt"
	"strings"

	"github.com/muhlba91/pulumi-proxmoxve/sdk/v6/go/proxmoxve/ct"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const containerDeleteTimeoutSeconds = 120

// LXCArgs describes a container made from an OS template.
type LXCArgs struct {
	// Node is the node the container runs on. It cannot change: containers do not migrate live.
	Node string
	// VMID is 100 to 999999999; 0 lets Proxmox choose.
	VMID int
	// Template is a volume id such as local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst, read
	// at creation only. OSType must fit it.
	Template string
	OSType   string

	// Address is an IPv4 address with its prefix length, or "dhcp".
	Address      string
	Gateway      string
	DNSServers   []string
	SearchDomain string
	Bridge       string
	// VLAN is 1 to 4094, or 0 for untagged.
	VLAN int
	// MAC is optional; Proxmox makes one up and keeps it.
	MAC string
	// Firewall lets the rules of Proxmox' firewall apply to the container's NIC.
	Firewall bool

	Cores     int
	MemoryMiB int
	SwapMiB   int
	DiskGiB   int
	Datastore string
	// MountPoints become mp0, mp1, ... in this order.
	MountPoints []MountPoint

	// Unprivileged maps the container's root to an unprivileged user of the host.
	Unprivileged bool
	// Nesting lets systemd and containers work inside; other features need root@pam with a
	// password and are not offered (https://github.com/bpg/terraform-provider-proxmox/issues/344).
	Nesting bool
	OnBoot  bool
	// StartOrder counts from 1; 0 means any.
	StartOrder        int
	StartDelaySeconds int

	Tags        []string
	Description string
	// Protection makes Proxmox refuse to remove the container or its disks, and Pulumi to destroy it.
	Protection bool

	// SSHPublicKeys of root are set at creation only.
	SSHPublicKeys []string
}

// MountPoint is a volume of its own, mounted at Path.
type MountPoint struct {
	Path      string
	SizeGiB   int
	Datastore string
	ReadOnly  bool
	// Backup includes the volume in vzdump backups.
	Backup bool
}

// LXC is a container.
type LXC struct {
	pulumi.ResourceState

	VMID pulumi.IntOutput    `pulumi:"vmId"`
	Node pulumi.StringOutput `pulumi:"node"`
	// Address is the IPv4 address without its prefix length, or "dhcp".
	Address pulumi.StringOutput `pulumi:"address"`
}

// NewLXC creates a container from its OS template and starts it.
func NewLXC(ctx *pulumi.Context, name string, proxmox *Proxmox, args LXCArgs, opts ...pulumi.ResourceOption) (*LXC, error) {
	l := &LXC{}
	if err := ctx.RegisterComponentResource("pve-home:index:LXC", name, l, opts...); err != nil {
		return nil, fmt.Errorf("register container %s: %w", name, err)
	}
	container, err := ct.NewContainer(ctx, name, args.container(name),
		pulumi.Parent(l),
		pulumi.Provider(proxmox.Provider),
		pulumi.Protect(args.Protection),
		neverDeleteFirst,
		pulumi.IgnoreChanges([]string{
			// Both are read at creation; the provider would replace the container, and its data,
			// for a new key or a newer template.
			"initialization.userAccount",
			"operatingSystem.templateFileId",
		}),
		pulumi.ResourceHooks(proxmox.guard.container),
	)
	if err != nil {
		return nil, fmt.Errorf("container of %s: %w", name, err)
	}
	l.VMID = container.VmId
	l.Node = container.NodeName
	// It is known beforehand, but what connects to it has to wait for the container.
	l.Address = container.NodeName.ApplyT(func(string) string {
		address, _, _ := strings.Cut(args.Address, "/")
		return address
	}).(pulumi.StringOutput)
	return l, ctx.RegisterResourceOutputs(l, pulumi.Map{"vmId": l.VMID, "node": l.Node, "address": l.Address})
}

func (args LXCArgs) container(name string) *ct.ContainerArgs {
	ipv4 := ct.ContainerInitializationIpConfigIpv4Args{Address: pulumi.String(args.Address)}
	if args.Address != "dhcp" && args.Gateway != "" {
		ipv4.Gateway = pulumi.String(args.Gateway)
	}
	nic := ct.ContainerNetworkInterfaceArgs{
		Name:     pulumi.String("eth0"),
		Bridge:   pulumi.String(args.Bridge),
		Firewall: pulumi.Bool(args.Firewall),
	}
	if args.VLAN != 0 {
		nic.VlanId = pulumi.Int(args.VLAN)
	}
	if args.MAC != "" {
		nic.MacAddress = pulumi.String(strings.ToUpper(args.MAC))
	}
	c := &ct.ContainerArgs{
		Description: pulumi.String(reportedDescription(args.Description)),
		NodeName:    pulumi.String(args.Node),
		Tags:        pulumi.ToStringArray(args.Tags),
		OperatingSystem: ct.ContainerOperatingSystemArgs{
			TemplateFileId: pulumi.String(args.Template),
			Type:           pulumi.String(args.OSType),
		},
		Cpu:               ct.ContainerCpuArgs{Cores: pulumi.Int(args.Cores)},
		Memory:            ct.ContainerMemoryArgs{Dedicated: pulumi.Int(args.MemoryMiB), Swap: pulumi.Int(args.SwapMiB)},
		Disk:              ct.ContainerDiskArgs{DatastoreId: pulumi.String(args.Datastore), Size: pulumi.Int(args.DiskGiB)},
		MountPoints:       args.mountPoints(),
		NetworkInterfaces: ct.ContainerNetworkInterfaceArray{nic},
		Initialization: ct.ContainerInitializationArgs{
			Hostname: pulumi.String(name),
			Dns:      args.dns(),
			IpConfigs: ct.ContainerInitializationIpConfigArray{
				ct.ContainerInitializationIpConfigArgs{Ipv4: ipv4},
			},
			UserAccount: ct.ContainerInitializationUserAccountArgs{Keys: pulumi.ToStringArray(args.SSHPublicKeys)},
		},
		Features:      ct.ContainerFeaturesArgs{Nesting: pulumi.Bool(args.Nesting)},
		Unprivileged:  pulumi.Bool(args.Unprivileged),
		Protection:    pulumi.Bool(args.Protection),
		StartOnBoot:   pulumi.Bool(args.OnBoot),
		Started:       pulumi.Bool(true),
		TimeoutCreate: pulumi.Int(copyTimeoutSeconds),
		TimeoutUpdate: pulumi.Int(powerTimeoutSeconds),
		TimeoutDelete: pulumi.Int(containerDeleteTimeoutSeconds),
	}
	if args.VMID != 0 {
		c.VmId = pulumi.Int(args.VMID)
	}
	if args.StartOrder != 0 {
		c.Startup = ct.ContainerStartupArgs{
			Order:     pulumi.Int(args.StartOrder),
			UpDelay:   pulumi.Int(args.StartDelaySeconds),
			DownDelay: pulumi.Int(0),
		}
	}
	return c
}

// dns is nil for the node's own settings.
func (args LXCArgs) dns() ct.ContainerInitializationDnsPtrInput {
	if args.SearchDomain == "" && len(args.DNSServers) == 0 {
		return nil
	}
	return ct.ContainerInitializationDnsArgs{
		Domain:  pulumi.String(args.SearchDomain),
		Servers: pulumi.ToStringArray(args.DNSServers),
	}
}

// reportedDescription ends a text as Proxmox reports it, because the provider compares the two
// of a container literally.
func reportedDescription(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

func (args LXCArgs) mountPoints() ct.ContainerMountPointArray {
	points := ct.ContainerMountPointArray{}
	for _, m := range args.MountPoints {
		points = append(points, ct.ContainerMountPointArgs{
			Path:     pulumi.String(m.Path),
			Volume:   pulumi.String(m.Datastore),
			Size:     pulumi.String(fmt.Sprintf("%dG", m.SizeGiB)),
			ReadOnly: pulumi.Bool(m.ReadOnly),
			Backup:   pulumi.Bool(m.Backup),
		})
	}
	return points
}
