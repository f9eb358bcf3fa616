package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Container is a line of `docker compose ps`.
type Container struct {
	ID       string
	Service  string
	Name     string
	State    string
	Health   string
	ExitCode int
}

// States of a service besides Docker's own words for a container (created, restarting, paused,
// removing, dead).
const (
	// Running and, if it has a health check, not failing it. A container that was just started is
	// given the benefit of the doubt, so that a refresh after a reboot reports nothing.
	Running = "running"
	// Unhealthy runs and fails its health check.
	Unhealthy = "unhealthy"
	// Completed has ended with exit status 0.
	Completed = "completed"
	// Exited has ended with another status, or ended though it should run.
	Exited = "exited"
	// Missing has no container.
	Missing = "missing"
)

// ParsePs reads the answer: a JSON object per line, or one list as compose before 2.21 wrote it.
func ParsePs(answer []byte) ([]Container, error) {
	answer = bytes.TrimSpace(answer)
	if bytes.HasPrefix(answer, []byte("[")) {
		var containers []Container
		if err := json.Unmarshal(answer, &containers); err != nil {
			return nil, fmt.Errorf("read the answer of docker compose ps: %w", err)
		}
		return containers, nil
	}
	var containers []Container
	decoder := json.NewDecoder(bytes.NewReader(answer))
	for decoder.More() {
		var c Container
		if err := decoder.Decode(&c); err != nil {
			return nil, fmt.Errorf("read the answer of docker compose ps: %w", err)
		}
		containers = append(containers, c)
	}
	return containers, nil
}

// ContainerState is the state that a container gives its service.
func (c Container) ContainerState() string {
	switch {
	case c.State == "running" && c.Health == "unhealthy":
		return Unhealthy
	case c.State == "exited" && c.ExitCode == 0:
		return Completed
	}
	return c.State
}

// Fine tells whether a service in this state is as it should be after `up`.
func Fine(state string) bool { return state == Running || state == Completed }

// ServiceStates are the services' states; of several containers the worst counts.
func ServiceStates(containers []Container) map[string]string {
	states := map[string]string{}
	for _, c := range containers {
		state := c.ContainerState()
		if before, ok := states[c.Service]; !ok || Fine(before) && !Fine(state) || before == Running && state == Completed {
			states[c.Service] = state
		}
	}
	return states
}
