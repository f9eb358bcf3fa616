package sim_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// The bodies are those that the Terraform provider sends for a cloned VM, in its order.
const (
	providerConfig = "agent=enabled=1,fstrim_cloned_disks=0,type=virtio&balloon=0&cores=2&cpu=cputype=x86-64-v2-AES&cpuunits=1024" +
		"&delete=net1,net2,serial1,serial2,serial3&ide2=file=local-lvm:cloudinit,media=cdrom,&ide3=file=cdrom,media=cdrom," +
		"&ipconfig0=gw=127.81.1.1,ip=127.81.1.20/24&memory=2048&nameserver=10.0.0.1 1.1.1.1" +
		"&net0=model=virtio,bridge=vmbr0,firewall=1,tag=10&numa=0&onboot=1&ostype=other&searchdomain=lab.test&serial0=socket" +
		"&sockets=1&tags=dev;iac&vga=memory=16,type=std"
	providerUpdate = "balloon=0&cores=4&cpu=cputype=x86-64-v2-AES&cpuunits=1024&delete=vcpus,cpulimit&memory=4096&name=vm0&numa=0" +
		"&scsi0=file=local-lvm:vm-100-disk-0,size=21474836480,aio=io_uring,backup=1,iothread=0,ssd=0,discard=ignore,cache=none,replicate=1&sockets=1"
)

func TestCloneConfigureResizeStartDestroy(t *testing.T) {
	c := start(t)
	require.Equal(t, "100", c.ok("GET", "/cluster/nextid", ""))
	c.clone(100, "vm0")
	status := c.object("/nodes/pve1/qemu/100/status/current")
	require.Equal(t, "stopped", status["status"])
	require.Nil(t, status["lock"])

	c.ok("PUT", "/nodes/pve1/qemu/100/config", "delete=ide2")
	c.ok("PUT", "/nodes/pve1/qemu/100/config", providerConfig)
	config := c.object("/nodes/pve1/qemu/100/config")
	for key, want := range map[string]any{
		"agent": "enabled=1,fstrim_cloned_disks=0,type=virtio", "balloon": 0.0, "cores": 2.0, "cpu": "x86-64-v2-AES",
		"ide2": "local-lvm:vm-100-cloudinit,media=cdrom,size=4M", "ide3": "cdrom,media=cdrom", "memory": "2048",
		"net0": "virtio=BC:24:11:00:00:64,bridge=vmbr0,firewall=1,tag=10", "numa": 0.0, "onboot": 1.0, "tags": "dev;iac",
		"scsi0": "local-lvm:vm-100-disk-0,discard=on,iothread=1,size=3G,ssd=1", "name": "vm0", "serial0": "socket",
	} {
		require.Equal(t, want, config[key], key)
	}
	require.NotContains(t, config, "template")

	require.Equal(t, "OK", c.task("PUT", "/nodes/pve1/qemu/100/resize", "disk=scsi0&size=21474836480"))
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/100/status/start", "timeout=1800"))
	require.Equal(t, "running", c.object("/nodes/pve1/qemu/100/status/current")["status"])
	require.Equal(t, []netip.Addr{netip.MustParseAddr("127.81.1.20")}, c.guest(100).Addresses)
	require.Equal(t, 21474836480.0, c.object("/nodes/pve1/storage/local-lvm/content/local-lvm:vm-100-disk-0")["size"])

	c.ok("PUT", "/nodes/pve1/qemu/100/config", providerUpdate)
	config = c.object("/nodes/pve1/qemu/100/config")
	require.Equal(t, "local-lvm:vm-100-disk-0,aio=io_uring,backup=1,cache=none,discard=ignore,iothread=0,replicate=1,size=20G,ssd=0", config["scsi0"])
	require.Equal(t, 2.0, c.ok("GET", "/nodes/pve1/qemu/100/config", "current=1").(map[string]any)["cores"], "cores change with the next start")
	require.Contains(t, c.list("/nodes/pve1/qemu/100/pending"), map[string]any{"key": "cores", "value": "2", "pending": "4"})
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/100/status/reboot", "timeout=1800"))
	require.Equal(t, 4.0, c.ok("GET", "/nodes/pve1/qemu/100/config", "current=1").(map[string]any)["cores"])

	c.fails("DELETE", "/nodes/pve1/qemu/100", "", 500, "VM 100 is running - destroy failed")
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/100/status/shutdown", "forceStop=1&timeout=1800"))
	require.Equal(t, "OK", c.task("DELETE", "/nodes/pve1/qemu/100/", "destroy-unreferenced-disks=1&purge=1"))
	c.fails("GET", "/nodes/pve1/qemu/100/status/current", "", 500, "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist")
	for _, s := range c.Storages() {
		for _, v := range s.Volumes {
			require.NotEqual(t, 100, v.VMID, "%s is left over", v.Volid)
		}
	}
}

