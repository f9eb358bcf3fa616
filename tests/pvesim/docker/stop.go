package docker

import (
	"context"
	"fmt"
)

// down removes a project's containers, and its volumes if asked to.
func (c *command) down(ctx context.Context, volumes, orphans bool) error {
	l, name, err := c.projectOrName(ctx)
	if err != nil {
		return err
	}
	c.host.Lock()
	defer c.host.Unlock()
	e := c.host.Engine()
	if p := e.Projects[name]; p != nil {
		for _, s := range p.Services() {
			if l == nil || orphans || l.declares(s.Service) {
				delete(p.Containers, s.Service)
				c.progress("Container", s.Name, "Removed")
			}
		}
		if len(p.Containers) == 0 {
			delete(e.Projects, name)
		}
	}
	if volumes {
		for volume, owner := range e.Volumes {
			if owner == name {
				delete(e.Volumes, volume)
				c.progress("Volume", volume, "Removed")
			}
		}
	}
	c.host.Changed()
	return nil
}

// power stops, starts or restarts containers that exist.
func (c *command) power(ctx context.Context, stop, start bool, services []string) error {
	_, project, err := c.projectOrName(ctx)
	if err != nil {
		return err
	}
	c.host.Lock()
	defer c.host.Unlock()
	defer c.host.Changed()
	e := c.host.Engine()
	p := e.Projects[project]
	if p == nil {
		return fmt.Errorf("no container found for project %q: not found", project)
	}
	if len(services) == 0 {
		for _, s := range p.Services() {
			services = append(services, s.Service)
		}
	}
	for _, name := range services {
		s := p.Containers[name]
		if s == nil {
			return fmt.Errorf("no such service: %s", name)
		}
		if stop {
			s.exit(0)
			s.Stopped = true
			c.progress("Container", s.Name, "Stopped")
		}
		if start && s.State != StateRunning {
			e.start(p, s, c.host.Files())
			c.progress("Container", s.Name, "Started")
		}
	}
	return nil
}
