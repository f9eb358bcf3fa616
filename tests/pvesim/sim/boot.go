package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gliderlabs/ssh"
	"github.com/google/uuid"
	gossh "golang.org/x/crypto/ssh"
	"gopkg.in/yaml.v3"
)

// identity is what a guest's first boot sets up.
type identity struct {
	Hostname string
	// Users maps user names to their authorized keys.
	Users map[string][]string
	// Sudo names those who are root without a password.
	Sudo map[string]bool
	// Docker is what the user-data installs: DockerInstalled, DockerWithoutCompose or nothing.
	Docker string
	// Agent says that the QEMU guest agent runs.
	Agent bool
	// Address and PrefixBits are the guest's network configuration.
	Address    netip.Addr
	PrefixBits int
	// CloudInitError and CloudInitWarning (a recoverable error) are what cloud-init status reports.
	CloudInitError, CloudInitWarning string
}

// machine is a running guest: an SSH server on its address.
type machine struct {
	disk     *contents
	cancel   context.CancelFunc
	server   *ssh.Server
	listener net.Listener
}

func (m *machine) close() {
	m.cancel()
	closeSSH(m.server, m.listener)
}

// closeSSH also ends a server whose Serve has not begun yet: that one does not know its listener.
func closeSSH(server *ssh.Server, l net.Listener) {
	_ = l.Close()      // the server may have closed it already
	_ = server.Close() // it closed its listener and connections, or had none
}

// userData is the part of a cloud-config that the simulator understands.
type userData struct {
	Hostname       string      `yaml:"hostname"`
	FQDN           string      `yaml:"fqdn"`
	User           yaml.Node   `yaml:"user"`
	Users          []yaml.Node `yaml:"users"`
	AuthorizedKeys []string    `yaml:"ssh_authorized_keys"`
	Packages       []any       `yaml:"packages"`
	RunCmd         []any       `yaml:"runcmd"`
}

type userEntry struct {
	Name           string   `yaml:"name"`
	AuthorizedKeys []string `yaml:"ssh_authorized_keys"`
	Sudo           any      `yaml:"sudo"`
}

// defaultCloudUser is the user of Debian's cloud images.
const defaultCloudUser = "debian"

// readIdentity is the first boot: cloud-init's drive for a VM, the template's setup for a container.
func (s *Sim) readIdentity(g *guest) (*identity, error) {
	id := &identity{Hostname: g.name(), Users: map[string][]string{}, Sudo: map[string]bool{}}
	s.readNetwork(g, id)
	if g.Kind == kindCT {
		id.Users["root"] = lines(g.SSHKeys)
		return id, nil
	}
	if !g.hasCloudInit() {
		return id, nil
	}
	snippet := parseProperties(g.Config["cicustom"], "")["user"]
	if snippet == "" {
		return id, id.fromOptions(g)
	}
	v := s.state.volume(g.Node, snippet)
	if v == nil {
		return nil, fail("volume '%s' does not exist", snippet)
	}
	id.fromUserData(v.Data)
	return id, nil
}

func (g *guest) hasCloudInit() bool {
	return slices.ContainsFunc(g.diskKeys(), func(key string) bool { return driveKey.MatchString(key) && isCloudInit(g.volid(key)) })
}

func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

// fromOptions is what Proxmox VE generates from ciuser and sshkeys.
func (id *identity) fromOptions(g *guest) error {
	keys, err := url.QueryUnescape(g.Config["sshkeys"])
	if err != nil {
		return fail("sshkeys: %s", err)
	}
	name := g.Config["ciuser"]
	if name == "" {
		name = defaultCloudUser
	}
	id.Users[name] = lines(keys)
	id.Sudo[name] = true // cloud-init's default user
	return nil
}

// fromUserData reads a cloud-config. One that cloud-init cannot read leaves a guest that runs but knows nobody.
func (id *identity) fromUserData(data []byte) {
	var cloud userData
	if !strings.HasPrefix(string(data), "#cloud-config") {
		id.CloudInitError = "user-data is not #cloud-config"
		return
	}
	if err := yaml.Unmarshal(data, &cloud); err != nil {
		id.CloudInitError = "failed loading yaml: " + err.Error()
		return
	}
	if cloud.Hostname != "" {
		id.Hostname = cloud.Hostname
	}
	first := defaultCloudUser
	if name := cloud.User.Value; name != "" {
		first = name
	}
	for i, node := range cloud.Users {
		entry := userEntry{Name: node.Value}
		if node.Kind == yaml.MappingNode {
			if err := node.Decode(&entry); err != nil {
				id.CloudInitError = "users: " + err.Error()
				return
			}
		}
		if entry.Name == "default" {
			entry.Name, entry.Sudo = first, passwordless
		}
		id.Sudo[entry.Name] = strings.Contains(fmt.Sprint(entry.Sudo), passwordless)
		id.Users[entry.Name] = append(id.Users[entry.Name], entry.AuthorizedKeys...)
		if i == 0 {
			first = entry.Name
		}
	}
	if len(cloud.Users) == 0 {
		id.Sudo[first] = true
	}
	id.Users[first] = append(id.Users[first], cloud.AuthorizedKeys...)
	id.Docker = cloud.docker()
	installs := slices.ContainsFunc(cloud.Packages, func(p any) bool { return strings.Contains(fmt.Sprint(p), "qemu-guest-agent") })
	starts := slices.ContainsFunc(cloud.RunCmd, func(p any) bool { return strings.Contains(fmt.Sprint(p), "qemu-guest-agent") })
	id.Agent = installs || starts
}

// passwordless is the part of a sudo rule that lets in without a password.
const passwordless = "NOPASSWD"

