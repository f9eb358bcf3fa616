package apischema

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// publishedFiles returns the schemas that Proxmox publishes: the file that
// PVE_API_SCHEMA names and those of other versions beside it.
func publishedFiles(t *testing.T) []string {
	t.Helper()
	named := os.Getenv("PVE_API_SCHEMA")
	if named == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("PVE_API_SCHEMA is not set: it names the file of Proxmox VE's API schema")
		}
		t.Skip("PVE_API_SCHEMA is not set: Proxmox VE's own schema is not checked")
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(named), "pve-api-*.json"))
	require.NoError(t, err)
	return append(files, named)
}

func published(t *testing.T) map[string]*Schema {
	t.Helper()
	schemas := map[string]*Schema{}
	for _, file := range publishedFiles(t) {
		s, err := Load(file)
		require.NoError(t, err)
		schemas[filepath.Base(file)] = s
	}
	return schemas
}

func TestPublishedSchemas(t *testing.T) {
	parameter := regexp.MustCompile(`\{[^}]+\}`)
	for name, s := range published(t) {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, s.UnknownFormats(), "decide these in formats.go")
			require.Greater(t, len(s.Calls()), 600)
			for _, call := range s.Calls() {
				request := call.Method() + " " + parameter.ReplaceAllString(strings.TrimPrefix(call.Path(), "/"), "x1")
				found, pathParams := lookup(t, s, request)
				require.Same(t, call, found, request)
				require.Len(t, pathParams, strings.Count(call.Path(), "{"), request)
				for param := range pathParams {
					require.Contains(t, call.parameters.properties, param, request)
				}
			}
		})
	}
}

// TestPublishedPermissions holds for every call: who holds everything may use
// it unless it is for root alone, who holds nothing only if it is for everyone.
func TestPublishedPermissions(t *testing.T) {
	everything := func(string, string) bool { return true }
	nothing := func(string, string) bool { return false }
	for name, s := range published(t) {
		t.Run(name, func(t *testing.T) {
			for _, call := range s.Calls() {
				params := map[string]string{"userid": "a@pve", "pool": "lab"}
				forRoot := call.permissions.check == nil && call.permissions.user == ""
				forEveryone := call.permissions.user != ""
				allowed, required := call.Allowed(params, nil, everything, "ops@pve")
				require.Equal(t, !forRoot, allowed, call.Path())
				require.Equal(t, !forEveryone && !forRoot, allowed && required != nil, call.Path())
				allowed, _ = call.Allowed(params, nil, nothing, "ops@pve")
				require.Equal(t, forEveryone, allowed, call.Path())
				allowed, _ = call.Allowed(params, nil, nothing, rootUser)
				require.True(t, allowed, call.Path())
			}
		})
	}
}

