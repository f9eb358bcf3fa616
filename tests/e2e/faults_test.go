package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/components/pve"
	"github.com/pve-home/pve-home/tests/lab"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

// An error must come within this time. The slowest is an API that fails for one call only, which
// the provider asks ten times.
const faultTimeout = 90 * time.Second

// fault is one thing that goes wrong, what the user must then read, and how it is mended.
type fault struct {
	name string
	// container takes a container instead of a VM.
	container bool
	// strikes are faults of the simulator, settings those of a user; both end before the next up.
	strikes  []sim.Fault
	settings map[string]string
	// breaks does what neither can, and returns what mends it.
	breaks func(h *harness) (mend func())
	// cause and fix are parts of the output. The fix is said once, or this many times.
	cause, fix string
	times      int
}

func answer(method, path string, status int, reason string) []sim.Fault {
	return []sim.Fault{{Method: method, PathRegexp: path, Status: status, Reason: reason}}
}

func failing(task, exit string) []sim.Fault {
	return []sim.Fault{{Kind: sim.FaultTask, PathRegexp: "^" + task + ":", ExitStatus: exit}}
}

func withoutSnippets(h *harness) func() {
	contents := []string{"iso", "vztmpl", "backup"}
	require.NoError(h.t, h.Sim.SetStorageContent("pve1", "local", contents))
	return func() { require.NoError(h.t, h.Sim.SetStorageContent("pve1", "local", append(contents, "snippets"))) }
}

// The fixes.
const (
	readTheLog     = "Then run pulumi up --refresh, which makes what is missing"
	checkAPI       = "Check proxmoxEndpoint, proxmoxInsecure and the node's pveproxy service"
	checkToken     = "Check proxmoxApiToken"
	checkAddress   = "Check nodes.<name>.address and sshPort"
	checkSSHSecret = "Check proxmoxSshUsername and proxmoxSshPrivateKey, proxmoxSshPassword or proxmoxSshAgent"
	checkDatastore = "Check datastore and snippetDatastore against Datacenter > Storage"
	checkBridge    = "Check bridge, or make it under <node> > Network"
	waitForLock    = "Run pulumi up --refresh --parallel 4"
	templateLocked = "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout"
)

var faults = []fault{
	{name: "clone task fails", strikes: failing("qmclone", "clone failed: unable to read the image"),
		cause: "unable to read the image", fix: readTheLog},
	{name: "storage full", strikes: failing("qmclone", "clone failed: unable to create image: No space left on device"),
		cause: "No space left on device", fix: "the datastore is full. Free space on it, or set datastore to another one"},
	{name: "start task fails", strikes: failing("qmstart", "start failed: QEMU exited with code 1"),
		cause: "QEMU exited with code 1", fix: readTheLog},
	{name: "resize task fails", strikes: failing("resize", "lvresize failed"), cause: "lvresize failed", fix: readTheLog},
	{name: "container task fails", container: true, strikes: failing("vzcreate", "command 'mkfs.ext4' failed"),
		cause: "command 'mkfs.ext4' failed", fix: readTheLog},

	{name: "500 on clone", strikes: answer("POST", "/clone$", 500, "Internal Server Error"),
		cause: "HTTP 500 response - Reason: Internal Server Error", fix: checkAPI},
	{name: "500 on config", strikes: answer("PUT", "/qemu/[0-9]+/config$", 500, "Internal Server Error"),
		cause: "error updating VM: received an HTTP 500", fix: checkAPI},
	{name: "500 on everything", strikes: answer("", "", 500, "Internal Server Error"),
		cause: "HTTP 500 Internal Server Error", fix: checkAPI},
	{name: "connection dropped on config", strikes: []sim.Fault{{Method: "PUT", PathRegexp: "/qemu/[0-9]+/config$", Drop: true}},
		cause: "EOF", fix: checkAPI},
	{name: "connection dropped on everything", strikes: []sim.Fault{{Drop: true}}, cause: "EOF", fix: checkAPI},
	{name: "API refused", settings: map[string]string{"proxmoxEndpoint": "https://127.0.0.1:1/"},
		cause: "connection refused", fix: checkAPI},
	{name: "not the API", settings: map[string]string{"proxmoxInsecure": "false"}, cause: "x509: ", fix: checkAPI},

	{name: "token unknown", settings: map[string]string{"proxmoxApiToken": "pve-home@pve!pulumi=00000000-0000-0000-0000-000000000000"},
		cause: "HTTP 401 ", fix: checkToken},
	{name: "token revoked on the way", strikes: answer("POST", "/clone$", 401, "permission denied - invalid API token"),
		cause: "invalid API token", fix: checkToken},

	{name: "SSH port closed", settings: map[string]string{"nodes.pve1.sshPort": "1"}, cause: "connection refused", fix: checkAddress},
	{name: "SSH drops", strikes: []sim.Fault{{Kind: sim.FaultSSH}}, cause: "handshake failed", fix: checkAddress},
	{name: "SSH password wrong", settings: map[string]string{"proxmoxSshPassword": "wrong"},
		cause: "attempted methods [none password]", fix: checkSSHSecret},

	{name: "snippets not allowed", breaks: withoutSnippets, cause: "datastore local does not hold snippets, only iso, vztmpl, backup",
		fix:   "or on a node: pvesm set local --content iso,vztmpl,backup,snippets; or set snippetDatastore to another datastore",
		times: 2}, // a VM has two snippets
	{name: "no such datastore", settings: map[string]string{"datastore": "tank"}, cause: "storage 'tank' does not exist", fix: checkDatastore},
	{name: "no such snippet datastore", settings: map[string]string{"snippetDatastore": "tank"},
		cause: "storage 'tank' does not exist", fix: checkDatastore},
	{name: "datastore without disks", settings: map[string]string{"datastore": "local"}, cause: "datastore local does not hold images",
		fix: "or set datastore to another datastore"},
	{name: "datastore without containers", container: true, settings: map[string]string{"datastore": "local"},
		cause: "datastore local does not hold rootdir", fix: "or set datastore to another datastore"},
	{name: "no such bridge", settings: map[string]string{"bridge": "vmbr9"}, cause: "bridge 'vmbr9' does not exist", fix: checkBridge},
	{name: "no such bridge for a container", container: true, settings: map[string]string{"bridge": "vmbr9"},
		cause: "bridge 'vmbr9' does not exist", fix: checkBridge},
	{name: "no such template", settings: map[string]string{"nodes.pve1.templateId": "9099"},
		cause: "there is no template with VMID 9099 on node pve1", fix: "Set nodes.pve1.templateId to the VMID of a cloud-init template there"},
	{name: "no such container template", container: true, settings: map[string]string{"lxcTemplate": "local:vztmpl/none.tar.zst"},
		cause: "the container template is not on that node", fix: "or set lxcTemplate to one that pveam list local shows"},
}

