package guesttest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// Docker imitates as much of `docker compose` as the resource uses, by the same rules: containers
// are recreated when their service's configuration changes, and bind mounts hold the file that the
// path led to when the container was started.
type Docker struct {
	mutex      sync.Mutex
	next       int
	containers map[string]*Container // by service
	volumes    map[string]bool
	outcomes   map[string]Outcome
}

// Container is a service's container.
type Container struct {
	ID, Service, Project  string
	State, Health, Config string
	ExitCode              int
	// Mounts are the resolved sources by their paths.
	Mounts map[string]string
	// Starts counts the containers that the service has had.
	Starts int
}

// Outcome is how a service's next containers end up.
type Outcome struct {
	// Exits with this code.
	Exits int
	// Unhealthy containers run and fail their health check.
	Unhealthy bool
	// Logs are its lines.
	Logs string
	// If the file that it mounts from this source holds "broken", it exits with 1.
	Reads string
}

// NewDocker is a Docker without containers.
func NewDocker() *Docker {
	return &Docker{containers: map[string]*Container{}, volumes: map[string]bool{}, outcomes: map[string]Outcome{}}
}

// Set decides about a service's next containers.
func (d *Docker) Set(service string, outcome Outcome) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.outcomes[service] = outcome
}

// Change changes a container behind everybody's back.
func (d *Docker) Change(service string, change func(*Container)) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	change(d.containers[service])
}

// Container returns a copy, the zero Container if there is none.
func (d *Docker) Container(service string) Container {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if c := d.containers[service]; c != nil {
		return *c
	}
	return Container{}
}

// Volumes are the names of the volumes.
func (d *Docker) Volumes() []string {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return slices.Sorted(maps.Keys(d.volumes))
}

type project struct {
	name, dir string
	services  map[string]map[string]any
	volumes   map[string]any
}

func (d *Docker) run(argv []string) (stdout, stderr string, status int) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if len(argv) > 1 && argv[1] == "version" {
		return "2.40.3\n", "", 0
	}
	p, verb, err := load(argv[1:])
	if err != nil {
		return "", err.Error() + "\n", 15
	}
	switch verb[0] {
	case "config":
		return p.config()
	case "up":
		return d.up(p)
	case "ps":
		for _, service := range slices.Sorted(maps.Keys(d.containers)) {
			if c := d.containers[service]; c.Project == p.name {
				line, _ := json.Marshal(map[string]any{"ID": c.ID, "Service": c.Service, "Name": c.Project + "-" + c.Service + "-1", "State": c.State, "Health": c.Health, "ExitCode": c.ExitCode})
				stdout += string(line) + "\n"
			}
		}
		return stdout, "", 0
	case "logs":
		return d.outcomes[verb[len(verb)-1]].Logs, "", 0
	case "down":
		maps.DeleteFunc(d.containers, func(_ string, c *Container) bool { return c.Project == p.name })
		if slices.Contains(verb, "--volumes") {
			maps.DeleteFunc(d.volumes, func(name string, _ bool) bool { return strings.HasPrefix(name, p.name+"_") })
		}
		return "", "", 0
	}
	return "", "unknown command " + verb[0] + "\n", 16
}

// load merges the compose files; the override only adds labels.
func load(argv []string) (project, []string, error) {
	p := project{services: map[string]map[string]any{}}
	for len(argv) > 1 && strings.HasPrefix(argv[0], "--") {
		switch argv[0] {
		case "--project-name":
			p.name = argv[1]
		case "--project-directory":
			p.dir = argv[1]
		case "--file":
			if err := p.merge(argv[1]); err != nil {
				return p, nil, err
			}
		}
		argv = argv[2:]
	}
	return p, argv, nil
}

func (p *project) merge(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var parsed struct {
		Services map[string]map[string]any `yaml:"services"`
		Volumes  map[string]any            `yaml:"volumes"`
	}
	if err := yaml.Unmarshal(content, &parsed); err != nil {
		return fmt.Errorf("yaml: %w in %s", err, content)
	}
	for name, service := range parsed.Services {
		if p.services[name] == nil {
			p.services[name] = map[string]any{}
		}
		maps.Copy(p.services[name], service)
	}
	if parsed.Volumes != nil {
		p.volumes = parsed.Volumes
	}
	return nil
}

func (p project) config() (string, string, int) {
	services := map[string]any{}
	for name := range p.services {
		var volumes []any
		for _, source := range p.sources(name) {
			volumes = append(volumes, map[string]any{"type": "bind", "source": source})
		}
		services[name] = map[string]any{"volumes": volumes}
	}
	answer, _ := json.Marshal(map[string]any{"name": p.name, "services": services})
	return string(answer), "", 0
}

func (p project) sources(service string) []string {
	var sources []string
	volumes, _ := p.services[service]["volumes"].([]any)
	for _, volume := range volumes {
		source, _, _ := strings.Cut(fmt.Sprint(volume), ":")
		if strings.HasPrefix(source, ".") {
			sources = append(sources, path.Join(p.dir, source))
		}
	}
	return sources
}

func (d *Docker) up(p project) (string, string, int) {
	maps.DeleteFunc(d.containers, func(service string, c *Container) bool {
		return c.Project == p.name && p.services[service] == nil
	})
	for name := range p.volumes {
		d.volumes[p.name+"_"+name] = true
	}
	for _, service := range slices.Sorted(maps.Keys(p.services)) {
		config, _ := json.Marshal(p.services[service])
		sum := fmt.Sprintf("%x", sha256.Sum256(append(config, p.dir...)))
		c := d.containers[service]
		if c == nil || c.Config != sum {
			d.next++
			starts := 1
			if c != nil {
				starts += c.Starts
			}
			c = &Container{ID: strconv.Itoa(d.next), Service: service, Project: p.name, Config: sum, Starts: starts, Mounts: map[string]string{}}
			for _, source := range p.sources(service) {
				c.Mounts[source], _ = filepath.EvalSymlinks(source)
			}
			d.containers[service] = c
		}
		c.start(d.outcomes[service])
	}
	for _, service := range slices.Sorted(maps.Keys(p.services)) {
		switch c := d.containers[service]; {
		case c.State == "exited":
			return "", fmt.Sprintf("container %s-%s-1 exited (%d)\n", p.name, service, c.ExitCode), 1
		case c.Health == "unhealthy":
			return "", fmt.Sprintf("container %s-%s-1 is unhealthy\n", p.name, service), 1
		}
	}
	return "", "", 0
}

func (c *Container) start(outcome Outcome) {
	c.State, c.Health, c.ExitCode = "running", "", outcome.Exits
	if outcome.Reads != "" {
		for source, resolved := range c.Mounts {
			if content, err := os.ReadFile(resolved); err == nil && strings.HasSuffix(source, outcome.Reads) && strings.Contains(string(content), "broken") {
				c.ExitCode = 1
			}
		}
	}
	if c.ExitCode != 0 {
		c.State = "exited"
	}
	if outcome.Unhealthy {
		c.Health = "unhealthy"
	}
}
