package homelab

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/components/pve"
	"github.com/pve-home/pve-home/scripts/preflight"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

// report parses what --json wrote.
func report(t *testing.T, o outcome) preflight.Report {
	t.Helper()
	var r preflight.Report
	decoder := json.NewDecoder(strings.NewReader(o.stdout))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&r), "%s", o)
	return r
}

// TestPreflight breaks one thing after the other on a cluster on which all checks succeed.
func TestPreflight(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "")
	preflightOf := func(t *testing.T, env map[string]string) (preflight.Report, outcome) {
		o := h.run(env, "preflight", "--stack", "lab", "--json")
		return report(t, o), o
	}

	t.Run("all is well", func(t *testing.T) {
		r, o := preflightOf(t, nil)
		require.Zero(t, o.status, "%s", o)
		require.Equal(t, "lab", r.Stack)
		require.GreaterOrEqual(t, len(r.Checks), 17)
		for _, c := range r.Checks {
			require.Equal(t, preflight.OK, c.Status, "%s: %v", c.Check, c.Findings)
		}
		require.Contains(t, o.stderr, fmt.Sprintf("%d ok, 0 warnings, 0 failed, 0 skipped", len(r.Checks)))
		require.Empty(t, h.Sim.Violations())
		for _, request := range h.Sim.Requests() {
			require.Equal(t, http.MethodGet, request.Method, "%v", request)
		}
	})
	t.Run("people read it on stdout", func(t *testing.T) {
		o := h.run(nil, "preflight") // of the stack that is selected
		require.Zero(t, o.status, "%s", o)
		require.Regexp(t, `(?m)^ok +privileges +the token has all \d+$`, o.stdout)
	})
	t.Run("a trusted certificate", func(t *testing.T) {
		h.set(t, map[string]string{"proxmoxInsecure": "false"})
		ca := filepath.Join(t.TempDir(), "ca.pem")
		require.NoError(t, os.WriteFile(ca, h.Sim.CACertPEM(), 0o600))
		r, o := preflightOf(t, map[string]string{"SSL_CERT_FILE": ca})
		require.Zero(t, o.status, "%s", o)
		require.Equal(t, preflight.OK, r.Status(preflight.Certificate))
	})
	t.Run("a private key", func(t *testing.T) {
		h.set(t, map[string]string{"proxmoxSshPassword": "", "proxmoxSshPrivateKey": string(h.Sim.SSHPrivateKeyPEM())})
		_, o := preflightOf(t, nil)
		require.Zero(t, o.status, "%s", o)
		require.NotContains(t, o.String(), "PRIVATE KEY")
	})
	t.Run("an SSH agent", func(t *testing.T) {
		h.set(t, map[string]string{"proxmoxSshPassword": "", "proxmoxSshAgent": "true"})
		_, o := preflightOf(t, map[string]string{"SSH_AUTH_SOCK": h.agent(t)})
		require.Zero(t, o.status, "%s", o)
		r, o := preflightOf(t, map[string]string{"SSH_AUTH_SOCK": "/nonexistent"})
		require.Equal(t, 1, o.status)
		require.Equal(t, preflight.Fail, r.Status(preflight.SSH))
		require.Contains(t, o.stderr, "the SSH agent does not answer")
	})
	t.Run("guests that exist", func(t *testing.T) {
		for vmid, name := range map[string]string{"1041": "k3s-1", "1042": "k3s-2", "1043": "sandbox"} {
			h.makeVM(t, vmid, url.Values{"name": {name}, "tags": {"lab;pve-home"}, "ipconfig0": {"ip=" + h.guestAddress(name) + "/24"}})
		}
		// What only existing guests were made from may be gone, and they need no more room.
		h.set(t, map[string]string{"nodes.pve2.templateId": "9009", "vms.k3s-1.diskGiB": "9999"})
		r, o := preflightOf(t, nil)
		require.Zero(t, o.status, "%s", o)
		require.Equal(t, preflight.OK, r.Status(preflight.Space))
		require.Contains(t, o.stderr, "1 free, 3 of guests of the stack")
	})

	for _, tc := range []struct {
		name, check  string
		status       preflight.Status
		breaks       func(t *testing.T)
		message, fix string
		// others says that more checks fail: what a token may not see is not there.
		others bool
	}{
		{
			name: "a setting", check: preflight.Configuration, message: `vmIdBase: "soon" is not a whole number`, fix: "Give a whole number",
			breaks: func(t *testing.T) { h.set(t, map[string]string{"vmIdBase": "soon"}) },
		},
		{
			name: "nobody at the endpoint", check: preflight.Endpoint, message: "connection refused", fix: "Check proxmoxEndpoint",
			breaks: func(t *testing.T) {
				h.set(t, map[string]string{"proxmoxEndpoint": strings.Replace(h.Sim.Endpoint(), ":8006", ":8007", 1)})
			},
		},
		{
			name: "a certificate that nobody trusts", check: preflight.Certificate, message: "unknown authority", fix: "/etc/pve/pve-root-ca.pem",
			breaks: func(t *testing.T) { h.set(t, map[string]string{"proxmoxInsecure": "false"}) },
		},
		{
			name: "a certificate that ends soon", check: preflight.Certificate, status: preflight.Warn, message: "ends on " + inTenDays().Format(time.DateOnly), fix: "pvecm updatecerts",
			breaks: func(t *testing.T) { h.distort(t, certificateUntil(t, inTenDays()), "^$", nil) },
		},
		{
			name: "a token that is not one", check: preflight.Token, message: "HTTP 401", fix: "pulumi config set --secret proxmoxApiToken",
			breaks: func(t *testing.T) {
				h.set(t, map[string]string{"proxmoxApiToken": "pve-home@pve!pulumi=00000000-0000-0000-0000-000000000000"})
			},
		},
		{
			name: "an old version", check: preflight.Version, message: "Proxmox VE 8.2.4 is too old", fix: "Upgrade the nodes",
			breaks: func(t *testing.T) { h.answers(t, "/version$", `"8\.4\.\d+"`, `"8.2.4"`) },
		},
		{
			name: "a new version", others: true, check: preflight.Version, status: preflight.Warn, message: "Proxmox VE 9.1.1 is newer", fix: "lab first",
			breaks: func(t *testing.T) { h.answers(t, "/version$", `"8\.4\.\d+"`, `"9.1.1"`) },
		},
		{
			name: "a version of the future", check: preflight.Version, message: "Proxmox VE 10.0.1 is not supported", fix: "8.4 or 9",
			breaks: func(t *testing.T) { h.answers(t, "/version$", `"8\.4\.\d+"`, `"10.0.1"`) },
		},
		{
			name: "missing privileges", others: true, check: preflight.Privileges, message: "the token lacks SDN.Use, VM.Monitor",
			fix: `pveum role modify PveHome --append 1 --privs "SDN.Use VM.Monitor"`,
			breaks: func(t *testing.T) {
				h.tokenWith(t, slices.DeleteFunc(pve.Privileges("8.4"), func(p string) bool { return p == "SDN.Use" || p == "VM.Monitor" }))
			},
		},
		{
			name: "no privileges", others: true, check: preflight.Privileges, message: "none of the 19", fix: "pveum acl modify / --users weak@pve --roles PveHome",
			breaks: func(t *testing.T) { h.tokenWith(t, nil) },
		},
		{
			name: "a node that is off", check: preflight.Nodes, message: "node pve2 is offline", fix: "Start it",
			breaks: func(t *testing.T) {
				h.answers(t, "/nodes$", `(\{[^{}]*"node":"pve2"[^{}]*"status":)"online"`, `$1"offline"`)
			},
		},
		{
			name: "an unknown node", check: preflight.Nodes, message: "node pve3 is not in the cluster", fix: "pve1, pve2",
			breaks: func(t *testing.T) {
				h.set(t, map[string]string{"nodes.pve3.address": "192.0.2.3", "vms.sandbox.node": "pve3"})
			},
		},
		{
			name: "an unknown node that nobody uses", check: preflight.Nodes, status: preflight.Warn, message: "node pve3 is not in the cluster", fix: "remove it",
			breaks: func(t *testing.T) { h.set(t, map[string]string{"nodes.pve3.address": "192.0.2.3"}) },
		},
		{
			name: "no snippets", check: preflight.Datastores, message: "does not hold snippets, only iso, vztmpl, backup", fix: "pvesm set local --content iso,vztmpl,backup,snippets",
			breaks: func(t *testing.T) { h.contents(t, "local", "iso", "vztmpl", "backup") },
		},
		{
			name: "no container volumes", check: preflight.Datastores, message: "does not hold rootdir, only images", fix: "pvesm set local-lvm --content images,rootdir",
			breaks: func(t *testing.T) { h.contents(t, "local-lvm", "images") },
		},
		{
			name: "no backups", check: preflight.Datastores, message: "does not hold backup", fix: "set backups.weekly.storage to another",
			breaks: func(t *testing.T) { h.contents(t, "local", "iso", "vztmpl", "snippets") },
		},
		{
			name: "an unknown datastore", check: preflight.Datastores, message: "node pve2 has no datastore tank", fix: "local, local-lvm, nas",
			breaks: func(t *testing.T) { h.set(t, map[string]string{"vms.sandbox.datastore": "tank"}) },
		},
		{
			name: "a disabled datastore", check: preflight.Datastores, message: "datastore local is disabled", fix: "pvesm set local --disable 0",
			breaks: func(t *testing.T) {
				h.request(http.MethodPut, "/storage/local", url.Values{"disable": {"1"}})
				t.Cleanup(func() { h.request(http.MethodPut, "/storage/local", url.Values{"delete": {"disable"}}) })
			},
		},
		{
			name: "a datastore that is not mounted", check: preflight.Datastores, message: "datastore local is not active on node pve2", fix: "pvesm status",
			breaks: func(t *testing.T) {
				h.answers(t, "/nodes/pve2/storage$", `\{"active":1([^{}]*"storage":"local"[,}])`, `{"active":0$1`)
			},
		},
		{
			name: "little space", check: preflight.Space, status: preflight.Warn, message: "datastore local-lvm on node pve2 would be 101 % full: the disks of new guests are 58 GiB, 3 GiB of 60", fix: "Make room",
			breaks: func(t *testing.T) {
				require.NoError(t, h.Sim.SetStorageSize("local-lvm", 60))
				t.Cleanup(func() { require.NoError(t, h.Sim.SetStorageSize("local-lvm", 2048)) })
			},
		},
		{
			name: "little space for all nodes together", check: preflight.Space, status: preflight.Warn, message: "datastore nas would be 116 % full: the disks of new guests are 58 GiB, 0 GiB of 50", fix: "Make room",
			breaks: func(t *testing.T) {
				h.set(t, map[string]string{"datastore": "nas", "vms.sandbox.node": "pve1"})
				require.NoError(t, h.Sim.SetStorageSize("nas", 50))
				t.Cleanup(func() { require.NoError(t, h.Sim.SetStorageSize("nas", 8192)) })
			},
		},
		{
			name: "an unknown bridge", check: preflight.Bridges, message: "node pve2 has no bridge vmbr7, which sandbox", fix: "one that is there: vmbr0",
			breaks: func(t *testing.T) { h.set(t, map[string]string{"vms.sandbox.bridge": "vmbr7"}) },
		},
		{
			name: "a bridge that is down", check: preflight.Bridges, status: preflight.Warn, message: "bridge vmbr0 of node pve2 is not active", fix: "ifreload -a",
			breaks: func(t *testing.T) { h.answers(t, "/nodes/pve2/network$", `"active":1`, `"active":0`) },
		},
		{
			name: "no template", check: preflight.Templates, message: "no template with VMID 9009 on node pve2", fix: "nodes.pve2.templateId",
			breaks: func(t *testing.T) { h.set(t, map[string]string{"nodes.pve2.templateId": "9009"}) },
		},
		{
			name: "the template of another node", check: preflight.Templates, message: "VMID 9000 is on node pve1, not on pve2", fix: "nodes.pve2.templateId",
			breaks: func(t *testing.T) { h.set(t, map[string]string{"vms.sandbox.templateId": "9000"}) },
		},
		{
			name: "a guest as template", check: preflight.Templates, message: "VMID 9001 is no template", fix: "qm template 9001",
			breaks: func(t *testing.T) { h.edit(t, 9001, "template", "") },
		},
		{
			name: "a template with a bigger disk", check: preflight.Templates, message: "12288 MiB, is bigger than that of sandbox, 10 GiB", fix: "Set vms.sandbox.diskGiB to at least 12",
			breaks: func(t *testing.T) { h.edit(t, 9001, "scsi0", "local-lvm:base-9001-disk-0,size=12G") },
		},
		{
			name: "a template without a system disk", check: preflight.Templates, message: "has no disk scsi0", fix: "use another template",
			breaks: func(t *testing.T) { h.edit(t, 9001, "scsi0", "") },
		},
		{
			name: "a template without cloud-init", check: preflight.Templates, status: preflight.Warn, message: "has no cloud-init drive", fix: "qm set 9001 --ide2",
			breaks: func(t *testing.T) { h.edit(t, 9001, "ide2", "") },
		},
		{
			name: "a template without agent", check: preflight.Templates, status: preflight.Warn, message: "does not use the guest agent", fix: "qm set 9001 --agent 1",
			breaks: func(t *testing.T) { h.edit(t, 9001, "agent", "0") },
		},
		{
			name: "no container template", check: preflight.ContainerTemplates, message: "has no container template local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz, from which scratch",
			fix: "pveam download local alpine-3.22-default_20250617_amd64.tar.xz",
			breaks: func(t *testing.T) {
				h.set(t, map[string]string{"lxcTemplate": "local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz"})
			},
		},
		{
			name: "a wrong password", check: preflight.SSH, message: "no login to node pve2 as pve-home", fix: "ssh -p 2222 pve-home@",
			breaks: func(t *testing.T) { h.set(t, map[string]string{"proxmoxSshPassword": "nonsense"}) },
		},
		{
			name: "no SSH", check: preflight.SSH, message: "no login to node pve2 as pve-home", fix: "nodes.pve2",
			breaks: func(t *testing.T) { t.Cleanup(h.Sim.AddFault(sim.Fault{Kind: sim.FaultSSH, PathRegexp: "pve2"})) },
		},
		{
			name: "an unknown host key", check: preflight.SSH, status: preflight.Warn, message: "host key of node pve2 is not in", fix: "Log in once",
			breaks: func(t *testing.T) {
				require.NoError(t, os.Remove(h.knownHosts()))
				t.Cleanup(h.learnHostKeys)
			},
		},
		{
			name: "another host key", check: preflight.SSH, message: "node pve2 shows another host key", fix: "ssh-keygen -R",
			breaks: func(t *testing.T) {
				text, err := os.ReadFile(h.knownHosts())
				require.NoError(t, err)
				lines := strings.Fields(string(text)) // host, kind and key of pve1, then of pve2
				lines[2], lines[5] = lines[5], lines[2]
				require.NoError(t, os.WriteFile(h.knownHosts(), []byte(strings.Join(lines[:3], " ")+"\n"+strings.Join(lines[3:], " ")+"\n"), 0o600))
				t.Cleanup(h.learnHostKeys)
			},
		},
		{
			name: "no sudo for tee", check: preflight.SSH, message: "pve-home may not run `sudo tee /elsewhere/snippets/", fix: "docs/host-preparation.md",
			breaks: func(t *testing.T) { h.answers(t, "/storage/local$", `"path":"[^"]*"`, `"path":"/elsewhere"`) },
		},
		{
			name: "a VMID of somebody else", check: preflight.VMIDs, message: `VMID 1043 of sandbox is taken by VM "other"`, fix: "another vmId",
			breaks: func(t *testing.T) { h.makeVM(t, "1043", url.Values{"name": {"other"}}) },
		},
		{
			name: "a guest of another stack", check: preflight.VMIDs, message: "which has the name but not the tag of the stack", fix: "add the tag lab",
			breaks: func(t *testing.T) { h.makeVM(t, "1043", url.Values{"name": {"sandbox"}, "tags": {"prod"}}) },
		},
		{
			name: "the rest of an interrupted update", check: preflight.VMIDs, status: preflight.Warn, message: "VMID 1043 holds what an interrupted update left of sandbox", fix: "another vmId",
			breaks: func(t *testing.T) { h.makeVM(t, "1043", url.Values{"name": {"sandbox"}}) },
		},
		{
			name: "somebody's guest of the same name", check: preflight.VMIDs, message: "which has the name but not the tag of the stack", fix: "another vmId",
			breaks: func(t *testing.T) {
				h.makeVM(t, "1043", url.Values{"name": {"sandbox"}})
				h.power(t, 1043, "start", "running")
				h.power(t, 1043, "stop", "stopped")
			},
		},
		{
			name: "the guest under another VMID", check: preflight.VMIDs, message: "sandbox is to be VMID 1043, but exists as VMID 143", fix: "Set the vmId",
			breaks: func(t *testing.T) { h.makeVM(t, "143", url.Values{"name": {"sandbox"}, "tags": {"lab"}}) },
		},
		{
			name: "an address in use", check: preflight.Addresses, message: "of sandbox is also the address of VMID 700", fix: "another address",
			breaks: func(t *testing.T) {
				h.makeVM(t, "700", url.Values{"name": {"other"}, "ipconfig0": {"gw=" + h.guestAddress("gateway") + ",ip=" + h.guestAddress("sandbox") + "/24"}})
			},
		},
		{
			name: "a guest on a node that is off", check: preflight.Addresses, status: preflight.Warn, message: "the addresses of 1 guests could not be read", fix: "Start the nodes",
			breaks: func(t *testing.T) {
				t.Cleanup(h.Sim.AddFault(sim.Fault{PathRegexp: "/qemu/9000/config$", Status: 595, Reason: "No route to host"}))
			},
		},
		{
			name: "firewall off", check: preflight.Firewall, status: preflight.Warn, message: "no rule of any guest has an effect", fix: "pvesh set /cluster/firewall/options --enable 1",
			breaks: func(t *testing.T) {
				h.firewall("0")
				t.Cleanup(func() { h.firewall("1") })
			},
		},
		{
			name: "a clock that is wrong", check: preflight.Clock, status: preflight.Warn, message: "the clock of node pve2 is 1h", fix: "chronyc tracking",
			breaks: func(t *testing.T) {
				h.answers(t, "/nodes/pve2/time$", `"time":\d+`, fmt.Sprintf(`"time":%d`, time.Now().Add(-time.Hour).Unix()))
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.breaks(t)
			r, o := preflightOf(t, nil)
			want, status := preflight.Fail, 1
			switch {
			case tc.status == preflight.Warn:
				want, status = preflight.Warn, 0
			case tc.check == preflight.Configuration:
				status = 2
			}
			i := slices.IndexFunc(r.Checks, func(c preflight.Result) bool { return c.Check == tc.check })
			require.GreaterOrEqual(t, i, 0, "%s", o)
			require.Equal(t, want, r.Checks[i].Status, "%s", o)
			require.True(t, slices.ContainsFunc(r.Checks[i].Findings, func(f preflight.Finding) bool {
				return f.Status == want && strings.Contains(f.Message, tc.message) && strings.Contains(f.Fix, tc.fix)
			}), "%s", o)
			require.Contains(t, o.stderr, tc.fix)
			// A broken thing fails its own check, and nothing but what depends on it.
			for _, c := range r.Checks {
				require.False(t, !tc.others && c.Status == preflight.Fail && c.Check != tc.check, "%s", o)
			}
			if tc.others {
				status = 1
			}
			require.Equal(t, status, o.status, "%s", o)
		})
	}
	require.Empty(t, h.Sim.Violations())
}

