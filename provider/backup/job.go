// Package backup holds the resource pvehome:index:BackupJob, a vzdump schedule of the cluster.
package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/pve-home/pve-home/components/pve"
	"github.com/pve-home/pve-home/provider/proxmox"
)

// Job is the resource's controller. A change of any input is an update in place, found by
// comparing the inputs with those of the last update or refresh.
type Job struct{}

// Create makes the job. Where its id is taken, a job that is exactly this one, as an interrupted
// creation leaves it, is taken over; any other is an error.
func (*Job) Create(ctx context.Context, req infer.CreateRequest[JobArgs]) (infer.CreateResponse[JobState], error) {
	id, err := idFor(ctx)
	created := infer.CreateResponse[JobState]{ID: id, Output: JobState{req.Inputs}}
	if err != nil || req.DryRun {
		return created, err
	}
	client, err := proxmox.Client(ctx)
	if err != nil {
		return infer.CreateResponse[JobState]{}, err
	}
	existing, err := client.BackupJob(ctx, id)
	switch {
	case errors.Is(err, pve.ErrNoBackupJob):
		return created, create(ctx, client, id, req.Inputs)
	case err != nil:
		return infer.CreateResponse[JobState]{}, explain(err)
	}
	if actual, err := decode(existing); err == nil && equal(actual, req.Inputs) {
		return created, nil
	}
	return infer.CreateResponse[JobState]{}, fmt.Errorf("backup job %s exists already in Proxmox VE and differs: to manage it here, run `pulumi import pvehome:index:BackupJob %s %s` (with --parent and --provider where a component made it); to have it made anew, delete it in Datacenter > Backup", id, req.Name, id)
}

func create(ctx context.Context, client *pve.Client, id string, args JobArgs) error {
	set, _ := encode(&args)
	return explain(client.CreateBackupJob(ctx, id, set))
}

// Read returns the job as it is. A job that is gone has no id, so that the next up makes it again.
func (*Job) Read(ctx context.Context, req infer.ReadRequest[JobArgs, JobState]) (infer.ReadResponse[JobArgs, JobState], error) {
	client, err := proxmox.Client(ctx)
	if err != nil {
		return infer.ReadResponse[JobArgs, JobState]{}, err
	}
	job, err := client.BackupJob(ctx, req.ID)
	if errors.Is(err, pve.ErrNoBackupJob) {
		return infer.ReadResponse[JobArgs, JobState]{}, nil
	}
	if err != nil {
		return infer.ReadResponse[JobArgs, JobState]{}, explain(err)
	}
	args, err := decode(job)
	if err != nil {
		return infer.ReadResponse[JobArgs, JobState]{}, fmt.Errorf("read backup job %s: %w", req.ID, err)
	}
	return infer.ReadResponse[JobArgs, JobState]{ID: req.ID, Inputs: args, State: JobState{args}}, nil
}

// Update changes the job in place, or makes it again if it is gone.
func (*Job) Update(ctx context.Context, req infer.UpdateRequest[JobArgs, JobState]) (infer.UpdateResponse[JobState], error) {
	updated := infer.UpdateResponse[JobState]{Output: JobState{req.Inputs}}
	if req.DryRun {
		return updated, nil
	}
	client, err := proxmox.Client(ctx)
	if err != nil {
		return infer.UpdateResponse[JobState]{}, err
	}
	job, err := client.BackupJob(ctx, req.ID)
	switch {
	case errors.Is(err, pve.ErrNoBackupJob):
		return updated, create(ctx, client, req.ID, req.Inputs)
	case err != nil:
		return infer.UpdateResponse[JobState]{}, explain(err)
	}
	set, unset := encode(&req.Inputs)
	// Only what the job has: an older Proxmox VE does not know every option.
	unset = slices.DeleteFunc(unset, func(name string) bool { return job[name] == nil })
	return updated, explain(client.UpdateBackupJob(ctx, req.ID, set, unset...))
}

// Delete removes this job, and no other. One that is gone already is deleted.
func (*Job) Delete(ctx context.Context, req infer.DeleteRequest[JobState]) (infer.DeleteResponse, error) {
	client, err := proxmox.Client(ctx)
	if err != nil {
		return infer.DeleteResponse{}, err
	}
	return infer.DeleteResponse{}, explain(client.DeleteBackupJob(ctx, req.ID))
}

func equal(a, b JobArgs) bool {
	return encoded(a) == encoded(b)
}

func encoded(a JobArgs) string {
	set, _ := encode(&a)
	return set.Encode()
}
