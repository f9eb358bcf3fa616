package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// psLine is a line of `ps --format json`.
type psLine struct {
	Command    string
	CreatedAt  string
	ExitCode   int
	Health     string
	ID         string
	Image      string
	Labels     string
	Mounts     string
	Name       string
	Names      string
	Networks   string
	Ports      string
	Project    string
	Publishers []publisher
	RunningFor string
	Service    string
	Size       string
	State      string
	Status     string
}

type publisher struct {
	URL           string
	TargetPort    uint16
	PublishedPort uint16
	Protocol      string
}

// ps lists the containers of a project, which need not have files.
func (c *command) ps(ctx context.Context, all bool, format string, services []string) error {
	l, name, err := c.projectOrName(ctx)
	if err != nil {
		return err
	}
	for _, service := range services {
		if l != nil && !slices.Contains(l.ServiceNames(), service) {
			return fmt.Errorf("no such service: %s", service)
		}
	}
	lines := c.psLines(name, all, services)
	if format != "json" {
		c.print(fmt.Sprintf("%-24s %-32s %-16s %s\n", "NAME", "IMAGE", "SERVICE", "STATUS"))
		for _, line := range lines {
			c.print(fmt.Sprintf("%-24s %-32s %-16s %s\n", line.Name, line.Image, line.Service, line.Status))
		}
		return nil
	}
	for _, line := range lines {
		data, err := json.Marshal(line)
		if err != nil {
			return fmt.Errorf("encode container: %w", err)
		}
		c.print(string(data) + "\n")
	}
	return nil
}

func (c *command) psLines(name string, all bool, services []string) []psLine {
	c.host.Lock()
	defer c.host.Unlock()
	p := c.host.Engine().Projects[name]
	lines := []psLine{}
	if p == nil {
		return lines
	}
	for _, s := range p.Services() {
		if len(services) > 0 && !slices.Contains(services, s.Service) || !all && s.State != StateRunning && s.State != StateRestarting {
			continue
		}
		lines = append(lines, s.line(p))
	}
	return lines
}

func (s *Container) line(p *Project) psLine {
	line := psLine{
		Command: `"/entrypoint"`, CreatedAt: time.Unix(s.CreatedUnix, 0).UTC().Format("2006-01-02 15:04:05 -0700 MST"), ExitCode: s.ExitCode,
		Health: s.Health, ID: s.ID[:shortIDLength], Image: s.Image, Name: s.Name, Names: s.Name, Networks: p.Name + "_default", Project: p.Name,
		Labels: "com.docker.compose.project=" + p.Name + ",com.docker.compose.service=" + s.Service + ",com.docker.compose.config-hash=" + s.ConfigHash,
		Mounts: strings.Join(s.Mounts, ","), Publishers: []publisher{}, RunningFor: "seconds ago", Service: s.Service, Size: "0B", State: s.State,
		Status: s.status(),
	}
	for _, port := range s.Ports {
		line.Publishers = append(line.Publishers, publisher{URL: "0.0.0.0", TargetPort: port, PublishedPort: port, Protocol: "tcp"})
	}
	return line
}

func (s *Container) status() string {
	switch {
	case s.State == StateCreated:
		return "Created"
	case s.State == StateExited:
		return fmt.Sprintf("Exited (%d) seconds ago", s.ExitCode)
	case s.State == StateRestarting:
		return fmt.Sprintf("Restarting (%d) seconds ago", s.ExitCode)
	case s.Health == HealthStarting:
		return "Up seconds (health: starting)"
	case s.Health != "":
		return "Up seconds (" + s.Health + ")"
	}
	return "Up seconds"
}

// logs prints what the containers wrote; tail is "all" or a number of lines.
func (c *command) logs(ctx context.Context, tail string, prefix bool, services []string) error {
	_, name, err := c.projectOrName(ctx)
	if err != nil {
		return err
	}
	c.host.Lock()
	defer c.host.Unlock()
	p := c.host.Engine().Projects[name]
	if p == nil {
		return nil
	}
	for _, name := range services {
		if p.Containers[name] == nil {
			return fmt.Errorf("no such service: %s", name)
		}
	}
	for _, s := range p.Services() {
		if len(services) > 0 && !slices.Contains(services, s.Service) {
			continue
		}
		lines := s.Log
		if n, err := strconv.Atoi(tail); err == nil && n < len(lines) {
			lines = lines[len(lines)-max(0, n):]
		}
		for _, line := range lines {
			if prefix {
				line = s.Service + "-1  | " + line
			}
			c.print(line + "\n")
		}
	}
	return nil
}

// config prints the project as compose-go understands it.
func (c *command) config(ctx context.Context, format string, quiet, services bool) error {
	l, err := c.load(ctx)
	if err != nil {
		return err
	}
	switch {
	case quiet:
		return nil
	case services:
		for _, name := range slices.Sorted(maps.Keys(l.Services)) {
			c.print(name + "\n")
		}
		return nil
	case format == "json":
		data, err := l.json()
		if err != nil {
			return err
		}
		c.print(string(data) + "\n")
		return nil
	}
	data, err := l.MarshalYAML()
	if err != nil {
		return fmt.Errorf("encode project: %w", err)
	}
	c.print(l.onGuest(string(data)))
	return nil
}

func (c *command) print(text string) { _, _ = io.WriteString(c.out, text) } // the client may have gone

// progress is a line of what docker compose does, on standard error.
func (c *command) progress(kind, name, what string) {
	_, _ = fmt.Fprintf(c.errors, " %s %s  %s\n", kind, name, what) // the client may have gone
}
