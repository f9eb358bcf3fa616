package components

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUmeLqQSfJf0qBLAAkgEgRBzZ2pGVqhmjVxbXkkEX7N me"

func webServer() VMArgs {
	return VMArgs{
		Node: "pve1", VMID: 1021, TemplateID: 9000, TemplateNode: "pve1",
		Address: "192.168.1.21/24", Gateway: "192.168.1.1", DNSServers: []string{"192.168.1.1"}, SearchDomain: "home.arpa",
		Bridge: "vmbr0", VLAN: 20, MAC: "bc:24:11:00:00:01", Firewall: true,
		Cores: 2, CPUType: "x86-64-v2-AES", MemoryMiB: 2048, BalloonMiB: 1024,
		DiskGiB: 20, Datastore: "local-lvm", DataDisks: []DataDisk{{SizeGiB: 50, Datastore: "tank", Backup: true}},
		GuestAgent: true, OnBoot: true, StartOrder: 2, StartDelaySeconds: 30,
		Tags: []string{"prod", "web"}, Description: "web sites",
		Username: "admin", SSHPublicKeys: []string{publicKey}, SnippetDatastore: "local",
	}
}

func newVM(t *testing.T, args VMArgs) map[string]pulumi.MockResourceArgs {
	return run(t, func(ctx *pulumi.Context, proxmox *Proxmox) error {
		_, err := NewVM(ctx, "web", proxmox, args)
		return err
	})
}

func object(t *testing.T, v resource.PropertyValue) resource.PropertyMap {
	t.Helper()
	require.True(t, v.IsObject(), "%v is no object", v)
	return v.ObjectValue()
}

func TestVMInputs(t *testing.T) {
	got := newVM(t, webServer())
	require.Len(t, got, 5, "provider, component, two snippets, machine")

	in := got[virtualMachine+" web"].Inputs
	require.Equal(t, "web", in["name"].StringValue())
	require.Equal(t, "pve1", in["nodeName"].StringValue())
	require.EqualValues(t, 1021, in["vmId"].NumberValue())
	require.Equal(t, "web sites", in["description"].StringValue())
	require.Equal(t, []any{"prod", "web"}, in["tags"].Mappable())
	require.True(t, in["onBoot"].BoolValue())
	require.True(t, in["started"].BoolValue())
	require.True(t, in["stopOnDestroy"].BoolValue(), "a guest without an agent must not hold up destroy")
	require.Equal(t, map[string]any{"vmId": 9000.0, "nodeName": "pve1", "datastoreId": "local-lvm", "full": true, "retries": 1.0}, in["clone"].Mappable())
	require.Equal(t, map[string]any{"cores": 2.0, "sockets": 1.0, "type": "x86-64-v2-AES"}, in["cpu"].Mappable())
	require.Equal(t, map[string]any{"dedicated": 2048.0, "floating": 1024.0}, in["memory"].Mappable())
	require.Equal(t, map[string]any{"order": 2.0, "upDelay": 30.0, "downDelay": 0.0}, in["startup"].Mappable())
	require.Equal(t, []any{map[string]any{
		"bridge": "vmbr0", "firewall": true, "model": "virtio", "vlanId": 20.0, "macAddress": "BC:24:11:00:00:01",
	}}, in["networkDevices"].Mappable())
	require.Equal(t, []any{
		map[string]any{"interface": "scsi0", "datastoreId": "local-lvm", "size": 20.0},
		map[string]any{"interface": "scsi1", "datastoreId": "tank", "size": 50.0, "backup": true, "discard": "on", "iothread": true, "ssd": true},
	}, in["disks"].Mappable())

	initialization := object(t, in["initialization"])
	require.Equal(t, "local:snippets/pve-home-prod-web-user-data.yaml", initialization["userDataFileId"].StringValue())
	require.Equal(t, "local:snippets/pve-home-prod-web-meta-data.yaml", initialization["metaDataFileId"].StringValue())
	require.NotContains(t, initialization, resource.PropertyKey("userAccount"), "Proxmox ignores it next to user-data")
	require.Equal(t, []any{map[string]any{"ipv4": map[string]any{"address": "192.168.1.21/24", "gateway": "192.168.1.1"}}},
		initialization["ipConfigs"].Mappable())
	require.Equal(t, "15s", object(t, in["agent"])["timeout"].StringValue())
}