// TestPreflightOfVersion9 asks a cluster of the next version, whose API and privileges differ.
func TestPreflightOfVersion9(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "9.1")
	o := h.run(nil, "preflight", "-s", "lab", "--json")
	require.Zero(t, o.status, "%s", o)
	r := report(t, o)
	require.Equal(t, preflight.Warn, r.Status(preflight.Version))
	require.Equal(t, len(r.Checks)-1, r.Count(preflight.OK), "%s", o)
	require.Empty(t, h.Sim.Violations())
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "")
	for _, tc := range []struct {
		name   string
		env    map[string]string
		args   []string
		status int
		says   string
	}{
		{"help", nil, []string{"preflight", "--help"}, 0, "EXIT STATUS"},
		{"unknown verb", nil, []string{"preflihgt"}, 2, "unknown command"},
		{"unknown flag", nil, []string{"preflight", "--nope"}, 2, "unknown flag"},
		{"an argument", nil, []string{"preflight", "lab"}, 2, "unknown command"},
		{"no Pulumi", map[string]string{"PATH": "/nonexistent"}, []string{"preflight", "-s", "lab"}, 3, "the Pulumi CLI is not in PATH"},
		{"no project", nil, []string{"preflight", "-s", "lab", "-C", "/"}, 3, "-C names its folder"},
		{"no such stack", nil, []string{"preflight", "-s", "nope"}, 3, "no stack named 'nope'"},
		{"wrong passphrase", map[string]string{"PULUMI_CONFIG_PASSPHRASE": "nonsense"}, []string{"preflight", "-s", "lab"}, 3, "incorrect passphrase"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := h.run(tc.env, tc.args...)
			require.Equal(t, tc.status, o.status, "%s", o)
			require.Contains(t, o.String(), tc.says)
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		t.Cleanup(h.Sim.AddFault(sim.Fault{PathRegexp: "^/version$", Delay: runTimeout}))
		ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
		defer cancel()
		cmd := h.command(ctx, nil, "preflight", "-s", "lab")
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(stdout)
		for lines.Scan() && !strings.Contains(lines.Text(), "certificate") {
			continue
		}
		begun := time.Now()
		require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
		for lines.Scan() {
			continue
		}
		require.Error(t, cmd.Wait())
		require.Equal(t, 130, cmd.ProcessState.ExitCode())
		require.Less(t, time.Since(begun), 10*time.Second)
	})
}

