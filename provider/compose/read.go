package compose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"unicode/utf8"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/pve-home/pve-home/provider/compose/docker"
	"github.com/pve-home/pve-home/provider/compose/guest"
	"github.com/pve-home/pve-home/provider/compose/release"
)

// unknownService stands for the state of a service that nobody could ask.
const unknownService = "unknown"

// Read brings the state to what is on the guest: an edited file appears with its content there,
// so that the next preview shows that very file as changed, and `up` brings it back.
func (*Project) Read(ctx context.Context, req infer.ReadRequest[ProjectArgs, ProjectState]) (infer.ReadResponse[ProjectArgs, ProjectState], error) {
	if req.State.ProjectName == "" {
		return infer.ReadResponse[ProjectArgs, ProjectState]{}, fmt.Errorf("a ComposeProject cannot be imported (id %q): declare it with the projectName and the directory that it has, and `pulumi up` takes it over", req.ID)
	}
	state, found, err := look(ctx, req.State)
	var unreachable *guest.UnreachableError
	if errors.As(err, &unreachable) {
		// An error here would end a refresh, and with it the update that starts the guest again.
		p.GetLogger(ctx).Warningf("%v: what runs there is not known. If the guest is gone for good, forget the project with `pulumi state delete`", err)
		state, found, err = req.State, true, nil
		state.Services = notKnown(state.Services)
	}
	if err != nil {
		return infer.ReadResponse[ProjectArgs, ProjectState]{}, newScrubber(req.State.ProjectArgs).error(err)
	}
	if !found {
		return infer.ReadResponse[ProjectArgs, ProjectState]{}, nil
	}
	inputs := req.Inputs
	inputs.Files, inputs.SecretFiles = state.Files, state.SecretFiles
	return infer.ReadResponse[ProjectArgs, ProjectState]{ID: req.ID, Inputs: inputs, State: state}, nil
}

// notKnown are the states of services on a guest that does not tell. The next update looks again.
func notKnown(services map[string]string) map[string]string {
	states := map[string]string{}
	for name, before := range services {
		states[name] = unknownService
		if before == docker.Completed {
			states[name] = before // it has ended and needs no guest any more
		}
	}
	return states
}

// look reads what the state describes. found is false if there is no such project.
func look(ctx context.Context, state ProjectState) (_ ProjectState, found bool, _ error) {
	g, err := connect(ctx, state.ProjectArgs, state.HostKey, seconds(min(state.limits().ConnectSeconds, lookSeconds)))
	if err != nil {
		return state, false, err
	}
	s, err := open(ctx, g, state.ProjectArgs)
	if err != nil {
		_ = g.Close()
		return state, false, err
	}
	defer s.close()
	if found, err = s.store.Exists(); err != nil || !found {
		return state, false, err
	}
	current, err := s.store.CurrentRelease()
	if err != nil {
		return state, false, err
	}
	state.HostKey = g.HostKey()
	manifest, err := s.store.Manifest(current)
	if err != nil {
		return state, false, err
	}
	if current != state.Release || manifest == nil {
		// Somebody switched, or a deployment never came to its end. Empty says: deploy.
		state.Release = ""
	}
	if err := readFiles(s.store, current, &state); err != nil {
		return state, false, err
	}
	if manifest != nil {
		s.project.Files = manifest.Files()
	}
	state.Services, err = readServices(ctx, s.project, state.Services, newScrubber(state.ProjectArgs))
	return state, true, err
}

// readFiles replaces the files of the state by those of the release. A missing one is left out.
func readFiles(store *release.Store, id string, state *ProjectState) error {
	files := map[string]File{}
	digests := map[string]string{}
	for name, known := range state.Files {
		actual, err := store.File(id, name)
		if err != nil {
			return err
		}
		if actual != nil {
			files[name] = known.observed(*actual)
			digests[name] = actual.Digest()
		}
	}
	secrets := map[string]SecretFile{}
	for name, known := range state.SecretFiles {
		actual, err := store.File(id, name)
		if err != nil {
			return err
		}
		if actual != nil {
			secrets[name] = SecretFile(File(known).observed(*actual))
			digests[name] = "secret " + actual.Access()
		}
	}
	if len(state.Files) > 0 {
		state.Files = files
	}
	if len(state.SecretFiles) > 0 {
		state.SecretFiles = secrets
	}
	state.FileDigests = digests
	return nil
}

// observed describes a file as the inputs would, keeping their way of writing what is the same.
func (f File) observed(actual release.File) File {
	wanted := f.forRelease()
	if wanted.Content != actual.Content {
		f.Content = actual.Content
		if !utf8.ValidString(f.Content) {
			f.Content = "(no text, " + actual.Digest() + ")" // Pulumi's state holds text only
		}
	}
	if wanted.Mode != actual.Mode {
		f.Mode = fmt.Sprintf("%04o", actual.Mode)
	}
	if wanted.UID != actual.UID || wanted.GID != actual.GID {
		f.Owner = fmt.Sprintf("%d:%d", actual.UID, actual.GID)
	}
	return f
}

// readServices are the states of the services that the deployment had, and of new ones.
func readServices(ctx context.Context, project docker.Project, known map[string]string, scrub scrubber) (map[string]string, error) {
	containers, err := project.Ps(ctx)
	var failed *docker.CommandError
	if errors.As(err, &failed) {
		// Docker is down, or the compose files were edited into something invalid.
		p.GetLogger(ctx).Warning(scrub.text(fmt.Sprintf("%v: what runs there is not known", err)))
		return notKnown(known), nil
	}
	if err != nil {
		return nil, err
	}
	states := docker.ServiceStates(containers)
	for name, before := range known {
		switch state, there := states[name]; {
		case !there:
			states[name] = docker.Missing
		case state == docker.Completed && before != docker.Completed:
			// A service that should run and was stopped ends with 0 too.
			states[name] = docker.Exited
		}
	}
	return maps.Clone(states), nil
}
