package components

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/components/pve"
)

// cluster answers API calls from a table of "METHOD path" and remembers what it was asked.
type cluster struct {
	answers map[string]any
	mu      sync.Mutex
	asked   []string
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api2/json")
	c.mu.Lock()
	c.asked = append(c.asked, call)
	c.mu.Unlock()
	answer, ok := c.answers[call]
	if !ok {
		w.WriteHeader(http.StatusNotImplemented)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": answer})
}

// withGuard runs a check against a simulated cluster.
func withGuard(t *testing.T, c *cluster, preview bool, check func(g *guard)) {
	t.Helper()
	server := httptest.NewTLSServer(c)
	defer server.Close()
	options := []pulumi.RunOption{pulumi.WithMocks("pve-home", "prod", &recorder{resources: map[string]pulumi.MockResourceArgs{}})}
	if preview {
		options = append(options, func(info *pulumi.RunInfo) { info.DryRun = true })
	}
	require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
		g, err := newGuard(ctx, pve.NewClient(server.URL, "a@b!c=d", true))
		if err != nil {
			return err
		}
		check(g)
		return nil
	}, options...))
}

func creating(name string, vmid int) *pulumi.ResourceHookArgs {
	return &pulumi.ResourceHookArgs{Name: name, NewInputs: resource.PropertyMap{
		"vmId": resource.NewProperty(float64(vmid)), "nodeName": resource.NewProperty("pve1"),
	}}
}

func resources(guests ...map[string]any) map[string]any {
	return map[string]any{"GET /cluster/resources": guests}
}

func TestVMIDIsFree(t *testing.T) {
	ours := map[string]any{"vmid": 1021, "name": "web", "node": "pve1", "type": "qemu", "status": "stopped"}
	const (
		configCall  = "GET /nodes/pve1/qemu/1021/config"
		tasksCall   = "GET /nodes/pve1/tasks"
		destroyCall = "DELETE /nodes/pve1/qemu/1021"
		upid        = "UPID:pve1:1:1:1:qmdestroy:1021:a@b!c:"
	)
	with := func(guest map[string]any, answers map[string]any) *cluster {
		all := resources(guest)
		for call, answer := range answers {
			all[call] = answer
		}
		return &cluster{answers: all}
	}
	changed := func(key string, value any) map[string]any {
		guest := map[string]any{key: value}
		for k, v := range ours {
			if k != key {
				guest[k] = v
			}
		}
		return guest
	}
	started := []map[string]any{{"type": "qmclone"}, {"type": "qmstart"}}
	cloned := []map[string]any{{"type": "qmclone"}}

	for _, tc := range []struct {
		name    string
		cluster *cluster
		preview bool
		err     string
		removed bool
	}{
		{name: "free", cluster: &cluster{answers: resources()}},
		{name: "somebody else's", cluster: with(changed("name", "nas"), nil),
			err: `web: VMID 1021 is taken by VM "nas" (stopped on node pve1). Give web another vmId`},
		{name: "another VMID for a guest that exists", cluster: with(map[string]any{
			"vmid": 1099, "name": "web", "node": "pve1", "type": "qemu", "status": "running", "tags": "prod;pve-home"}, nil),
			err: "Set vmId: 1099 to keep it"},
		{name: "another stack's guest of that name", cluster: with(map[string]any{
			"vmid": 1099, "name": "web", "node": "pve1", "type": "qemu", "status": "running", "tags": "lab;pve-home"}, nil)},
		{name: "another stack's guest of that name and VMID", cluster: with(changed("tags", "lab;pve-home"), nil),
			err: `web: VMID 1021 is taken by VM "web" (stopped on node pve1). Give web another vmId`},
		{name: "running guest of that name is never removed", cluster: with(changed("status", "running"), nil),
			err: "would replace a guest and lose its data"},
		{name: "guest that ran before is never removed", cluster: with(ours, map[string]any{configCall: map[string]any{}, tasksCall: started}),
			err: "would replace a guest and lose its data"},
		{name: "guest under backup is never removed", cluster: with(ours, map[string]any{configCall: map[string]any{"lock": "backup"}}),
			err: "would replace a guest and lose its data"},
		{name: "guest on another node", cluster: with(changed("node", "pve2"), map[string]any{
			"GET /nodes/pve2/qemu/1021/config": map[string]any{}, "GET /nodes/pve2/tasks": started}),
			err: "node: pve1, the guest is on pve2"},
		{name: "unfinished clone is removed", cluster: with(ours, map[string]any{
			configCall: map[string]any{}, tasksCall: cloned, destroyCall: upid,
			"GET /nodes/pve1/tasks/" + upid + "/status": map[string]any{"status": "stopped", "exitstatus": "OK"}}), removed: true},
		{name: "failed removal", cluster: with(ours, map[string]any{
			configCall: map[string]any{}, tasksCall: cloned, destroyCall: upid,
			"GET /nodes/pve1/tasks/" + upid + "/status": map[string]any{"status": "stopped", "exitstatus": "disk is busy"}}),
			err: "disk is busy", removed: true},
		{name: "a preview removes nothing", preview: true, cluster: with(ours, map[string]any{
			configCall: map[string]any{"lock": "clone"}, tasksCall: cloned})},
		{name: "no API", cluster: &cluster{}, err: "web: list the guests of the cluster: GET /cluster/resources: HTTP 501"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			withGuard(t, tc.cluster, tc.preview, func(g *guard) {
				check(t, g.vmidIsFree(creating("web", 1021)), tc.err)
			})
			require.Equal(t, tc.removed, strings.Contains(strings.Join(tc.cluster.asked, "\n"), destroyCall))
		})
	}
}

