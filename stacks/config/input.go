package config

// The types in this file are the configuration as it is written. docs/configuration.md is made
// of their comments and tags:
//
//	config    the key
//	default   the value when the key is absent (JSON unless the field is a string)
//	fallback  for the reference only: what stands in for an absent value
//	required  the key must be there
//	min, max  bounds of a number
//	enum      the values a string may have
//	format    the entry of formats that a string, or each string of a list, must satisfy
//	keys      the entry of formats that the names in a map must satisfy
//	maxItems  the most entries that a list may have
//	optional  a string may be set to nothing in spite of its default
//
// A zero value is an absent one wherever the field has no default.

// input is everything below `config:` of Pulumi.yaml, where its keys are described.
type input struct {
	Kind string `config:"kind" enum:"prod lab monitoring"`

	ProxmoxEndpoint      string `config:"proxmoxEndpoint" format:"endpoint"`
	ProxmoxAPIToken      string `config:"proxmoxApiToken" format:"apiToken"`
	ProxmoxInsecure      bool   `config:"proxmoxInsecure" default:"false"`
	ProxmoxSSHUsername   string `config:"proxmoxSshUsername" default:"root" format:"login"`
	ProxmoxSSHPrivateKey string `config:"proxmoxSshPrivateKey"`
	ProxmoxSSHPassword   string `config:"proxmoxSshPassword"`
	ProxmoxSSHAgent      bool   `config:"proxmoxSshAgent" default:"false"`

	Nodes            map[string]nodeInput `config:"nodes" default:"{\"pve1\":{\"address\":\"192.168.1.11\",\"templateId\":9000},\"pve2\":{\"address\":\"192.168.1.12\",\"templateId\":9001}}" keys:"nodeName"`
	Node             string               `config:"node" default:"pve1"`
	Datastore        string               `config:"datastore" default:"local-lvm" format:"datastore"`
	SnippetDatastore string               `config:"snippetDatastore" default:"local" format:"datastore"`
	LXCTemplate      string               `config:"lxcTemplate" default:"local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst" format:"template"`
	LXCOSType        string               `config:"lxcOsType" default:"debian" enum:"debian ubuntu alpine archlinux centos devuan fedora gentoo nixos opensuse unmanaged"`

	Network      string   `config:"network" default:"192.168.1.0/24" format:"network"`
	Gateway      string   `config:"gateway" default:"192.168.1.1" format:"ipv4"`
	Bridge       string   `config:"bridge" default:"vmbr0" format:"bridge"`
	DNSServers   []string `config:"dnsServers" default:"[\"192.168.1.1\"]" format:"ip"`
	SearchDomain string   `config:"searchDomain" default:"home.arpa" format:"domain" optional:"true"`

	VMIDBase      int      `config:"vmIdBase" default:"1000" min:"100" max:"999999999"`
	Username      string   `config:"username" default:"admin" format:"guestLogin"`
	SSHPublicKeys []string `config:"sshPublicKeys" default:"[]"`

	VMs        map[string]vmInput        `config:"vms" default:"{}" keys:"guestName"`
	Containers map[string]containerInput `config:"containers" default:"{}" keys:"guestName"`
	Backups    map[string]backupInput    `config:"backups" default:"{}" keys:"backupName"`

	BackupChecks string `config:"backupChecks" default:"warn" enum:"warn fail off"`
}

// nodeInput is one entry of `nodes`, by the node's name in Proxmox.
type nodeInput struct {
	// IP address or DNS name of the node, for SSH.
	Address string `config:"address" required:"true" format:"host"`
	// Port of the node's SSH server.
	SSHPort int `config:"sshPort" default:"22" min:"1" max:"65535"`
	// VMID of the cloud-init template on this node. Without one, VMs on this node are cloned from the template of `node` and migrated.
	TemplateID int `config:"templateId" min:"100" max:"999999999"`
}

