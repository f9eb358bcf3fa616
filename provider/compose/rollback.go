package compose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pve-home/pve-home/provider/compose/docker"
)

const (
	logLines    = 20
	logServices = 5
	// interruptedLimit is what a rollback gets after the user has interrupted Pulumi.
	interruptedLimit = 30 * time.Second
	// rollbackExtra is what it gets besides the time to start the previous release.
	rollbackExtra = 2 * time.Minute
)

// abandon removes what was prepared and never used. The error stays the one that it was.
func (d *deployment) abandon(ctx context.Context, cause error) error {
	if d.lost(ctx, cause) {
		return fmt.Errorf("%w; what runs on the guest was not touched, and the next `pulumi up` removes what was uploaded", cause)
	}
	// The upload may have closed its session when its time was up.
	s, err := open(context.WithoutCancel(ctx), d.Guest, d.args)
	if err != nil {
		return cause
	}
	defer s.closeFiles()
	if d.target != "" && d.target != d.current {
		err = s.store.Remove(d.target)
	}
	if d.current == "" && d.good == "" {
		if owner, ownerErr := s.store.Owner(); ownerErr == nil && (owner == "" || owner == d.id) {
			err = errors.Join(err, s.store.Clear())
		}
	}
	if err != nil {
		d.log.Debugf("clean up after a failed deployment: %v", err)
	}
	return cause
}

// rollBack brings the previous release back, or removes everything if there is none, and reports
// what the failing services said.
func (d *deployment) rollBack(ctx context.Context, cause error) error {
	limit := seconds(d.args.limits().UpSeconds) + rollbackExtra
	interrupted := ctx.Err() != nil
	if interrupted {
		limit = interruptedLimit
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if d.lost(ctx, cause) {
		return &unfinishedError{err: fmt.Errorf("%w; the guest runs the previous release or parts of the new one", cause)}
	}
	report := cause
	if !interrupted {
		if evidence := d.evidence(ctx); evidence != "" {
			report = fmt.Errorf("%w\n%s", cause, evidence)
		}
	}
	if d.good == d.target {
		return report // nothing new was tried: what ran before does not start any more
	}
	if d.good == "" {
		d.log.InfoStatus("removing what was started")
		if err := d.removeAll(ctx); err != nil {
			return &unfinishedError{err: fmt.Errorf("%w\nand it could not be removed from the guest: %w", report, err)}
		}
		return fmt.Errorf("%w\nThere was no previous release: everything was removed from the guest but volumes", report)
	}
	d.log.InfoStatusf("going back to release %s", d.good)
	if err := d.restore(ctx); err != nil {
		return &unfinishedError{err: fmt.Errorf("%w\nand going back to release %s failed: %w", report, d.good, err)}
	}
	return fmt.Errorf("%w\nThe guest runs the previous release %s again", report, d.good)
}

func (d *deployment) removeAll(ctx context.Context) error {
	if err := d.project.Down(ctx, seconds(d.args.limits().UpSeconds), false); err != nil {
		return err
	}
	return d.store.Clear()
}

// restore runs the release that was good.
func (d *deployment) restore(ctx context.Context) error {
	manifest, err := d.store.Manifest(d.good)
	if err != nil {
		return err
	}
	if manifest == nil {
		return fmt.Errorf("release %s has no manifest any more", d.good)
	}
	if err := d.store.Switch(d.good); err != nil {
		return err
	}
	if d.owner != "" {
		if err := d.store.SetOwner(d.owner); err != nil {
			return err
		}
	}
	failed := d.target
	d.target, d.manifest, d.project.Files = d.good, *manifest, manifest.Files()
	if err := d.project.Up(ctx, seconds(d.args.limits().UpSeconds)); err != nil {
		return err
	}
	containers, err := d.project.Ps(ctx)
	if err != nil {
		return err
	}
	if _, err := d.noteContainers(containers, d.good); err != nil {
		return err
	}
	return d.store.Remove(failed)
}

// evidence is what the services that are not fine logged last; if all are fine, what all logged.
func (d *deployment) evidence(ctx context.Context) string {
	containers, err := d.project.Ps(ctx)
	if err != nil {
		return ""
	}
	states := docker.ServiceStates(containers)
	names := slices.Sorted(maps.Keys(states))
	bad := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return docker.Fine(states[name]) })
	if len(bad) == 0 {
		bad = names
	}
	var report []string
	for _, name := range bad[:min(len(bad), logServices)] {
		log, err := d.project.Logs(ctx, name, logLines)
		if err != nil || log == "" {
			log = "(nothing)"
		}
		report = append(report, fmt.Sprintf("service %s is %s, its last log lines:\n  %s", name, states[name], strings.ReplaceAll(log, "\n", "\n  ")))
	}
	return strings.Join(report, "\n")
}
