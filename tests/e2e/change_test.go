package e2e

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

// A stack file of one VM and one container with everything that can change.
const vmAndContainer = `config:
  pve-home:vms:
    web:
      address: 192.168.1.21
      cores: 2
      memoryMiB: 2048
      diskGiB: 20
      dataDisks:
        - sizeGiB: 10
      tags: [web]
      description: old text
  pve-home:containers:
    dns:
      address: 192.168.1.31
      cores: 1
      memoryMiB: 512
      diskGiB: 8
      mountPoints:
        - path: /srv/data
          sizeGiB: 5
      tags: [dns]
      description: old text
`

// TestChangesInPlace changes what may change while the guests keep their disks.
func TestChangesInPlace(t *testing.T) {
	h := quick(t)
	s := h.stack("prod", vmAndContainer)
	h.up(s)
	h.clean(s)

	for _, change := range []struct{ what, old, now, guest, key, want string }{
		{"cores", "cores: 2", "cores: 4", "web", "cores", "4"},
		{"memory", "memoryMiB: 2048", "memoryMiB: 4096", "web", "memory", "4096"},
		{"balloon", "memoryMiB: 4096\n", "memoryMiB: 4096\n      balloonMiB: 1024\n", "web", "balloon", "1024"},
		{"tags", "tags: [web]", "tags: [web, blue]", "web", "tags", "blue;prod;pve-home;web"},
		{"description", "description: old text", "description: new text", "web", "description", "new text"},
		{"bigger system disk", "diskGiB: 20", "diskGiB: 32", "web", "scsi0", "size=32G"},
		{"bigger data disk", "sizeGiB: 10", "sizeGiB: 15", "web", "scsi1", "size=15G"},
		{"another data disk", "- sizeGiB: 15\n", "- sizeGiB: 15\n        - sizeGiB: 7\n", "web", "scsi2", "size=7G"},
		{"start order", "tags: [web, blue]", "tags: [web, blue]\n      startOrder: 3", "web", "startup", "order=3"},
		{"on boot", "startOrder: 3", "startOrder: 3\n      onBoot: false", "web", "onboot", "0"},
		{"VLAN", "onBoot: false", "onBoot: false\n      vlan: 20", "web", "net0", "tag=20"},
		{"DNS", "vlan: 20", "vlan: 20\n      dnsServers: [9.9.9.9]", "web", "nameserver", "9.9.9.9"},
		{"address, with the VMID kept", "address: 192.168.1.21", "address: 192.168.1.99\n      vmId: 1021", "web", "ipconfig0", ".99/24"},
		{"container's cores", "cores: 1", "cores: 2", "dns", "cores", "2"},
		{"container's memory", "memoryMiB: 512", "memoryMiB: 1024", "dns", "memory", "1024"},
		{"container's tags", "tags: [dns]", "tags: [dns, blue]", "dns", "tags", "blue;dns;prod;pve-home"},
		{"container's description", "description: old text", "description: new text", "dns", "description", "new text"},
		{"another mount point", "sizeGiB: 5\n", "sizeGiB: 5\n        - path: /srv/more\n          sizeGiB: 3\n", "dns", "mp1", "mp=/srv/more"},
		{"container's mount options", "path: /srv/data", "path: /srv/data\n          backup: false", "dns", "mp0", "backup=0"},
	} {
		before := h.guest(change.guest)
		file := with(h.files[s.Name()], change.old, change.now)
		h.edit(s, file)
		changes := h.up(s)
		require.Equal(t, []string{"same", "update"}, slices.Sorted(maps.Keys(changes)), "%s must be an update in place", change.what)
		require.Equal(t, 1, changes["update"], change.what)

		after := h.guest(change.guest)
		require.Contains(t, after.Config[change.key], change.want, change.what)
		require.Equal(t, before.Config["vmgenid"], after.Config["vmgenid"], "%s replaced the guest", change.what)
		for key, volume := range volumes(before) {
			require.Equal(t, volume, volumes(after)[key], "%s replaced the volume of %s", change.what, key)
		}
		require.Equal(t, "running", after.Status, change.what)
		h.clean(s)
	}
	h.refreshFindsNothing(s)
}