// guestInput is what VMs and containers have in common.
type guestInput struct {
	// IPv4 address without a prefix length, or `dhcp`.
	Address string `config:"address" required:"true" format:"address"`
	// Node to run on, a key of `nodes`.
	Node string `config:"node" fallback:"node"`
	// VMID. A guest with `dhcp` needs one, as there is no address to derive it from.
	VMID int `config:"vmId" min:"100" max:"999999999" fallback:"vmIdBase + host part of the address"`
	// Datastore for the guest's disks.
	Datastore string `config:"datastore" format:"datastore" fallback:"datastore"`
	// Network bridge of the node.
	Bridge string `config:"bridge" format:"bridge" fallback:"bridge"`
	// VLAN, 0 for untagged.
	VLAN int `config:"vlan" default:"0" min:"0" max:"4094"`
	// MAC address; Proxmox chooses one otherwise.
	MAC string `config:"mac" format:"mac"`
	// Guard the network interface with Proxmox's firewall, as far as that is on for the datacenter and the node.
	Firewall bool `config:"firewall" default:"true"`
	// Default gateway of a guest with a static address.
	Gateway string `config:"gateway" format:"ipv4" fallback:"gateway"`
	// DNS servers.
	DNSServers []string `config:"dnsServers" format:"ip" fallback:"dnsServers"`
	// DNS search domain.
	SearchDomain string `config:"searchDomain" format:"domain" fallback:"searchDomain"`
	// Start the guest when the node starts.
	OnBoot bool `config:"onBoot" default:"true"`
	// Place in the order of start; guests without one (0) start last.
	StartOrder int `config:"startOrder" default:"0" min:"0" max:"999999"`
	// Seconds to wait after this guest's start before the next one starts. Needs `startOrder`.
	StartDelaySeconds int `config:"startDelaySeconds" default:"0" min:"0" max:"86400"`
	// Tags, besides `pve-home` and the name of the stack.
	Tags []string `config:"tags" default:"[]" format:"tag"`
	// Notes in Proxmox.
	Description string `config:"description" format:"description"`
	// Day from which the guest is no longer needed. It becomes the tag `expires-YYYY-MM-DD`.
	Expires string `config:"expires" format:"date"`
	// Refuse to remove the guest, in Proxmox and in Pulumi.
	Protection bool `config:"protection" default:"false"`
	// The jobs of `backups` include the guest, and it is missed when none does.
	Backup bool `config:"backup" default:"true"`
	// SSH public keys that may log in.
	SSHPublicKeys []string `config:"sshPublicKeys" fallback:"sshPublicKeys"`
}

// vmInput is one entry of `vms`, by host name.
type vmInput struct {
	guestInput
	// CPU cores.
	Cores int `config:"cores" default:"2" min:"1" max:"2304"`
	// CPU model that the guest sees. A guest can move only to a node whose CPU has all that the model has.
	CPUType string `config:"cpuType" default:"x86-64-v2-AES" format:"cpuType"`
	// Memory in MiB.
	MemoryMiB int `config:"memoryMiB" default:"2048" min:"64" max:"268435456"`
	// Memory in MiB that the guest keeps when the node is short of it, 0 for no ballooning. At most `memoryMiB`.
	BalloonMiB int `config:"balloonMiB" default:"0" min:"0" max:"268435456"`
	// Size of the system disk in GiB. It can grow, never shrink, and cannot be smaller than the template's.
	DiskGiB int `config:"diskGiB" default:"20" min:"4" max:"131072"`
	// Further disks. Add at the end: a disk's place is its identity.
	DataDisks []dataDiskInput `config:"dataDisks" default:"[]" maxItems:"13"`
	// The template has the QEMU guest agent or may install it.
	Agent bool `config:"agent" default:"true"`
	// Login made by cloud-init.
	Username string `config:"username" format:"guestLogin" fallback:"username"`
	// VMID of the template to clone.
	TemplateID int `config:"templateId" min:"100" max:"999999999" fallback:"templateId of the VM's node, else of node"`
	// Node that `templateId` stands on.
	TemplateNode string `config:"templateNode" fallback:"the VM's node"`
	// Allow a change of `node`: the VM is migrated, with its disks.
	Migrate bool `config:"migrate" default:"false"`
}

// dataDiskInput is one entry of `dataDisks`.
type dataDiskInput struct {
	// Size in GiB. It can grow, never shrink.
	SizeGiB int `config:"sizeGiB" required:"true" min:"1" max:"131072"`
	// Datastore for the disk.
	Datastore string `config:"datastore" format:"datastore" fallback:"datastore of the VM"`
	// Include the disk in backups.
	Backup bool `config:"backup" default:"true"`
}

// containerInput is one entry of `containers`, by host name.
type containerInput struct {
	guestInput
	// CPU cores.
	Cores int `config:"cores" default:"1" min:"1" max:"128"`
	// Memory in MiB.
	MemoryMiB int `config:"memoryMiB" default:"512" min:"16" max:"268435456"`
	// Swap in MiB.
	SwapMiB int `config:"swapMiB" default:"512" min:"0" max:"268435456"`
	// Size of the root disk in GiB. It can grow, never shrink.
	DiskGiB int `config:"diskGiB" default:"8" min:"1" max:"131072"`
	// Further volumes. Add at the end: a volume's place is its identity.
	MountPoints []mountPointInput `config:"mountPoints" default:"[]" maxItems:"8"`
	// Map the container's root to an ordinary user of the node.
	Unprivileged bool `config:"unprivileged" default:"true"`
	// Allow containers within the container, which Docker and recent systemd need.
	Nesting bool `config:"nesting" default:"false"`
	// Volume id of the container template.
	Template string `config:"template" format:"template" fallback:"lxcTemplate"`
	// Operating system of the template.
	OSType string `config:"osType" enum:"debian ubuntu alpine archlinux centos devuan fedora gentoo nixos opensuse unmanaged" fallback:"lxcOsType"`
}

