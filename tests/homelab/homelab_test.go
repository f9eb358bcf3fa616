// Package homelab runs the real binary scripts/homelab against the lab's simulated Proxmox VE, with
// the real Pulumi CLI.
package homelab

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/pve-home/pve-home/tests/lab"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
	"github.com/pve-home/pve-home/tests/toolchain"
)

// No run of the binary may take longer.
const runTimeout = 2 * time.Minute

func TestMain(m *testing.M) {
	lab.CleanEnvironment()
	os.Exit(m.Run())
}

// harness is a lab with the stack `lab`, on whose cluster nothing is made yet, and the binary.
type harness struct {
	*lab.Lab
	t      *testing.T
	stack  *lab.Stack
	binary string
	// admin is a token that may do what the program's token may not.
	admin string
	// file is the stack's file.
	file string
}

// newHarness takes the version of Proxmox VE, empty for the oldest that is supported.
func newHarness(t *testing.T, version string) *harness {
	t.Helper()
	root, err := toolchain.Root()
	require.NoError(t, err)
	l, err := lab.Start(t.Context(), lab.Options{Sim: func(o *sim.Options) {
		o.Version = version
		for i, node := range o.Nodes {
			o.Templates = append(o.Templates, sim.VMTemplate{
				VMID: 9000 + i, Name: "debian-13-cloudinit", Node: node.Name, DiskSizeGiB: 3, DiskOptions: sim.DefaultTemplateDiskOptions,
				Config: map[string]string{"ide2": "local-lvm:vm-9000-cloudinit,media=cdrom"},
			})
		}
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	h := &harness{Lab: l, t: t, binary: filepath.Join(t.TempDir(), "homelab")}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", h.binary, "./scripts/homelab")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	text, err := os.ReadFile(filepath.Join(root, "Pulumi.lab.yaml"))
	require.NoError(t, err)
	h.file = string(text)
	h.stack, err = l.StackFrom(t.Context(), "lab", h.file)
	require.NoError(t, err)
	h.admin, err = l.Sim.CreateToken("admin@pve", "test", []string{"Sys.Modify", "Sys.Audit", "VM.Allocate", "VM.PowerMgmt", "VM.Config.Options", "VM.Config.Network", "VM.Config.Cloudinit", "VM.Config.Disk", "Datastore.Allocate", "SDN.Use"})
	require.NoError(t, err)
	h.firewall("1")
	h.learnHostKeys()
	l.Sim.ResetRequests()
	return h
}

// outcome is what a run left.
type outcome struct {
	stdout, stderr string
	status         int
}

func (o outcome) String() string { return o.stdout + o.stderr }

// command is the binary with the environment of the lab, in the folder of the stack.
func (h *harness) command(ctx context.Context, env map[string]string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, h.binary, args...)
	cmd.Dir = h.stack.Workspace().WorkDir()
	all := h.Environment()
	all["PATH"] = filepath.Join(h.Dir, "pulumi", "bin") + ":" + all["PATH"]
	for name, value := range env {
		all[name] = value
	}
	for name, value := range all {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

func (h *harness) run(env map[string]string, args ...string) outcome {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), runTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := h.command(ctx, env, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(h.t, err)
	}
	o := outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	for name, secret := range h.Secrets() {
		require.NotContains(h.t, o.String(), secret, name)
	}
	return o
}

// set changes settings of the stack until the end of the test.
func (h *harness) set(t *testing.T, settings map[string]string) {
	t.Helper()
	for key, value := range settings {
		v := auto.ConfigValue{Value: value, Secret: strings.HasPrefix(key, "proxmoxApiToken") || strings.HasPrefix(key, "proxmoxSshP")}
		require.NoError(t, h.stack.SetConfigWithOptions(t.Context(), key, v, &auto.ConfigOptions{Path: true}))
	}
	t.Cleanup(func() { require.NoError(t, h.stack.Edit(context.WithoutCancel(t.Context()), h.file)) })
}

// request asks the simulator as an administrator.
func (h *harness) request(method, path string, form url.Values) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.Sim.Endpoint()+"api2/json"+path, strings.NewReader(form.Encode()))
	require.NoError(h.t, err)
	req.Header.Set("Authorization", "PVEAPIToken="+h.admin)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := insecure().Do(req)
	require.NoError(h.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	require.NoError(h.t, resp.Body.Close())
	require.Equal(h.t, http.StatusOK, resp.StatusCode, "%s %s: %s %s", method, path, resp.Status, body)
}

func insecure() *http.Client {
	return &http.Client{Timeout: runTimeout, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, //nolint:gosec // the simulator
	}}
}

func (h *harness) firewall(enable string) {
	h.request(http.MethodPut, "/cluster/firewall/options", url.Values{"enable": {enable}})
}

// makeVM makes a VM that has never been started.
func (h *harness) makeVM(t *testing.T, vmid string, options url.Values) {
	options.Set("vmid", vmid)
	h.request(http.MethodPost, "/nodes/pve2/qemu", options)
	t.Cleanup(func() {
		for _, g := range h.Sim.Guests() {
			if options.Get("name") == g.Name && !g.Template {
				require.NoError(t, h.Sim.Remove(g.VMID))
			}
		}
	})
	require.Eventually(t, func() bool {
		for _, g := range h.Sim.Guests() {
			if g.Name == options.Get("name") && g.Config["lock"] == "" {
				return true
			}
		}
		return false
	}, 10*time.Second, 10*time.Millisecond)
}

func (h *harness) knownHosts() string {
	return filepath.Join(h.Environment()["HOME"], ".ssh", "known_hosts")
}

// learnHostKeys does what a first login does.
func (h *harness) learnHostKeys() {
	var lines []string
	for _, node := range []string{"pve1", "pve2"} {
		config := &ssh.ClientConfig{User: "nobody", Timeout: runTimeout, HostKeyCallback: func(host string, _ net.Addr, key ssh.PublicKey) error {
			lines = append(lines, knownhosts.Line([]string{host}, key))
			return errors.New("seen")
		}}
		_, err := ssh.Dial("tcp", h.Sim.SSHAddress(node), config)
		require.ErrorContains(h.t, err, "seen")
	}
	require.NoError(h.t, os.MkdirAll(filepath.Dir(h.knownHosts()), 0o700))
	require.NoError(h.t, os.WriteFile(h.knownHosts(), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
}

// agent starts an SSH agent that holds the key of the nodes, and returns its socket.
func (h *harness) agent(t *testing.T) string {
	t.Helper()
	key, err := ssh.ParseRawPrivateKey(h.Sim.SSHPrivateKeyPEM())
	require.NoError(t, err)
	keyring := agent.NewKeyring()
	require.NoError(t, keyring.Add(agent.AddedKey{PrivateKey: key}))
	// The path of a socket is short.
	dir, err := os.MkdirTemp("", "agent-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	socket := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(keyring, conn) }()
		}
	}()
	return socket
}

// distort stands between the binary and the simulator and changes the answers to one path.
func (h *harness) distort(t *testing.T, certificate *tls.Certificate, path string, change func(string) string) {
	t.Helper()
	matches := regexp.MustCompile(path)
	client := insecure()
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), r.Method, strings.TrimSuffix(h.Sim.Endpoint(), "/")+r.URL.RequestURI(), r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		req.Header = r.Header.Clone()
		resp, err := client.Do(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		if matches.MatchString(r.URL.Path) {
			body = []byte(change(string(body)))
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(body)
	}))
	if certificate != nil {
		proxy.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
	}
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	h.set(t, map[string]string{"proxmoxEndpoint": proxy.URL + "/"})
}
