package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	p "github.com/pulumi/pulumi-go-provider"

	"github.com/pve-home/pve-home/provider/compose/docker"
	"github.com/pve-home/pve-home/provider/compose/guest"
	"github.com/pve-home/pve-home/provider/compose/release"
)

// deployment brings a guest to what the inputs say, from whatever state it is in.
type deployment struct {
	*session
	// id of the resource.
	id   string
	args ProjectArgs
	// old is the state before, nil for a creation.
	old *ProjectState
	log p.Logger

	current, good string // releases, as the deployment found them
	owner         string // resource that owned the folder
	target        string // the release to run
	manifest      release.Manifest
}

// awayPause goes before the next attempt to reach a guest that broke the connection.
const awayPause = 2 * time.Second

// unfinishedError says that what runs on the guest now is neither the new release nor surely the
// previous one. The next `pulumi up` brings it right.
type unfinishedError struct{ err error }

func (e *unfinishedError) Error() string {
	return e.err.Error() + "; the next `pulumi up` completes the deployment"
}

func (e *unfinishedError) Unwrap() error { return e.err }

// deploy runs all steps. On *unfinishedError the returned state is to be kept.
func deploy(ctx context.Context, id string, args ProjectArgs, old *ProjectState) (ProjectState, error) {
	scrub := newScrubber(args)
	state := ProjectState{ProjectArgs: args, FileDigests: args.digests(), Services: map[string]string{}}
	known := ""
	if old != nil {
		known = old.HostKey
	}
	g, err := reach(ctx, args, known, old == nil)
	if err != nil {
		return state, scrub.error(err)
	}
	state.HostKey = g.HostKey()
	// What undoes a deployment must work though ctx has ended.
	s, err := open(context.WithoutCancel(ctx), g, args)
	if err != nil {
		_ = g.Close()
		return state, err
	}
	defer s.close()
	d := &deployment{session: s, id: id, args: args, old: old, log: p.GetLogger(ctx)}
	services, err := d.run(ctx)
	if err != nil {
		return state, scrub.error(err)
	}
	state.Release, state.Services = d.target, services
	return state, nil
}

func (d *deployment) run(ctx context.Context) (map[string]string, error) {
	if err := d.prepare(ctx); err != nil {
		return nil, d.abandon(ctx, err)
	}
	if d.nothingToDo() {
		return d.old.Services, nil
	}
	containers, err := d.activate(ctx)
	if err != nil {
		return nil, d.rollBack(ctx, err)
	}
	if err := d.finish(containers); err != nil {
		return nil, &unfinishedError{err}
	}
	return docker.ServiceStates(containers), nil
}

// reach connects to the guest, waits for its first boot, which may end in a reboot, and finds out
// whether there is a Docker to deploy to.
func reach(ctx context.Context, args ProjectArgs, known string, first bool) (*guest.Guest, error) {
	limit := seconds(args.limits().CloudInitSeconds)
	booted := time.Now().Add(limit)
	for {
		g, err := connect(ctx, args, known, seconds(args.limits().ConnectSeconds))
		if err != nil {
			return nil, err
		}
		err = waitForBoot(ctx, g, first, booted, limit)
		if err == nil {
			_, err = docker.Version(ctx, g)
		}
		if err == nil {
			return g, nil
		}
		_ = g.Close()
		var lost *guest.LostError
		if !errors.As(err, &lost) || ctx.Err() != nil || time.Now().After(booted) {
			return nil, err
		}
		p.GetLogger(ctx).InfoStatus("the guest is away, it may reboot")
		known = g.HostKey()
		select {
		case <-ctx.Done():
		case <-time.After(awayPause):
		}
	}
}

func waitForBoot(ctx context.Context, g *guest.Guest, first bool, until time.Time, limit time.Duration) error {
	log := p.GetLogger(ctx)
	log.InfoStatus("waiting for cloud-init")
	waiting, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	init, err := g.WaitForCloudInit(waiting)
	if err != nil {
		if ctx.Err() == nil && waiting.Err() != nil {
			return fmt.Errorf("cloud-init has not finished within %s: see /var/log/cloud-init-output.log on the guest, or raise timeouts.cloudInitSeconds", limit)
		}
		return err
	}
	switch {
	case init.Failed && first:
		return fmt.Errorf("the guest's first boot failed, cloud-init says %s: %s: mend the user-data and rebuild the guest, or mend the guest and reboot it", init.Status, strings.Join(init.Messages, "; "))
	case len(init.Messages) > 0:
		log.Warningf("cloud-init says %s: %s", init.Status, strings.Join(init.Messages, "; "))
	}
	return nil
}