func TestPublishedValidation(t *testing.T) {
	const qemu, lxc = "POST nodes/pve1/qemu", "POST nodes/pve1/lxc"
	tests := []struct {
		request string
		form    string
		want    map[string]string
	}{
		{"GET cluster/nextid", "vmid=101", nil},
		{"GET cluster/resources", "type=vm", nil},
		{"GET cluster/resources", "type=planet", map[string]string{"type": "value 'planet' does not have a value in the enumeration 'vm, storage, node, sdn'"}},
		{"POST nodes/pve1/qemu/9000/clone", "newid=1010&name=web&full=1&storage=local-lvm", nil},
		{"POST nodes/pve1/qemu/9000/clone", "name=web", map[string]string{"newid": reasonMissing}},
		{"PUT nodes/pve1/qemu/1010/config", "agent=enabled=1&balloon=0&cicustom=user=local:snippets/web.yaml&cores=2&cpu=cputype=x86-64-v2-AES&cpuunits=1024" +
			"&delete=net1,net2,net31,serial1&ide2=file=local-lvm:cloudinit,media=cdrom,&ide3=file=cdrom,media=cdrom,&ipconfig0=gw=10.0.0.1,ip=10.0.0.2/24&memory=2048" +
			"&nameserver=10.0.0.1 1.1.1.1&searchdomain=lab&net0=model=virtio,bridge=vmbr0,firewall=1&numa=0&onboot=1&ostype=other&serial0=socket&sockets=1&tags=dev;iac" +
			"&vga=memory=16,type=std&scsi0=file=local-lvm:vm-1010-disk-0,size=21474836480,discard=on,iothread=1,ssd=1&startup=order=3,up=30&boot=order=scsi0;net0", nil},
		{"PUT nodes/pve1/qemu/1010/config", "net0=virtio,bridge=vmbr0,vlan=3", map[string]string{"net0": "invalid format - format error\nnet0.vlan: " + reasonUnknown + "\n"}},
		{"PUT nodes/pve1/qemu/1010/config", "scsi31=local:8", map[string]string{"scsi31": reasonUnknown}},
		{"PUT nodes/pve1/qemu/1010/config", "tags=expires:2026", map[string]string{"tags": "invalid format - invalid characters in tag\n"}},
		{"PUT nodes/pve1/qemu/1010/config", "ide2=local:iso/a.iso,media=tape", map[string]string{"ide2": "invalid format - format error\nide2.media: value 'tape' does not have a value in the enumeration 'cdrom, disk'\n"}},
		{"PUT nodes/pve1/qemu/1010/resize", "disk=scsi0&size=21474836480", nil},
		{"PUT nodes/pve1/qemu/1010/resize", "disk=scsi0&size=20GB", map[string]string{"size": "value does not match the regex pattern"}},
		{"DELETE nodes/pve1/qemu/1010", "destroy-unreferenced-disks=1&purge=1", nil},
		{"DELETE nodes/pve1/qemu/1010", "purge=yes", map[string]string{"purge": "type check ('boolean') failed - got 'yes'"}},
		{qemu, "vmid=99", map[string]string{"vmid": "invalid format - value does not look like a valid VM ID\n"}},
		{qemu, "vmid=100&memory=8", map[string]string{"memory": "invalid format - format error\nmemory.current: value must have a minimum value of 16\n"}},
		{lxc, "vmid=200&ostemplate=local:vztmpl/debian.tar.zst&hostname=ct&rootfs=volume=local-lvm:8&mp0=mp=/data,volume=local-lvm:10&features=nesting=1" +
			"&net0=name=eth0,bridge=vmbr0,ip=10.0.0.9/24,gw=10.0.0.1&unprivileged=1&start=1&ssh-public-keys=ssh-ed25519 AAAA&tags=iac&cores=1&memory=512&swap=0", nil},
		{lxc, "vmid=200&ostemplate=local:vztmpl/a.tar&mp0=volume=local-lvm:10", map[string]string{"mp0": "invalid format - format error\nmp0.mp: " + reasonMissing + "\n"}},
		{lxc, "vmid=200&ostemplate=local:vztmpl/a.tar&net0=bridge=vmbr0", map[string]string{"net0": "invalid format - format error\nnet0.name: " + reasonMissing + "\n"}},
		{lxc, "vmid=200&ostemplate=local:vztmpl/a.tar&force=1&restore=1&unique=1", nil},
		{lxc, "vmid=200&ostemplate=local:vztmpl/a.tar&unique=1", map[string]string{"restore": "missing property - 'unique' requires this property"}},
		{"PUT cluster/firewall/options", "enable=1&log_ratelimit=enable=1,burst=5,rate=1/second", nil},
		{"POST nodes/pve1/qemu/1010/firewall/rules", "type=in&action=ACCEPT&proto=tcp&dport=22,80:85&source=10.0.0.0/24&enable=1", nil},
		{"POST nodes/pve1/qemu/1010/firewall/rules", "type=in&action=ACCEPT&dport=99999", map[string]string{"dport": "invalid format - invalid port '99999'\n"}},
		{"POST cluster/backup", "id=pve-home-prod-daily&schedule=mon..fri 01:00&storage=nas&vmid=100,200&mode=snapshot&prune-backups=keep-last=3,keep-weekly=4&enabled=1", nil},
		{"POST cluster/backup", "schedule=noon&vmid=all", map[string]string{
			"schedule": "invalid format - invalid calendar event 'noon' - unable to parse calendar event\n\n", "vmid": "invalid format - value does not look like a valid VM ID\n"}},
		{"POST access/roles", "roleid=PveHome&privs=VM.Audit,VM.Clone,Datastore.AllocateSpace", nil},
		{"POST access/roles", "roleid=PveHome&privs=VM.Fly", map[string]string{"privs": "invalid format - invalid privilege 'VM.Fly'\n"}},
		{"POST access/users/root@pam/token/iac", "privsep=0&expire=0", nil},
		{"PUT access/acl", "path=/&roles=PveHome&tokens=root@pam!iac&propagate=1&delete=0", nil},
		{"POST nodes/pve1/storage/local/download-url", "content=iso&filename=a.iso&node=pve1&storage=local&url=https://example.org/a.iso&verify-certificates=1", nil},
		{"DELETE nodes/pve1/storage/local/content/local:snippets", "", nil},
	}
	for name, s := range published(t) {
		t.Run(name, func(t *testing.T) {
			for _, test := range tests {
				if test.want == nil {
					test.want = map[string]string{}
				}
				require.Equal(t, test.want, errorsOf(t, s, test.request, test.form), test.request+" "+test.form)
			}
		})
	}
}

// TestTablesFit holds that every indexed parameter has its count, and keeps the
// table of free formats to what Proxmox VE uses.
func TestTablesFit(t *testing.T) {
	var all strings.Builder
	for _, file := range publishedFiles(t) {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(content)
	}
	for _, match := range regexp.MustCompile(`"([a-z]+)\[n\]"`).FindAllStringSubmatch(all.String(), -1) {
		require.Contains(t, indexCount, match[1])
	}
	for name, reason := range freeFormats {
		require.Contains(t, all.String(), `"`+name)
		require.NotEmpty(t, reason, name)
	}
}
