package sim_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

func TestDownloads(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", "5000")
		_, _ = w.Write(make([]byte, 5000))
	}))
	defer web.Close()
	const known = "https://cloud.debian.org/images/debian-13.qcow2"
	c := start(t, func(o *sim.Options) { o.Downloads = map[string]int64{known: 400 << 20} })
	require.Equal(t, 5000.0, c.ok("GET", "/nodes/pve1/query-url-metadata", "url="+web.URL+"/a.img&verify-certificates=1").(map[string]any)["size"])
	require.Equal(t, 419430400.0, c.ok("GET", "/nodes/pve1/query-url-metadata", "url="+known).(map[string]any)["size"])
	require.Contains(t, c.do("GET", "/nodes/pve1/query-url-metadata", "url=https://example.org/a.img").Reason, "loopback addresses only")
	body := "content=iso&filename=debian.img&url=" + web.URL + "/a.img&verify-certificates=1"
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/storage/local/download-url", body))
	c.fails("POST", "/nodes/pve1/storage/local/download-url", body, 500, "refusing to override existing file 'debian.img'")
	require.Equal(t, 5000.0, c.object("/nodes/pve1/storage/local/content/local:iso%2Fdebian.img")["size"])
	require.Equal(t, 400, c.do("POST", "/nodes/pve1/storage/local/download-url", "content=iso&filename=debian.txt&url="+web.URL).Status)
}

func TestUpload(t *testing.T) {
	c := start(t)
	send := func(storage, content, filename string) answer {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		require.NoError(t, form.WriteField("content", content))
		part, err := form.CreateFormFile("filename", filename)
		require.NoError(t, err)
		_, err = part.Write(make([]byte, 1<<20))
		require.NoError(t, err)
		require.NoError(t, form.Close())
		request, err := http.NewRequestWithContext(t.Context(), "POST", c.Endpoint()+"api2/json/nodes/pve1/storage/"+storage+"/upload", &body)
		require.NoError(t, err)
		request.Header.Set("Content-Type", form.FormDataContentType())
		request.Header.Set("Authorization", "PVEAPIToken="+c.token)
		return c.send(request)
	}
	a := send("local", "iso", "live.iso")
	require.Equal(t, 200, a.Status, a.Reason)
	require.Equal(t, "OK", c.exit(a.Data.(string)))
	require.Equal(t, 1048576.0, c.object("/nodes/pve1/storage/local/content/local:iso%2Flive.iso")["size"])
	require.Contains(t, send("local-lvm", "iso", "live.iso").Reason, "does not support 'iso' content")
}

func TestImageBecomesATemplate(t *testing.T) {
	c := start(t, func(o *sim.Options) { o.Downloads = map[string]int64{"https://cloud/debian.img": 500 << 20} })
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/storage/local/download-url", "content=iso&filename=debian.img&url=https://cloud/debian.img"))
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu", "acpi=1&agent=enabled=0,type=virtio&bios=seabios&boot=order=scsi0;net0&cores=1&cpu=cputype=host"+
		"&keyboard=en-us&memory=1024&name=tmpl&net0=model=virtio,bridge=vmbr0,firewall=0&ostype=l26&scsihw=virtio-scsi-pci&serial0=socket&template=1&vmid=9100"))
	script := `/bin/bash -c 'set -e; file_id="local:iso/debian.img"; file_format="raw"; datastore_id_target="local-lvm"; vm_id="9100"; ` +
		`disk_options="aio=io_uring,ssd=0"; disk_interface="scsi0"; source_image=$(try_sudo "pvesm path $file_id"); ` +
		`imported_disk="$(try_sudo "qm importdisk $vm_id $source_image $datastore_id_target -format $file_format" | grep "unused0")"'`
	_, exit := run(t, c.dialNode("pve1"), script, "")
	require.Zero(t, exit)
	require.Equal(t, "OK", c.task("PUT", "/nodes/pve1/qemu/9100/resize", "disk=scsi0&size=8589934592"))
	require.Equal(t, "local-lvm:base-9100-disk-0,aio=io_uring,size=8G,ssd=0", c.guest(9100).Config["scsi0"])
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/9100/clone", "newid=100&full=1"))
	require.Equal(t, "local-lvm:vm-100-disk-0,aio=io_uring,size=8G,ssd=0", c.guest(100).Config["scsi0"])
	output, exit := run(t, c.dialNode("pve1"), strings.Replace(script, "9100", "9999", 1), "")
	require.Equal(t, 2, exit)
	require.Contains(t, output, "does not exist")
}

func TestMoveAndMigrate(t *testing.T) {
	c := start(t)
	c.clone(100, "vm0")
	c.fails("POST", "/nodes/pve1/qemu/100/move_disk", "disk=scsi0&storage=local-lvm", 500, "you can't move to the same storage with same format")
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/100/move_disk", "disk=scsi0&storage=nas&delete=1"))
	require.Equal(t, "nas:100/vm-100-disk-0.raw,discard=on,iothread=1,size=3G,ssd=1", c.guest(100).Config["scsi0"])
	require.Empty(t, c.object("/nodes/pve1/qemu/100/migrate")["local_disks"])
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/100/status/start", ""))
	c.fails("POST", "/nodes/pve1/qemu/100/migrate", "target=pve2", 500, "can't migrate running VM without --online")
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/100/migrate", "target=pve2&online=1"))
	require.Equal(t, "running", c.guest(100).Status)
	require.Equal(t, "pve2", c.guest(100).Node)

	c.clone(101, "vm1")
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/101/migrate", "target=pve2&targetstorage=local-lvm&with-local-disks=1"))
	require.Equal(t, 3221225472.0, c.object("/nodes/pve2/storage/local-lvm/content/local-lvm:vm-101-disk-0")["size"])
	require.Equal(t, 500, c.do("POST", "/nodes/pve1/qemu/9000/clone", "newid=102&target=pve2").Status, "local disks stay on their node")
}

func TestSnapshots(t *testing.T) {
	c := start(t)
	c.clone(100, "vm0")
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/100/snapshot", "snapname=before&description=first"))
	c.fails("POST", "/nodes/pve1/qemu/100/snapshot", "snapname=before", 500, "snapshot name 'before' already used")
	c.ok("PUT", "/nodes/pve1/qemu/100/config", "memory=4096")
	require.Equal(t, "OK", c.task("PUT", "/nodes/pve1/qemu/100/resize", "disk=scsi0&size=+5G"))
	require.Len(t, c.list("/nodes/pve1/qemu/100/snapshot"), 2)
	require.Equal(t, "1024", c.object("/nodes/pve1/qemu/100/snapshot/before/config")["memory"])
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/100/snapshot/before/rollback", ""))
	require.Equal(t, "1024", c.guest(100).Config["memory"])
	require.Contains(t, c.guest(100).Config["scsi0"], "size=3G")
	require.Equal(t, "OK", c.task("DELETE", "/nodes/pve1/qemu/100/snapshot/before", ""))
	c.fails("POST", "/nodes/pve1/qemu/100/snapshot/before/rollback", "", 500, "snapshot 'before' does not exist")
}
