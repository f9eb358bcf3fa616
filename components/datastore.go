package components

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/components/pve"
)

// datastoreUse is one demand on a datastore: the content type it must hold, and the setting that chose it.
type datastoreUse struct{ node, datastore, content, setting string }

// datastoreFits runs before a snippet or a guest is created. The provider would notice a wrong
// datastore only half-way, and snippets that are not allowed not at all
// (https://github.com/bpg/terraform-provider-proxmox/issues/1540).
func (g *guard) datastoreFits(args *pulumi.ResourceHookArgs) error {
	for _, use := range datastoreUses(args.NewInputs) {
		there, err := g.datastore(use.node, use.datastore)
		if err != nil {
			g.advise(args.Name, err.Error())
			return fmt.Errorf("%s: %w", args.Name, err)
		}
		if err := use.check(there); err != nil {
			return fmt.Errorf("%s: %w", args.Name, err)
		}
	}
	return nil
}

// datastore asks once for each datastore of each node.
func (g *guard) datastore(node, name string) (pve.Datastore, error) {
	ask, _ := g.datastores.LoadOrStore(node+"/"+name, sync.OnceValues(func() (pve.Datastore, error) {
		ctx, cancel := context.WithTimeout(g.ctx.Context(), guardTimeout)
		defer cancel()
		return g.client.Datastore(ctx, node, name)
	}))
	return ask.(func() (pve.Datastore, error))()
}

func (u datastoreUse) check(there pve.Datastore) error {
	holds := there.Contents()
	switch {
	case there.Enabled == 0 || there.Active == 0:
		return fmt.Errorf("datastore %s is not available on node %s. Enable it under Datacenter > Storage and check that what it lies on can be reached, or set %s to another one",
			u.datastore, u.node, u.setting)
	case !slices.Contains(holds, u.content):
		return fmt.Errorf("datastore %s does not hold %s, only %s. Allow it under Datacenter > Storage > %s > Edit > Content, or on a node: pvesm set %s --content %s; or set %s to another datastore",
			u.datastore, u.content, strings.Join(holds, ", "), u.datastore, u.datastore,
			strings.Join(append(holds, u.content), ","), u.setting)
	}
	return nil
}

// datastoreUses lists what the inputs of a file, a VM or a container ask of datastores.
func datastoreUses(inputs resource.PropertyMap) []datastoreUse {
	node := stringProperty(inputs, "nodeName")
	var uses []datastoreUse
	use := func(datastore, content, setting string) {
		u := datastoreUse{node, datastore, content, setting}
		if datastore != "" && !slices.Contains(uses, u) {
			uses = append(uses, u)
		}
	}
	use(stringProperty(inputs, "datastoreId"), stringProperty(inputs, "contentType"), "snippetDatastore")
	for _, disk := range objects(inputs, "disks") {
		use(stringProperty(disk, "datastoreId"), "images", "datastore")
	}
	if disk, ok := property(inputs, "disk"); ok && disk.IsObject() {
		use(stringProperty(disk.ObjectValue(), "datastoreId"), "rootdir", "datastore")
	}
	for _, mount := range objects(inputs, "mountPoints") {
		use(stringProperty(mount, "volume"), "rootdir", "datastore")
	}
	return uses
}
