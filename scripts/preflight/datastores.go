package preflight

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/pve-home/pve-home/components/pve"
)

// fullPercent is how full a datastore may become before it is worth a warning: thin pools and ZFS
// suffer long before they are full.
const fullPercent = 90

// use is one demand on a datastore.
type use struct{ node, datastore, content, setting string }

// uses lists what the stack asks of datastores, each demand once.
func (s *state) uses() []use {
	all := map[use]bool{}
	nodeOf := map[string]string{}
	for _, v := range s.cfg.VMs {
		nodeOf[v.Name] = v.Node
		all[use{v.Node, v.SnippetDatastore, "snippets", "snippetDatastore"}] = true
		all[use{v.Node, v.Datastore, "images", "datastore"}] = true
		for _, d := range v.DataDisks {
			all[use{v.Node, d.Datastore, "images", "datastore"}] = true
		}
	}
	for _, c := range s.cfg.Containers {
		nodeOf[c.Name] = c.Node
		all[use{c.Node, c.Datastore, "rootdir", "datastore"}] = true
		for _, m := range c.MountPoints {
			all[use{c.Node, m.Datastore, "rootdir", "datastore"}] = true
		}
		store, _, _ := strings.Cut(c.Template, ":")
		all[use{c.Node, store, "vztmpl", "lxcTemplate"}] = true
	}
	for _, b := range s.cfg.Backups {
		for _, guest := range b.Guests {
			if b.Node == "" || b.Node == nodeOf[guest] {
				all[use{nodeOf[guest], b.Storage, "backup", "backups." + b.Name + ".storage"}] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b use) int {
		return cmp.Or(cmp.Compare(a.datastore, b.datastore), cmp.Compare(a.content, b.content), cmp.Compare(a.node, b.node), cmp.Compare(a.setting, b.setting))
	})
}

// datastores asks each node for the datastores that its guests need.
func (s *state) datastores(ctx context.Context) []Finding {
	var problems []Finding
	s.stores = map[string]map[string]pve.NodeDatastore{}
	for _, node := range s.online {
		there, err := s.client.Datastores(ctx, node)
		if err != nil {
			return []Finding{s.failed(err)}
		}
		s.stores[node] = there
	}
	for _, u := range s.uses() {
		if s.stores[u.node] != nil {
			problems = append(problems, u.check(s.stores[u.node])...)
		}
	}
	return findings(problems, "all are there and hold what is asked of them")
}

func (u use) check(stores map[string]pve.NodeDatastore) []Finding {
	there, exists := stores[u.datastore]
	switch contents := there.Contents(); {
	case !exists:
		return []Finding{fail("Set "+u.setting+" to one that is there ("+names(stores)+"), or let the node use it under Datacenter > Storage. The token sees those that it may use (Datastore.AllocateSpace)",
			"node %s has no datastore %s", u.node, u.datastore)}
	case there.Enabled == 0:
		return []Finding{fail("Run on a node: pvesm set "+u.datastore+" --disable 0", "datastore %s is disabled", u.datastore)}
	case there.Active == 0:
		return []Finding{fail("Check on the node that what it lies on can be reached (`pvesm status`), or set "+u.setting+" to another one", "datastore %s is not active on node %s", u.datastore, u.node)}
	case !slices.Contains(contents, u.content):
		return []Finding{fail("Run on a node: pvesm set "+u.datastore+" --content "+strings.Join(append(contents, u.content), ",")+"; or set "+u.setting+" to another one",
			"datastore %s on node %s does not hold %s, only %s", u.datastore, u.node, u.content, strings.Join(contents, ", "))}
	}
	return nil
}

// space compares what the guests that do not exist yet may write with what is free.
func (s *state) space(ctx context.Context) []Finding {
	if _, err := s.inventory(ctx); err != nil {
		return []Finding{s.failed(err)}
	}
	type place struct{ node, datastore string }
	planned := map[place]int64{}
	add := func(node, datastore string, sizeGiB int) {
		if s.stores[node][datastore].Shared != 0 {
			node = ""
		}
		planned[place{node, datastore}] += int64(sizeGiB) << 30
	}
	for _, v := range s.cfg.VMs {
		if s.exists(v.VMID, v.Name) {
			continue
		}
		add(v.Node, v.Datastore, v.DiskGiB)
		for _, d := range v.DataDisks {
			add(v.Node, d.Datastore, d.SizeGiB)
		}
	}
	for _, c := range s.cfg.Containers {
		if s.exists(c.VMID, c.Name) {
			continue
		}
		add(c.Node, c.Datastore, c.DiskGiB)
		for _, m := range c.MountPoints {
			add(c.Node, m.Datastore, m.SizeGiB)
		}
	}
	var problems []Finding
	for _, p := range slices.SortedFunc(maps.Keys(planned), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.datastore, b.datastore), cmp.Compare(a.node, b.node))
	}) {
		there, where := s.stores[p.node][p.datastore], " on node "+p.node
		if p.node == "" {
			there, where = s.shared(p.datastore), ""
		}
		if full := there.UsedBytes + planned[p]; there.TotalBytes > 0 && full > there.TotalBytes/100*fullPercent {
			problems = append(problems, warn("Make room, choose smaller disks, or another datastore. Disks on a thin pool take what guests write",
				"datastore %s%s would be %d %% full: the disks of new guests are %d GiB, %d GiB of %d are used",
				p.datastore, where, full*100/there.TotalBytes, planned[p]>>30, there.UsedBytes>>30, there.TotalBytes>>30))
		}
	}
	return findings(problems, "enough for the guests that do not exist yet")
}

// shared finds a datastore that is the same on every node.
func (s *state) shared(name string) pve.NodeDatastore {
	for _, stores := range s.stores {
		if d, ok := stores[name]; ok {
			return d
		}
	}
	return pve.NodeDatastore{}
}
