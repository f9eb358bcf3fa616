package sim

import (
	"fmt"
	"io"
	"net/netip"
)

// Node is a cluster member.
type Node struct {
	// Name is the node's host name, for example pve1.
	Name string
	// Address is the loopback address on which the node's SSH server listens; empty means no SSH server.
	Address string
	// SSHPort is the port of the node's SSH server; 0 means 22, -1 a free port.
	SSHPort int
}

// VMTemplate is a QEMU template that exists from the start.
type VMTemplate struct {
	VMID int
	Name string
	Node string
	// DiskSizeGiB is the size of scsi0.
	DiskSizeGiB int
	// DiskOptions are added to scsi0, for example "discard=on,ssd=1".
	DiskOptions string
	// Config overrides or adds keys of the template's configuration.
	Config map[string]string
}

// Storage is a storage definition; like Proxmox VE's storage.cfg it is valid for the whole cluster.
type Storage struct {
	ID string
	// Type is dir, lvmthin, nfs, zfspool, ...
	Type string
	// Path is the directory of a file based storage, empty otherwise.
	Path string
	// Content lists the permitted content types.
	Content []string
	// Shared storages have the same volumes on every node.
	Shared bool
	// Nodes restricts the storage to these nodes; empty means all.
	Nodes []string
	// Disabled storages are refused by every use.
	Disabled bool
	// SizeGiB is the capacity on each node.
	SizeGiB int
}

// Options say what Start builds. Only Nodes and Listen are required.
type Options struct {
	Nodes []Node
	// Listen is the address of the HTTPS API, for example 127.80.1.11:8006; port 0 takes a free one.
	Listen string
	// Network is the prefix in which running guests listen; without it no guest listens.
	Network netip.Prefix
	// GuestSSHPort is the port of the guests' SSH servers; 0 means 22.
	GuestSSHPort int
	// GuestDocker is what the images of guests have of Docker: DockerInstalled or DockerWithoutCompose; empty means that
	// a guest has what its user-data installs. SetDocker overrides it.
	GuestDocker string
	// Version is 8.4 (default) or 9.1.
	Version string
	// SchemaFile is Proxmox's API schema as JSON; without it requests are not validated, and only those
	// privileges are checked that the schema does not know.
	SchemaFile string
	// StateFile keeps the state over restarts; empty means in memory only.
	StateFile string
	// Log receives one line per request and task; nil discards them.
	Log io.Writer
	// SSHUser is the only user whom the nodes' SSH servers accept; empty accepts every name.
	SSHUser string
	// SSHPassword lets the user in by password; empty refuses passwords.
	SSHPassword string
	// SSHAuthorizedKeys are public keys in authorized_keys format, accepted next to SSHPrivateKeyPEM's.
	SSHAuthorizedKeys []string
	// RootPassword is root@pam's password for POST /access/ticket; empty refuses it.
	RootPassword string
	// Templates, Storages and ContainerTemplates replace the defaults when not nil.
	Templates          []VMTemplate
	Storages           []Storage
	ContainerTemplates []string
	// Downloads maps the URLs that download-url may fetch to their size in bytes. URLs of loopback hosts
	// are really fetched, every other URL is refused.
	Downloads map[string]int64
}

const (
	version8 = "8.4"
	version9 = "9.1"

	// gib is the number of bytes of a GiB.
	gib = int64(1) << 30
)

// DefaultTemplateDiskOptions are the options of scsi0 of the default templates.
const DefaultTemplateDiskOptions = "discard=on,iothread=1,ssd=1"

func defaultStorages() []Storage {
	return []Storage{
		{ID: "local", Type: "dir", Path: "/var/lib/vz", Content: []string{"iso", "vztmpl", "backup", "snippets"}, SizeGiB: 200},
		{ID: "local-lvm", Type: "lvmthin", Content: []string{"images", "rootdir"}, SizeGiB: 2048},
		{
			ID: "nas", Type: "nfs", Path: "/mnt/pve/nas", Shared: true, SizeGiB: 8192,
			Content: []string{"backup", "images", "rootdir", "vztmpl", "iso"},
		},
	}
}

func defaultTemplates(nodes []Node) []VMTemplate {
	var templates []VMTemplate
	for i, n := range nodes {
		if i == 2 {
			break
		}
		templates = append(templates, VMTemplate{
			VMID: 9000 + i, Name: "debian-13-cloudinit", Node: n.Name,
			DiskSizeGiB: 3, DiskOptions: DefaultTemplateDiskOptions,
		})
	}
	return templates
}

func (o *Options) complete() error {
	if len(o.Nodes) == 0 {
		return fmt.Errorf("pvesim needs at least one node")
	}
	seen := map[string]bool{}
	for _, n := range o.Nodes {
		if n.Name == "" || seen[n.Name] {
			return fmt.Errorf("node name %q is empty or used twice", n.Name)
		}
		seen[n.Name] = true
	}
	switch o.Version {
	case "":
		o.Version = version8
	case version8, version9:
	default:
		return fmt.Errorf("version %q is not simulated: use %s or %s", o.Version, version8, version9)
	}
	if o.GuestSSHPort == 0 {
		o.GuestSSHPort = 22
	}
	if o.Network.IsValid() && !o.Network.Addr().IsLoopback() {
		return fmt.Errorf("network %s is not a loopback network: guests of the simulator listen on 127.0.0.0/8 only", o.Network)
	}
	if o.GuestDocker != "" {
		if err := checkDocker(o.GuestDocker); err != nil {
			return err
		}
	}
	if o.Storages == nil {
		o.Storages = defaultStorages()
	}
	if o.Templates == nil {
		o.Templates = defaultTemplates(o.Nodes)
	}
	if o.ContainerTemplates == nil {
		o.ContainerTemplates = []string{"debian-13-standard_13.1-2_amd64.tar.zst"}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return nil
}
