package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/components"
	"github.com/pve-home/pve-home/stacks/config"
)

// backups schedules the jobs of the stack and exports their ids by name as `backupJobs`.
func backups(ctx *pulumi.Context, cfg *config.Config, proxmox *components.Proxmox, guests map[string]components.BackupGuest) error {
	jobs := map[string]components.BackupJob{}
	for _, b := range cfg.Backups {
		jobs[b.Name] = components.BackupJob{
			Schedule: b.Schedule, Storage: b.Storage, Guests: b.Guests, Pool: b.Pool, All: b.All, Exclude: b.Exclude, Node: b.Node,
			Mode: b.Mode, Compress: b.Compress,
			KeepLast: b.KeepLast, KeepHourly: b.KeepHourly, KeepDaily: b.KeepDaily,
			KeepWeekly: b.KeepWeekly, KeepMonthly: b.KeepMonthly, KeepYearly: b.KeepYearly,
			Enabled: b.Enabled, RepeatMissed: b.RepeatMissed, Comment: b.Comment, NotesTemplate: b.NotesTemplate,
			Notification: b.Notification, MailTo: b.MailTo, MailOnFailure: b.MailOnFailure,
			BandwidthLimitKiBps: b.BandwidthLimitKiBps, FleecingStorage: b.FleecingStorage, Protected: b.Protected,
		}
	}
	scheduled, err := components.NewBackup(ctx, "backup", proxmox, components.BackupArgs{Jobs: jobs, Guests: guests, Checks: cfg.BackupChecks})
	if err != nil {
		return fmt.Errorf("backups: %w", err)
	}
	ctx.Export("backupJobs", scheduled.JobIDs)
	return nil
}

// vmBackupDisks are the disks of a VM that vzdump includes.
func vmBackupDisks(v config.VM) []components.BackupDisk {
	disks := []components.BackupDisk{{SizeGiB: v.DiskGiB, Datastore: v.Datastore}}
	for _, d := range v.DataDisks {
		if d.Backup {
			disks = append(disks, components.BackupDisk{SizeGiB: d.SizeGiB, Datastore: d.Datastore})
		}
	}
	return disks
}

// lxcBackupDisks are the volumes of a container that vzdump includes.
func lxcBackupDisks(c config.Container) []components.BackupDisk {
	disks := []components.BackupDisk{{SizeGiB: c.DiskGiB, Datastore: c.Datastore}}
	for _, m := range c.MountPoints {
		if m.Backup {
			disks = append(disks, components.BackupDisk{SizeGiB: m.SizeGiB, Datastore: m.Datastore})
		}
	}
	return disks
}