// prepare finds the release to run, or uploads and validates it. Nothing that runs is touched.
func (d *deployment) prepare(ctx context.Context) error {
	limit := seconds(d.args.limits().UploadSeconds)
	uploading, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	unwatch := context.AfterFunc(uploading, d.closeFiles)
	defer unwatch()
	err := d.findOrUpload(uploading)
	if err != nil && ctx.Err() == nil && uploading.Err() != nil {
		return fmt.Errorf("the files were not uploaded within %s: raise timeouts.uploadSeconds: %w", limit, err)
	}
	return err
}

func (d *deployment) findOrUpload(ctx context.Context) error {
	if err := d.checkOwner(); err != nil {
		return err
	}
	var err error
	if d.current, err = d.store.CurrentRelease(); err != nil {
		return err
	}
	if d.good, err = d.store.GoodRelease(); err != nil {
		return err
	}
	files := d.args.releaseFiles()
	reusable, err := d.reuseCurrent(files)
	if err != nil || reusable {
		return err
	}
	if err := d.store.Prepare(); err != nil {
		return err
	}
	if err := d.store.CheckSpace(files); err != nil {
		return err
	}
	if d.target, err = d.store.NewID(time.Now()); err != nil {
		return err
	}
	d.log.InfoStatusf("uploading %d files", len(files))
	if err := d.store.Upload(d.target, files); err != nil {
		return err
	}
	return d.validate(ctx, files)
}

// checkOwner refuses a folder that another resource has taken.
func (d *deployment) checkOwner() error {
	var err error
	if d.owner, err = d.store.Owner(); err != nil || d.owner == "" || d.owner == d.id || d.old == nil {
		return err
	}
	return fmt.Errorf("%s on %s belongs to another ComposeProject resource by now (%s): give each a directory and a projectName of its own", d.args.Directory, d.args.Connection.Host, d.owner)
}

// reuseCurrent takes the release in use if it is what the inputs say.
func (d *deployment) reuseCurrent(files release.Files) (bool, error) {
	if d.old == nil || d.current == "" || !equalHooks(d.old.BeforeUp, d.args.BeforeUp) {
		return false, nil
	}
	manifest, err := d.store.Manifest(d.current)
	if err != nil || manifest == nil || !slices.Equal(manifest.ComposeFiles, d.args.ComposeFiles) ||
		!slices.Equal(manifest.Paths, slices.Sorted(maps.Keys(files))) {
		return false, err
	}
	have, err := d.store.ReadFiles(d.current, manifest.Paths)
	if err != nil || !maps.Equal(have, files) {
		return false, err
	}
	d.target, d.manifest = d.current, *manifest
	return true, nil
}

// validate has compose read the new release, and completes it.
func (d *deployment) validate(ctx context.Context, files release.Files) error {
	d.log.InfoStatus("validating the compose files")
	config, err := d.project.In(d.store.Folder(d.target), d.args.ComposeFiles).Config(ctx)
	if err != nil {
		return fmt.Errorf("the compose files are not valid: %w", err)
	}
	if len(d.args.BeforeUp) == 0 {
		for service, sources := range config.Mounts {
			for _, source := range sources {
				if !files.Holds(source) {
					return mountError(service, source)
				}
			}
		}
	}
	var before release.Manifest
	var beforeFiles release.Files
	if d.good != "" {
		manifest, err := d.store.Manifest(d.good)
		if err != nil {
			return err
		}
		if manifest != nil {
			before = *manifest
			if beforeFiles, err = d.store.ReadFiles(d.good, before.Paths); err != nil {
				return err
			}
		}
	}
	d.manifest = release.NewManifest(d.target, d.args.ComposeFiles, files, config.Mounts, config.Attachments, before, beforeFiles)
	return d.store.SetManifest(d.target, d.manifest)
}

func mountError(service, source string) error {
	return fmt.Errorf("service %s mounts ./%s, which is none of the files: what a container writes there would be lost with the next release: add it to files, or use a named volume or an absolute path", service, source)
}

// nothingToDo tells whether the release in use is the right one and only how the resource reaches
// the guest has changed.
func (d *deployment) nothingToDo() bool {
	if d.old == nil || d.old.Release != d.target || d.target != d.current || d.target != d.good {
		return false
	}
	for _, state := range d.old.Services {
		if !docker.Fine(state) {
			return false
		}
	}
	return len(d.old.Services) > 0 && slices.Equal(d.old.HealthChecks, d.args.HealthChecks)
}

