package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/components"
	"github.com/pve-home/pve-home/tests/lab"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

// TestSilentAgent: a guest agent that never answers is an error that says so within minutes. The VM
// is whole all the same.
func TestSilentAgent(t *testing.T) {
	h := quick(t)
	h.Sim.AddFault(sim.Fault{Kind: sim.FaultAgent})
	s := h.stack("lab", vmFile(21))
	started := time.Now()
	diagnostics := diagnosticsOf(t, h.upFails(s))
	require.Less(t, time.Since(started), 3*time.Minute)
	require.Contains(t, diagnostics, "web: it runs, but its guest agent did not answer within 2m0s: ")
	require.Contains(t, diagnostics, "QEMU guest agent is not running. Install and start the package qemu-guest-agent in the guest, or set agent: false for it")
	h.clean(s)
	require.Equal(t, "running", h.guest("web").Status)

	h.edit(s, vmFile(21, "agent: false"))
	result, err := s.Up(h.timeout())
	require.NoError(t, err)
	require.NotContains(t, result.StdOut, "guest agent did not answer")
	h.clean(s)
}

// TestSlowAgent: a first boot that installs the agent takes longer than the provider waits.
func TestSlowAgent(t *testing.T) {
	h := quick(t)
	h.Sim.AddFault(sim.Fault{Kind: sim.FaultAgent})
	s := h.stack("lab", vmFile(21))
	done := make(chan error, 1)
	go func() {
		_, err := s.Up(h.timeout())
		done <- err
	}()
	h.await(func() bool {
		return slices.ContainsFunc(h.Sim.Requests(), func(r sim.Request) bool { return strings.HasSuffix(r.Path, "/agent/ping") })
	})
	h.Sim.ClearFaults()
	require.NoError(t, <-done)
	h.clean(s)
}

// TestSilentAgentDHCP: without its agent a DHCP address is unknown, which is an error.
func TestSilentAgentDHCP(t *testing.T) {
	h := quick(t)
	h.Sim.AddFault(sim.Fault{Kind: sim.FaultAgent})
	s := h.stack("lab", vmFile(21))
	s.Workspace().SetProgram(func(ctx *pulumi.Context) error { return dhcpMachine(ctx, h.Lab) })
	diagnostics := diagnosticsOf(t, h.upFails(s))
	require.Contains(t, diagnostics, "web: its guest agent did not answer within 5s, so its DHCP address is not known")
	require.Contains(t, diagnostics, "then run pulumi up --refresh")

	h.Sim.ClearFaults()
	result, err := s.Up(h.timeout(), optup.Refresh())
	require.NoError(t, err)
	require.NotEmpty(t, result.Outputs["address"].Value)
	require.Equal(t, []string{"web"}, h.guestNames())
}

// dhcpMachine is a program with one VM whose agent is given up on soon.
func dhcpMachine(ctx *pulumi.Context, l *lab.Lab) error {
	proxmox, err := proxmoxOf(ctx, l)
	if err != nil {
		return err
	}
	machine, err := components.NewVM(ctx, "web", proxmox, components.VMArgs{
		Node: "pve1", VMID: 1021, TemplateID: 9000, TemplateNode: "pve1", Address: "dhcp", Bridge: "vmbr0",
		Cores: 1, CPUType: "x86-64-v2-AES", MemoryMiB: 1024, DiskGiB: 20, Datastore: "local-lvm", SnippetDatastore: "local",
		GuestAgent: true, AgentTimeout: 5 * time.Second,
		Username: "admin", SSHPublicKeys: []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUmeLqQSfJf0qBLAAkgEgRBzZ2pGVqhmjVxbXkkEX7N lab"},
	})
	if err != nil {
		return err
	}
	ctx.Export("address", machine.Address)
	return nil
}
