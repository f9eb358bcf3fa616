package sim_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

// version starts a simulator of one version, with the schema only if it is that version's.
func version(name string) func(*sim.Options) {
	return func(o *sim.Options) {
		o.Version = name
		if !strings.Contains(os.Getenv("PVE_API_SCHEMA"), name) {
			o.SchemaFile = ""
		}
	}
}

func TestHAGroupsOfVersion8(t *testing.T) {
	c := start(t, version("8.4"))
	c.clone(100, "vm0")
	c.ok("POST", "/cluster/ha/groups/", "comment=managed&group=prod&nodes=pve2:1,pve1:2&nofailback=0&restricted=1&type=group")
	group := c.object("/cluster/ha/groups/prod")
	require.Equal(t, 1.0, group["restricted"])
	require.Equal(t, "pve2:1,pve1:2", group["nodes"])
	c.ok("POST", "/cluster/ha/resources/", "group=prod&max_restart=2&sid=vm:100&state=started&type=vm")
	require.Equal(t, 2.0, c.object("/cluster/ha/resources/vm:100")["max_restart"])
	require.Equal(t, "running", c.guest(100).Status, "the HA manager starts what shall run")
	require.Equal(t, 1.0, c.object("/nodes/pve1/qemu/100/status/current")["ha"].(map[string]any)["managed"])
	c.fails("DELETE", "/cluster/ha/groups/prod", "", 500, "ha group is used by service 'vm:100'")
	c.ok("POST", "/nodes/pve1/qemu/100/status/stop", "")
	require.Equal(t, "stopped", c.object("/cluster/ha/resources/vm:100")["state"], "a stop becomes the requested state")
	c.fails("DELETE", "/nodes/pve1/qemu/100", "", 500, "unable to remove VM 100 - used in HA resources and purge parameter not set.")
	require.Equal(t, "OK", c.task("DELETE", "/nodes/pve1/qemu/100", "purge=1"))
	require.Empty(t, c.list("/cluster/ha/resources"))
	require.Equal(t, 501, c.do("GET", "/cluster/ha/rules", "").Status)
	require.NotEmpty(t, c.list("/cluster/ha/status/current"))
}

func TestHARulesOfVersion9(t *testing.T) {
	c := start(t, version("9.1"))
	c.clone(100, "vm0")
	c.fails("POST", "/cluster/ha/groups", "group=prod&nodes=pve1", 500, "cannot create group: ha groups have been migrated to rules")
	c.fails("GET", "/cluster/ha/groups", "", 500, "cannot index groups: ha groups have been migrated to rules")
	c.fails("POST", "/cluster/ha/resources", "sid=vm:100&group=prod", 500, "invalid parameter 'group': ha groups have been migrated to rules")
	c.ok("POST", "/cluster/ha/resources", "sid=vm:100&state=stopped")
	c.ok("POST", "/cluster/ha/rules", "rule=near&type=node-affinity&resources=vm:100&nodes=pve1&strict=1")
	require.Equal(t, 1.0, c.object("/cluster/ha/rules/near")["strict"])
	_, err := c.CreateToken("a@pve", "b", []string{"VM.Monitor"})
	require.ErrorContains(t, err, "no privilege VM.Monitor")
}