// mountPointInput is one entry of `mountPoints`.
type mountPointInput struct {
	// Where the container sees the volume.
	Path string `config:"path" required:"true" format:"mountPath"`
	// Size in GiB. It can grow, never shrink.
	SizeGiB int `config:"sizeGiB" required:"true" min:"1" max:"131072"`
	// Datastore for the volume.
	Datastore string `config:"datastore" format:"datastore" fallback:"datastore of the container"`
	// Mount it read-only.
	ReadOnly bool `config:"readOnly" default:"false"`
	// Include the volume in backups.
	Backup bool `config:"backup" default:"true"`
}

// backupInput is one entry of `backups`, by the job's name.
type backupInput struct {
	// When to run: a Proxmox calendar event, such as `sun 02:30`.
	Schedule string `config:"schedule" required:"true" format:"schedule"`
	// Storage for the backups (content type `backup`), better not the one that holds the disks.
	Storage string `config:"storage" required:"true" format:"datastore"`
	// Guests of this stack to back up, by name.
	Guests []string `config:"guests" fallback:"every guest of the stack with backup: true"`
	// Back up the guests of this pool instead.
	Pool string `config:"pool" format:"pool"`
	// Back up all guests of the cluster instead, those of other stacks included.
	All bool `config:"all" default:"false"`
	// VMIDs that `all` leaves out.
	Exclude []int `config:"exclude" default:"[]" min:"100" max:"999999999"`
	// Run on this node only, a key of `nodes`: guests that are elsewhere then are not backed up.
	Node string `config:"node"`
	// How a running guest is backed up.
	Mode string `config:"mode" default:"snapshot" enum:"snapshot suspend stop"`
	// Compression, `0` for none.
	Compress string `config:"compress" default:"zstd" enum:"0 gzip lzo zstd"`
	// Keep the last so many backups of each guest. Where all of `keep*` are 0 the storage's own retention counts, which keeps all unless it is set.
	KeepLast int `config:"keepLast" default:"0" min:"0" max:"999999"`
	// Keep the last backup of each of so many hours.
	KeepHourly int `config:"keepHourly" default:"0" min:"0" max:"999999"`
	// Keep the last backup of each of so many days.
	KeepDaily int `config:"keepDaily" default:"0" min:"0" max:"999999"`
	// Keep the last backup of each of so many weeks.
	KeepWeekly int `config:"keepWeekly" default:"0" min:"0" max:"999999"`
	// Keep the last backup of each of so many months.
	KeepMonthly int `config:"keepMonthly" default:"0" min:"0" max:"999999"`
	// Keep the last backup of each of so many years.
	KeepYearly int `config:"keepYearly" default:"0" min:"0" max:"999999"`
	// The schedule counts.
	Enabled bool `config:"enabled" default:"true"`
	// Run as soon as possible when the node was off at the time.
	RepeatMissed bool `config:"repeatMissed" default:"false"`
	// Remark on the job.
	Comment string `config:"comment" format:"backupComment"`
	// Notes of each backup. Proxmox fills in `{{cluster}}`, `{{guestname}}`, `{{node}}` and `{{vmid}}`.
	NotesTemplate string `config:"notesTemplate" default:"{{guestname}}" format:"notesTemplate" optional:"true"`
	// How Proxmox tells of the result: its notification system, or mail to `mailTo`.
	Notification string `config:"notification" default:"auto" enum:"auto notification-system legacy-sendmail"`
	// Mail addresses for the result. Proxmox sends the mail itself, with its legacy mailer.
	MailTo []string `config:"mailTo" default:"[]" format:"mail"`
	// Mail of failures only.
	MailOnFailure bool `config:"mailOnFailure" default:"false"`
	// Most that one backup reads in KiB per second, 0 for the datacenter's limit.
	BandwidthLimitKiBps int `config:"bandwidthLimitKiBps" default:"0" min:"0" max:"1000000000"`
	// Storage for fleecing images, which keep a slow `storage` from slowing the guest down while it is backed up. Give a fast one that holds `images`.
	FleecingStorage string `config:"fleecingStorage" format:"datastore"`
	// Retention never removes these backups.
	Protected bool `config:"protected" default:"false"`
}
