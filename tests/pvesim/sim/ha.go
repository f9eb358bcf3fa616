package sim

import "strings"

const (
	haResources = "resources"
	haGroups    = "groups"
	haRules     = "rules"
)

func haSID(g *guest) string { return strings.ToLower(g.noun()) + ":" + vmidText(g.VMID) }
