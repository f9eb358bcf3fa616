package sim

import (
	"fmt"
	"slices"

	"github.com/pve-home/pve-home/tests/pvesim/docker"
)

// What SetDocker installs on a guest.
const (
	DockerInstalled      = "installed"
	DockerWithoutCompose = "without-compose"
	DockerMissing        = "missing"
)

// ComposeProject is a Compose project on a guest.
type ComposeProject struct {
	Name      string           `json:"name"`
	Directory string           `json:"directory"`
	Services  []ComposeService `json:"services"`
	// Volumes are the named volumes that the project made.
	Volumes []string `json:"volumes"`
}

// ComposeService is the container of a service.
type ComposeService struct {
	Name  string `json:"name"`
	Image string `json:"image"`
	// State is created, running, restarting or exited; Health is empty, starting, healthy or unhealthy.
	State    string `json:"state"`
	Health   string `json:"health,omitempty"`
	ExitCode int    `json:"exitCode"`
	// Starts counts the starts of the service's containers, over recreations.
	Starts int `json:"starts"`
	// ConfigHash is Docker Compose's hash of the configuration; ContainerID changes with every recreation.
	ConfigHash  string `json:"configHash"`
	ContainerID string `json:"containerID"`
}

// onDisk runs an operation with what is on a guest's system disk, running or not.
func (s *Sim) onDisk(vmid int, operation func(*contents) error) error {
	return s.behindTheBack(vmid, func(g *guest) error {
		if v := s.systemDisk(g); v != nil && v.Contents != nil {
			return operation(v.Contents)
		}
		if m := s.machines[vmid]; m != nil {
			return operation(m.disk)
		}
		return fmt.Errorf("it was never started")
	})
}

// ComposeProjects lists the projects on a guest by name, with their services.
func (s *Sim) ComposeProjects(vmid int) ([]ComposeProject, error) {
	projects := []ComposeProject{}
	err := s.onDisk(vmid, func(c *contents) error {
		for _, name := range sortedKeys(c.Docker.Projects) {
			p := c.Docker.Projects[name]
			public := ComposeProject{Name: name, Directory: p.Directory, Services: []ComposeService{}, Volumes: []string{}}
			for _, service := range p.Services() {
				public.Services = append(public.Services, ComposeService{
					Name: service.Service, Image: service.Image, State: service.State, Health: service.Health, ExitCode: service.ExitCode,
					Starts: p.Starts[service.Service], ConfigHash: service.ConfigHash, ContainerID: service.ID,
				})
			}
			for _, volume := range sortedKeys(c.Docker.Volumes) {
				if c.Docker.Volumes[volume] == name {
					public.Volumes = append(public.Volumes, volume)
				}
			}
			projects = append(projects, public)
		}
		return nil
	})
	return projects, err
}

// SetServiceBehavior says how containers of a service behave that start from now on.
func (s *Sim) SetServiceBehavior(vmid int, b docker.Behavior) error {
	return s.onDisk(vmid, func(c *contents) error { return c.Docker.SetBehavior(b) })
}

// SetServiceState stops or starts a service behind the back of the program under test, or sets its health. An empty
// state or health stays as it is.
func (s *Sim) SetServiceState(vmid int, project, service, state, health string) error {
	return s.onDisk(vmid, func(c *contents) error { return c.Docker.SetState(project, service, state, health, c.Files) })
}

// SetDocker installs or removes Docker: DockerInstalled, DockerWithoutCompose or DockerMissing. Without it a guest has
// what its user-data installs, or what Options.GuestDocker says.
func (s *Sim) SetDocker(vmid int, setup string) error {
	if err := checkDocker(setup); err != nil {
		return err
	}
	return s.onDisk(vmid, func(c *contents) error {
		c.DockerSetup = setup
		return nil
	})
}

func checkDocker(setup string) error {
	if !slices.Contains([]string{DockerInstalled, DockerWithoutCompose, DockerMissing}, setup) {
		return fmt.Errorf("docker %q: use %s, %s or %s", setup, DockerInstalled, DockerWithoutCompose, DockerMissing)
	}
	return nil
}

// SetFreeBytes fills a guest's disk until so much is free.
func (s *Sim) SetFreeBytes(vmid int, free int64) error {
	return s.onDisk(vmid, func(c *contents) error {
		c.Files.SetFreeBytes(free)
		return nil
	})
}

// GuestFile returns the content of a file on a guest.
func (s *Sim) GuestFile(vmid int, name string) (data []byte, err error) {
	err = s.onDisk(vmid, func(c *contents) error {
		data, err = c.Files.Root().ReadFile(name)
		return err
	})
	return data, err
}

// WriteGuestFile writes a file on a guest as a person does behind the back of a program. Mode and owner of a file that
// exists stay.
func (s *Sim) WriteGuestFile(vmid int, name string, data []byte) error {
	return s.onDisk(vmid, func(c *contents) error { return c.Files.Root().WriteFile(name, data, 0o644) })
}

// RemoveGuestFile removes a file or a symbolic link on a guest.
func (s *Sim) RemoveGuestFile(vmid int, name string) error {
	return s.onDisk(vmid, func(c *contents) error { return c.Files.Root().Remove(name, false) })
}

// GuestCommands are the commands that a guest got over SSH since the start or the last ResetRequests, oldest first.
func (s *Sim) GuestCommands(vmid int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.guestCommands[vmid])
}
