package sim

import (
	"crypto/sha1" //nolint:gosec // Proxmox VE's config digest is SHA-1
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

const (
	kindVM = "qemu"
	kindCT = "lxc"

	statusRunning = "running"
	statusStopped = "stopped"
	statusPaused  = "paused"
)

// guest is a VM or a container. Config holds what the configuration file holds, as text.
type guest struct {
	VMID        int
	Kind        string
	Node        string
	Status      string
	Config      map[string]string
	Snapshots   map[string]*snapshot
	StartedUnix int64
	CreatedUnix int64
	// Effective is the configuration that the running guest was started with.
	Effective map[string]string
	// SSHKeys and Password are what a container was created with; they are not part of its configuration.
	SSHKeys  string
	Password string
	// Lease is the address that DHCP gave.
	Lease netip.Addr
	// Booted is what cloud-init or the container's template set up at the last start.
	Booted *identity
	// HostKeySeed names the guest's SSH host key, a new one for each guest that is created.
	HostKeySeed string
}

type snapshot struct {
	Name, Description, Parent string
	TimeUnix                  int64
	VMState                   bool
	Config                    map[string]string
	DiskBytes                 map[string]int64
	Contents                  map[string]*contents
}

// noun is how Proxmox VE's messages call the guest.
func (g *guest) noun() string {
	if g.Kind == kindCT {
		return "CT"
	}
	return "VM"
}

// taskType prefixes a verb as Proxmox VE does: qmstart, vzstart.
func (g *guest) taskType(verb string) string {
	if g.Kind == kindCT {
		return "vz" + verb
	}
	return "qm" + verb
}

func (g *guest) name() string {
	if g.Kind == kindCT {
		return g.Config["hostname"]
	}
	if name := g.Config["name"]; name != "" {
		return name
	}
	return "VM " + strconv.Itoa(g.VMID)
}

func (g *guest) template() bool  { return isTrue(g.Config["template"]) }
func (g *guest) protected() bool { return isTrue(g.Config["protection"]) }

// diskKeys are the keys that hold volumes of the guest, sorted.
func (g *guest) diskKeys() []string {
	var keys []string
	for key := range g.Config {
		if g.isDisk(key) || unusedKey.MatchString(key) {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	return keys
}

func (g *guest) isDisk(key string) bool {
	if g.Kind == kindCT {
		return mountKey.MatchString(key)
	}
	return driveKey.MatchString(key)
}

// volid is the volume behind a disk key, empty for an empty drive or a bind mount.
func (g *guest) volid(key string) string {
	name, _, _ := strings.Cut(g.Config[key], ",")
	if volumeIDText.MatchString(name) {
		return name
	}
	return ""
}

func (g *guest) uses(volid string) bool {
	return slices.ContainsFunc(g.diskKeys(), func(key string) bool { return g.volid(key) == volid })
}

// owns says whether the volume belongs to the guest and not, like an ISO image, to everybody.
func (g *guest) owns(v *volume) bool { return v != nil && v.VMID == g.VMID && v.Content != "backup" }

// digest is what Proxmox VE computes over the configuration file.
func (g *guest) digest() string {
	var text strings.Builder
	for _, key := range sortedKeys(g.Config) {
		fmt.Fprintf(&text, "%s: %s\n", key, g.Config[key])
	}
	sum := sha1.Sum([]byte(text.String())) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// numbers are the configuration keys that the API answers as JSON numbers, per kind.
var numbers = map[string]map[string]bool{
	kindVM: set("cores", "sockets", "vcpus", "cpuunits", "balloon", "shares", "acpi", "onboot", "numa", "kvm", "tablet",
		"template", "protection", "autostart", "freeze", "localtime", "reboot", "ciupgrade", "tdf", "keephugepages",
		"migrate_downtime", "migrate_speed", "snaptime"),
	kindCT: set("cores", "cpuunits", "memory", "swap", "tty", "onboot", "protection", "template", "unprivileged", "console", "debug", "snaptime"),
}

// booleans are stored as 1 or 0 whatever the client wrote.
var booleans = set("acpi", "onboot", "numa", "kvm", "tablet", "template", "protection", "autostart", "freeze",
	"localtime", "reboot", "ciupgrade", "tdf", "keephugepages", "unprivileged", "console", "debug")

func set(keys ...string) map[string]bool {
	m := make(map[string]bool, len(keys))
	for _, key := range keys {
		m[key] = true
	}
	return m
}

func typed(kind string, config map[string]string) map[string]any {
	answer := make(map[string]any, len(config)+1)
	for key, text := range config {
		answer[key] = text
		if numbers[kind][key] {
			if n, err := strconv.Atoi(text); err == nil {
				answer[key] = n
			}
		}
	}
	return answer
}

// guest finds the guest that a call's path names; it must be on the call's node.
func (c *call) guest(kind string) (*guest, error) {
	vmid := c.integer("vmid", 0)
	g := c.state.Guests[vmid]
	if g == nil || g.Kind != kind || g.Node != c.vars["node"] {
		directory := "qemu-server"
		if kind == kindCT {
			directory = "lxc"
		}
		return nil, fail("Configuration file 'nodes/%s/%s/%d.conf' does not exist", c.vars["node"], directory, vmid)
	}
	return g, nil
}

// unlocked finds the guest and refuses a locked one.
func (c *call) unlocked(kind string) (*guest, error) {
	g, err := c.guest(kind)
	if err != nil {
		return nil, err
	}
	return g, g.checkLock()
}

func (g *guest) checkLock() error {
	if lock := g.Config["lock"]; lock != "" {
		return fail("%s is locked (%s)", g.noun(), lock)
	}
	return nil
}

func (g *guest) checkProtection(message string) error {
	if g.protected() {
		return fail("%s - protection mode enabled", message)
	}
	return nil
}

func (c *call) checkDigest(g *guest) error {
	if given := c.param("digest"); given != "" && given != g.digest() {
		return fail("detected modified configuration - file changed by other user? Try again.")
	}
	return nil
}

// unusedVMID says why a VMID cannot be taken.
func (s *Sim) unusedVMID(vmid int) error {
	if g := s.state.Guests[vmid]; g != nil {
		return fail("%s %d already exists on node '%s'", g.noun(), vmid, g.Node)
	}
	return nil
}

func (s *Sim) newGuest(vmid int, kind, node string) *guest {
	g := &guest{
		VMID: vmid, Kind: kind, Node: node, Status: statusStopped, Config: map[string]string{},
		Snapshots: map[string]*snapshot{}, CreatedUnix: time.Now().Unix(),
	}
	s.state.Guests[vmid] = g
	return g
}

// drop removes a guest, its volumes and everything that refers to it.
func (s *Sim) drop(g *guest) {
	s.powerOff(g)
	for _, key := range g.diskKeys() {
		if v := s.state.volume(g.Node, g.volid(key)); g.owns(v) {
			s.state.deleteVolume(v)
		}
	}
	delete(s.state.Guests, g.VMID)
	delete(s.state.Firewalls, g.firewallName())
	delete(s.state.Secrets, g.HostKeySeed)
	for _, p := range s.state.Pools {
		p.VMIDs = slices.DeleteFunc(p.VMIDs, func(v int) bool { return v == g.VMID })
	}
}

// purge removes a guest from backup jobs and HA, as "purge=1" asks for.
func (s *Sim) purge(vmid int) {
	for _, job := range s.state.BackupJobs {
		if list := splitList(job["vmid"]); slices.Contains(list, vmidText(vmid)) {
			job["vmid"] = strings.Join(slices.DeleteFunc(list, func(v string) bool { return v == vmidText(vmid) }), ",")
		}
	}
	for _, prefix := range []string{"vm:", "ct:"} {
		delete(s.state.Groupings[haResources], prefix+vmidText(vmid))
	}
}

func (s *Sim) haManaged(g *guest) bool {
	_, found := s.state.Groupings[haResources][strings.ToLower(g.noun())+":"+vmidText(g.VMID)]
	return found
}

// maxDisk is the size of the guest's first disk: what lists show as maxdisk.
func (s *Sim) maxDisk(g *guest) int64 {
	if v := s.systemDisk(g); v != nil {
		return v.SizeBytes
	}
	return 0
}

func (g *guest) memoryBytes() int64 {
	memory := parseProperties(g.Config["memory"], "current")["current"]
	mib, err := strconv.ParseInt(memory, 10, 64)
	if err != nil {
		mib = 512
	}
	return mib << 20
}

func (g *guest) cpus() int {
	cores, err := strconv.Atoi(g.Config["cores"])
	if err != nil {
		cores = 1
	}
	sockets, err := strconv.Atoi(g.Config["sockets"])
	if err != nil {
		sockets = 1
	}
	return cores * sockets
}

// summary is what lists and status show of a guest.
func (s *Sim) summary(g *guest) map[string]any {
	m := map[string]any{
		"vmid": g.VMID, "name": g.name(), "status": g.Status, "maxmem": g.memoryBytes(), "maxdisk": s.maxDisk(g),
		"cpus": g.cpus(), "uptime": 0, "cpu": 0, "mem": 0, "disk": 0, "netin": 0, "netout": 0, "diskread": 0, "diskwrite": 0,
	}
	if g.Status == statusRunning {
		m["uptime"], m["mem"], m["cpu"], m["pid"] = max(1, time.Now().Unix()-g.StartedUnix), g.memoryBytes()/4, 0.01, 10000+g.VMID
	}
	if g.Config["tags"] != "" {
		m["tags"] = g.Config["tags"]
	}
	if g.template() {
		m["template"] = 1
	}
	if g.Config["lock"] != "" {
		m["lock"] = g.Config["lock"]
	}
	if g.Kind == kindCT {
		m["type"] = kindCT
	}
	return m
}

var tagText = regexp.MustCompile(`(?i)^[a-z0-9_][a-z0-9_\-+.]*$`)

// normalTags sorts tags and joins them as Proxmox VE stores them.
func normalTags(text string) (string, error) {
	tags := splitList(text)
	for _, tag := range tags {
		if !tagText.MatchString(tag) {
			return "", badParam("tags", "invalid format - invalid characters in tag")
		}
	}
	return strings.Join(tags, ";"), nil
}

func guestList(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		list := []map[string]any{}
		for _, vmid := range slices.Sorted(maps.Keys(c.state.Guests)) {
			g := c.state.Guests[vmid]
			if g.Kind == kind && g.Node == c.vars["node"] && c.allowed("/vms/"+vmidText(vmid), "VM.Audit") {
				c.use("VM.Audit")
				list = append(list, c.summary(g))
			}
		}
		return list, nil
	}
}

func statusCurrent(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.guest(kind)
		if err != nil {
			return nil, err
		}
		m := c.summary(g)
		m["ha"] = map[string]any{"managed": bit(c.haManaged(g))}
		if kind == kindVM {
			m["qmpstatus"] = g.Status
			if g.Status == statusPaused {
				m["status"] = statusRunning
			}
			if parseProperties(g.Config["agent"], "enabled")["enabled"] == "1" {
				m["agent"] = 1
			}
		}
		return m, nil
	}
}

func configGet(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.guest(kind)
		if err != nil {
			return nil, err
		}
		config := g.Config
		if c.boolean("current") && g.Effective != nil {
			config = g.Effective
		}
		if name := c.param("snapshot"); name != "" {
			snap := g.Snapshots[name]
			if snap == nil {
				return nil, fail("snapshot '%s' does not exist", name)
			}
			config = snap.Config
		}
		answer := typed(kind, config)
		answer["digest"] = g.digest()
		delete(answer, "snapstate")
		return answer, nil
	}
}

// pendingGet shows the keys whose change waits for a restart.
func pendingGet(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.guest(kind)
		if err != nil {
			return nil, err
		}
		current := g.Config
		if g.Effective != nil {
			current = g.Effective
		}
		keys := map[string]bool{}
		for key := range current {
			keys[key] = true
		}
		for key := range g.Config {
			keys[key] = true
		}
		list := []map[string]any{}
		for _, key := range sortedKeys(keys) {
			entry := map[string]any{"key": key}
			now, had := current[key]
			next, has := g.Config[key]
			if had {
				entry["value"] = now
			}
			switch {
			case !has:
				entry["delete"] = 1
			case !had || now != next:
				entry["pending"] = next
			}
			list = append(list, entry)
		}
		return list, nil
	}
}

// hotplug moves changes into the running guest that need no restart.
func (g *guest) hotplug() {
	if g.Status == statusStopped {
		g.Effective = nil
		return
	}
	cold := set("cores", "sockets", "vcpus", "memory", "balloon", "cpu", "numa", "bios", "machine", "ostype", "vga", "scsihw",
		"serial0", "agent", "smbios1", "acpi", "kvm", "tablet", "unprivileged", "features")
	if g.Kind == kindCT {
		delete(cold, "cores")
		delete(cold, "memory")
	}
	for _, key := range append(sortedKeys(g.Config), sortedKeys(g.Effective)...) {
		if cold[key] {
			continue
		}
		if value, found := g.Config[key]; found {
			g.Effective[key] = value
		} else {
			delete(g.Effective, key)
		}
	}
}