// volumes names the volumes of a guest by the keys of its configuration.
func volumes(g *sim.Guest) map[string]string {
	names := map[string]string{}
	for key, value := range g.Config {
		if diskKey.MatchString(key) {
			names[key], _, _ = strings.Cut(value, ",")
		}
	}
	return names
}

var diskKey = regexp.MustCompile(`^(scsi|mp|unused)\d+$|^rootfs$`)

// TestUserDataIsForTheFirstBoot: new keys reach the snippet, and the running VM is not touched.
func TestUserDataIsForTheFirstBoot(t *testing.T) {
	h := quick(t)
	s := h.stack("prod", vmAndContainer)
	h.up(s)
	before := h.guest("web")
	h.Sim.ResetRequests()

	h.edit(s, with(vmAndContainer, "tags: [web]", "tags: [web]\n      username: operator"))
	changes := h.up(s)
	require.Equal(t, 1, changes["replace"], "the snippet is written anew")
	require.NotContains(t, changes, "update")
	for _, r := range h.Sim.Requests() {
		require.False(t, r.Method != "GET" && r.Path == "/nodes/pve1/qemu/1021/config", "the VM was changed: %v", r)
	}
	require.Equal(t, before.Config, h.guest("web").Config)
	snippet, ok := h.Sim.StorageFile("pve1", "local:snippets/pve-home-prod-web-user-data.yaml")
	require.True(t, ok, "the snippet is gone")
	require.Contains(t, string(snippet), "operator")
	h.clean(s)
	h.refreshFindsNothing(s)
}

// TestRefusedChanges: what would lose data or do something unexpected fails in the preview, with
// the setting to change, and again in the update; the guests stay as they are.
func TestRefusedChanges(t *testing.T) {
	h := quick(t)
	s := h.stack("prod", vmAndContainer)
	h.up(s)
	before := h.Sim.Guests()

	for _, change := range []struct{ what, old, now, message string }{
		{"smaller system disk", "diskGiB: 20", "diskGiB: 10", "disk scsi0 would shrink from 20 GiB to 10 GiB"},
		{"smaller data disk", "sizeGiB: 10", "sizeGiB: 4", "disk scsi1 would shrink from 10 GiB to 4 GiB"},
		{"data disk removed", "dataDisks:\n        - sizeGiB: 10\n", "dataDisks: []\n", "removing a disk deletes its data"},
		{"VM on another node", "tags: [web]", "tags: [web]\n      node: pve2", "web: node changes from pve1 to pve2"},
		{"container on another node", "tags: [dns]", "tags: [dns]\n      node: pve2", "node: pve2, the guest is on pve1"},
		{"container's disk", "diskGiB: 8", "diskGiB: 16", "would replace a guest and lose its data"},
		{"duplicate address", "address: 192.168.1.31", "address: 192.168.1.21", "vms.web"},
		{"another address, and so another VMID", "address: 192.168.1.21", "address: 192.168.1.99", "Set vmId: 1021 to keep it"},
		{"another VMID of a container", "address: 192.168.1.31", "address: 192.168.1.31\n      vmId: 1500", "Set vmId: 1031 to keep it"},
		{"bigger mount point", "sizeGiB: 5", "sizeGiB: 9", "run `pct resize 1031 mp0 9G`"},
		{"mount point removed", "mountPoints:\n        - path: /srv/data\n          sizeGiB: 5\n", "mountPoints: []\n", "the mount point /srv/data (mp0)"},
		{"privileged container", "tags: [dns]", "tags: [dns]\n      unprivileged: false", "would replace a guest and lose its data"},
	} {
		h.edit(s, with(vmAndContainer, change.old, change.now))
		_, err := s.PreviewChanges(h.timeout())
		require.ErrorContains(t, err, change.message, "preview of: %s", change.what)
		require.Contains(t, h.upFails(s), change.message, "up of: %s", change.what)
		require.Equal(t, before, h.Sim.Guests(), change.what)
	}
	h.edit(s, vmAndContainer)
	h.clean(s)
}