// power starts or stops a VM and waits until it has the status.
func (h *harness) power(t *testing.T, vmid int, verb, status string) {
	t.Helper()
	h.request(http.MethodPost, fmt.Sprintf("/nodes/pve2/qemu/%d/status/%s", vmid, verb), url.Values{})
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(h.Sim.Guests(), func(g sim.Guest) bool { return g.VMID == vmid && g.Status == status })
	}, 10*time.Second, 10*time.Millisecond)
}

// guestAddress is where a guest of the stack lab, or the gateway, lies in the lab's network.
func (h *harness) guestAddress(name string) string {
	last := map[string]int{"gateway": 1, "k3s-1": 41, "k3s-2": 42, "sandbox": 43}[name]
	return fmt.Sprint(strings.TrimSuffix(h.Network.Addr().String(), "0"), last)
}

// answers changes the simulator's answers to a path.
func (h *harness) answers(t *testing.T, path, pattern, replacement string) {
	t.Helper()
	change := regexp.MustCompile(pattern)
	h.distort(t, nil, path, func(text string) string { return change.ReplaceAllString(text, replacement) })
}

func (h *harness) tokenWith(t *testing.T, privileges []string) {
	t.Helper()
	token, err := h.Sim.CreateToken("weak@pve", "test", privileges)
	require.NoError(t, err)
	h.set(t, map[string]string{"proxmoxApiToken": token})
}

func (h *harness) contents(t *testing.T, storage string, contents ...string) {
	t.Helper()
	for _, s := range h.Sim.Storages() {
		if s.ID == storage {
			t.Cleanup(func() { require.NoError(t, h.Sim.SetStorageContent("pve1", storage, s.Content)) })
			break
		}
	}
	require.NoError(t, h.Sim.SetStorageContent("pve1", storage, contents))
}

// edit sets, or with an empty value removes, an option of a guest until the end of the test.
func (h *harness) edit(t *testing.T, vmid int, key, value string) {
	t.Helper()
	var old string
	put := func(value string) {
		require.NoError(t, h.Sim.Edit(vmid, func(config map[string]string) {
			old = config[key]
			if config[key] = value; value == "" {
				delete(config, key)
			}
		}))
	}
	put(value)
	before := old
	t.Cleanup(func() { put(before) })
}

func inTenDays() time.Time { return time.Now().Add(10 * 24 * time.Hour).UTC() }

func certificateUntil(t *testing.T, end time.Time) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: end, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
