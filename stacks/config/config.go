// Package config reads, completes and checks the configuration of a stack. Its result needs no
// further decision: every guest carries all of its settings, so that a stack only copies them
// into the arguments of components.
package config

import (
	"net/netip"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Kind says which of the entrypoints a stack runs.
type Kind string

// The kinds of stacks. A stack with one of these names is of that kind unless `kind` says else.
const (
	Prod       Kind = "prod"
	Lab        Kind = "lab"
	Monitoring Kind = "monitoring"
)

// Config is a valid configuration of one stack with every default filled in.
type Config struct {
	Kind Kind
	// Stack is Pulumi's name of the stack.
	Stack   string
	Proxmox Proxmox
	// Nodes are the nodes of the cluster by their Proxmox names.
	Nodes map[string]Node
	// Node is the node of guests that name none.
	Node string
	// Datastore holds the disks of guests that name none.
	Datastore string
	// SnippetDatastore holds the cloud-init snippets.
	SnippetDatastore string
	// LXCTemplate is the volume id of the container template.
	LXCTemplate string
	// LXCOSType is Proxmox's name of the operating system in LXCTemplate.
	LXCOSType string
	// Network is the masked IPv4 network of the guests.
	Network       netip.Prefix
	Gateway       netip.Addr
	Bridge        string
	DNSServers    []string
	SearchDomain  string
	VMIDBase      int
	Username      string
	SSHPublicKeys []string
	// VMs are sorted by name.
	VMs []VM
	// Containers are sorted by name.
	Containers []Container
	// Backups are sorted by name.
	Backups []Backup
	// BackupChecks says what a doubt about the backups does: warn, fail or off.
	BackupChecks string
}

// Proxmox says how to reach the cluster.
type Proxmox struct {
	// Endpoint is an https URL that ends in a slash.
	Endpoint string
	// APIToken is in clear, because the checks before a change use it too. Whoever hands it to a
	// resource makes it a secret.
	APIToken string
	// Insecure accepts any certificate of the API.
	Insecure    bool
	SSHUsername string
	// SSHPrivateKey is nil when it is not set.
	SSHPrivateKey pulumi.StringPtrInput
	// SSHPassword is nil when it is not set.
	SSHPassword pulumi.StringPtrInput
	// SSHAgent uses the SSH agent of the machine that runs Pulumi.
	SSHAgent bool
}

// Node is a node of the cluster.
type Node struct {
	// Address is where SSH reaches the node: an IP address or a DNS name.
	Address string
	SSHPort int
	// TemplateID is the VMID of the template on this node, 0 when it has none.
	TemplateID int
}

// VM is a virtual machine.
type VM struct {
	// Name is the host name and the name in Proxmox.
	Name string
	Node string
	VMID int
	// TemplateID is the VMID of the template to clone.
	TemplateID int
	// TemplateNode is the node that the template stands on.
	TemplateNode string
	// Address carries the prefix length of the network. The zero value means DHCP.
	Address netip.Prefix
	// Gateway is the zero value with DHCP.
	Gateway      netip.Addr
	DNSServers   []string
	SearchDomain string
	Cores        int
	CPUType      string
	MemoryMiB    int
	// BalloonMiB is the memory that the guest keeps when the node is short of it, 0 to turn
	// ballooning off.
	BalloonMiB int
	DiskGiB    int
	Datastore  string
	// SnippetDatastore holds the VM's cloud-init snippet.
	SnippetDatastore string
	// DataDisks keep their order: the first one becomes scsi1.
	DataDisks []DataDisk
	Bridge    string
	// VLAN is 0 for untagged.
	VLAN int
	// MAC is upper case, or empty to let Proxmox choose one.
	MAC        string
	Firewall   bool
	Agent      bool
	OnBoot     bool
	StartOrder int
	// StartDelaySeconds is the wait after this guest's start before the next one starts.
	StartDelaySeconds int
	// Tags are sorted and unique. They hold the guest's own, `pve-home`, the stack's name, and
	// `expires-YYYY-MM-DD` for a guest that expires.
	Tags        []string
	Description string
	Protection  bool
	// Backup says that jobs which name no guests include it.
	Backup        bool
	Username      string
	SSHPublicKeys []string
	// Migrate allows a change of Node, by migration.
	Migrate bool
}

// DataDisk is a further disk of a VM.
type DataDisk struct {
	SizeGiB   int
	Datastore string
	// Backup includes the disk in backups of the VM.
	Backup bool
}

// Container is an LXC container.
type Container struct {
	// Name is the host name.
	Name string
	Node string
	VMID int
	// Template is the volume id of the container template.
	Template string
	OSType   string
	// Address carries the prefix length of the network. The zero value means DHCP.
	Address netip.Prefix
	// Gateway is the zero value with DHCP.
	Gateway      netip.Addr
	DNSServers   []string
	SearchDomain string
	Cores        int
	MemoryMiB    int
	SwapMiB      int
	DiskGiB      int
	Datastore    string
	Unprivileged bool
	Nesting      bool
	// MountPoints keep their order: the first one becomes mp0.
	MountPoints []MountPoint
	Bridge      string
	// VLAN is 0 for untagged.
	VLAN int
	// MAC is upper case, or empty to let Proxmox choose one.
	MAC        string
	Firewall   bool
	OnBoot     bool
	StartOrder int
	// StartDelaySeconds is the wait after this guest's start before the next one starts.
	StartDelaySeconds int
	// Tags are as those of a VM.
	Tags        []string
	Description string
	// Backup says that jobs which name no guests include it.
	Backup        bool
	Protection    bool
	SSHPublicKeys []string
}

// MountPoint is a volume of a container.
type MountPoint struct {
	// Path is where the container sees the volume.
	Path      string
	SizeGiB   int
	Datastore string
	ReadOnly  bool
	// Backup includes the volume in backups of the container.
	Backup bool
}

// Backup is a scheduled backup job. Exactly one of Guests, Pool and All says of what.
type Backup struct {
	Name string
	// Schedule is a Proxmox calendar event.
	Schedule string
	Storage  string
	// Guests are names of guests of the stack, sorted.
	Guests []string
	Pool   string
	All    bool
	// Exclude are the VMIDs that All leaves out.
	Exclude []int
	// Node is empty for all nodes.
	Node string
	// Mode is snapshot, suspend or stop.
	Mode string
	// Compress is 0, gzip, lzo or zstd.
	Compress string
	// Each of Keep* is the number of backups that survive pruning by that rule, 0 for none.
	KeepLast, KeepHourly, KeepDaily, KeepWeekly, KeepMonthly, KeepYearly int

	Enabled       bool
	RepeatMissed  bool
	Comment       string
	NotesTemplate string
	// Notification is auto, notification-system or legacy-sendmail.
	Notification  string
	MailTo        []string
	MailOnFailure bool
	// BandwidthLimitKiBps is 0 for none of its own.
	BandwidthLimitKiBps int
	FleecingStorage     string
	Protected           bool
}
