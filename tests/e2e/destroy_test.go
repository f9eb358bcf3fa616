package e2e

import (
	"errors"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/lab"
)

// TestDestroy leaves what was there before, and the guests of other stacks.
func TestDestroy(t *testing.T) {
	h := quick(t)
	guests, storages := h.Sim.Guests(), h.Sim.Storages()

	prod := h.stack("prod", vmAndContainer)
	h.up(prod)
	lab := h.stack("lab", `config:
  pve-home:vms:
    sandbox: {address: 192.168.1.43}
`)
	h.up(lab)

	_, err := prod.Destroy(h.timeout(), optdestroy.ProgressStreams(h.out))
	require.NoError(t, err)
	require.Equal(t, []string{"sandbox"}, h.guestNames(), "another stack's guest")
	require.Equal(t, "running", h.guest("sandbox").Status)

	_, err = lab.Destroy(h.timeout(), optdestroy.ProgressStreams(h.out))
	require.NoError(t, err)
	require.Equal(t, guests, h.Sim.Guests())
	require.Equal(t, storages, h.Sim.Storages(), "disks and snippets are gone")
}

// TestProtectedGuestsRefuse: Pulumi refuses, and so does Proxmox itself.
func TestProtectedGuestsRefuse(t *testing.T) {
	h := quick(t)
	protected := with(with(vmAndContainer, "tags: [web]", "tags: [web]\n      protection: true"), "tags: [dns]", "tags: [dns]\n      protection: true")
	s := h.stack("prod", protected)
	h.up(s)
	h.clean(s)
	for _, name := range []string{"web", "dns"} {
		require.Equal(t, "1", h.guest(name).Config["protection"], name)
	}

	_, err := s.Destroy(h.timeout())
	require.ErrorContains(t, err, "protect")
	// Removing them from the configuration is refused as well.
	h.edit(s, "config: {}\n")
	require.Contains(t, h.upFails(s), "protect")
	require.Equal(t, []string{"web", "dns"}, h.guestNames())

	h.edit(s, vmAndContainer)
	h.up(s)
	h.clean(s)
	_, err = s.Destroy(h.timeout())
	require.NoError(t, err)
	require.Empty(t, h.guestNames())
}

// TestRebuild: the commands of docs/operations.md make a VM anew, and its backup job with it.
func TestRebuild(t *testing.T) {
	h := quick(t)
	s := h.stack("lab", backedUp(21)+"  pve-home:containers:\n    dns: {address: 192.168.1.31}\n")
	h.up(s)
	job, dns := h.job(nightlyOfLab), *h.guest("dns")
	require.NoError(t, h.Sim.Edit(1021, func(config map[string]string) { config["description"] = "the old one" }))

	require.NoError(t, destroyTarget(h, s, "proxmoxve:VM/virtualMachine:VirtualMachine"))
	require.Equal(t, []string{"dns"}, h.guestNames())
	h.up(s)
	h.clean(s)
	require.NotEqual(t, "the old one", h.guest("web").Config["description"])
	require.Equal(t, job, h.job(nightlyOfLab))
	require.Equal(t, dns, *h.guest("dns"))
}

// destroyTarget destroys the resource of a type and what depends on it.
func destroyTarget(h *harness, s *lab.Stack, kind string) error {
	for _, r := range h.resources(s) {
		if string(r.Type) == kind {
			_, err := s.Destroy(h.timeout(), optdestroy.Target([]string{string(r.URN)}), optdestroy.TargetDependents(), optdestroy.ProgressStreams(h.out))
			return err
		}
	}
	return errors.New("no resource of type " + kind)
}
