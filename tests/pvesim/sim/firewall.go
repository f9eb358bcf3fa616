package sim

type firewall struct{}

func (g *guest) firewallName() string { return "guest/" + vmidText(g.VMID) }
