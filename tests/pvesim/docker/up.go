package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// upOptions are the flags of docker compose up.
type upOptions struct {
	detach, wait, noDeps, noRecreate, forceRecreate, removeOrphans bool
	waitTimeoutSeconds                                             int
	services                                                       []string
}

// pollInterval is how often a waiting command looks at its containers.
const pollInterval = 10 * time.Millisecond

// up creates what is missing or differs, starts it in the order of dependencies, and waits if it is asked to.
func (c *command) up(ctx context.Context, o upOptions) error {
	if o.wait {
		o.detach = true
	}
	if !o.detach {
		return errors.New("the simulator runs docker compose up with --detach only")
	}
	l, err := c.load(ctx)
	if err != nil {
		return err
	}
	if len(o.services) > 0 {
		if err := l.restrict(o.services, o.noDeps); err != nil {
			return err
		}
	}
	if len(l.Services) == 0 {
		return errors.New("no service selected")
	}
	if err := c.create(l, o); err != nil {
		return err
	}
	if o.wait && o.waitTimeoutSeconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(o.waitTimeoutSeconds)*time.Second)
		defer cancel()
	}
	for _, name := range order(l.Project) {
		for _, dependency := range slices.Sorted(maps.Keys(l.Services[name].DependsOn)) {
			condition := l.Services[name].DependsOn[dependency]
			if condition.Condition == types.ServiceConditionStarted || l.Services[dependency].Name == "" {
				continue
			}
			if err := c.await(ctx, l, dependency, condition.Condition, o); err != nil && condition.Required {
				return fmt.Errorf("dependency failed to start: %w", err)
			}
		}
		c.startService(l, name)
	}
	if !o.wait {
		return nil
	}
	for _, name := range order(l.Project) {
		condition := runningOrHealthy
		if oneShot(l.Project, name) {
			condition = types.ServiceConditionCompletedSuccessfully
		}
		if err := c.await(ctx, l, name, condition, o); err != nil {
			return err
		}
	}
	return nil
}

// runningOrHealthy is the condition of --wait.
const runningOrHealthy = "running_or_healthy"

// restrict leaves only these services, and those that they depend on unless noDeps is set.
func (l *loaded) restrict(services []string, noDeps bool) error {
	for _, name := range services {
		if _, err := l.GetService(name); err != nil {
			return fmt.Errorf("no such service: %s", name)
		}
	}
	var options []types.DependencyOption
	if noDeps {
		options = append(options, types.IgnoreDependencies)
	}
	project, err := l.WithSelectedServices(services, options...)
	if err != nil {
		return err
	}
	l.Project = project
	return nil
}

// order lists services after those that they depend on.
func order(p *types.Project) []string {
	var list []string
	var visit func(name string)
	visit = func(name string) {
		service, found := p.Services[name]
		if !found || slices.Contains(list, name) {
			return
		}
		for _, dependency := range slices.Sorted(maps.Keys(service.DependsOn)) {
			visit(dependency) // compose-go refuses cycles
		}
		list = append(list, name)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		visit(name)
	}
	return list
}

// oneShot says whether another service waits for the end of this one.
func oneShot(p *types.Project, name string) bool {
	for _, s := range p.Services {
		if s.DependsOn[name].Condition == types.ServiceConditionCompletedSuccessfully {
			return true
		}
	}
	return false
}

// create makes volumes and containers. An image that cannot be pulled ends it before anything has changed.
func (c *command) create(l *loaded, o upOptions) error {
	c.host.Lock()
	defer c.host.Unlock()
	defer c.host.Changed()
	e := c.host.Engine()
	planned := map[string]*Container{}
	for _, name := range order(l.Project) {
		made, err := c.container(e, l, l.Services[name])
		if err != nil {
			return err
		}
		planned[name] = made
	}
	p := e.Projects[l.Name]
	if p == nil {
		p = &Project{Name: l.Name, Containers: map[string]*Container{}, Starts: map[string]int{}}
		e.Projects[l.Name] = p
	}
	p.Directory = l.onGuest(l.WorkingDir)
	if err := c.volumes(e, l); err != nil {
		return err
	}
	c.orphans(l, p, o.removeOrphans)
	for _, name := range order(l.Project) {
		made, old := planned[name], p.Containers[name]
		if old != nil {
			old.advance(time.Now())
		}
		forced := o.forceRecreate && (len(o.services) == 0 || slices.Contains(o.services, name))
		switch {
		case old == nil:
			c.progress("Container", made.Name, "Created")
		case forced, !o.noRecreate && old.ConfigHash != made.ConfigHash:
			c.progress("Container", made.Name, "Recreated")
		default:
			c.progress("Container", made.Name, "Running")
			continue
		}
		if err := c.prepareMounts(l, l.Services[name]); err != nil {
			return err
		}
		e.Serial++
		made.ID = containerID(made.Name, e.Serial)
		p.Containers[name] = made
	}
	return nil
}

