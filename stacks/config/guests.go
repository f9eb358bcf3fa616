package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pve-home/pve-home/components/pve"
)

// guest is what is resolved in the same way for VMs and containers.
type guest struct {
	node         string
	vmID         int
	address      netip.Prefix
	gateway      netip.Addr
	dnsServers   []string
	searchDomain string
	datastore    string
	bridge       string
	mac          string
	tags         []string
	description  string
	keys         []string
}

// guests resolves all guests. Explicit VMIDs take their place before derived ones, so that a
// collision is reported at the guest that can get out of the way by setting one.
func (r *resolver) guests() {
	for _, name := range sortedKeys(r.in.VMs) {
		// Several VMs may share a template, so this takes the VMID without asking.
		if id := r.in.VMs[name].TemplateID; id != 0 && r.vmIDs[id] == "" {
			r.vmIDs[id] = "the template of " + child("vms", name)
		}
	}
	for _, name := range sortedKeys(r.in.VMs) {
		r.explicitVMID(child("vms", name), r.in.VMs[name].guestInput)
	}
	for _, name := range sortedKeys(r.in.Containers) {
		r.explicitVMID(child("containers", name), r.in.Containers[name].guestInput)
		if _, ok := r.in.VMs[name]; ok {
			r.note(child("containers", name), name, "is also the name of a VM", "Give each guest its own name")
		}
	}
	for _, name := range sortedKeys(r.in.VMs) {
		r.cfg.VMs = append(r.cfg.VMs, r.vm(name, r.in.VMs[name]))
	}
	for _, name := range sortedKeys(r.in.Containers) {
		r.cfg.Containers = append(r.cfg.Containers, r.container(name, r.in.Containers[name]))
	}
}

func (r *resolver) explicitVMID(key string, g guestInput) {
	if g.VMID != 0 {
		r.claimVMID(key+".vmId", key, g.VMID)
	}
}

func (r *resolver) guest(key string, g guestInput) guest {
	if g.Node != "" {
		r.node(key+".node", g.Node)
	}
	if g.StartDelaySeconds > 0 && g.StartOrder == 0 && r.ok(key+".startOrder") {
		r.add(key+".startDelaySeconds", g.StartDelaySeconds, "has no effect without `startOrder`", "Set `startOrder`, or remove it")
	}
	r.sshPublicKeys(key+".sshPublicKeys", g.SSHPublicKeys)

	resolved := guest{
		node:         cmp.Or(g.Node, r.in.Node),
		vmID:         g.VMID,
		dnsServers:   r.in.DNSServers,
		searchDomain: cmp.Or(g.SearchDomain, r.in.SearchDomain),
		datastore:    cmp.Or(g.Datastore, r.in.Datastore),
		bridge:       cmp.Or(g.Bridge, r.in.Bridge),
		mac:          r.mac(key, g.MAC),
		tags:         r.tags(g),
		description:  strings.TrimSpace(g.Description),
		keys:         r.cfg.SSHPublicKeys,
	}
	if g.DNSServers != nil {
		resolved.dnsServers = g.DNSServers
	}
	if len(g.SSHPublicKeys) > 0 {
		resolved.keys = trimAll(g.SSHPublicKeys)
	}
	r.addressing(key, g, &resolved)
	return resolved
}

// addressing resolves address, gateway and the VMID that follows from the address.
func (r *resolver) addressing(key string, g guestInput, resolved *guest) {
	if !r.ok(key + ".address") {
		return
	}
	if g.Address == dhcp {
		if g.Gateway != "" {
			r.add(key+".gateway", g.Gateway, "has no effect with `address: dhcp`", "Remove it, or give a static address")
		}
		if g.VMID == 0 && r.ok(key+".vmId") {
			r.add(key+".vmId", nil, "is not set, and with `address: dhcp` there is no address to derive it from", "Set a VMID from 100 to 999999999")
		}
		return
	}
	a := netip.MustParseAddr(g.Address)
	if !r.inNetwork(key+".address", a) {
		return
	}
	r.claimAddress(key+".address", key, a)
	resolved.address = netip.PrefixFrom(a, r.cfg.Network.Bits())
	resolved.gateway = r.cfg.Gateway
	if g.Gateway != "" {
		resolved.gateway = r.gateway(key+".gateway", g.Gateway)
		if resolved.gateway == a {
			r.add(key+".gateway", a, "is the guest's own address", "Choose the address of a router")
		}
	}
	if g.VMID == 0 && r.ok(key+".vmId") && r.ok("vmIdBase") {
		resolved.vmID = r.derivedVMID(key, a)
	}
}

func (r *resolver) derivedVMID(key string, a netip.Addr) int {
	const largest = 999999999
	id := r.in.VMIDBase + hostPart(r.cfg.Network, a)
	holder, taken := r.vmIDs[id]
	switch {
	case id > largest:
		r.add(key+".vmId", id, fmt.Sprintf("(vmIdBase plus the host part of %s) is above %d", a, largest), "Lower `vmIdBase`, or set `vmId`")
	case taken && r.ok(key+".address"):
		r.add(key+".vmId", id, fmt.Sprintf("(vmIdBase plus the host part of %s) is also the VMID of %s", a, holder), "Set `vmId`, or change `vmIdBase`")
	default:
		r.vmIDs[id] = key
	}
	return id
}

