package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

const (
	sshPort    = 22
	sshTimeout = 10 * time.Second
)

// ssh logs in to the nodes that hold snippets as the provider does, and asks what it may run there.
func (s *state) ssh(ctx context.Context) []Finding {
	used := map[string]bool{}
	for _, v := range s.cfg.VMs {
		used[v.Node] = true
	}
	auth, done, err := s.auth(ctx)
	defer done()
	if err != nil {
		return []Finding{fail("Start the agent and load the key (`ssh-add`), or set proxmoxSshPrivateKey", "%s", err)}
	}
	var problems []Finding
	asked := s.report.Status(Nodes) != Skipped
	for _, node := range slices.Sorted(maps.Keys(used)) {
		if asked && !slices.Contains(s.online, node) {
			problems = append(problems, skipped("node %s: see the check %s", node, Nodes))
			continue
		}
		problems = append(problems, s.sshTo(ctx, node, auth)...)
	}
	return findings(problems, "%s logs in to %s and may write snippets", s.cfg.Proxmox.SSHUsername, names(used))
}

// auth offers what the provider is given.
func (s *state) auth(ctx context.Context) (methods []ssh.AuthMethod, done func(), err error) {
	done = func() {}
	if s.login.PrivateKey != "" {
		signer, err := ssh.ParsePrivateKey([]byte(s.login.PrivateKey))
		if err != nil {
			return nil, done, fmt.Errorf("proxmoxSshPrivateKey: %w", err)
		}
		methods = append(methods, ssh.PublicKeys(signer))
	}
	if s.login.Password != "" {
		methods = append(methods, ssh.Password(s.login.Password))
	}
	if s.cfg.Proxmox.SSHAgent {
		dialer := net.Dialer{Timeout: sshTimeout}
		conn, err := dialer.DialContext(ctx, "unix", s.AgentSocket)
		switch {
		case err == nil:
			done = func() { _ = conn.Close() }
			methods = append(methods, ssh.PublicKeysCallback(agent.NewClient(conn).Signers))
		case len(methods) == 0:
			return nil, done, fmt.Errorf("the SSH agent does not answer (SSH_AUTH_SOCK is %q): %w", s.AgentSocket, err)
		}
	}
	return methods, done, nil
}

func (s *state) sshTo(ctx context.Context, node string, auth []ssh.AuthMethod) []Finding {
	n := s.cfg.Nodes[node]
	address := net.JoinHostPort(n.Address, strconv.Itoa(n.SSHPort))
	login := fmt.Sprintf("ssh -p %d %s@%s", n.SSHPort, s.cfg.Proxmox.SSHUsername, n.Address)
	keys, err := readKnownHosts(s.KnownHosts)
	if err != nil {
		return []Finding{fail("Mend the file", "%s", err)}
	}
	var problems []Finding
	config := &ssh.ClientConfig{
		User: s.cfg.Proxmox.SSHUsername, Auth: auth, Timeout: sshTimeout, HostKeyAlgorithms: algorithms(keys, address),
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			err := keys(host, remote, key)
			var unknown *knownhosts.KeyError
			if errors.As(err, &unknown) && len(unknown.Want) == 0 {
				problems = append(problems, warn("Log in once and compare the fingerprint: "+login,
					"the host key of node %s is not in %s; the provider trusts the first one that it sees (%s)", node, s.KnownHosts, ssh.FingerprintSHA256(key)))
				return nil
			}
			return err
		},
	}
	client, err := dial(ctx, address, config)
	var changed *knownhosts.KeyError
	switch {
	case errors.As(err, &changed):
		return []Finding{fail(fmt.Sprintf("If the node was installed anew: ssh-keygen -R '%s' -f %s, then %s", knownhosts.Normalize(address), s.KnownHosts, login),
			"node %s shows another host key than the one in %s", node, s.KnownHosts)}
	case err != nil:
		return []Finding{fail("Make this work without a question: "+login+"; nodes."+node+" says where, proxmoxSsh* with what",
			"no login to node %s as %s: %s", node, s.cfg.Proxmox.SSHUsername, err)}
	}
	defer func() { _ = client.Close() }()
	return append(problems, s.mayUpload(ctx, node, client)...)
}

// mayUpload asks for the commands with which the provider writes a snippet, for which another user
// than root needs sudo.
func (s *state) mayUpload(ctx context.Context, node string, client *ssh.Client) []Finding {
	const sudoers = "Give the user its sudo rule on the node: docs/host-preparation.md"
	sudo := ""
	if s.cfg.Proxmox.SSHUsername != "root" {
		sudo = "sudo -n "
	}
	if out, err := output(ctx, client, sudo+"pvesm apiinfo"); err != nil || !strings.Contains(out, "APIVER") {
		return []Finding{fail(sudoers, "on node %s `%spvesm apiinfo` does not work: %s", node, sudo, reason(out, err))}
	}
	if sudo == "" || s.report.Status(Datastores) == Skipped {
		return nil
	}
	folder, err := s.client.DatastorePath(ctx, s.cfg.SnippetDatastore)
	if err != nil {
		return []Finding{s.failed(err)}
	}
	if folder == "" {
		return nil
	}
	file := folder + "/snippets/pve-home-preflight.yaml"
	if out, err := output(ctx, client, sudo+"-l /usr/bin/tee "+file); err != nil {
		return []Finding{fail(sudoers, "on node %s %s may not run `sudo tee %s`: %s", node, s.cfg.Proxmox.SSHUsername, file, reason(out, err))}
	}
	return nil
}

func reason(out string, err error) string {
	if text := strings.TrimSpace(out); text != "" || err == nil {
		return text
	}
	return err.Error()
}

// dial is ssh.Dial that a context ends.
func dial(ctx context.Context, address string, config *ssh.ClientConfig) (*ssh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, config.Timeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// output runs a command and returns what it says, errors included.
func output(ctx context.Context, client *ssh.Client, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, sshTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	defer func() { _ = session.Close() }()
	out, err := session.CombinedOutput(command)
	return string(out), err
}

// readKnownHosts reads a file that need not be there.
func readKnownHosts(file string) (ssh.HostKeyCallback, error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return knownhosts.New()
	}
	keys, err := knownhosts.New(file)
	if err != nil {
		return nil, fmt.Errorf("read the known host keys: %w", err)
	}
	return keys, nil
}

// algorithms prefers the kinds of keys that are known of a host, so that a server with several shows
// one of them.
func algorithms(keys ssh.HostKeyCallback, address string) []string {
	var known *knownhosts.KeyError
	// No key is of this kind, so that the answer lists all that are known.
	if err := keys(address, &net.TCPAddr{}, noKey{}); !errors.As(err, &known) {
		return nil
	}
	var kinds []string
	for _, k := range known.Want {
		kind := k.Key.Type()
		if kind == ssh.KeyAlgoRSA {
			kinds = append(kinds, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return nil }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }
