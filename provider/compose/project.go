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

// WireDependencies says which outputs a change of which inputs makes unknown in a preview, and
// secret. Outputs that repeat an input are as it is.
func (*Project) WireDependencies(f infer.FieldSelector, args *ProjectArgs, state *ProjectState) {
	// A digest of a secret would tell of it.
	f.OutputField(&state.FileDigests).DependsOn(f.InputField(&args.Files), f.InputField(&args.SecretFiles).Computed())
	f.OutputField(&state.HostKey).DependsOn(f.InputField(&args.Connection).Computed())
	for _, changed := range []any{&state.Release, &state.Services} {
		f.OutputField(changed).DependsOn(
			f.InputField(&args.Files).Computed(), f.InputField(&args.SecretFiles).Computed(),
			f.InputField(&args.ComposeFiles).Computed(), f.InputField(&args.BeforeUp).Computed())
	}
}
