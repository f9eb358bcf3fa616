package sim

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gliderlabs/ssh"
	"github.com/pkg/sftp"
)

const (
	sshIdleTimeout = 10 * time.Minute

	// maxFileBytes bounds a file that comes over SSH or SFTP; snippets are a few KiB.
	maxFileBytes = 64 << 20
	clientKey    = "ssh-client"
)

// nodeShell is the SSH server of a node.
type nodeShell struct {
	sim      *Sim
	node     Node
	server   *ssh.Server
	listener net.Listener
}

func (s *Sim) newNodeShell(n Node) (*nodeShell, error) {
	host, err := s.state.sshSigner("ssh-node-" + n.Name)
	if err != nil {
		return nil, err
	}
	client, err := s.state.sshSigner(clientKey)
	if err != nil {
		return nil, err
	}
	port := n.SSHPort
	switch port {
	case 0:
		port = 22
	case -1:
		port = 0
	}
	endpoint := net.JoinHostPort(n.Address, strconv.Itoa(port))
	config := net.ListenConfig{}
	listener, err := config.Listen(s.ctx, "tcp", endpoint)
	if err != nil {
		return nil, fmt.Errorf("the SSH server of node %s cannot listen on %s: %w", n.Name, endpoint, err)
	}
	shell := &nodeShell{sim: s, node: n, listener: listener}
	shell.server = &ssh.Server{
		Handler:     shell.session,
		IdleTimeout: sshIdleTimeout,
		ConnCallback: func(_ ssh.Context, conn net.Conn) net.Conn {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.strike(FaultSSH, "", n.Name) != nil {
				return nil
			}
			return conn
		},
		PublicKeyHandler: func(ctx ssh.Context, key ssh.PublicKey) bool {
			return s.knowsUser(ctx.User()) && (ssh.KeysEqual(client.PublicKey(), key) || authorized(s.opts.SSHAuthorizedKeys, key))
		},
		PasswordHandler: func(ctx ssh.Context, password string) bool {
			return s.knowsUser(ctx.User()) && s.opts.SSHPassword != "" &&
				subtle.ConstantTimeCompare([]byte(s.opts.SSHPassword), []byte(password)) == 1
		},
		SubsystemHandlers: map[string]ssh.SubsystemHandler{"sftp": shell.sftp},
	}
	shell.server.AddHostKey(host)
	s.wg.Go(func() { s.serveSSH(shell.server, listener, "node "+n.Name) })
	return shell, nil
}

func (h *nodeShell) close() { closeSSH(h.server, h.listener) }

func (s *Sim) knowsUser(name string) bool { return s.opts.SSHUser == "" || s.opts.SSHUser == name }

// SSHPrivateKeyPEM is a private key that the nodes' SSH servers accept for every user (or Options.SSHUser).
func (s *Sim) SSHPrivateKeyPEM() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []byte(s.state.Secrets[clientKey])
}

// SSHAddress is where a node's SSH server listens, empty when there is none.
func (s *Sim) SSHAddress(node string) string {
	for _, shell := range s.shells {
		if shell.node.Name == node {
			return shell.listener.Addr().String()
		}
	}
	return ""
}

// SSHSessions counts the commands and SFTP sessions on the nodes since the start or the last ResetRequests.
func (s *Sim) SSHSessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sshSessions
}

func (h *nodeShell) count(what string, session ssh.Session) {
	h.sim.mu.Lock()
	h.sim.sshSessions++
	h.sim.mu.Unlock()
	h.sim.log.Info("ssh", "node", h.node.Name, "user", session.User(), "command", what)
}

