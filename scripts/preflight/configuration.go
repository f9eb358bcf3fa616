package preflight

import (
	"context"
	"errors"
	"strings"

	"github.com/pve-home/pve-home/components/pve"
	"github.com/pve-home/pve-home/stacks/config"
)

// configuration reads the settings as the program does.
func (s *state) configuration(context.Context) []Finding {
	var err error
	s.cfg, s.login, err = config.Resolve(s.Project, s.Stack, s.Values)
	var wrong *config.ProblemsError
	switch {
	case errors.As(err, &wrong):
		var problems []Finding
		for _, p := range wrong.Problems {
			fix := p.Fix
			p.Fix = ""
			problems = append(problems, fail(fix, "%s", strings.TrimSuffix(p.String(), ".")))
		}
		return problems
	case err != nil:
		return []Finding{fail("", "%s", err)}
	}
	s.client = pve.NewClient(s.cfg.Proxmox.Endpoint, s.cfg.Proxmox.APIToken, s.cfg.Proxmox.Insecure)
	return []Finding{ok("%d VMs, %d containers and %d backup jobs are described", len(s.cfg.VMs), len(s.cfg.Containers), len(s.cfg.Backups))}
}
