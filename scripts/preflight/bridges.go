package preflight

import (
	"context"
	"maps"
	"slices"
)

// bridges asks for the bridges that guests of the stack are connected to.
func (s *state) bridges(ctx context.Context) []Finding {
	wanted := map[string]map[string]string{} // node, bridge, a guest
	want := func(node, bridge, guest string) {
		if wanted[node] == nil {
			wanted[node] = map[string]string{}
		}
		wanted[node][bridge] = guest
	}
	for _, v := range s.cfg.VMs {
		want(v.Node, v.Bridge, v.Name)
	}
	for _, c := range s.cfg.Containers {
		want(c.Node, c.Bridge, c.Name)
	}
	var problems []Finding
	for _, node := range s.online {
		if len(wanted[node]) == 0 {
			continue
		}
		there, err := s.client.Bridges(ctx, node)
		if err != nil {
			problems = append(problems, s.failed(err))
			continue
		}
		for _, bridge := range slices.Sorted(maps.Keys(wanted[node])) {
			switch active, exists := there[bridge]; {
			case !exists:
				problems = append(problems, fail("Make it under System > Network of the node, or set bridge to one that is there: "+names(there)+". The token sees those that it may use (SDN.Use)",
					"node %s has no bridge %s, which %s is connected to", node, bridge, wanted[node][bridge]))
			case !active:
				problems = append(problems, warn("Run `ifreload -a` on the node, or Apply Configuration under System > Network", "bridge %s of node %s is not active", bridge, node))
			}
		}
	}
	return findings(problems, "all are there")
}
