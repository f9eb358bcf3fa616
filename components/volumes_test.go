package components

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

func TestContainerKeepsVolumes(t *testing.T) {
	state := func(pathsAndSizes ...string) resource.PropertyMap {
		var points []resource.PropertyValue
		for i := 0; i < len(pathsAndSizes); i += 2 {
			points = append(points, resource.NewProperty(resource.PropertyMap{
				"path": resource.NewProperty(pathsAndSizes[i]), "size": resource.NewProperty(pathsAndSizes[i+1]),
			}))
		}
		return resource.PropertyMap{"vmId": resource.NewProperty(1031.0), "mountPoints": resource.NewProperty(points)}
	}
	for _, tc := range []struct {
		name     string
		old, now resource.PropertyMap
		err      string
	}{
		{name: "same", old: state("/a", "5G"), now: state("/a", "5G")},
		{name: "none", old: resource.PropertyMap{}, now: resource.PropertyMap{}},
		{name: "another at the end", old: state("/a", "5G"), now: state("/a", "5G", "/b", "6G")},
		{name: "another before", old: state("/a", "5G"), now: state("/b", "6G", "/a", "5G"), err: "dns: the mount point /a (mp0)"},
		{name: "removed", old: state("/a", "5G", "/b", "6G"), now: state("/a", "5G"), err: "dns: the mount point /b (mp1)"},
		{name: "bigger", old: state("/a", "5G"), now: state("/a", "9G"), err: "run `pct resize 1031 mp0 9G`"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := (&guard{}).containerKeepsVolumes(&pulumi.ResourceHookArgs{Name: "dns", OldOutputs: tc.old, NewInputs: tc.now})
			if tc.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.err)
			}
		})
	}
}

func TestContainerKeepsNesting(t *testing.T) {
	state := func(nesting bool) resource.PropertyMap {
		return resource.PropertyMap{"vmId": resource.NewProperty(1031.0), "features": resource.NewProperty(resource.PropertyMap{
			"nesting": resource.NewProperty(nesting),
		})}
	}
	for _, was := range []bool{true, false} {
		for _, is := range []bool{true, false} {
			err := (&guard{}).containerKeepsNesting(&pulumi.ResourceHookArgs{Name: "dns", OldOutputs: state(was), NewInputs: state(is)})
			if was && !is {
				require.ErrorContains(t, err, "dns: nesting can be turned off in Proxmox only. Run `pct set 1031 --features nesting=0`")
			} else {
				require.NoError(t, err)
			}
		}
	}
}
