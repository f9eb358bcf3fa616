// Package compose holds the resource pvehome:index:ComposeProject, an application's files on a
// guest and the Docker Compose project that runs from them.
package compose

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Project is the resource's controller.
type Project struct{}

// ProjectArgs are its inputs.
type ProjectArgs struct {
	Name string `pulumi:"name"`
}

// ProjectState is what the state keeps.
type ProjectState struct {
	ProjectArgs
}

// Annotate names and describes the resource.
func (p *Project) Annotate(a infer.Annotator) { a.SetToken("index", "ComposeProject") }

// Create deploys the project.
func (*Project) Create(context.Context, infer.CreateRequest[ProjectArgs]) (infer.CreateResponse[ProjectState], error) {
	return infer.CreateResponse[ProjectState]{}, errors.ErrUnsupported
}
