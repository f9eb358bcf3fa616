// Package e2e runs the program with the real engine, the real provider code and real state in
// MinIO against the simulated Proxmox VE, as a user's `pulumi up` does.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/components"
	"github.com/pve-home/pve-home/tests/lab"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

// No operation of these tests may take longer: an error has to come within a bounded time.
const operationTimeout = 3 * time.Minute

func TestMain(m *testing.M) {
	lab.CleanEnvironment()
	os.Exit(m.Run())
}

// transcript collects the output of the engine, for assertions and for a failing test's log.
type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// harness is a lab with one test's helpers.
type harness struct {
	*lab.Lab
	t   *testing.T
	ctx context.Context
	out *transcript
	// files are the stack files as last edited.
	files map[string]string
}

// newHarness starts a lab for a test that runs beside others.
func newHarness(t *testing.T, o lab.Options) *harness {
	t.Helper()
	t.Parallel()
	h := &harness{t: t, ctx: t.Context(), out: &transcript{}, files: map[string]string{}}
	o.Out = h.out
	l, err := lab.Start(h.ctx, o)
	require.NoError(t, err)
	h.Lab = l
	t.Cleanup(func() {
		checkRequests(t, l.Sim.Requests())
		require.NoError(t, l.Close())
		if t.Failed() {
			t.Logf("the engine said:\n%s", h.out)
		}
	})
	return h
}

// quick is the lab of most tests: the provider stays attached between operations.
func quick(t *testing.T) *harness {
	t.Helper()
	return newHarness(t, lab.Options{AttachProvider: true})
}

func (h *harness) stack(name, file string) *lab.Stack {
	h.t.Helper()
	s, err := h.StackFrom(h.ctx, name, file)
	require.NoError(h.t, err)
	h.files[name] = file
	return s
}

func (h *harness) timeout() context.Context {
	ctx, cancel := context.WithTimeout(h.ctx, operationTimeout)
	h.t.Cleanup(cancel)
	return ctx
}

func (h *harness) up(s *lab.Stack) map[string]int {
	h.t.Helper()
	result, err := s.Up(h.timeout())
	require.NoError(h.t, err)
	return *result.Summary.ResourceChanges
}

// upFails runs an up that must fail and returns what the user sees.
func (h *harness) upFails(s *lab.Stack) string {
	h.t.Helper()
	_, err := s.Up(h.timeout())
	require.Error(h.t, err)
	return err.Error()
}

func (h *harness) clean(s *lab.Stack) {
	h.t.Helper()
	changes, err := s.PreviewChanges(h.timeout())
	require.NoError(h.t, err)
	require.Zero(h.t, changes, "a second preview must be empty")
}

func (h *harness) refreshFindsNothing(s *lab.Stack) {
	h.t.Helper()
	_, err := s.Refresh(h.timeout(), optrefresh.ExpectNoChanges(), optrefresh.ProgressStreams(h.out))
	require.NoError(h.t, err)
}

func (h *harness) refresh(s *lab.Stack) auto.RefreshResult {
	h.t.Helper()
	result, err := s.Refresh(h.timeout(), optrefresh.ProgressStreams(h.out))
	require.NoError(h.t, err)
	return result
}

func (h *harness) edit(s *lab.Stack, file string) {
	h.t.Helper()
	require.NoError(h.t, s.Edit(h.ctx, file))
	h.files[s.Name()] = file
}

// guest finds a guest in the simulator.
func (h *harness) guest(name string) *sim.Guest {
	for _, g := range h.Sim.Guests() {
		if g.Name == name {
			return &g
		}
	}
	return nil
}

// guestNames lists the guests that are no templates.
func (h *harness) guestNames() []string {
	names := []string{}
	for _, g := range h.Sim.Guests() {
		if !g.Template {
			names = append(names, g.Name)
		}
	}
	return names
}

// resources are those of the stack's state.
func (h *harness) resources(s *lab.Stack) []apitype.ResourceV3 {
	h.t.Helper()
	exported, err := s.Export(h.ctx)
	require.NoError(h.t, err)
	var deployment apitype.DeploymentV3
	require.NoError(h.t, json.Unmarshal(exported.Deployment, &deployment))
	return deployment.Resources
}

// proxmoxOf connects a test's own program to the lab.
func proxmoxOf(ctx *pulumi.Context, l *lab.Lab) (*components.Proxmox, error) {
	setting := func(key string) string {
		value, _ := ctx.GetConfig("pve-home:" + key)
		return value
	}
	node, _, err := net.SplitHostPort(l.Sim.SSHAddress("pve1"))
	if err != nil {
		return nil, err
	}
	return components.NewProxmox(ctx, "proxmox", components.ProxmoxArgs{
		Endpoint: l.Sim.Endpoint(), APIToken: setting("proxmoxApiToken"), Insecure: true,
		SSHUsername: setting("proxmoxSshUsername"), SSHPassword: pulumi.String(setting("proxmoxSshPassword")),
		Nodes: map[string]components.ProxmoxNode{"pve1": {Address: node, SSHPort: 2222}},
	})
}

var pathKey = &auto.ConfigOptions{Path: true}

// A stack file of one VM, in which tests replace settings.
const oneVM = `config:
  pve-home:vms:
    web:
      address: 192.168.1.21
      cores: 2
      memoryMiB: 2048
      diskGiB: 20
      tags: [web]
`

func with(file, old, now string) string {
	if !strings.Contains(file, old) {
		panic("the stack file has no " + old)
	}
	return strings.Replace(file, old, now, 1)
}