func TestGuestsAreListedOnce(t *testing.T) {
	c := &cluster{answers: resources()}
	withGuard(t, c, false, func(g *guard) {
		for vmid := 1001; vmid < 1050; vmid++ {
			require.NoError(t, g.vmidIsFree(creating("web", vmid)))
		}
	})
	require.Equal(t, []string{"GET /cluster/resources"}, c.asked)
}

func TestVMKeepsDisksAndNode(t *testing.T) {
	state := func(node string, sizes ...float64) resource.PropertyMap {
		var disks []resource.PropertyValue
		for i, size := range sizes {
			disks = append(disks, resource.NewProperty(resource.PropertyMap{
				"interface": resource.NewProperty("scsi" + string(rune('0'+i))), "size": resource.NewProperty(size),
			}))
		}
		return resource.PropertyMap{"nodeName": resource.NewProperty(node), "disks": resource.NewProperty(disks)}
	}
	for _, tc := range []struct {
		name     string
		old, now resource.PropertyMap
		migrate  bool
		err      string
	}{
		{name: "same", old: state("pve1", 20, 50), now: state("pve1", 20, 50)},
		{name: "grows", old: state("pve1", 20), now: state("pve1", 40)},
		{name: "another disk", old: state("pve1", 20), now: state("pve1", 20, 50)},
		{name: "shrinks", old: state("pve1", 20, 50), now: state("pve1", 20, 10),
			err: "web: disk scsi1 would shrink from 50 GiB to 10 GiB"},
		{name: "disk gone", old: state("pve1", 20, 50), now: state("pve1", 20),
			err: "web: disk scsi1 (50 GiB) is no longer in the configuration"},
		{name: "node changes", old: state("pve1", 20), now: state("pve2", 20),
			err: "web: node changes from pve1 to pve2"},
		{name: "node changes and may", old: state("pve1", 20), now: state("pve2", 20), migrate: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			withGuard(t, &cluster{}, false, func(g *guard) {
				if tc.migrate {
					g.mayMigrate.Store("web", true)
				}
				check(t, g.vmKeepsDisksAndNode(&pulumi.ResourceHookArgs{Name: "web", OldOutputs: tc.old, NewInputs: tc.now}), tc.err)
			})
		})
	}
}

