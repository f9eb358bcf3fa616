package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDrift: what a person changes in Proxmox is found by refresh and repaired by up.
func TestDrift(t *testing.T) {
	h := quick(t)
	s := h.stack("prod", vmAndContainer)
	h.up(s)

	web, dns := h.guest("web").VMID, h.guest("dns").VMID
	set := func(vmid int, key, value string) func() {
		return func() {
			require.NoError(t, h.Sim.Edit(vmid, func(config map[string]string) { config[key] = value }))
		}
	}
	for _, drift := range []struct {
		what     string
		change   func()
		repaired func() bool
	}{
		{"memory of the VM", set(web, "memory", "1024"), func() bool { return h.guest("web").Config["memory"] == "2048" }},
		{"cores of the VM", set(web, "cores", "1"), func() bool { return h.guest("web").Config["cores"] == "2" }},
		{"tags of the VM", set(web, "tags", "mine"), func() bool { return h.guest("web").Config["tags"] == "prod;pve-home;web" }},
		{"description of the VM", set(web, "description", "mine"), func() bool { return h.guest("web").Config["description"] == "old text" }},
		{"memory of the container", set(dns, "memory", "128"), func() bool { return h.guest("dns").Config["memory"] == "512" }},
		{"VM stopped", func() { require.NoError(t, h.Sim.SetPower(web, false)) }, func() bool { return h.guest("web").Status == "running" }},
		{"container stopped", func() { require.NoError(t, h.Sim.SetPower(dns, false)) }, func() bool { return h.guest("dns").Status == "running" }},
		{"VM removed", func() { require.NoError(t, h.Sim.Remove(web)) }, func() bool { return h.guest("web") != nil }},
		{"container removed", func() { require.NoError(t, h.Sim.Remove(dns)) }, func() bool { return h.guest("dns") != nil }},
	} {
		drift.change()
		result := h.refresh(s)
		changes := *result.Summary.ResourceChanges
		require.Positive(t, changes["update"]+changes["delete"], "refresh does not see: %s", drift.what)
		h.up(s)
		require.True(t, drift.repaired(), "up does not repair: %s", drift.what)
		h.clean(s)
	}
	h.refreshFindsNothing(s)
}