// TestSettingsCanBeTakenBack: a setting that is removed from the file is removed from the guest.
func TestSettingsCanBeTakenBack(t *testing.T) {
	h := quick(t)
	optional := "      vlan: 20\n      startOrder: 3\n      mac: bc:24:11:aa:bb:0%d\n"
	full := with(vmAndContainer, "      cores: 2\n", "      cores: 2\n      balloonMiB: 1024\n"+fmt.Sprintf(optional, 1))
	full = with(full, "      cores: 1\n", "      cores: 1\n      nesting: true\n"+fmt.Sprintf(optional, 2))
	s := h.stack("prod", full)
	h.up(s)
	h.clean(s)

	bare := strings.ReplaceAll(vmAndContainer, "      description: old text\n", "")
	h.edit(s, bare)
	require.Contains(t, h.upFails(s), "dns: nesting can be turned off in Proxmox only")
	h.edit(s, with(bare, "      cores: 1\n", "      cores: 1\n      nesting: true\n"))
	require.Zero(t, h.up(s)["replace"])
	for _, name := range []string{"web", "dns"} {
		config := h.guest(name).Config
		require.NotContains(t, config["net0"], "tag=", name)
		require.Empty(t, config["startup"], name)
		require.Empty(t, config["description"], name)
	}
	require.Equal(t, "0", h.guest("web").Config["balloon"])
	h.clean(s)
	h.refreshFindsNothing(s)
}

// TestSnippetDatastoreStays: a VM does not start without the snippets that it was made with.
func TestSnippetDatastoreStays(t *testing.T) {
	h := quick(t)
	require.NoError(t, h.Sim.SetStorageContent("pve1", "nas", []string{"snippets"}))
	s := h.stack("prod", vmAndContainer)
	h.up(s)
	h.edit(s, vmAndContainer+"  pve-home:snippetDatastore: nas\n")
	_, err := s.PreviewChanges(h.timeout())
	require.ErrorContains(t, err, "undo that setting (of a VM these are vmId and snippetDatastore)")
	h.edit(s, vmAndContainer)
	h.clean(s)
}

// TestMigration: with `migrate` a change of node moves the VM, its snippet included.
func TestMigration(t *testing.T) {
	h := quick(t)
	s := h.stack("prod", vmAndContainer)
	h.up(s)
	before := h.guest("web")

	h.edit(s, with(vmAndContainer, "tags: [web]", "tags: [web]\n      node: pve2\n      migrate: true"))
	changes := h.up(s)
	require.Equal(t, 1, changes["update"])
	after := h.guest("web")
	require.Equal(t, "pve2", after.Node)
	require.Equal(t, before.Config["vmgenid"], after.Config["vmgenid"], "the VM was replaced")
	_, ok := h.Sim.StorageFile("pve2", "local:snippets/pve-home-prod-web-user-data.yaml")
	require.True(t, ok, "the snippet must follow the VM")
	h.clean(s)
	h.refreshFindsNothing(s)
}

// TestTemplateOnAnotherNode: a node without a template of its own gets a clone that migrates.
func TestTemplateOnAnotherNode(t *testing.T) {
	h := quick(t)
	s := h.stack("prod", with(oneVM, "tags: [web]", "tags: [web]\n      node: pve2"))
	require.NoError(t, s.RemoveConfigWithOptions(h.ctx, "nodes.pve2.templateId", pathKey))
	h.up(s)
	require.Equal(t, "pve2", h.guest("web").Node)
	require.Equal(t, "running", h.guest("web").Status)
	h.clean(s)
	h.refreshFindsNothing(s)
}