// TestFaults: whatever fails, the user reads why and what to do within a bounded time, and the
// next up completes with nothing left over.
func TestFaults(t *testing.T) {
	h := quick(t)
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			name, file := fmt.Sprintf("fault-%d", i), vmFile(30+i)
			if f.container {
				file = containerFile(30 + i)
			}
			h.in(t).fails(f, name, file)
		})
	}
}

// fails runs a stack into a fault and out of it again.
func (h *harness) fails(f fault, name, file string) {
	t := h.t
	before := len(h.guestNames())
	s := h.stack(name, file)
	for _, strike := range f.strikes {
		h.Sim.AddFault(strike)
	}
	h.set(s, f.settings)
	mend := func() {}
	if f.breaks != nil {
		mend = f.breaks(h)
	}
	started := time.Now()
	output := h.upFails(s)
	require.Less(t, time.Since(started), faultTimeout)
	diagnostics := diagnosticsOf(t, output)
	require.Contains(t, diagnostics, f.cause)
	require.Contains(t, diagnostics, f.fix)
	require.Equal(t, max(1, f.times), strings.Count(diagnostics, f.fix), "advice is given once: %s", diagnostics)

	h.Sim.ClearFaults()
	mend()
	h.edit(s, file)
	h.up(s)
	h.clean(s)
	require.Len(t, h.guestNames(), before+1, "exactly one guest more")
	h.everythingRuns(t)
	require.Empty(t, h.orphans(), "volumes that no guest uses")
}

// in is the harness in a subtest.
func (h *harness) in(t *testing.T) *harness {
	sub := *h
	sub.t, sub.ctx = t, t.Context()
	return &sub
}

func vmFile(host int, lines ...string) string {
	return guestFile("vms", "web", host, append(lines, "diskGiB: 20"))
}

func containerFile(host int) string {
	return guestFile("containers", "box", host, []string{"diskGiB: 8"})
}

func guestFile(kind, name string, host int, lines []string) string {
	return fmt.Sprintf("config:\n  pve-home:kind: lab\n  pve-home:%s:\n    %s:\n      address: 192.168.1.%d\n      %s\n",
		kind, name, host, strings.Join(lines, "\n      "))
}

// set changes settings of a stack as `pulumi config set` does.
func (h *harness) set(s *lab.Stack, settings map[string]string) {
	config := auto.ConfigMap{}
	for key, value := range settings {
		config[key] = auto.ConfigValue{Value: value, Secret: key == "proxmoxApiToken" || key == "proxmoxSshPassword"}
	}
	if len(config) > 0 {
		require.NoError(h.t, s.SetAllConfigWithOptions(h.ctx, config, &auto.ConfigOptions{Path: true}))
	}
}

// diagnosticsOf cuts the progress off, which repeats what the diagnostics say.
func diagnosticsOf(t *testing.T, output string) string {
	_, diagnostics, found := strings.Cut(output, "\nDiagnostics:\n")
	require.True(t, found, "no diagnostics in: %s", output)
	return diagnostics
}

