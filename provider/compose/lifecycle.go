package compose

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/pve-home/pve-home/provider/compose/guest"
)

// Create deploys the project. A folder that an earlier attempt left is taken over.
func (*Project) Create(ctx context.Context, req infer.CreateRequest[ProjectArgs]) (infer.CreateResponse[ProjectState], error) {
	if req.DryRun {
		return infer.CreateResponse[ProjectState]{Output: ProjectState{ProjectArgs: req.Inputs}}, nil
	}
	id, err := newID(req.Inputs.ProjectName)
	if err != nil {
		return infer.CreateResponse[ProjectState]{}, err
	}
	state, err := deploy(ctx, id, req.Inputs, nil)
	return infer.CreateResponse[ProjectState]{ID: id, Output: state}, initFailed(err)
}

// Update deploys what has changed.
func (*Project) Update(ctx context.Context, req infer.UpdateRequest[ProjectArgs, ProjectState]) (infer.UpdateResponse[ProjectState], error) {
	if req.DryRun {
		state := req.State
		state.ProjectArgs = req.Inputs
		return infer.UpdateResponse[ProjectState]{Output: state}, nil
	}
	state, err := deploy(ctx, req.ID, req.Inputs, &req.State)
	return infer.UpdateResponse[ProjectState]{Output: state}, initFailed(err)
}

// initFailed has Pulumi keep the resource and update it at the next `up`, if the deployment did
// not come to a clear end.
func initFailed(err error) error {
	var unfinished *unfinishedError
	if errors.As(err, &unfinished) {
		return infer.ResourceInitFailedError{Reasons: []string{err.Error()}}
	}
	return err
}

// Delete stops the project and removes its files.
func (*Project) Delete(ctx context.Context, req infer.DeleteRequest[ProjectState]) (infer.DeleteResponse, error) {
	args := req.State.ProjectArgs
	err := remove(ctx, req.ID, args, req.State.HostKey)
	var changed *guest.HostKeyError
	var unreachable *guest.UnreachableError
	switch {
	case errors.As(err, &changed):
		p.GetLogger(ctx).Warningf("%v: the machine that the project %s ran on is gone, so there is nothing to stop", changed, args.ProjectName)
		return infer.DeleteResponse{}, nil
	case errors.As(err, &unreachable):
		return infer.DeleteResponse{}, fmt.Errorf("%w: start the guest and try again; if it is gone for good, forget the project with `pulumi state delete <urn of this resource>`", err)
	}
	return infer.DeleteResponse{}, newScrubber(args).error(err)
}

func remove(ctx context.Context, id string, args ProjectArgs, hostKey string) error {
	g, err := connect(ctx, args, hostKey, seconds(min(args.limits().ConnectSeconds, lookSeconds)))
	if err != nil {
		return err
	}
	s, err := open(ctx, g, args)
	if err != nil {
		_ = g.Close()
		return err
	}
	defer s.close()
	owner, err := s.store.Owner()
	if err != nil {
		return err
	}
	if owner != "" && owner != id {
		p.GetLogger(ctx).Infof("%s on %s was taken over by the resource %s, so it stays", args.Directory, args.Connection.Host, owner)
		return nil
	}
	current, err := s.store.CurrentRelease()
	if err != nil {
		return err
	}
	if current != "" {
		s.project.Files = args.ComposeFiles
		p.GetLogger(ctx).InfoStatus("stopping the services")
		if err := s.project.Down(ctx, seconds(args.limits().UpSeconds), args.RemoveVolumes); err != nil {
			return fmt.Errorf("%w: mend the project on the guest and try again, or remove it there and forget it with `pulumi state delete <urn of this resource>`", err)
		}
	}
	return s.store.Clear()
}

func newID(project string) (string, error) {
	suffix := make([]byte, 4)
	if _, err := rand.Read(suffix); err != nil {
		return "", fmt.Errorf("id of the resource: %w", err)
	}
	return project + "-" + hex.EncodeToString(suffix), nil
}
