package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// TestFailedCreationLeavesNothing: only what this update made and never ran is removed, on the
// second try, after which the engine keeps nothing of it.
func TestFailedCreationLeavesNothing(t *testing.T) {
	const (
		destroy = "DELETE /nodes/pve1/qemu/1021"
		upid    = "UPID:pve1:1:1:1:qmdestroy:1021:a@b!c:"
	)
	for _, tc := range []struct {
		name    string
		guest   map[string]any
		foreign bool // the creation never began
		again   bool
	}{
		{name: "half-made", guest: map[string]any{"name": "web", "status": "stopped"}, again: true},
		{name: "running", guest: map[string]any{"name": "web", "status": "running"}},
		{name: "another guest", guest: map[string]any{"name": "nas", "status": "stopped"}},
		{name: "there before", guest: map[string]any{"name": "web", "status": "stopped"}, foreign: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for key, value := range map[string]any{"vmid": 1021, "node": "pve1", "type": "qemu"} {
				tc.guest[key] = value
			}
			answers := resources(tc.guest)
			answers["GET /nodes/pve1/qemu/1021/config"] = map[string]any{}
			answers[destroy] = upid
			answers["GET /nodes/pve1/tasks/"+upid+"/status"] = map[string]any{"status": "stopped", "exitstatus": "OK"}
			c := &cluster{answers: answers}
			withGuard(t, c, false, func(g *guard) {
				args := creating("web", 1021)
				if !tc.foreign {
					require.NoError(t, g.creationBegins(args))
				}
				failed := &pulumi.ErrorHookArgs{Name: "web", FailedOperation: "create", NewInputs: args.NewInputs, Errors: []string{"lvresize failed"}}
				again, err := g.explain(failed)
				require.NoError(t, err)
				require.Equal(t, tc.again, again)
				require.NotContains(t, c.asked, destroy, "the VMID is still needed to end the creation")

				failed.Errors = []string{"VM 1021 already exists", "lvresize failed"}
				again, err = g.explain(failed)
				require.NoError(t, err)
				require.False(t, again)
			})
			require.Equal(t, tc.again, strings.Contains(strings.Join(c.asked, "\n"), destroy))
		})
	}
}

// TestTurnsAreGivenBack: as many clones of a template as are allowed hold up the next one until one
// ends, well or badly; containers and other templates do not wait.
func TestTurnsAreGivenBack(t *testing.T) {
	clone := func(vmid float64) *pulumi.ResourceHookArgs {
		args := creating("web", 1021)
		args.NewInputs["clone"] = resource.NewProperty(resource.PropertyMap{
			"nodeName": resource.NewProperty("pve1"), "vmId": resource.NewProperty(vmid),
		})
		return args
	}
	withGuard(t, &cluster{answers: resources()}, false, func(g *guard) {
		for range clonesAtOnce {
			require.NoError(t, g.creationBegins(clone(9000)))
		}
		require.NoError(t, g.creationBegins(clone(9001)))
		require.NoError(t, g.creationBegins(creating("box", 1031)))

		begun := make(chan error, 2)
		for range cap(begun) {
			go func() { begun <- g.creationBegins(clone(9000)) }()
		}
		require.NoError(t, g.creationEnds(clone(9000)))
		require.NoError(t, <-begun)
		require.Empty(t, begun, "one more still waits")
		_, err := g.explain(&pulumi.ErrorHookArgs{Name: "web", FailedOperation: "create", NewInputs: clone(9000).NewInputs, Errors: []string{"failed"}})
		require.NoError(t, err)
		require.NoError(t, <-begun)
	})
}
