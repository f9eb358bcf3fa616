package preflight

import "context"

// firewall asks for the switch above all rules of guests.
func (s *state) firewall(ctx context.Context) []Finding {
	wanted := false
	for _, v := range s.cfg.VMs {
		wanted = wanted || v.Firewall
	}
	for _, c := range s.cfg.Containers {
		wanted = wanted || c.Firewall
	}
	if !wanted {
		return []Finding{ok("no guest of the stack uses it")}
	}
	on, err := s.client.FirewallOn(ctx)
	if err != nil {
		return []Finding{s.failed(err)}
	}
	if !on {
		return []Finding{warn("Turn it on under Datacenter > Firewall > Options, or on a node: pvesh set /cluster/firewall/options --enable 1. "+
			"First allow what must reach the nodes, such as SSH and port 8006, from networks other than their own",
			"the datacenter's firewall is off, so that no rule of any guest has an effect")}
	}
	return []Finding{ok("the datacenter's firewall is on")}
}