func TestVMRefusals(t *testing.T) {
	c := start(t)
	c.clone(100, "vm0")
	c.fails("POST", "/nodes/pve1/qemu/9000/clone", "newid=100", 500, "unable to create VM 100: config file already exists")
	c.fails("POST", "/nodes/pve1/qemu", "vmid=100", 500, "unable to create VM 100 - VM 100 already exists on node 'pve1'")
	c.fails("PUT", "/nodes/pve1/qemu/100/resize", "disk=scsi0&size=1G", 500, "shrinking disks is not supported")
	c.fails("PUT", "/nodes/pve1/qemu/100/resize", "disk=scsi7&size=9G", 500, "disk 'scsi7' does not exist")
	c.fails("POST", "/nodes/pve1/qemu/100/status/reboot", "", 500, "VM 100 not running")
	require.Equal(t, "you can't start a vm if it's a template", c.task("POST", "/nodes/pve1/qemu/9000/status/start", ""))
	c.fails("PUT", "/nodes/pve1/qemu/100/config", "scsi1=nowhere:8", 500, "storage 'nowhere' does not exist")
	a := c.fails("PUT", "/nodes/pve1/qemu/100/config", "scsi1=local:8", 400, "Parameter verification failed.")
	require.Equal(t, "storage 'local' does not support vm images", a.Errors["storage"])
	c.fails("PUT", "/nodes/pve1/qemu/100/config", "args=-foo", 500, "only root can set 'args' config")
	c.fails("PUT", "/nodes/pve1/qemu/100/config", "cores=2&digest=0000000000000000000000000000000000000000", 500,
		"detected modified configuration - file changed by other user? Try again.")
	require.Equal(t, 400, c.do("GET", "/cluster/nextid", "vmid=100").Status)
	c.fails("GET", "/nodes/pve9/qemu/100/config", "", 500, "hostname lookup 'pve9' failed - failed to get address info for: pve9: Name or service not known")
	c.fails("GET", "/nodes/pve2/qemu/100/config", "", 500, "Configuration file 'nodes/pve2/qemu-server/100.conf' does not exist")

	c.ok("PUT", "/nodes/pve1/qemu/100/config", "protection=1")
	c.fails("DELETE", "/nodes/pve1/qemu/100", "", 500, "can't remove VM 100 - protection mode enabled")
	c.fails("PUT", "/nodes/pve1/qemu/100/config", "delete=scsi0", 500, "can't remove drive 'scsi0' - protection mode enabled")
	c.ok("PUT", "/nodes/pve1/qemu/100/config", "protection=0&net0=virtio,bridge=vmbr9")
	require.Equal(t, "bridge 'vmbr9' does not exist", c.task("POST", "/nodes/pve1/qemu/100/status/start", ""))
	c.ok("PUT", "/nodes/pve1/qemu/100/config", "delete=net0&cicustom=user=local:snippets/none.yaml&ide2=local-lvm:cloudinit")
	require.Equal(t, "volume 'local:snippets/none.yaml' does not exist", c.task("POST", "/nodes/pve1/qemu/100/status/start", ""))
}

func TestDisksBecomeUnused(t *testing.T) {
	c := start(t)
	c.clone(100, "vm0")
	c.ok("PUT", "/nodes/pve1/qemu/100/config", "scsi1=local-lvm:8")
	c.ok("PUT", "/nodes/pve1/qemu/100/config", "delete=scsi1")
	config := c.object("/nodes/pve1/qemu/100/config")
	require.NotContains(t, config, "scsi1")
	require.Equal(t, "local-lvm:vm-100-disk-1", config["unused0"])
	c.ok("PUT", "/nodes/pve1/qemu/100/config", "delete=unused0")
	require.Equal(t, http.StatusInternalServerError, c.do("GET", "/nodes/pve1/storage/local-lvm/content/local-lvm:vm-100-disk-1", "").Status)
}