func TestExplainRetriesOnlyBusyClones(t *testing.T) {
	for message, retry := range map[string]bool{
		"error waiting for VM clone: error cloning VM: received an HTTP 500 response - Reason: can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout": true,
		"error waiting for VM clone: task failed: no space left on device":                                                                                           false,
		"error starting VM: can't lock file '/var/lock/qemu-server/lock-1021.conf' - got timeout":                                                                    false,
	} {
		withGuard(t, &cluster{}, false, func(g *guard) {
			again, err := g.explain(&pulumi.ErrorHookArgs{Name: "web", FailedOperation: "create", Errors: []string{message}})
			require.NoError(t, err)
			require.Equal(t, retry, again, message)
			again, err = g.explain(&pulumi.ErrorHookArgs{Name: "web", FailedOperation: "create", Errors: slices.Repeat([]string{message}, cloneRetries+1)})
			require.NoError(t, err)
			require.False(t, again, "retries are bounded")
		})
	}
}

func TestTemplateExists(t *testing.T) {
	template := map[string]any{"vmid": 9000, "name": "debian-13-cloudinit", "node": "pve1", "type": "qemu", "status": "stopped", "template": 1}
	for _, tc := range []struct {
		name, node, err string
		cluster         *cluster
	}{
		{name: "there", node: "pve1", cluster: &cluster{answers: resources(template)}},
		{name: "missing", node: "pve1", cluster: &cluster{answers: resources()},
			err: "web: there is no template with VMID 9000 on node pve1. Set nodes.pve1.templateId"},
		{name: "on another node", node: "pve2", cluster: &cluster{answers: resources(template)},
			err: "web: there is no template with VMID 9000 on node pve2"},
		{name: "no API", node: "pve1", cluster: &cluster{}, err: "HTTP 501"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := creating("web", 1021)
			args.NewInputs["clone"] = resource.NewProperty(resource.PropertyMap{
				"vmId": resource.NewProperty(9000.0), "nodeName": resource.NewProperty(tc.node),
			})
			withGuard(t, tc.cluster, true, func(g *guard) { check(t, g.templateExists(args), tc.err) })
		})
	}
}

func check(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, want)
}

func TestDatastoreFits(t *testing.T) {
	const call = "GET /nodes/pve1/storage/local/status"
	status := func(content string, enabled, active int) *cluster {
		return &cluster{answers: map[string]any{call: map[string]any{"content": content, "enabled": enabled, "active": active}}}
	}
	text := resource.NewProperty[string]
	snippet := resource.PropertyMap{"nodeName": text("pve1"), "datastoreId": text("local"), "contentType": text("snippets")}
	machine := resource.PropertyMap{"nodeName": text("pve1"), "disks": resource.NewProperty([]resource.PropertyValue{
		resource.NewProperty(resource.PropertyMap{"datastoreId": text("local")}),
		resource.NewProperty(resource.PropertyMap{"datastoreId": text("local")}),
	})}
	container := resource.PropertyMap{"nodeName": text("pve1"),
		"disk":        resource.NewProperty(resource.PropertyMap{"datastoreId": text("local")}),
		"mountPoints": resource.NewProperty([]resource.PropertyValue{resource.NewProperty(resource.PropertyMap{"volume": text("local")})}),
	}
	for _, tc := range []struct {
		name, err string
		inputs    resource.PropertyMap
		cluster   *cluster
	}{
		{name: "snippet", inputs: snippet, cluster: status("iso,snippets", 1, 1)},
		{name: "disks", inputs: machine, cluster: status("images", 1, 1)},
		{name: "container", inputs: container, cluster: status("rootdir", 1, 1)},
		{name: "no snippets", inputs: snippet, cluster: status("iso,vztmpl", 1, 1),
			err: "datastore local does not hold snippets, only iso, vztmpl. Allow it under Datacenter > Storage > local > Edit > Content, or on a node: pvesm set local --content iso,vztmpl,snippets; or set snippetDatastore to another datastore"},
		{name: "no images", inputs: machine, cluster: status("rootdir", 1, 1), err: "does not hold images"},
		{name: "no rootdir", inputs: container, cluster: status("images", 1, 1), err: "does not hold rootdir"},
		{name: "disabled", inputs: snippet, cluster: status("snippets", 0, 1), err: "datastore local is not available on node pve1"},
		{name: "not mounted", inputs: snippet, cluster: status("snippets", 1, 0), err: "datastore local is not available on node pve1"},
		{name: "no API", inputs: snippet, cluster: &cluster{}, err: "HTTP 501"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			withGuard(t, tc.cluster, true, func(g *guard) {
				for range 2 {
					check(t, g.datastoreFits(&pulumi.ResourceHookArgs{Name: "web", NewInputs: tc.inputs}), tc.err)
				}
			})
			require.Equal(t, []string{call}, tc.cluster.asked, "a datastore is asked for once")
		})
	}
}

