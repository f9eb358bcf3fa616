package pve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// Backup jobs are the schedules of vzdump in Datacenter > Backup; the options are those of
// https://pve.proxmox.com/pve-docs/api-viewer/index.html#/cluster/backup/{id}. Reading them needs
// the privilege Sys.Audit at /, writing Sys.Modify.
const backupJobs = "/cluster/backup"

// ErrNoBackupJob says that the cluster has no job with this id.
var ErrNoBackupJob = errors.New("no such backup job")

// BackupJob returns a job's options as Proxmox shows them, or ErrNoBackupJob.
func (c *Client) BackupJob(ctx context.Context, id string) (map[string]any, error) {
	var list []struct {
		ID string `json:"id"`
	}
	// The list tells a job that is not there from any other failure.
	if err := c.do(ctx, http.MethodGet, backupJobs, nil, &list); err != nil {
		return nil, fmt.Errorf("list the backup jobs: %w", err)
	}
	for _, job := range list {
		if job.ID != id {
			continue
		}
		var options map[string]any
		if err := c.do(ctx, http.MethodGet, backupJob(id), nil, &options); err != nil {
			return nil, fmt.Errorf("read backup job %s: %w", id, err)
		}
		return options, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrNoBackupJob, id)
}

// CreateBackupJob makes a job. Proxmox refuses an id that is taken.
func (c *Client) CreateBackupJob(ctx context.Context, id string, options url.Values) error {
	if err := c.do(ctx, http.MethodPost, backupJobs, with(options, "id", id), nil); err != nil {
		return fmt.Errorf("create backup job %s: %w", id, err)
	}
	return nil
}

// UpdateBackupJob sets options of a job and removes those that unset names.
func (c *Client) UpdateBackupJob(ctx context.Context, id string, options url.Values, unset ...string) error {
	if len(unset) > 0 {
		options = with(options, "delete", strings.Join(unset, ","))
	}
	if err := c.do(ctx, http.MethodPut, backupJob(id), options, nil); err != nil {
		return fmt.Errorf("change backup job %s: %w", id, err)
	}
	return nil
}

// DeleteBackupJob removes a job; one that is gone already is no error.
func (c *Client) DeleteBackupJob(ctx context.Context, id string) error {
	err := c.do(ctx, http.MethodDelete, backupJob(id), nil, nil)
	if err == nil {
		return nil
	}
	if _, gone := c.BackupJob(ctx, id); errors.Is(gone, ErrNoBackupJob) {
		return nil
	}
	return fmt.Errorf("delete backup job %s: %w", id, err)
}

func backupJob(id string) string { return backupJobs + "/" + url.PathEscape(id) }

func with(options url.Values, name, value string) url.Values {
	all := maps.Clone(options)
	if all == nil {
		all = url.Values{}
	}
	all.Set(name, value)
	return all
}
