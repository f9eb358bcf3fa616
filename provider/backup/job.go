// Package backup holds the resource pvehome:index:BackupJob, a vzdump schedule of the cluster.
package backup

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Job is the resource's controller.
type Job struct{}

// JobArgs are its inputs.
type JobArgs struct {
	Schedule string `pulumi:"schedule"`
}

// JobState is what the state keeps.
type JobState struct {
	JobArgs
}

// Annotate names and describes the resource.
func (j *Job) Annotate(a infer.Annotator) { a.SetToken("index", "BackupJob") }

// Create makes the job.
func (*Job) Create(context.Context, infer.CreateRequest[JobArgs]) (infer.CreateResponse[JobState], error) {
	return infer.CreateResponse[JobState]{}, errors.ErrUnsupported
}