// activate switches to the release and waits until it works.
func (d *deployment) activate(ctx context.Context) ([]docker.Container, error) {
	d.project.Files = d.manifest.Files()
	if d.current != "" {
		// Asked through the new files, which are there whatever became of the old ones.
		containers, err := d.project.In(d.store.Folder(d.target), d.project.Files).Ps(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := d.noteContainers(containers, d.current); err != nil {
			return nil, err
		}
	}
	if err := d.store.SetOwner(d.id); err != nil {
		return nil, err
	}
	if d.current != d.target {
		if err := d.store.Switch(d.target); err != nil {
			return nil, err
		}
	}
	if d.target != d.good {
		if err := d.runHooks(ctx); err != nil {
			return nil, err
		}
	}
	d.log.InfoStatusf("starting the services (up to %d s)", d.args.limits().UpSeconds)
	if err := d.project.Up(ctx, seconds(d.args.limits().UpSeconds)); err != nil {
		return nil, err
	}
	if err := d.checkHealth(ctx); err != nil {
		return nil, err
	}
	containers, err := d.project.Ps(ctx)
	if err != nil {
		return nil, err
	}
	states := docker.ServiceStates(containers)
	for _, name := range slices.Sorted(maps.Keys(states)) {
		if !docker.Fine(states[name]) {
			return nil, fmt.Errorf("service %s is %s after its start", name, states[name])
		}
	}
	return containers, nil
}

// runHooks runs the commands before the start, each behind timeout(1), so that it ends on the
// guest too when the connection does not live to see it.
func (d *deployment) runHooks(ctx context.Context) error {
	const killAfter = 10
	for i, hook := range d.args.BeforeUp {
		d.log.InfoStatusf("running beforeUp[%d]: %s", i, hook.Command[0])
		limit := hook.TimeoutSeconds
		argv := append([]string{"env", "--chdir=" + d.store.Current(), "timeout", fmt.Sprintf("--kill-after=%d", killAfter), fmt.Sprint(limit)}, hook.Command...)
		running, cancel := context.WithTimeout(ctx, seconds(limit+2*killAfter))
		result, err := d.Root(running, argv...)
		cancel()
		if err != nil {
			return fmt.Errorf("beforeUp[%d]: %w", i, err)
		}
		if result.ExitStatus != 0 {
			return fmt.Errorf("beforeUp[%d] (%s) exited with status %d: %s", i, hook.Command[0], result.ExitStatus, result.Text())
		}
	}
	if len(d.args.BeforeUp) == 0 {
		return nil
	}
	for name, service := range d.manifest.Services {
		for _, source := range service.Mounts {
			if has, err := d.store.Has(d.target, source); err != nil {
				return err
			} else if !has {
				return mountError(name, source)
			}
		}
	}
	return nil
}

// finish makes the release the one that a rollback goes to, and removes old ones.
func (d *deployment) finish(containers []docker.Container) error {
	if err := d.store.MarkGood(d.target); err != nil {
		return err
	}
	started, err := d.noteContainers(containers, d.target)
	if err != nil {
		return err
	}
	var inUse []string
	for _, c := range containers {
		if d.manifest.MountsFolders(c.Service) {
			inUse = append(inUse, started[c.ID])
		}
	}
	return d.store.Prune(inUse...)
}

// noteContainers records that those containers that nobody has seen yet were started with a
// release, and returns what is known of all of them.
func (d *deployment) noteContainers(containers []docker.Container, id string) (map[string]string, error) {
	before, err := d.store.Started()
	if err != nil {
		return nil, err
	}
	started := map[string]string{}
	for _, c := range containers {
		started[c.ID] = cmp.Or(before[c.ID], id)
	}
	if maps.Equal(started, before) {
		return started, nil
	}
	return started, d.store.SetStarted(started)
}

func equalHooks(a, b []Hook) bool {
	return slices.EqualFunc(a, b, func(a, b Hook) bool {
		return a.TimeoutSeconds == b.TimeoutSeconds && slices.Equal(a.Command, b.Command)
	})
}

// lost tells whether an error, or the guest itself, says that the connection is gone.
func (d *deployment) lost(ctx context.Context, err error) bool {
	var lost *guest.LostError
	return errors.As(err, &lost) || d.Lost(context.WithoutCancel(ctx))
}
