package docker

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"
)

// States of a container.
const (
	StateCreated    = "created"
	StateRunning    = "running"
	StateRestarting = "restarting"
	StateExited     = "exited"
)

// Health of a container that has a health check.
const (
	HealthStarting  = "starting"
	HealthHealthy   = "healthy"
	HealthUnhealthy = "unhealthy"
)

// ComposeVersion is what `docker compose version` answers.
const ComposeVersion = "2.40.3"

// Engine is what Docker knows on one guest. It is not safe for concurrent use; Command locks it through its Host.
type Engine struct {
	Projects map[string]*Project
	// Volumes are the named volumes, with the project that made them.
	Volumes map[string]string
	// Behaviors say what happens to containers that start, the newest first.
	Behaviors []*Behavior
	// Serial numbers the containers that were made.
	Serial int
}

// Project is a Compose project that has containers, or had them and was not taken down.
type Project struct {
	Name, Directory string
	Containers      map[string]*Container
	// Starts counts how often each service's containers were started, over recreations.
	Starts map[string]int
}

// Container is the container of a service.
type Container struct {
	ID, Name, Service, Image string
	ConfigHash               string
	Restart                  string
	State                    string
	Health                   string
	ExitCode                 int
	Log                      []string
	// Published are the ports that the compose file publishes, Ports those on which the container is reached.
	Published, Ports []uint16
	// Mounts are the host's paths that the container sees.
	Mounts []string
	// HasHealthcheck says that the compose file has one.
	HasHealthcheck bool
	// OneShot containers are waited for until they exit: another service depends on that.
	OneShot bool
	// Stopped by somebody, so that "unless-stopped" does not start it again.
	Stopped                  bool
	CreatedUnix, StartedUnix int64

	// Next is what happens to the running container at NextUnixMilli.
	Next          *Behavior
	NextUnixMilli int64
	// Answer is how it answers HTTP.
	Answer Answer
}

// Answer is what a container says over HTTP.
type Answer struct {
	Status int
	Body   string
}

// shortIDLength is how much of a container's id lists show.
const shortIDLength = 12

func containerID(name string, serial int) string {
	sum := sha256.Sum256(fmt.Append(nil, name, serial))
	return hex.EncodeToString(sum[:])
}

// New makes an engine without containers.
func New() *Engine {
	return &Engine{Projects: map[string]*Project{}, Volumes: map[string]string{}}
}

// Clone copies the engine.
func (e *Engine) Clone() *Engine {
	c := &Engine{Projects: map[string]*Project{}, Volumes: maps.Clone(e.Volumes), Serial: e.Serial}
	for name, p := range e.Projects {
		copied := &Project{Name: p.Name, Directory: p.Directory, Containers: map[string]*Container{}, Starts: maps.Clone(p.Starts)}
		for service, container := range p.Containers {
			own := *container
			copied.Containers[service] = &own
		}
		c.Projects[name] = copied
	}
	for _, b := range e.Behaviors {
		own := *b
		c.Behaviors = append(c.Behaviors, &own)
	}
	return c
}

// containers of all projects by name, with their state as it is now.
func (e *Engine) containers() []*Container {
	var list []*Container
	for _, p := range e.Projects {
		for _, c := range p.Containers {
			c.advance(time.Now())
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *Container) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Services of a project by name, with their state as it is now.
func (p *Project) Services() []*Container {
	list := slices.Collect(maps.Values(p.Containers))
	for _, c := range list {
		c.advance(time.Now())
	}
	slices.SortFunc(list, func(a, b *Container) int { return cmp.Compare(a.Service, b.Service) })
	return list
}

// Listener finds the running container that listens on a port of the host.
func (e *Engine) Listener(port uint16) *Container {
	for _, c := range e.containers() {
		if c.State == StateRunning && slices.Contains(c.Ports, port) {
			return c
		}
	}
	return nil
}

// HostStops ends all containers, as the end of the host does.
func (e *Engine) HostStops() {
	for _, c := range e.containers() {
		if c.State == StateRunning || c.State == StateRestarting {
			c.exit(0)
		}
	}
}

// HostStarts starts the containers whose restart policy asks for it.
func (e *Engine) HostStarts(files Files) {
	for _, p := range e.Projects {
		for _, c := range p.Services() {
			if c.State == StateExited && (c.Restart == "always" || c.Restart == "unless-stopped" && !c.Stopped) {
				e.start(p, c, files)
			}
		}
	}
}
