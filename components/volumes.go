package components

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// containerKeepsVolumes runs before a container is updated in place. Mount points are numbered by
// their order, and the provider neither resizes nor detaches a volume: what it would do instead
// leaves the data in a volume that nothing uses any more.
func (g *guard) containerKeepsVolumes(args *pulumi.ResourceHookArgs) error {
	now := objects(args.NewInputs, "mountPoints")
	for i, old := range objects(args.OldOutputs, "mountPoints") {
		path := stringProperty(old, "path")
		if i >= len(now) || stringProperty(now[i], "path") != path {
			return fmt.Errorf("%s: the mount point %s (mp%d) is no longer at its place in the configuration, which would leave its data in an unused volume. "+
				"Put it back, and add new mount points at the end; to remove it, detach it in Proxmox and run pulumi refresh",
				args.Name, path, i)
		}
		if was, is := stringProperty(old, "size"), stringProperty(now[i], "size"); was != is {
			return fmt.Errorf("%s: the mount point %s (mp%d) has %s and would get %s. Volumes can only grow, and only in Proxmox: "+
				"run `pct resize %d mp%d %s` on the node and then pulumi refresh, or set sizeGiB back",
				args.Name, path, i, was, is, intProperty(args.NewInputs, "vmId"), i, is)
		}
	}
	return nil
}

// containerKeepsNesting runs before a container is updated in place. The provider turns nesting on,
// but leaves it on when it should turn it off, and reports success.
func (g *guard) containerKeepsNesting(args *pulumi.ResourceHookArgs) error {
	if !nesting(args.OldOutputs) || nesting(args.NewInputs) {
		return nil
	}
	vmid := intProperty(args.NewInputs, "vmId")
	return fmt.Errorf("%s: nesting can be turned off in Proxmox only. Run `pct set %d --features nesting=0` on the node and then pulumi refresh, or set nesting: true",
		args.Name, vmid)
}

func nesting(m resource.PropertyMap) bool {
	features, ok := property(m, "features")
	return ok && features.IsObject() && boolProperty(features.ObjectValue(), "nesting")
}
