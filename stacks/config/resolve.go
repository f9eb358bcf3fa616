package config

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// resolver turns the input into a Config. Its checks are those that need more than one setting.
type resolver struct {
	*problems
	in  *input
	cfg *Config

	// What must be unique, and who holds it.
	addresses map[netip.Addr]string
	vmIDs     map[int]string
	macs      map[string]string
}

// resolve decodes, checks and completes the configuration, but for the secrets.
func resolve(s settings) (*Config, error) {
	p := &problems{hidden: map[string]bool{}}
	checkKeys(s, p)
	in := decode(s, p)
	r := &resolver{
		problems:  p,
		in:        in,
		addresses: map[netip.Addr]string{},
		vmIDs:     map[int]string{},
		macs:      map[string]string{},
		cfg: &Config{
			Stack:            s.stack,
			Proxmox:          Proxmox{Insecure: in.ProxmoxInsecure, SSHUsername: in.ProxmoxSSHUsername, SSHAgent: in.ProxmoxSSHAgent},
			Node:             in.Node,
			Datastore:        in.Datastore,
			SnippetDatastore: in.SnippetDatastore,
			LXCTemplate:      in.LXCTemplate,
			LXCOSType:        in.LXCOSType,
			Bridge:           in.Bridge,
			DNSServers:       in.DNSServers,
			SearchDomain:     in.SearchDomain,
			VMIDBase:         in.VMIDBase,
			Username:         in.Username,
			SSHPublicKeys:    trimAll(in.SSHPublicKeys),
			BackupChecks:     in.BackupChecks,
		},
	}
	r.kind()
	r.proxmox(s)
	r.network()
	r.nodes()
	r.sshPublicKeys("sshPublicKeys", in.SSHPublicKeys)
	if len(in.SSHPublicKeys) == 0 && r.ok("sshPublicKeys") {
		r.add("sshPublicKeys", nil, "is not set, so nobody could log in to the guests", "Run `pulumi config set --path 'sshPublicKeys[0]' \"$(cat ~/.ssh/id_ed25519.pub)\"`")
	}
	r.guests()
	r.backups()
	if err := p.err(s.stack); err != nil {
		return nil, err
	}
	return r.cfg, nil
}

func (r *resolver) kind() {
	switch kinds := []Kind{Prod, Lab, Monitoring}; {
	case r.in.Kind != "":
		r.cfg.Kind = Kind(r.in.Kind)
	case slices.Contains(kinds, Kind(r.cfg.Stack)):
		r.cfg.Kind = Kind(r.cfg.Stack)
	case r.ok("kind"):
		r.add("kind", nil, fmt.Sprintf("is not set, and %q is the name of no kind", r.cfg.Stack), "Run `pulumi config set kind <kind>` with prod, lab or monitoring")
	}
}

// network sets the network and the gateway, and keeps their addresses from the guests.
func (r *resolver) network() {
	if r.ok("network") {
		r.cfg.Network = netip.MustParsePrefix(r.in.Network)
	}
	if r.ok("gateway") {
		r.cfg.Gateway = r.gateway("gateway", r.in.Gateway)
		r.addresses[r.cfg.Gateway] = "the gateway"
	}
}

// gateway checks and returns an address that guests send their traffic to.
func (r *resolver) gateway(key, value string) netip.Addr {
	a := netip.MustParseAddr(value)
	r.inNetwork(key, a)
	return a
}

// inNetwork reports an address that no host in the network can have.
func (r *resolver) inNetwork(key string, a netip.Addr) bool {
	if !r.ok("network") {
		return false
	}
	n := r.cfg.Network
	switch {
	case !n.Contains(a):
		r.add(key, a, "is outside the network "+n.String(), "Choose an address in it, or change `network`")
	case a == n.Addr():
		r.add(key, a, "is the address of the network "+n.String()+" itself", "Choose another address in it")
	case a == broadcast(n):
		r.add(key, a, "is the broadcast address of the network "+n.String(), "Choose another address in it")
	default:
		return true
	}
	return false
}

func (r *resolver) nodes() {
	if !r.ok("nodes") && r.in.Nodes == nil {
		return
	}
	r.cfg.Nodes = map[string]Node{}
	servers := map[string]string{}
	for _, name := range sortedKeys(r.in.Nodes) {
		n, key := r.in.Nodes[name], child("nodes", name)
		r.cfg.Nodes[name] = Node(n)
		// Behind one address different ports may lead to different nodes, and a node may be the
		// gateway.
		server := net.JoinHostPort(n.Address, strconv.Itoa(n.SSHPort))
		if holder, taken := servers[server]; taken && n.Address != "" {
			r.add(key+".address", n.Address, "is also the address of "+holder, "Give each node its own address or `sshPort`")
		}
		servers[server] = key
		if a, err := netip.ParseAddr(n.Address); err == nil {
			r.addresses[a] = key
		}
		if n.TemplateID != 0 {
			r.claimVMID(key+".templateId", "the template of "+key, n.TemplateID)
		}
	}
	if len(r.in.Nodes) == 0 {
		r.add("nodes", nil, "is empty", "Name at least one node of the cluster with its `address`")
		return
	}
	r.node("node", r.in.Node)
}

// node reports a node that is not described in `nodes`.
func (r *resolver) node(key, name string) {
	if !r.ok(key) || len(r.cfg.Nodes) == 0 {
		return
	}
	if _, ok := r.cfg.Nodes[name]; !ok {
		r.add(key, name, "is not one of the nodes "+strings.Join(sortedKeys(r.cfg.Nodes), ", "), "Choose one of them, or add it to `nodes`")
	}
}

func (r *resolver) claimAddress(key, owner string, a netip.Addr) {
	if holder, taken := r.addresses[a]; taken {
		r.add(key, a, "is also the address of "+holder, "Give each its own address")
		return
	}
	r.addresses[a] = owner
}

func (r *resolver) claimVMID(key, owner string, id int) {
	if holder, taken := r.vmIDs[id]; taken {
		r.add(key, id, "is also the VMID of "+holder, "Give each its own VMID, unique in the cluster")
		return
	}
	r.vmIDs[id] = owner
}

// broadcast returns the last address of an IPv4 network.
func broadcast(n netip.Prefix) netip.Addr {
	a := n.Addr().As4()
	for bit := n.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}

// hostPart returns the address's distance from the start of its IPv4 network.
func hostPart(n netip.Prefix, a netip.Addr) int {
	host := 0
	for i, b := range a.As4() {
		host = host<<8 | int(b-n.Addr().As4()[i])
	}
	return host
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

func trimAll(texts []string) []string {
	var trimmed []string
	for _, text := range texts {
		trimmed = append(trimmed, strings.TrimSpace(text))
	}
	return trimmed
}

// expiryTag returns the tag of a guest that expires on the day.
func expiryTag(day time.Time) string {
	return "expires-" + day.Format(time.DateOnly)
}