// container is what the service's container is to be.
func (c *command) container(e *Engine, l *loaded, s types.ServiceConfig) (*Container, error) {
	hash, err := l.hash(s)
	if err != nil {
		return nil, err
	}
	made := &Container{
		Name: s.ContainerName, Service: s.Name, Image: s.Image, ConfigHash: hash, Restart: s.Restart, State: StateCreated,
		HasHealthcheck: s.HealthCheck != nil && !s.HealthCheck.Disable, OneShot: oneShot(l.Project, s.Name),
		CreatedUnix: time.Now().Unix(), Mounts: slices.Sorted(maps.Keys(l.mounts(s))),
	}
	if made.Name == "" {
		made.Name = l.Name + "-" + s.Name + "-1"
	}
	for _, port := range s.Ports {
		number, err := strconv.ParseUint(port.Published, 10, 16)
		if err != nil {
			continue // an expose-only port, or a range of which Docker takes any
		}
		made.Published = append(made.Published, uint16(number))
	}
	if b := e.behavior(l.Name, made, c.host.Files()); b != nil && b.PullError != "" {
		return nil, fmt.Errorf("Error response from daemon: %s", b.PullError) //nolint:staticcheck // Docker's text
	}
	return made, nil
}

func (c *command) volumes(e *Engine, l *loaded) error {
	for _, key := range slices.Sorted(maps.Keys(l.Volumes)) {
		v := l.Volumes[key]
		_, found := e.Volumes[v.Name]
		switch {
		case found:
		case bool(v.External):
			return fmt.Errorf("external volume %q not found", v.Name)
		default:
			e.Volumes[v.Name] = l.Name
			c.progress("Volume", strconv.Quote(v.Name), "Created")
		}
	}
	return nil
}

func (c *command) orphans(l *loaded, p *Project, remove bool) {
	for _, s := range p.Services() {
		if remove && !l.declares(s.Service) {
			delete(p.Containers, s.Service)
			c.progress("Container", s.Name, "Removed")
		}
	}
}

// prepareMounts makes missing directories as Docker does, and refuses what must exist.
func (c *command) prepareMounts(l *loaded, s types.ServiceConfig) error {
	root := c.host.Files().Root()
	mounts := l.mounts(s)
	for _, name := range slices.Sorted(maps.Keys(mounts)) {
		if _, err := root.Stat(name, true); err == nil {
			continue
		}
		if mounts[name] {
			//nolint:staticcheck // Docker's text
			return fmt.Errorf("Error response from daemon: invalid mount config for type \"bind\": bind source path does not exist: %s", name)
		}
		if err := root.MkdirAll(name); err != nil {
			return err
		}
	}
	return nil
}

func (c *command) startService(l *loaded, name string) {
	c.host.Lock()
	defer c.host.Unlock()
	e := c.host.Engine()
	p := e.Projects[l.Name]
	if p == nil || p.Containers[name] == nil {
		return // taken down meanwhile
	}
	if s := p.Containers[name]; s.State != StateRunning && s.State != StateRestarting {
		e.start(p, s, c.host.Files())
		c.progress("Container", s.Name, "Started")
		c.host.Changed()
	}
}

// await waits until a service fulfils a condition of depends_on or --wait.
func (c *command) await(ctx context.Context, l *loaded, service, condition string, o upOptions) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		done, err := c.fulfilled(l, service, condition)
		if done || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("application not healthy after %s", time.Duration(o.waitTimeoutSeconds)*time.Second)
			}
			return ctx.Err()
		}
	}
}

func (c *command) fulfilled(l *loaded, service, condition string) (bool, error) {
	c.host.Lock()
	defer c.host.Unlock()
	p := c.host.Engine().Projects[l.Name]
	if p == nil || p.Containers[service] == nil {
		return false, fmt.Errorf("%s is missing dependency %s", l.Name, service)
	}
	s := p.Containers[service]
	s.advance(time.Now())
	switch {
	case condition == types.ServiceConditionCompletedSuccessfully && s.State == StateExited && s.ExitCode != 0:
		return false, fmt.Errorf("service %q didn't complete successfully: exit %d", service, s.ExitCode)
	case condition == types.ServiceConditionCompletedSuccessfully:
		return s.State == StateExited, nil
	case s.State == StateExited:
		return false, fmt.Errorf("container %s exited (%d)", s.Name, s.ExitCode)
	case s.Health == "" && condition == types.ServiceConditionHealthy && s.State == StateRunning:
		return false, fmt.Errorf("container %s has no healthcheck configured", s.Name)
	case s.Health == HealthUnhealthy:
		return false, fmt.Errorf("container %s is unhealthy", s.Name)
	}
	return s.State == StateRunning && (s.Health == "" || s.Health == HealthHealthy), nil
}
