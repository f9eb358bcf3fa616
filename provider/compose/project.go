// Package compose holds the resource pvehome:index:ComposeProject, an application's files on a
// guest and the Docker Compose project that runs from them.
package compose

import "github.com/pulumi/pulumi-go-provider/infer"

// Project is the resource's controller.
type Project struct{}

// Annotate names and describes the resource.
func (p *Project) Annotate(a infer.Annotator) {
	a.SetToken("index", "ComposeProject")
	a.Describe(&p, `The files of an application on a guest, and the Docker Compose project that runs from them.

A deployment waits for SSH and for cloud-init, uploads the files as a new release, validates it,
switches to it, starts the services and waits until they are healthy. If they do not get healthy,
it switches back and reports what the failing service logged. The last three releases are kept.
A relative mount (`+"`./data`"+`) lies in the release and goes with it, so it must be one of the files:
use a named volume or an absolute path for data. Images with `+"`build`"+` are built when they are
missing: build in a `+"`beforeUp`"+` hook, or name a new tag, to have them built again.`)
}

// WireDependencies says which outputs are unknown in a preview, and which are secret.
func (*Project) WireDependencies(f infer.FieldSelector, args *ProjectArgs, state *ProjectState) {
	f.OutputField(&state.Connection).DependsOn(f.InputField(&args.Connection))
	f.OutputField(&state.ProjectName).DependsOn(f.InputField(&args.ProjectName))
	f.OutputField(&state.Directory).DependsOn(f.InputField(&args.Directory))
	f.OutputField(&state.Files).DependsOn(f.InputField(&args.Files))
	f.OutputField(&state.SecretFiles).DependsOn(f.InputField(&args.SecretFiles))
	f.OutputField(&state.ComposeFiles).DependsOn(f.InputField(&args.ComposeFiles))
	f.OutputField(&state.BeforeUp).DependsOn(f.InputField(&args.BeforeUp))
	f.OutputField(&state.HealthChecks).DependsOn(f.InputField(&args.HealthChecks))
	f.OutputField(&state.Timeouts).DependsOn(f.InputField(&args.Timeouts))
	f.OutputField(&state.RemoveVolumes).DependsOn(f.InputField(&args.RemoveVolumes))
	// A digest of a secret would tell of it.
	f.OutputField(&state.FileDigests).DependsOn(f.InputField(&args.Files), f.InputField(&args.SecretFiles).Computed())
	f.OutputField(&state.HostKey).DependsOn(f.InputField(&args.Connection).Computed())
	for _, changed := range []any{&state.Release, &state.Services} {
		f.OutputField(changed).DependsOn(
			f.InputField(&args.Files).Computed(), f.InputField(&args.SecretFiles).Computed(),
			f.InputField(&args.ComposeFiles).Computed(), f.InputField(&args.BeforeUp).Computed())
	}
}