func (h *harness) everythingRuns(t *testing.T) {
	for _, g := range h.Sim.Guests() {
		require.True(t, g.Template || g.Status == "running", "%s %d is %s", g.Name, g.VMID, g.Status)
	}
}

// orphans lists the disks and snippets that no guest of the node uses.
func (h *harness) orphans() []string {
	orphans := []string{}
	for _, storage := range h.Sim.Storages() {
		for _, v := range storage.Volumes {
			if v.Content != "vztmpl" && !h.used(storage, v) {
				orphans = append(orphans, storage.Node+" "+v.Volid)
			}
		}
	}
	return orphans
}

func (h *harness) used(storage sim.StorageStatus, v sim.Volume) bool {
	return slices.ContainsFunc(h.Sim.Guests(), func(g sim.Guest) bool {
		if g.Node != storage.Node && !storage.Shared {
			return false
		}
		for _, value := range g.Config {
			if strings.Contains(value+",", v.Volid+",") {
				return true
			}
		}
		return false
	})
}

// TestPrivilegeMissing: a token without VM.Clone.
func TestPrivilegeMissing(t *testing.T) {
	privileges := slices.DeleteFunc(pve.Privileges("8.4"), func(p string) bool { return p == "VM.Clone" })
	h := newHarness(t, lab.Options{AttachProvider: true, Privileges: privileges})
	s := h.stack("lab", vmFile(21))
	diagnostics := diagnosticsOf(t, h.upFails(s))
	require.Contains(t, diagnostics, "Permission check failed (/vms/9000, VM.Clone)")
	require.Equal(t, 1, strings.Count(diagnostics, "Compare its role with docs/proxmox-role.md"))

	token, err := h.Sim.CreateToken("pve-home@pve", "pulumi", pve.Privileges("8.4"))
	require.NoError(t, err)
	h.set(s, map[string]string{"proxmoxApiToken": token})
	h.up(s)
	h.clean(s)
	require.Equal(t, []string{"web"}, h.guestNames())
	require.Empty(t, h.orphans())
}

// TestContentListFails: the provider asks for it ten times, for 52 seconds.
func TestContentListFails(t *testing.T) {
	h := quick(t)
	h.fails(fault{
		strikes: answer("GET", "/storage/local/content", 500, "Internal Server Error"),
		cause:   "error listing files from datastore local: received an HTTP 500", fix: checkAPI,
	}, "lab", vmFile(21))
}

// TestShortOutage: connections that drop now and then are nothing that a user must see.
func TestShortOutage(t *testing.T) {
	h := quick(t)
	s := h.stack("lab", vmFile(21))
	h.Sim.AddFault(sim.Fault{Method: "GET", PathRegexp: "/qemu/1021/config$", Drop: true, Times: 2})
	h.Sim.AddFault(sim.Fault{Method: "GET", PathRegexp: "/storage/local/content$", Status: 596, Reason: "Connection timed out", Times: 2})
	h.up(s)
	require.Empty(t, h.Sim.Faults(), "all of them have struck")
	h.clean(s)
}

func TestTemplateBusy(t *testing.T) {
	h := quick(t)
	locked := failing("qmclone", templateLocked)

	once := locked[0]
	once.Times = 1
	h.Sim.AddFault(once)
	s := h.stack("lab", vmFile(21))
	result, err := s.Up(h.timeout())
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(diagnosticsOf(t, result.StdOut), "web: the template is busy with another task; trying again"))
	h.clean(s)
	require.Empty(t, h.orphans())

	h.fails(fault{strikes: locked, cause: templateLocked, fix: waitForLock}, "prod", vmFile(22))
}

// TestForeignGuest: a VMID that somebody else has is refused before anything happens.
func TestForeignGuest(t *testing.T) {
	h := quick(t)
	h.up(h.stack("prod", strings.Replace(vmFile(99, "vmId: 1021"), "web:", "nas:", 1)))
	foreign := *h.guest("nas")
	s := h.stack("lab", vmFile(21))

	_, err := s.PreviewChanges(h.timeout())
	require.ErrorContains(t, err, `web: VMID 1021 is taken by VM "nas" (running on node pve1)`, "the preview refuses it already")
	h.Sim.ResetRequests()
	diagnostics := diagnosticsOf(t, h.upFails(s))
	require.Contains(t, diagnostics, `web: VMID 1021 is taken by VM "nas" (running on node pve1). Give web another vmId`)
	h.untouched(1021)
	require.Equal(t, foreign, *h.guest("nas"))

	h.edit(s, vmFile(21, "vmId: 2021"))
	h.up(s)
	h.clean(s)
	require.Equal(t, 2021, h.guest("web").VMID)
	require.Equal(t, foreign, *h.guest("nas"))
	require.Empty(t, h.orphans())
}