func (r *resolver) mac(key, value string) string {
	mac := strings.ToUpper(value)
	if mac == "" {
		return ""
	}
	if holder, taken := r.macs[mac]; taken {
		r.add(key+".mac", value, "is also the MAC address of "+holder, "Give each guest its own, or none")
	}
	r.macs[mac] = key
	return mac
}

func (r *resolver) tags(g guestInput) []string {
	tags := append(slices.Clone(g.Tags), pve.ProjectTag)
	if stack := pve.StackTag(r.cfg.Stack); stack != "" {
		tags = append(tags, stack)
	}
	if day, err := parseDate(g.Expires); err == nil {
		tags = append(tags, expiryTag(day))
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

func (r *resolver) vm(name string, v vmInput) VM {
	key := child("vms", name)
	g := r.guest(key, v.guestInput)
	if v.BalloonMiB > v.MemoryMiB && r.ok(key+".memoryMiB") {
		r.add(key+".balloonMiB", v.BalloonMiB, fmt.Sprintf("is more than the memory, %d MiB", v.MemoryMiB), "Give at most `memoryMiB`, or 0")
	}
	templateID, templateNode := r.template(key, v, g.node)
	vm := VM{
		Name: name, Node: g.node, VMID: g.vmID, TemplateID: templateID, TemplateNode: templateNode,
		Address: g.address, Gateway: g.gateway, DNSServers: g.dnsServers, SearchDomain: g.searchDomain,
		Cores: v.Cores, CPUType: v.CPUType, MemoryMiB: v.MemoryMiB, BalloonMiB: v.BalloonMiB,
		DiskGiB: v.DiskGiB, Datastore: g.datastore, SnippetDatastore: r.in.SnippetDatastore,
		Bridge: g.bridge, VLAN: v.VLAN, MAC: g.mac, Firewall: v.Firewall, Agent: v.Agent,
		OnBoot: v.OnBoot, StartOrder: v.StartOrder, StartDelaySeconds: v.StartDelaySeconds,
		Tags: g.tags, Description: g.description, Protection: v.Protection, Backup: v.Backup,
		Username: cmp.Or(v.Username, r.in.Username), SSHPublicKeys: g.keys, Migrate: v.Migrate,
	}
	for _, d := range v.DataDisks {
		vm.DataDisks = append(vm.DataDisks, DataDisk{SizeGiB: d.SizeGiB, Datastore: cmp.Or(d.Datastore, g.datastore), Backup: d.Backup})
	}
	return vm
}

// template finds what a VM is cloned from: its own choice, the template of its node, or that of
// the stack's node.
func (r *resolver) template(key string, v vmInput, node string) (id int, templateNode string) {
	if v.TemplateNode != "" {
		r.node(key+".templateNode", v.TemplateNode)
	}
	if v.TemplateID != 0 {
		return v.TemplateID, cmp.Or(v.TemplateNode, node)
	}
	candidates := []string{node, r.in.Node}
	if v.TemplateNode != "" {
		candidates = []string{v.TemplateNode}
	}
	for _, candidate := range candidates {
		if n := r.in.Nodes[candidate]; n.TemplateID != 0 {
			return n.TemplateID, candidate
		}
	}
	if r.ok("nodes") && r.ok("node") && r.ok(key+".node") && r.ok(key+".templateId") && r.ok(key+".templateNode") {
		r.add(key+".templateId", nil, "is not set, and no template stands on "+strings.Join(slices.Compact(candidates), " or "),
			"Set it, or `nodes."+candidates[0]+".templateId`, to the VMID of a cloud-init template")
	}
	return 0, ""
}

func (r *resolver) container(name string, c containerInput) Container {
	key := child("containers", name)
	g := r.guest(key, c.guestInput)
	container := Container{
		Name: name, Node: g.node, VMID: g.vmID,
		Template: cmp.Or(c.Template, r.in.LXCTemplate), OSType: cmp.Or(c.OSType, r.in.LXCOSType),
		Address: g.address, Gateway: g.gateway, DNSServers: g.dnsServers, SearchDomain: g.searchDomain,
		Cores: c.Cores, MemoryMiB: c.MemoryMiB, SwapMiB: c.SwapMiB, DiskGiB: c.DiskGiB, Datastore: g.datastore,
		Unprivileged: c.Unprivileged, Nesting: c.Nesting,
		Bridge: g.bridge, VLAN: c.VLAN, MAC: g.mac, Firewall: c.Firewall,
		OnBoot: c.OnBoot, StartOrder: c.StartOrder, StartDelaySeconds: c.StartDelaySeconds,
		Tags: g.tags, Description: g.description, Protection: c.Protection, Backup: c.Backup, SSHPublicKeys: g.keys,
	}
	paths := map[string]bool{}
	for i, m := range c.MountPoints {
		if m.Path != "" && paths[m.Path] {
			r.add(fmt.Sprintf("%s.mountPoints[%d].path", key, i), m.Path, "is also the path of another mount point", "Give each its own path")
		}
		paths[m.Path] = true
		container.MountPoints = append(container.MountPoints, MountPoint{
			Path: m.Path, SizeGiB: m.SizeGiB, Datastore: cmp.Or(m.Datastore, g.datastore), ReadOnly: m.ReadOnly, Backup: m.Backup,
		})
	}
	return container
}
