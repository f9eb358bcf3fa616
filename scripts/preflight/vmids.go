package preflight

import (
	"context"
	"slices"
	"strings"

	"github.com/pve-home/pve-home/components/pve"
)

// inventory asks once for the guests of the cluster.
func (s *state) inventory(ctx context.Context) (map[int]pve.Guest, error) {
	if s.guests != nil {
		return s.guests, nil
	}
	guests, err := s.client.Guests(ctx)
	if err != nil {
		return nil, err
	}
	s.guests = guests
	return guests, nil
}

// exists says whether a guest of the stack is there. The guard of the program recognises guests in
// the same way.
func (s *state) exists(vmid int, name string) bool {
	there, taken := s.guests[vmid]
	return taken && there.Name == name
}

// wantedGuest is what VMs and containers of the stack have in common.
type wantedGuest struct {
	name, kind string
	vmid       int
}

func (s *state) wanted() []wantedGuest {
	var all []wantedGuest
	for _, v := range s.cfg.VMs {
		all = append(all, wantedGuest{v.Name, "qemu", v.VMID})
	}
	for _, c := range s.cfg.Containers {
		all = append(all, wantedGuest{c.Name, "lxc", c.VMID})
	}
	return all
}

// vmids looks who holds the VMIDs of the stack: nobody, or the guest itself.
func (s *state) vmids(ctx context.Context) []Finding {
	guests, err := s.inventory(ctx)
	if err != nil {
		return []Finding{s.failed(err)}
	}
	var problems []Finding
	existing := 0
	for _, w := range s.wanted() {
		there, taken := guests[w.vmid]
		switch {
		case taken && (there.Name != w.name || there.Type != w.kind || there.Template != 0):
			problems = append(problems, fail("Give "+w.name+" another vmId, or another address if the VMID comes from the address", "VMID %d of %s is taken by %s", w.vmid, w.name, there))
		case taken && s.unfinished(ctx, there):
			problems = append(problems, warn("If it is somebody else's, give "+w.name+" another vmId before the next pulumi up", "VMID %d holds what an interrupted update left of %s; the next one removes it and makes it anew", w.vmid, w.name))
		case taken && !s.tagged(there):
			problems = append(problems, fail("If it is the guest of this stack, add the tag "+pve.StackTag(s.Stack)+" to it; otherwise give "+w.name+" another vmId",
				"VMID %d is taken by %s, which has the name but not the tag of the stack", w.vmid, there))
		case taken:
			existing++
		default:
			problems = append(problems, s.elsewhere(w)...)
		}
	}
	return findings(problems, "%d free, %d of guests of the stack", len(s.wanted())-existing, existing)
}

// unfinished says whether a guest with the right name is the rest of an interrupted creation, which
// the program removes: a clone gets its tags after its disks, and was never started.
func (s *state) unfinished(ctx context.Context, there pve.Guest) bool {
	if there.Status != "stopped" || there.Tags != "" {
		return false
	}
	starts, err := s.client.Starts(ctx, there)
	return err == nil && !starts.Tried
}

// elsewhere finds the guest under another VMID: it would be made anew, and the old one removed.
func (s *state) elsewhere(w wantedGuest) []Finding {
	var problems []Finding
	for _, there := range s.guests {
		if there.Name == w.name && s.tagged(there) {
			problems = append(problems, fail("Set the vmId of the guest to keep it, or remove the old one first", "%s is to be VMID %d, but exists as VMID %d: %s", w.name, w.vmid, there.VMID, there))
		}
	}
	return problems
}

func (s *state) tagged(g pve.Guest) bool {
	return slices.Contains(strings.Split(g.Tags, ";"), pve.StackTag(s.Stack))
}
