package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFirewallOptionsAndRules(t *testing.T) {
	c := start(t)
	c.clone(100, "vm0")
	c.ok("PUT", "/cluster/firewall/options", "ebtables=0&enable=1&log_ratelimit=enable=1,burst=5,rate=1/second&policy_in=DROP&policy_out=ACCEPT")
	require.Equal(t, 1.0, c.object("/cluster/firewall/options")["enable"], "a number, never a text")
	base := "/nodes/pve1/qemu/100/firewall"
	c.ok("PUT", base+"/options", "dhcp=1&enable=1&ipfilter=0&log_level_in=info&log_level_out=nolog&macfilter=1&ndp=0&policy_in=DROP&policy_out=ACCEPT&radv=1")
	require.Equal(t, 0.0, c.object(base + "/options")["ndp"])
	c.ok("POST", base+"/rules", "action=ACCEPT&comment=web&dport=80,443&enable=1&proto=tcp&type=in")
	c.ok("POST", base+"/rules", "action=ACCEPT&comment=ssh&dport=22&enable=1&log=info&proto=tcp&source=10.0.0.0/24&type=in")
	rules := c.list(base + "/rules")
	require.Equal(t, "ssh", rules[0].(map[string]any)["comment"], "a new rule comes first")
	require.Equal(t, 1.0, rules[1].(map[string]any)["pos"])
	require.Equal(t, "1", c.object(base + "/rules/1")["pos"])
	c.ok("PUT", base+"/rules/1", "moveto=0")
	require.Equal(t, "web", c.object(base + "/rules/0")["comment"])
	c.ok("DELETE", base+"/rules/1", "")
	c.fails("GET", base+"/rules/1", "", 500, "no rule at position 1")
	require.Equal(t, "OK", c.task("DELETE", "/nodes/pve1/qemu/100", ""))
	c.clone(100, "vm0")
	require.Empty(t, c.list(base+"/rules"), "the rules go with the guest")
}

func TestFirewallNames(t *testing.T) {
	c := start(t)
	c.ok("POST", "/cluster/firewall/aliases", "name=gw&cidr=10.0.0.1&comment=router")
	require.Equal(t, "10.0.0.1", c.object("/cluster/firewall/aliases/gw")["cidr"])
	c.ok("PUT", "/cluster/firewall/aliases/gw", "cidr=10.0.0.2&rename=router")
	require.Equal(t, 400, c.do("GET", "/cluster/firewall/aliases/gw", "").Status)
	c.ok("POST", "/cluster/firewall/ipset", "name=admins")
	c.ok("POST", "/cluster/firewall/ipset/admins", "cidr=10.0.0.0/24&comment=lan")
	require.Equal(t, "lan", c.object("/cluster/firewall/ipset/admins/10.0.0.0%2F24")["comment"])
	require.Len(t, c.list("/cluster/firewall/refs"), 2)
	c.fails("DELETE", "/cluster/firewall/ipset/admins", "", 500, "IPSet 'admins' is not empty")
	c.ok("DELETE", "/cluster/firewall/ipset/admins/10.0.0.0%2F24", "")
	c.ok("DELETE", "/cluster/firewall/ipset/admins", "")
	c.ok("POST", "/cluster/firewall/groups", "group=web")
	c.ok("POST", "/cluster/firewall/groups/web", "action=ACCEPT&type=in&dport=80&proto=tcp")
	require.Len(t, c.list("/cluster/firewall/groups/web"), 1)
	c.ok("POST", "/cluster/firewall/rules", "type=group&action=web")
	require.Equal(t, 400, c.do("POST", "/cluster/firewall/rules", "type=group&action=nogroup").Status)
	c.fails("DELETE", "/cluster/firewall/groups/web", "", 500, "Security group 'web' is not empty")
	c.ok("DELETE", "/cluster/firewall/groups/web/0", "")
	c.ok("DELETE", "/cluster/firewall/groups/web", "")
}