var (
	teeCommand    = regexp.MustCompile(`(?:^|try_sudo "|sudo )(?:/usr/bin/)?tee (\S+?)"?$`)
	shellVariable = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

func (h *nodeShell) session(session ssh.Session) {
	command := session.RawCommand()
	h.count(command, session)
	output, err := h.run(command, session)
	if err != nil {
		_, _ = io.WriteString(session.Stderr(), err.Error()+"\n")
		exit := 1
		var failed *exitError
		if errors.As(err, &failed) {
			exit = failed.status
		}
		_ = session.Exit(exit) // the client may have gone
		return
	}
	_, _ = io.WriteString(session, output)
	_ = session.Exit(0) // the client may have gone
}

type exitError struct {
	status int
	text   string
}

func (e *exitError) Error() string { return e.text }

// run executes the commands that provisioning tools send to a node.
func (h *nodeShell) run(command string, stdin io.Reader) (string, error) {
	if strings.Contains(command, "qm importdisk") && strings.Contains(command, "disk_interface=") {
		return h.importScript(command)
	}
	if asked, found := strings.CutPrefix(command, "sudo -n -l "); found {
		return h.sudoList(asked)
	}
	if m := teeCommand.FindStringSubmatch(command); m != nil {
		data, err := io.ReadAll(io.LimitReader(stdin, maxFileBytes))
		if err != nil {
			return "", fmt.Errorf("tee: %w", err)
		}
		return string(data), h.write(m[1], data)
	}
	words := strings.Fields(command)
	for len(words) > 0 && (words[0] == "sudo" || words[0] == "-n") {
		words = words[1:]
	}
	if len(words) == 0 {
		return "", nil
	}
	name := words[0][strings.LastIndex(words[0], "/")+1:]
	h.sim.mu.Lock()
	defer h.sim.mu.Unlock()
	switch {
	case name == "pvesm" && len(words) > 1:
		return h.pvesm(words[1:])
	case name == "qm" && len(words) > 2:
		return h.guestCommand(kindVM, words[1], words[2])
	case name == "pct" && len(words) > 2:
		return h.guestCommand(kindCT, words[1], words[2])
	case name == "hostname":
		return h.node.Name + "\n", nil
	case name == "pveversion":
		return "pve-manager/" + h.sim.pveRelease() + "\n", nil
	case name == "true":
		return "", nil
	}
	return "", &exitError{127, "bash: line 1: " + words[0] + ": command not found"}
}

// write stores a file on the node; paths outside the storages do not exist.
func (h *nodeShell) write(path string, data []byte) error {
	s := h.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	_, def, content, name := s.state.fileAt(h.node.Name, path)
	if def == nil {
		return &exitError{1, "tee: " + path + ": No such file or directory"}
	}
	s.state.writeFile(h.node.Name, def, content, name, data)
	s.changed()
	return nil
}

// importScript is the way in which images become disks: the script's variables say which.
func (h *nodeShell) importScript(command string) (string, error) {
	variables := map[string]string{}
	for _, m := range shellVariable.FindAllStringSubmatch(command, -1) {
		variables[m[1]] = m[2]
	}
	s := h.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	vmid, err := strconv.Atoi(variables["vm_id"])
	g := s.state.Guests[vmid]
	if err != nil || g == nil || g.Node != h.node.Name {
		return "", &exitError{2, fmt.Sprintf("Configuration file 'nodes/%s/qemu-server/%s.conf' does not exist", h.node.Name, variables["vm_id"])}
	}
	image := s.state.volume(h.node.Name, variables["file_id"])
	if image == nil {
		return "", &exitError{2, "volume '" + variables["file_id"] + "' does not exist"}
	}
	v, err := s.state.allocate(h.node.Name, variables["datastore_id_target"], "images", vmid, importedBytes(image), variables["file_format"], "")
	if err != nil {
		return "", &exitError{255, err.Error()}
	}
	if g.template() {
		s.state.rename(v, strings.Replace(v.Volid, "vm-", "base-", 1))
	}
	if err := s.setDrive(g, variables["disk_interface"], v.Volid+","+variables["disk_options"]); err != nil {
		return "", &exitError{255, err.Error()}
	}
	s.changed()
	return fmt.Sprintf("update VM %d: -%s %s\n", vmid, variables["disk_interface"], v.Volid), nil
}

func (h *nodeShell) pvesm(words []string) (string, error) {
	switch {
	case words[0] == "apiinfo":
		return "APIVER 10\nAPIAGE 1\n", nil
	case words[0] == "path" && len(words) == 2:
		v := h.sim.state.volume(h.node.Name, words[1])
		if v == nil {
			return "", &exitError{255, "volume '" + words[1] + "' does not exist"}
		}
		return h.sim.state.Storages[v.Storage].filePath(v) + "\n", nil
	}
	return "", &exitError{255, "ERROR: unknown command 'pvesm " + words[0] + "'"}
}

func (h *nodeShell) guestCommand(kind, verb, id string) (string, error) {
	vmid, err := strconv.Atoi(id)
	g := h.sim.state.Guests[vmid]
	if err != nil || g == nil || g.Kind != kind || g.Node != h.node.Name {
		return "", &exitError{2, fmt.Sprintf("Configuration file 'nodes/%s/%s/%s.conf' does not exist", h.node.Name, map[string]string{kindVM: "qemu-server", kindCT: "lxc"}[kind], id)}
	}
	switch verb {
	case "status":
		return "status: " + g.Status + "\n", nil
	case "config":
		var text strings.Builder
		for _, key := range sortedKeys(g.Config) {
			fmt.Fprintf(&text, "%s: %s\n", key, g.Config[key])
		}
		return text.String(), nil
	case "unlock":
		delete(g.Config, "lock")
	case "start":
		err = h.sim.powerOn(g)
	case "stop", "shutdown":
		h.sim.powerOff(g)
	default:
		return "", &exitError{255, "ERROR: unknown command '" + verb + "'"}
	}
	h.sim.changed()
	return "", err
}

func (h *nodeShell) sftp(session ssh.Session) {
	h.count("sftp", session)
	files := &nodeFiles{shell: h}
	h.sim.serveSFTP(session, "node "+h.node.Name, sftp.Handlers{FileGet: files, FilePut: files, FileCmd: files, FileList: files})
}
