package components

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

func dnsServer() LXCArgs {
	return LXCArgs{
		Node: "pve1", VMID: 1031, Template: "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst", OSType: "debian",
		Address: "192.168.1.31/24", Gateway: "192.168.1.1", DNSServers: []string{"9.9.9.9"}, SearchDomain: "home.arpa",
		Bridge: "vmbr0", VLAN: 20, MAC: "bc:24:11:00:00:02", Firewall: true,
		Cores: 1, MemoryMiB: 512, SwapMiB: 256, DiskGiB: 8, Datastore: "local-lvm",
		MountPoints:  []MountPoint{{Path: "/srv/files", SizeGiB: 100, Datastore: "tank", ReadOnly: true, Backup: true}},
		Unprivileged: true, Nesting: true, OnBoot: true, StartOrder: 1, StartDelaySeconds: 5,
		Tags: []string{"dns", "prod"}, Description: "resolver", SSHPublicKeys: []string{publicKey},
	}
}

func newLXC(t *testing.T, args LXCArgs) map[string]pulumi.MockResourceArgs {
	return run(t, func(ctx *pulumi.Context, proxmox *Proxmox) error {
		_, err := NewLXC(ctx, "dns", proxmox, args)
		return err
	})
}

func TestLXCInputs(t *testing.T) {
	got := newLXC(t, dnsServer())
	require.Len(t, got, 3, "provider, component, container")

	in := got[container+" dns"].Inputs
	require.Equal(t, "pve1", in["nodeName"].StringValue())
	require.EqualValues(t, 1031, in["vmId"].NumberValue())
	require.Equal(t, map[string]any{"templateFileId": "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst", "type": "debian"},
		in["operatingSystem"].Mappable())
	require.Equal(t, map[string]any{"cores": 1.0}, in["cpu"].Mappable())
	require.Equal(t, map[string]any{"dedicated": 512.0, "swap": 256.0}, in["memory"].Mappable())
	require.Equal(t, map[string]any{"datastoreId": "local-lvm", "size": 8.0}, in["disk"].Mappable())
	require.Equal(t, []any{map[string]any{"path": "/srv/files", "volume": "tank", "size": "100G", "readOnly": true, "backup": true}},
		in["mountPoints"].Mappable())
	require.Equal(t, []any{map[string]any{
		"name": "eth0", "bridge": "vmbr0", "firewall": true, "vlanId": 20.0, "macAddress": "BC:24:11:00:00:02",
	}}, in["networkInterfaces"].Mappable())
	require.Equal(t, map[string]any{
		"hostname":    "dns",
		"dns":         map[string]any{"domain": "home.arpa", "servers": []any{"9.9.9.9"}},
		"ipConfigs":   []any{map[string]any{"ipv4": map[string]any{"address": "192.168.1.31/24", "gateway": "192.168.1.1"}}},
		"userAccount": map[string]any{"keys": []any{publicKey}},
	}, in["initialization"].Mappable())
	require.Equal(t, map[string]any{"nesting": true}, in["features"].Mappable(), "a token may set no other feature")
	require.True(t, in["unprivileged"].BoolValue())
	require.True(t, in["startOnBoot"].BoolValue())
	require.Equal(t, map[string]any{"order": 1.0, "upDelay": 5.0, "downDelay": 0.0}, in["startup"].Mappable())
	require.Equal(t, []any{"dns", "prod"}, in["tags"].Mappable())
	require.Equal(t, "resolver\n", in["description"].StringValue(), "Proxmox reports it with a line end")
}

func TestLXCOptions(t *testing.T) {
	rpc := newLXC(t, dnsServer())[container+" dns"].RegisterRPC
	require.Contains(t, rpc.GetParent(), "pve-home:index:LXC::dns")
	require.Contains(t, rpc.GetProvider(), "pulumi:providers:proxmoxve::proxmox")
	require.ElementsMatch(t, []string{"initialization.userAccount", "operatingSystem.templateFileId"}, rpc.GetIgnoreChanges(),
		"a new key or template would replace the container and its data")
	require.True(t, rpc.GetDeleteBeforeReplaceDefined() && !rpc.GetDeleteBeforeReplace(), "a replacement must be refused before anything is deleted")
	require.NotEmpty(t, rpc.GetHooks().GetBeforeCreate())
	require.Empty(t, rpc.GetHooks().GetBeforeDelete(), "pulumi destroy would need --run-program")
}

func TestLXCProtected(t *testing.T) {
	args := dnsServer()
	args.Protection = true
	got := newLXC(t, args)[container+" dns"]
	require.True(t, got.Inputs["protection"].BoolValue(), "Proxmox must refuse")
	require.True(t, got.RegisterRPC.GetProtect(), "Pulumi must refuse")
}

func TestLXCLeavesToProxmoxWhatIsNotSet(t *testing.T) {
	args := dnsServer()
	args.VMID, args.VLAN, args.MAC, args.StartOrder, args.Address = 0, 0, "", 0, "dhcp"
	in := newLXC(t, args)[container+" dns"].Inputs
	require.NotContains(t, in, resource.PropertyKey("vmId"))
	require.NotContains(t, in, resource.PropertyKey("startup"))
	require.Equal(t, []any{map[string]any{"name": "eth0", "bridge": "vmbr0", "firewall": true}}, in["networkInterfaces"].Mappable())
	require.Equal(t, []any{map[string]any{"ipv4": map[string]any{"address": "dhcp"}}}, object(t, in["initialization"])["ipConfigs"].Mappable())
}

func TestLXCOutputs(t *testing.T) {
	run(t, func(ctx *pulumi.Context, proxmox *Proxmox) error {
		c, err := NewLXC(ctx, "dns", proxmox, dnsServer())
		if err != nil {
			return err
		}
		require.Equal(t, "192.168.1.31", await[string](t, ctx, c.Address))
		require.Equal(t, 1031, await[int](t, ctx, c.VMID))
		require.Equal(t, "pve1", await[string](t, ctx, c.Node))
		return nil
	})
}