func TestVMOptions(t *testing.T) {
	got := newVM(t, webServer())

	component := got["pve-home:index:VM web"].RegisterRPC
	require.False(t, component.GetCustom())
	machine := got[virtualMachine+" web"].RegisterRPC
	snippet := got[file+" web-user-data"].RegisterRPC
	for _, child := range []interface{ GetParent() string }{machine, snippet} {
		require.Contains(t, child.GetParent(), "pve-home:index:VM::web")
	}
	require.Contains(t, machine.GetProvider(), "pulumi:providers:proxmoxve::proxmox")
	for _, kind := range []string{"user-data", "meta-data"} {
		require.Contains(t, machine.GetDependencies(), "urn:pulumi:prod::pve-home::pve-home:index:VM$"+file+"::web-"+kind,
			"the snippet must be there before the first boot")
	}
	require.True(t, snippet.GetDeleteBeforeReplace(), "the same file name would otherwise be deleted after it was written")

	ignored := machine.GetIgnoreChanges()
	require.Subset(t, ignored, []string{"clone", "disks[0].speed", "disks[1].speed", "disks[0].discard"})
	require.NotContains(t, ignored, "disks[0].size")
	require.NotContains(t, ignored, "initialization.userDataFileId", "the VM would point to a snippet that is gone, and not start again")
	require.NotContains(t, ignored, "disks[1].discard")

	require.True(t, machine.GetDeleteBeforeReplaceDefined() && !machine.GetDeleteBeforeReplace(), "a replacement must be refused before anything is deleted")
	require.NotEmpty(t, machine.GetHooks().GetBeforeCreate())
	require.NotEmpty(t, machine.GetHooks().GetBeforeUpdate())
	require.NotEmpty(t, machine.GetHooks().GetOnError())
	require.Empty(t, machine.GetHooks().GetBeforeDelete(), "pulumi destroy would need --run-program")
	require.False(t, machine.GetProtect())
}

func TestVMProtected(t *testing.T) {
	args := webServer()
	args.Protection = true
	got := newVM(t, args)[virtualMachine+" web"]
	require.True(t, got.Inputs["protection"].BoolValue(), "Proxmox must refuse")
	require.True(t, got.RegisterRPC.GetProtect(), "Pulumi must refuse")
}

func TestVMLeavesToProxmoxWhatIsNotSet(t *testing.T) {
	args := webServer()
	args.VMID, args.VLAN, args.MAC, args.StartOrder, args.DataDisks = 0, 0, "", 0, nil
	in := newVM(t, args)[virtualMachine+" web"].Inputs
	require.NotContains(t, in, resource.PropertyKey("vmId"))
	require.NotContains(t, in, resource.PropertyKey("startup"))
	require.Equal(t, []any{map[string]any{"bridge": "vmbr0", "firewall": true, "model": "virtio"}}, in["networkDevices"].Mappable())
	require.Len(t, in["disks"].ArrayValue(), 1)
}

func TestVMAddress(t *testing.T) {
	for _, tc := range []struct{ address, want, agentTimeout string }{
		{"192.168.1.21/24", "192.168.1.21", "15s"},
		{"dhcp", "192.168.1.200", "5m0s"},
	} {
		t.Run(tc.address, func(t *testing.T) {
			args := webServer()
			args.Address = tc.address
			var got string
			resources := run(t, func(ctx *pulumi.Context, proxmox *Proxmox) error {
				machine, err := NewVM(ctx, "web", proxmox, args)
				if err != nil {
					return err
				}
				got = await[string](t, ctx, machine.Address)
				return nil
			})
			require.Equal(t, tc.want, got)
			in := resources[virtualMachine+" web"].Inputs
			require.Equal(t, tc.agentTimeout, object(t, in["agent"])["timeout"].StringValue())
			ipv4 := in["initialization"].ObjectValue()["ipConfigs"].ArrayValue()[0].ObjectValue()["ipv4"]
			require.Equal(t, tc.address != "dhcp", object(t, ipv4)["gateway"].HasValue(), "Proxmox refuses a gateway with DHCP")
		})
	}
}

// TestVMMetaData: a first boot stays the only one, whatever changes.
func TestVMMetaData(t *testing.T) {
	content := func(args VMArgs) string {
		return object(t, newVM(t, args)[file+" web-meta-data"].Inputs["sourceRaw"])["data"].StringValue()
	}
	other := webServer()
	other.Address, other.Username, other.SSHPublicKeys, other.Node = "192.168.1.99/24", "operator", nil, "pve2"
	require.Equal(t, "instance-id: pve-home-prod-web\n", content(webServer()))
	require.Equal(t, content(webServer()), content(other))
}

func TestVMUserData(t *testing.T) {
	args := webServer()
	args.Username = `ad"min: x`
	raw := newVM(t, args)[file+" web-user-data"].Inputs
	require.Equal(t, "snippets", raw["contentType"].StringValue())
	require.Equal(t, "pve1", raw["nodeName"].StringValue())
	source := object(t, raw["sourceRaw"])
	require.Equal(t, "pve-home-prod-web-user-data.yaml", source["fileName"].StringValue())

	text := source["data"].StringValue()
	require.Regexp(t, `^#cloud-config\n`, text)
	var document struct {
		Hostname string
		FQDN     string `yaml:"fqdn"`
		Users    []struct {
			Name string
			Keys []string `yaml:"ssh_authorized_keys"`
			Lock bool     `yaml:"lock_passwd"`
		}
		Packages []string
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &document))
	require.Equal(t, "web", document.Hostname)
	require.Equal(t, "web.home.arpa", document.FQDN)
	require.Len(t, document.Users, 1)
	require.Equal(t, `ad"min: x`, document.Users[0].Name, "a value must never become YAML syntax")
	require.Equal(t, []string{publicKey}, document.Users[0].Keys)
	require.True(t, document.Users[0].Lock)
	require.Contains(t, document.Packages, "qemu-guest-agent")
}