// docker is what the packages and commands install of Docker.
func (u *userData) docker() string {
	text := fmt.Sprint(u.Packages, u.RunCmd)
	switch {
	case !strings.Contains(text, "docker"):
		return ""
	case strings.Contains(text, "compose"), strings.Contains(text, "get.docker.com"):
		return DockerInstalled
	}
	return DockerWithoutCompose
}

// readNetwork finds the guest's address: static from its configuration, or a lease.
func (s *Sim) readNetwork(g *guest, id *identity) {
	text := parseProperties(g.Config["net0"], "name")["ip"]
	if g.Kind == kindVM {
		text = "dhcp"
		if g.hasCloudInit() {
			text = parseProperties(g.Config["ipconfig0"], "")["ip"]
		}
	}
	if prefix, err := netip.ParsePrefix(text); err == nil {
		id.Address, id.PrefixBits = prefix.Addr(), prefix.Bits()
		return
	}
	if text != "dhcp" || g.Config["net0"] == "" || !s.opts.Network.IsValid() {
		return
	}
	if !g.Lease.IsValid() {
		g.Lease = s.freeAddress()
	}
	id.Address, id.PrefixBits = g.Lease, s.opts.Network.Bits()
}

// freeAddress takes the highest address of the network that no guest has and no node.
func (s *Sim) freeAddress() netip.Addr {
	taken := map[netip.Addr]bool{}
	for _, g := range s.state.Guests {
		taken[g.Lease] = true
		if g.Booted != nil {
			taken[g.Booted.Address] = true
		}
		for _, key := range []string{"ipconfig0", "net0"} {
			if prefix, err := netip.ParsePrefix(parseProperties(g.Config[key], "name")["ip"]); err == nil {
				taken[prefix.Addr()] = true
			}
		}
	}
	for _, n := range s.opts.Nodes {
		if address, err := netip.ParseAddr(n.Address); err == nil {
			taken[address] = true
		}
	}
	network := s.opts.Network.Masked()
	last := network.Addr().As4()
	host := uint32(1)<<(32-network.Bits()) - 1
	for i := range 4 {
		last[i] |= byte(host >> (24 - 8*i))
	}
	for address := netip.AddrFrom4(last).Prev(); network.Contains(address); address = address.Prev() {
		if !taken[address] {
			return address
		}
	}
	return netip.Addr{}
}

// boot lets a running guest listen. A guest whose address is taken runs without, as a real one would with a
// duplicate address.
func (s *Sim) boot(g *guest, disk *contents) {
	address := g.Booted.Address
	if !s.opts.Network.IsValid() || !s.opts.Network.Contains(address) || len(g.Booted.Users) == 0 || s.closed {
		return
	}
	if g.HostKeySeed == "" {
		g.HostKeySeed = "ssh-guest-" + vmidText(g.VMID) + "-" + uuid.NewString()
	}
	signer, err := s.state.sshSigner(g.HostKeySeed)
	if err != nil {
		s.log.Error("guest", "vmid", g.VMID, "error", err)
		return
	}
	endpoint := net.JoinHostPort(address.String(), strconv.Itoa(s.opts.GuestSSHPort))
	config := net.ListenConfig{}
	listener, err := config.Listen(s.ctx, "tcp", endpoint)
	if err != nil {
		s.log.Error("guest has no SSH: its address is in use", "vmid", g.VMID, "address", endpoint, "error", err)
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	shell := &guestShell{sim: s, ctx: ctx, vmid: g.VMID, kind: g.Kind, login: *g.Booted, disk: disk, started: time.Unix(g.StartedUnix, 0)}
	server := &ssh.Server{
		Handler: shell.session,
		PublicKeyHandler: func(ctx ssh.Context, key ssh.PublicKey) bool {
			return authorized(shell.login.Users[ctx.User()], key)
		},
		ConnCallback: func(_ ssh.Context, conn net.Conn) net.Conn {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.strike(FaultGuestSSH, "", vmidText(shell.vmid)) != nil {
				return nil
			}
			return conn
		},
		ChannelHandlers:   map[string]ssh.ChannelHandler{"session": ssh.DefaultSessionHandler, "direct-tcpip": shell.tunnel},
		SubsystemHandlers: map[string]ssh.SubsystemHandler{"sftp": func(session ssh.Session) { shell.serveFiles(session, session.User()) }},
		IdleTimeout:       sshIdleTimeout,
	}
	server.AddHostKey(signer)
	s.machines[g.VMID] = &machine{disk: disk, cancel: cancel, server: server, listener: listener}
	s.wg.Go(func() { s.serveSSH(server, listener, "guest "+vmidText(g.VMID)) })
}

func (s *Sim) serveSSH(server *ssh.Server, l net.Listener, who string) {
	if err := server.Serve(l); err != nil && !errors.Is(err, ssh.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		s.log.Error("ssh", "server", who, "error", err)
	}
}

// bootRunning brings back the guests that ran when the state was written.
func (s *Sim) bootRunning() {
	for _, g := range s.state.Guests {
		if g.Status == statusRunning && g.Booted != nil {
			s.boot(g, s.runningDisk(g))
		}
	}
}

// runningDisk is what a guest that already runs has on its disk.
func (s *Sim) runningDisk(g *guest) *contents {
	if v := s.systemDisk(g); v != nil && v.Contents != nil {
		return v.Contents
	}
	return newContents()
}

func authorized(lines []string, key ssh.PublicKey) bool {
	for _, line := range lines {
		allowed, _, _, _, err := gossh.ParseAuthorizedKey([]byte(line))
		if err == nil && ssh.KeysEqual(allowed, key) {
			return true
		}
	}
	return false
}
