package preflight

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// clockSkew is more than clocks that are kept by NTP ever differ.
const clockSkew = 30 * time.Second

// nodes asks for the nodes of the configuration. Those that no guest uses may be off.
func (s *state) nodes(ctx context.Context) []Finding {
	there, err := s.client.Nodes(ctx)
	if err != nil {
		return []Finding{s.failed(err)}
	}
	used := s.usedNodes()
	var problems []Finding
	for _, node := range slices.Sorted(maps.Keys(s.cfg.Nodes)) {
		status, exists := there[node]
		report := fail
		if !used[node] {
			report = warn
		}
		switch {
		case !exists:
			problems = append(problems, report("Give it the name that Proxmox shows ("+names(there)+"), or remove it from nodes", "node %s is not in the cluster", node))
		case status != "online":
			problems = append(problems, report("Start it, or place the guests of the stack on another node", "node %s is %s", node, status))
		default:
			s.online = append(s.online, node)
		}
	}
	return findings(problems, "%s online", strings.Join(s.online, ", "))
}

// usedNodes are the nodes on which a guest or its template stands.
func (s *state) usedNodes() map[string]bool {
	used := map[string]bool{}
	for _, v := range s.cfg.VMs {
		used[v.Node], used[v.TemplateNode] = true, true
	}
	for _, c := range s.cfg.Containers {
		used[c.Node] = true
	}
	return used
}

// clock compares the nodes' clocks with that of this machine. Certificates, schedules and logs go by
// them.
func (s *state) clock(ctx context.Context) []Finding {
	var problems []Finding
	for _, node := range s.online {
		there, err := s.client.Time(ctx, node)
		if err != nil {
			problems = append(problems, s.failed(err))
			continue
		}
		if skew := time.Until(there).Round(time.Second); skew.Abs() > clockSkew {
			direction := "ahead of"
			if skew < 0 {
				direction = "behind"
			}
			problems = append(problems, warn("Look at `chronyc tracking` on the node and at `timedatectl` here", "the clock of node %s is %s %s the one here", node, skew.Abs(), direction))
		}
	}
	return findings(problems, "within %s of the clock here", clockSkew)
}
