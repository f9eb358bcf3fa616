package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

// providerContainer is what the Terraform provider sends for a container.
const providerContainer = "arch=amd64&cmode=tty&console=1&cores=2&cpuunits=1024&features=nesting=1&hostname=ct0&memory=512" +
	"&mp0=mp=/data,volume=local-lvm:10&nameserver=10.0.0.1&net0=bridge=vmbr0,firewall=1,ip=127.81.1.200/24,gw=127.81.1.1,name=eth0" +
	"&onboot=1&ostemplate=local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst&ostype=debian&protection=0" +
	"&rootfs=volume=local-lvm:8&searchdomain=lab.test&start=1&storage=local-lvm&swap=256&tags=dev;iac&template=0&tty=2" +
	"&unprivileged=1&vmid=100"

func TestContainerLife(t *testing.T) {
	c := start(t)
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/lxc", providerContainer))
	require.Equal(t, "running", c.object("/nodes/pve1/lxc/100/status/current")["status"])
	config := c.object("/nodes/pve1/lxc/100/config")
	for key, want := range map[string]any{
		"cores": 2.0, "features": "nesting=1", "hostname": "ct0", "memory": 512.0, "swap": 256.0, "tags": "dev;iac", "unprivileged": 1.0,
		"mp0":    "local-lvm:vm-100-disk-0,mp=/data,size=10G",
		"net0":   "name=eth0,bridge=vmbr0,firewall=1,gw=127.81.1.1,hwaddr=BC:24:11:00:00:64,ip=127.81.1.200/24,type=veth",
		"rootfs": "local-lvm:vm-100-disk-1,size=8G",
	} {
		require.Equal(t, want, config[key], key)
	}
	c.ok("PUT", "/nodes/pve1/lxc/100/config", "description=&memory=1024&swap=256")
	config = c.object("/nodes/pve1/lxc/100/config")
	require.Equal(t, 1024.0, config["memory"])
	require.Equal(t, "", config["description"])
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/lxc/100/status/reboot", "timeout=300"))
	c.fails("DELETE", "/nodes/pve1/lxc/100", "", 500, "unable to destroy CT 100 - container is running")
	c.fails("POST", "/nodes/pve1/lxc/100/status/start", "", 500, "CT 100 already running")
	c.ok("POST", "/nodes/pve1/lxc/100/status/shutdown", "forceStop=1&timeout=60")
	require.Equal(t, "stopped", c.object("/nodes/pve1/lxc/100/status/current")["status"])
	c.ok("DELETE", "/nodes/pve1/lxc/100", "")
	c.fails("GET", "/nodes/pve1/lxc/100/status/current", "", 500, "Configuration file 'nodes/pve1/lxc/100.conf' does not exist")
}

func TestContainerRefusals(t *testing.T) {
	c := start(t)
	c.ok("POST", "/nodes/pve1/lxc", providerContainer)
	c.ok("POST", "/nodes/pve1/lxc/100/status/stop", "")
	c.fails("PUT", "/nodes/pve1/lxc/100/config", "features=nesting=1,keyctl=1", 403,
		"Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)")
	c.fails("PUT", "/nodes/pve1/lxc/100/config", "mp1=/srv,mp=/srv", 403, "Permission check failed (mount point type bind is only allowed for root@pam)")
	c.fails("PUT", "/nodes/pve1/lxc/100/resize", "disk=rootfs&size=1G", 500, "unable to shrink disk size")
	c.fails("POST", "/nodes/pve1/lxc", "vmid=101&ostemplate=local:vztmpl/none.tar.zst", 500, "volume 'local:vztmpl/none.tar.zst' does not exist")
}

func TestContainersHaveNoCloudInit(t *testing.T) {
	c := start(t)
	signer, key := newKey(t)
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/lxc", providerContainer+"&ssh-public-keys="+key))
	client, err := dial("127.81.1.200:2022", "root", signer)
	require.NoError(t, err)
	_, exit := run(t, client, "cloud-init status --wait", "")
	require.Equal(t, 127, exit)
	require.NoError(t, c.SetDocker(100, sim.DockerInstalled))
	output, exit := run(t, client, "docker compose version --short", "")
	require.Zero(t, exit, output)
}