func TestGuestIsComplete(t *testing.T) {
	web := func(status string) map[string]any {
		return map[string]any{"vmid": 1021, "name": "web", "node": "pve1", "type": "qemu", "status": status}
	}
	tasks := func(guest map[string]any, list ...map[string]any) *cluster {
		answers := resources(guest)
		answers["GET /nodes/pve1/tasks"] = list
		return &cluster{answers: answers}
	}
	clone := map[string]any{"type": "qmclone", "status": "OK"}
	failed := map[string]any{"type": "qmstart", "status": "start failed: QEMU exited with code 1"}
	ok := map[string]any{"type": "qmstart", "status": "OK"}
	const refused = "web: its creation failed half-way: VM \"web\" (stopped on node pve1) was never started. Run pulumi up --refresh"
	for _, tc := range []struct {
		name, err string
		cluster   *cluster
		stopped   bool // as far as the state knows
	}{
		{name: "runs", cluster: tasks(web("running"))},
		{name: "never started", cluster: tasks(web("stopped"), clone), err: refused},
		{name: "start failed", cluster: tasks(web("stopped"), clone, failed), err: refused},
		{name: "stopped by somebody", cluster: tasks(web("stopped"), clone, failed, ok)},
		{name: "refreshed", cluster: tasks(web("stopped"), clone), stopped: true},
		{name: "gone", cluster: &cluster{answers: resources()}, err: "web: VMID 1021 is not there any more. Run pulumi up --refresh"},
		{name: "no API", cluster: &cluster{}, err: "HTTP 501"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			withGuard(t, tc.cluster, true, func(g *guard) {
				check(t, g.guestIsComplete(&pulumi.ResourceHookArgs{Name: "web", OldOutputs: resource.PropertyMap{
					"vmId": resource.NewProperty(1021.0), "started": resource.NewProperty(!tc.stopped),
				}}), tc.err)
			})
		})
	}
}

// TestPreviewWithoutCluster: a pull request is checked where nobody reaches the cluster.
func TestPreviewWithoutCluster(t *testing.T) {
	closed := httptest.NewTLSServer(nil)
	endpoint := closed.URL
	closed.Close()
	for _, preview := range []bool{true, false} {
		options := []pulumi.RunOption{pulumi.WithMocks("pve-home", "prod", &recorder{resources: map[string]pulumi.MockResourceArgs{}})}
		options = append(options, func(info *pulumi.RunInfo) { info.DryRun = preview })
		require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
			g, err := newGuard(ctx, pve.NewClient(endpoint, "a@b!c=d", true))
			if err != nil {
				return err
			}
			err = g.lenientInPreview(g.vmidIsFree)(creating("web", 1021))
			if preview {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "connection refused")
			}
			return nil
		}, options...))
	}
}
