package docker

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pve-home/pve-home/tests/pvesim/filetree"
)

// Files is the part of a guest's files that the engine needs.
type Files = *filetree.Tree

// Behavior is how containers of a service behave when they are started. The zero value, apart from the names, is a
// service that runs, is healthy at once, and answers HTTP on its published ports with status 200.
type Behavior struct {
	Project string `json:"project"`
	Service string `json:"service"`
	// Image limits it to containers of this image.
	Image string `json:"image,omitempty"`
	// MountContains limits it to containers that mount a file with this text.
	MountContains string `json:"mountContains,omitempty"`
	// Times limits it to so many starts; 0 is no limit.
	Times int `json:"times,omitempty"`

	// PullError makes the image one that cannot be pulled; the text is the registry's.
	PullError string `json:"pullError,omitempty"`
	// Exits ends the container with ExitCode. With a restart policy it is then restarting until it is stopped.
	Exits    bool `json:"exits,omitempty"`
	ExitCode int  `json:"exitCode,omitempty"`
	// Health is HealthUnhealthy, or HealthStarting for a container that never becomes healthy.
	Health string `json:"health,omitempty"`
	// DelayMilliseconds is the time until it exits, or until its health is known.
	DelayMilliseconds int64 `json:"delayMilliseconds,omitempty"`
	// Log is what the container writes.
	Log []string `json:"log,omitempty"`
	// Ports on which it listens besides those that the compose file publishes, for services in the host's network.
	Ports []uint16 `json:"ports,omitempty"`
	// HTTPStatus and HTTPBody are its answer over HTTP; 0 means 200.
	HTTPStatus int    `json:"httpStatus,omitempty"`
	HTTPBody   string `json:"httpBody,omitempty"`
}

// SetBehavior adds a rule for containers that start from now on. It goes before older ones, and replaces those for
// the same service, image and mounts.
func (e *Engine) SetBehavior(b Behavior) error {
	if b.Project == "" || b.Service == "" {
		return fmt.Errorf("a behavior needs project and service")
	}
	switch b.Health {
	case "", HealthStarting, HealthHealthy, HealthUnhealthy:
	default:
		return fmt.Errorf("health %q: use %s, %s or %s", b.Health, HealthStarting, HealthHealthy, HealthUnhealthy)
	}
	e.Behaviors = slices.DeleteFunc(e.Behaviors, func(old *Behavior) bool {
		return old.Project == b.Project && old.Service == b.Service && old.Image == b.Image && old.MountContains == b.MountContains
	})
	e.Behaviors = append([]*Behavior{&b}, e.Behaviors...)
	return nil
}

// behavior finds the rule for a container, nil for a service that just runs.
func (e *Engine) behavior(project string, c *Container, files Files) *Behavior {
	for _, b := range e.Behaviors {
		if b.Project == project && b.Service == c.Service && (b.Image == "" || b.Image == c.Image) &&
			(b.MountContains == "" || mountsContain(files, c.Mounts, b.MountContains)) {
			return b
		}
	}
	return nil
}

func mountsContain(files Files, mounts []string, text string) bool {
	root := files.Root()
	return slices.ContainsFunc(mounts, func(name string) bool {
		if data, err := root.ReadFile(name); err == nil {
			return strings.Contains(string(data), text)
		}
		list, err := root.ReadDir(name)
		if err != nil {
			return false
		}
		var below []string
		for _, entry := range list {
			below = append(below, name+"/"+entry.Name())
		}
		return mountsContain(files, below, text)
	})
}

// start runs a container.
func (e *Engine) start(p *Project, c *Container, files Files) {
	now := time.Now()
	b := e.behavior(p.Name, c, files)
	if b == nil {
		b = &Behavior{Exits: c.OneShot}
	} else if b.Times > 0 {
		if b.Times--; b.Times == 0 {
			e.Behaviors = slices.DeleteFunc(e.Behaviors, func(other *Behavior) bool { return other == b })
		}
	}
	own := *b
	p.Starts[c.Service]++
	c.State, c.ExitCode, c.Stopped, c.StartedUnix = StateRunning, 0, false, now.Unix()
	c.Log = append(c.Log, own.Log...)
	c.Ports = append(slices.Clone(c.Published), own.Ports...)
	c.Answer = Answer{Status: own.HTTPStatus, Body: own.HTTPBody}
	if c.Answer.Status == 0 {
		c.Answer.Status = http.StatusOK
	}
	if c.Answer.Body == "" {
		c.Answer.Body = fmt.Sprintf("%s %s\n", c.Service, c.Image)
	}
	c.Health = ""
	if c.HasHealthcheck || own.Health != "" {
		c.Health = HealthStarting
	}
	c.Next, c.NextUnixMilli = &own, now.UnixMilli()+own.DelayMilliseconds
	c.advance(now)
}

// advance applies what was to happen to a running container until now.
func (c *Container) advance(now time.Time) {
	if c.Next == nil || now.UnixMilli() < c.NextUnixMilli {
		return
	}
	b := c.Next
	c.Next = nil
	if b.Exits {
		c.exit(b.ExitCode)
		if c.Restart == "always" || c.Restart == "unless-stopped" || c.Restart == "on-failure" && b.ExitCode != 0 {
			c.State = StateRestarting
		}
		return
	}
	switch {
	case b.Health != "":
		c.Health = b.Health
	case c.HasHealthcheck:
		c.Health = HealthHealthy
	}
}

func (c *Container) exit(code int) {
	c.State, c.Health, c.ExitCode, c.Next = StateExited, "", code, nil
}

// SetState stops or starts a service as a person does on the host, or sets its health.
func (e *Engine) SetState(project, service, state, health string, files Files) error {
	p := e.Projects[project]
	if p == nil {
		return fmt.Errorf("project %q has no containers", project)
	}
	c := p.Containers[service]
	if c == nil {
		return fmt.Errorf("service %q of project %q has no container", service, project)
	}
	switch state {
	case StateExited:
		c.exit(137)
		c.Stopped = true
	case StateRunning:
		if c.advance(time.Now()); c.State != StateRunning {
			e.start(p, c, files)
		}
	case StateRestarting:
		c.exit(1)
		c.State = state
	case "":
	default:
		return fmt.Errorf("state %q: use %s, %s or %s", state, StateRunning, StateRestarting, StateExited)
	}
	if health != "" {
		c.Health, c.Next = health, nil
	}
	return nil
}
