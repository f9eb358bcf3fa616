package sim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func (c *cluster) backups(storage string) []string {
	c.t.Helper()
	var volids []string
	for _, entry := range c.list("/nodes/pve1/storage/" + storage + "/content?content=backup") {
		volids = append(volids, entry.(map[string]any)["volid"].(string))
	}
	return volids
}

func TestBackupAndRestore(t *testing.T) {
	c := start(t)
	c.clone(100, "vm0")
	require.Equal(t, "OK", c.task("PUT", "/nodes/pve1/qemu/100/resize", "disk=scsi0&size=20G"))
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/vzdump", "vmid=100&storage=nas&mode=snapshot&compress=zstd&notes-template={{guestname}} on {{node}}&protected=1"))
	volid := c.backups("nas")[0]
	require.Regexp(t, `^nas:backup/vzdump-qemu-100-\d{4}(_\d\d){2}-(\d\d_){2}\d\d\.vma\.zst$`, volid)
	path := "/nodes/pve1/storage/nas/content/" + strings.Replace(volid, "/", "%2F", 1)
	require.Equal(t, "vm0 on pve1", c.object(path)["notes"])
	c.fails("DELETE", path, "", 500, "cannot remove protected volume '"+volid+"' on 'nas'")
	c.fails("POST", "/nodes/pve1/vzdump", "vmid=100&storage=local-lvm", 500, "storage 'local-lvm' does not support backups")

	c.fails("POST", "/nodes/pve1/qemu", "vmid=100&archive="+volid, 500, "unable to restore VM 100 - VM 100 already exists on node 'pve1'")
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu", "vmid=101&unique=1&storage=local-lvm&archive="+volid))
	require.Equal(t, "local-lvm:vm-101-disk-0,discard=on,iothread=1,size=20G,ssd=1", c.guest(101).Config["scsi0"])
	require.Contains(t, c.guest(101).Config["net0"], "BC:24:11:00:00:65")
	require.Equal(t, "OK", c.task("DELETE", "/nodes/pve1/qemu/100", ""))
	require.Equal(t, "OK", c.task("POST", "/nodes/pve2/qemu", "vmid=100&archive="+volid), "a shared storage is there on every node")
	require.Equal(t, "pve2", c.guest(100).Node)
	require.Contains(t, c.ok("GET", "/nodes/pve1/vzdump/extractconfig", "volume="+volid), "name: vm0\n")

	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/lxc", strings.Replace(providerContainer, "vmid=100", "vmid=200", 1)))
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/vzdump", "vmid=200"))
	archive := c.backups("local")[0]
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/lxc", "vmid=201&restore=1&storage=local-lvm&ostemplate="+archive))
	require.Equal(t, "ct0", c.guest(201).Name)
	require.NoError(t, c.SetStorageSize("local", 1))
	require.Equal(t, "vma_queue_write: write error - No space left on device", c.task("POST", "/nodes/pve1/vzdump", "vmid=200"))
}

func TestPrune(t *testing.T) {
	c := start(t)
	c.clone(100, "vm0")
	for range 4 {
		require.Equal(t, "OK", c.task("POST", "/nodes/pve1/vzdump", "vmid=100"))
	}
	marks := map[string]int{}
	for _, entry := range c.list("/nodes/pve1/storage/local/prunebackups?prune-backups=keep-last%3D1,keep-daily%3D2") {
		marks[entry.(map[string]any)["mark"].(string)]++
	}
	require.Equal(t, map[string]int{"keep": 1, "remove": 3}, marks, "one day is covered by the newest backup")
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/vzdump", "vmid=100&prune-backups=keep-last=3"))
	require.Len(t, c.backups("local"), 3)
	require.Equal(t, "OK", c.task("DELETE", "/nodes/pve1/storage/local/prunebackups", "vmid=100&prune-backups=keep-last=1"))
	require.Len(t, c.backups("local"), 1)
}

func TestBackupJobs(t *testing.T) {
	c := start(t)
	c.clone(100, "vm0")
	const path = "/cluster/backup/pve-home-prod-daily"
	c.ok("POST", "/cluster/backup", "id=pve-home-prod-daily&schedule=02:30&storage=nas&vmid=100&mode=snapshot&prune-backups=keep-daily=7,keep-weekly=4&enabled=1")
	job := c.object(path)
	require.Equal(t, "02:30", job["schedule"])
	require.Equal(t, 1.0, job["enabled"])
	require.Equal(t, map[string]any{"keep-daily": "7", "keep-weekly": "4"}, job["prune-backups"])
	require.Equal(t, http.StatusBadRequest, c.do("POST", "/cluster/backup", "id=pve-home-prod-daily&schedule=02:30&vmid=100").Status)
	require.Equal(t, http.StatusBadRequest, c.do("POST", "/cluster/backup", "schedule=02:30").Status)
	require.Len(t, c.list("/cluster/backup-info/not-backed-up"), 2, "the templates")
	c.ok("PUT", path, "all=1&exclude=9000&schedule=03:00&delete=prune-backups")
	job = c.object(path)
	require.NotContains(t, job, "vmid")
	require.NotContains(t, job, "prune-backups")
	children := c.object(path + "/included_volumes")["children"].([]any)
	require.Len(t, children, 2)
	require.Contains(t, fmt.Sprint(children[0]), "scsi0")
	require.Len(t, c.BackupJobs(), 1)
	c.ok("DELETE", path, "")
	require.Equal(t, http.StatusBadRequest, c.do("GET", path, "").Status)
}
