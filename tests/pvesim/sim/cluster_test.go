package sim_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

func TestUnknownCallsAndIndexes(t *testing.T) {
	c := start(t)
	a := c.do("GET", "/nothing/here", "")
	require.Equal(t, http.StatusNotImplemented, a.Status)
	require.Equal(t, "Method 'GET /nothing/here' not implemented", a.Reason)
	require.NotEmpty(t, c.list("/cluster"))
	require.Contains(t, fmt.Sprint(c.list("/nodes/pve1")), "qemu")
}

func TestClusterReads(t *testing.T) {
	c := start(t)
	require.Contains(t, []any{"8.4", "9.1"}, c.object("/version")["release"])
	require.Len(t, c.list("/nodes"), 2)
	require.Len(t, c.list("/cluster/status"), 3)
	require.Len(t, c.list("/cluster/resources?type=vm"), 2)
	require.Len(t, c.list("/cluster/resources?type=storage"), 6)
	require.Equal(t, "UTC", c.object("/nodes/pve1/time")["timezone"])
	c.ok("PUT", "/nodes/pve1/dns", "search=lab.test&dns1=10.0.0.1")
	require.Equal(t, "lab.test", c.object("/nodes/pve1/dns")["search"])
	require.Equal(t, 1.0, c.object("/nodes/pve1/network/vmbr0")["bridge_vlan_aware"])
	require.Equal(t, "127.81.1.11", c.object("/nodes/pve1/network/vmbr0")["address"])
	require.Equal(t, 1.0, c.object("/nodes/pve1/storage/nas/status")["shared"])
	for _, path := range []string{"/cluster/options", "/nodes/pve1/status", "/nodes/pve1/hosts", "/nodes/pve1/storage", "/storage", "/access/roles", "/access/domains", "/access/users", "/access/groups"} {
		c.ok("GET", path, "")
	}
}

func TestTaskDurationsLocksAndStop(t *testing.T) {
	c := start(t)
	c.SetTaskDuration("qmclone", time.Hour)
	upid := c.ok("POST", "/nodes/pve1/qemu/9000/clone", "newid=100&name=vm0&full=1").(string)
	require.Regexp(t, `^UPID:pve1:[0-9A-F]{8}:[0-9A-F]{8}:[0-9A-F]{8}:qmclone:9000:root@pam!pvesim:$`, upid)
	require.Equal(t, "clone", c.object("/nodes/pve1/qemu/100/status/current")["lock"])
	c.fails("PUT", "/nodes/pve1/qemu/100/config", "cores=2", 500, "VM is locked (clone)")
	c.fails("POST", "/nodes/pve1/qemu/100/status/start", "", 500, "VM is locked (clone)")
	c.fails("DELETE", "/nodes/pve1/qemu/100", "", 500, "VM is locked (clone)")
	task := c.object("/nodes/pve1/tasks/" + upid + "/status")
	require.Equal(t, "running", task["status"])
	require.NotContains(t, task, "exitstatus")
	require.Len(t, c.list("/nodes/pve1/tasks?source=active"), 1)
	c.ok("DELETE", "/nodes/pve1/tasks/"+upid, "")
	require.Equal(t, "interrupted by signal", c.exit(upid))
	require.Equal(t, 500, c.do("GET", "/nodes/pve1/qemu/100/config", "").Status, "a stopped clone leaves nothing")
	lines := c.list("/nodes/pve1/tasks/" + upid + "/log")
	require.Equal(t, map[string]any{"n": 1.0, "t": "TASK ERROR: interrupted by signal"}, lines[0])
	require.Len(t, c.list("/nodes/pve1/tasks?vmid=9000&typefilter=qmclone"), 1)
	require.Empty(t, c.list("/nodes/pve1/tasks?vmid=100"))
	c.fails("GET", "/nodes/pve2/tasks/"+upid+"/status", "", 500, "no such task '"+upid+"'")
}

func TestClonesOfATemplateWaitForEachOther(t *testing.T) {
	c := start(t)
	const phase = 100 * time.Millisecond
	c.SetTaskDuration("clone-lock", phase)
	begin := time.Now()
	var upids []string
	for i := range 3 {
		upids = append(upids, c.ok("POST", "/nodes/pve1/qemu/9000/clone", fmt.Sprintf("newid=%d&full=1", 100+i)).(string))
	}
	for _, upid := range upids {
		require.Equal(t, "OK", c.exit(upid))
	}
	require.GreaterOrEqual(t, time.Since(begin), 3*phase)
}

func TestFaults(t *testing.T) {
	c := start(t)
	c.AddFault(sim.Fault{Method: "POST", PathRegexp: "/qemu/9000/clone$", Status: 500, Reason: "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout", Times: 1})
	c.fails("POST", "/nodes/pve1/qemu/9000/clone", "newid=100", 500, "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout")
	require.Empty(t, c.Faults())

	c.AddFault(sim.Fault{Kind: sim.FaultTask, PathRegexp: "^qmclone:9000$", ExitStatus: "clone failed: no space", Times: 1})
	require.Equal(t, "clone failed: no space", c.task("POST", "/nodes/pve1/qemu/9000/clone", "newid=100"))
	c.clone(100, "vm0")

	remove := c.AddFault(sim.Fault{PathRegexp: "^/version", Drop: true})
	request, err := http.NewRequestWithContext(t.Context(), "GET", c.Endpoint()+"api2/json/version", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "PVEAPIToken="+c.token)
	_, err = c.client.Do(request) //nolint:bodyclose // there is no response
	require.ErrorContains(t, err, "EOF")
	remove()
	c.ok("GET", "/version", "")

	c.AddFault(sim.Fault{Kind: sim.FaultSSH, PathRegexp: "pve1", Times: 1})
	_, err = dial(c.SSHAddress("pve1"), "ops", nil)
	require.Error(t, err)

	c.AddFault(sim.Fault{PathRegexp: "^/version", Delay: 50 * time.Millisecond})
	begin := time.Now()
	c.ok("GET", "/version", "")
	require.GreaterOrEqual(t, time.Since(begin), 50*time.Millisecond)
	c.ClearFaults()
	require.Empty(t, c.Faults())
}

func TestStateSurvivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	keep := func(o *sim.Options) { o.StateFile = file }
	c := start(t, keep)
	signer, key := newKey(t)
	c.vm(100, "web", "127.81.1.20", "#cloud-config\nusers: [{name: ops, ssh_authorized_keys: [\""+key+"\"]}]\n")
	token, certificate := c.token, string(c.CACertPEM())
	client, err := dial("127.81.1.20:2022", "ops", signer)
	require.NoError(t, err)
	c.SetTaskDuration("qmclone", time.Hour)
	upid := c.ok("POST", "/nodes/pve1/qemu/9000/clone", "newid=101").(string)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close(), "closing twice is allowed")
	_, err = client.NewSession()
	require.Error(t, err, "guests end with the simulator")

	again := start(t, keep).with(token)
	require.Equal(t, certificate, string(again.CACertPEM()))
	require.Equal(t, "running", again.guest(100).Status)
	require.True(t, again.guest(100).SSH)
	require.Equal(t, "unexpected status", again.exit(upid), "tasks end with the simulator")
	_, found := again.StorageFile("pve1", "local:snippets/web.yaml")
	require.True(t, found)
}

func TestStartErrors(t *testing.T) {
	c := start(t)
	o := options()
	o.Nodes[0].SSHPort, o.Nodes[1].SSHPort = -1, -1
	o.Listen = c.Endpoint()[len("https://") : len(c.Endpoint())-1]
	_, err := sim.Start(t.Context(), o)
	require.ErrorContains(t, err, "is another one running?")
	o.Version = "7.4"
	_, err = sim.Start(t.Context(), o)
	require.ErrorContains(t, err, `version "7.4" is not simulated`)
	_, err = sim.Start(t.Context(), sim.Options{})
	require.ErrorContains(t, err, "at least one node")
}

func TestEditsBehindTheBack(t *testing.T) {
	c := start(t)
	c.clone(100, "vm0")
	c.ResetRequests()
	require.NoError(t, c.Edit(100, func(config map[string]string) { config["memory"] = "4096" }))
	require.NoError(t, c.SetPower(100, true))
	require.Empty(t, c.Requests())
	require.Equal(t, "4096", c.guest(100).Config["memory"])
	require.Equal(t, "running", c.guest(100).Status)
	require.NoError(t, c.Remove(100))
	require.ErrorContains(t, c.Edit(100, nil), "guest 100 does not exist")
}

func TestDHCP(t *testing.T) {
	c := start(t)
	for vmid := 100; vmid < 102; vmid++ {
		c.clone(vmid, fmt.Sprintf("vm%d", vmid))
		require.Equal(t, "OK", c.task("POST", fmt.Sprintf("/nodes/pve1/qemu/%d/status/start", vmid), ""))
	}
	require.Equal(t, "127.81.1.254", c.guest(100).Addresses[0].String())
	require.Equal(t, "127.81.1.253", c.guest(101).Addresses[0].String())
}
