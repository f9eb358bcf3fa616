package components

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

const backupJob = "pvehome:index:BackupJob"

func twoGuests() map[string]BackupGuest {
	return map[string]BackupGuest{
		"web": {VMID: pulumi.Int(1021), Node: "pve1", Wanted: true, Disks: []BackupDisk{{SizeGiB: 20, Datastore: "local-lvm"}, {SizeGiB: 80, Datastore: "bulk"}}},
		"dns": {VMID: pulumi.Int(1031), Node: "pve2", Wanted: true, Disks: []BackupDisk{{SizeGiB: 8, Datastore: "local-lvm"}}},
	}
}

func nightly(change func(*BackupJob)) BackupArgs {
	job := BackupJob{Schedule: "02:30", Storage: "nas", Guests: []string{"dns", "web"}, Mode: "snapshot", Compress: "zstd", Enabled: true, Notification: "auto"}
	change(&job)
	return BackupArgs{Jobs: map[string]BackupJob{"nightly": job}, Guests: twoGuests(), Checks: "warn"}
}

func TestBackup(t *testing.T) {
	registered := run(t, func(ctx *pulumi.Context, proxmox *Proxmox) error {
		_, err := NewBackup(ctx, "backup", proxmox, nightly(func(j *BackupJob) { j.KeepDaily, j.FleecingStorage, j.MailOnFailure = 7, "fast", true }))
		return err
	})
	job := registered[backupJob+" nightly"]
	require.Equal(t, resource.NewPropertyMapFromMap(map[string]any{
		"schedule": "02:30", "storage": "nas", "vmIds": []any{1031.0, 1021.0}, "mode": "snapshot", "compress": "zstd",
		"enabled": true, "repeatMissed": false, "protected": false, "notificationMode": "auto", "mailNotification": "failure",
		"retention": map[string]any{"keepDaily": 7.0}, "fleecing": map[string]any{"storage": "fast"},
	}), job.Inputs)
}

func TestBackupSelections(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*BackupJob)
		want   map[string]any
	}{
		"pool":       {func(j *BackupJob) { j.Guests, j.Pool = nil, "house" }, map[string]any{"pool": "house"}},
		"everything": {func(j *BackupJob) { j.Guests, j.All, j.Exclude = nil, true, []int{105} }, map[string]any{"all": true, "excludeVmIds": []any{105.0}}},
	} {
		registered := run(t, func(ctx *pulumi.Context, proxmox *Proxmox) error {
			_, err := NewBackup(ctx, "backup", proxmox, nightly(tc.change))
			return err
		})
		inputs := registered[backupJob+" nightly"].Inputs
		for _, key := range []resource.PropertyKey{"vmIds", "pool", "all", "excludeVmIds"} {
			if want, ok := tc.want[string(key)]; ok {
				require.Equal(t, resource.NewPropertyValue(want), inputs[key], name)
			} else {
				require.NotContains(t, inputs, key, name)
			}
		}
	}
}

func TestBackupDoubts(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*BackupJob)
		want   []string
	}{
		{name: "none", change: func(*BackupJob) {}},
		{name: "a guest is missed", change: func(j *BackupJob) { j.Guests = []string{"dns"} },
			want: []string{"web is in no backup job. Add it to one of `backups`, or set backup: false for it"}},
		{name: "no job runs", change: func(j *BackupJob) { j.Enabled = false }, want: []string{
			"dns is in no backup job. Add it to one of `backups`, or set backup: false for it",
			"web is in no backup job. Add it to one of `backups`, or set backup: false for it"}},
		{name: "everything", change: func(j *BackupJob) { j.Guests, j.All = nil, true }},
		{name: "who knows who is in a pool", change: func(j *BackupJob) { j.Guests, j.Pool = nil, "house" }},
		{name: "beside the disks", change: func(j *BackupJob) { j.Storage = "bulk" }, want: []string{
			"backups.nightly.storage: bulk also holds disks of web, so that what destroys the one destroys the other. Use a storage on other disks, or better on another machine"}},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, nightly(tc.change).doubts()) })
	}
}

func TestBackupStorageFits(t *testing.T) {
	const gibibytes = 1 << 30
	for _, tc := range []struct {
		name    string
		change  func(*BackupJob)
		storage map[string]any
		checks  string
		err     string
	}{
		{name: "fits", change: func(j *BackupJob) { j.KeepLast = 4 }, storage: map[string]any{"total": 100 * gibibytes}},
		{name: "too many", change: func(j *BackupJob) { j.KeepLast = 5 }, storage: map[string]any{"total": 100 * gibibytes},
			err: "backups.nightly keeps up to 5 backups of each guest, 100 GiB of disks, on nas of node pve1. Even at 25% of the disks' size they need 125 GiB, and the storage has 100 GiB"},
		{name: "all rules count", change: func(j *BackupJob) { j.KeepDaily, j.KeepWeekly = 3, 2 }, storage: map[string]any{"total": 100 * gibibytes}, err: "keeps up to 5 backups"},
		{name: "shared by the nodes", change: func(j *BackupJob) { j.KeepLast = 4 }, storage: map[string]any{"total": 100 * gibibytes, "shared": 1},
			err: "108 GiB of disks, on nas. Even at 25%"},
		{name: "not compressed", change: func(j *BackupJob) { j.KeepLast, j.Compress = 4, "0" }, storage: map[string]any{"total": 100 * gibibytes}, err: "Even at 50%"},
		{name: "keeps equal parts once", change: func(j *BackupJob) { j.KeepLast = 99 }, storage: map[string]any{"total": 100 * gibibytes, "type": "pbs"}},
		{name: "only a warning", change: func(j *BackupJob) { j.KeepLast = 99 }, storage: map[string]any{"total": gibibytes}, checks: "warn"},
		{name: "no backups there", change: func(*BackupJob) {}, storage: map[string]any{"content": "images"}, checks: "off",
			err: "datastore nas does not hold backup, only images. Allow it under Datacenter > Storage > nas"},
		{name: "not mounted", change: func(*BackupJob) {}, storage: map[string]any{"active": 0}, checks: "off", err: "datastore nas is not available on node pve1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status := map[string]any{"content": "backup", "enabled": 1, "active": 1, "type": "dir"}
			for key, value := range tc.storage {
				status[key] = value
			}
			c := &cluster{answers: map[string]any{"GET /nodes/pve1/storage/nas/status": status, "GET /nodes/pve2/storage/nas/status": status}}
			withGuard(t, c, true, func(g *guard) {
				args := nightly(tc.change)
				args.Checks = "fail"
				if tc.checks != "" {
					args.Checks = tc.checks
				}
				g.backups.Store("nightly", plannedBackup{"nightly", args})
				check(t, g.backupStorageFits(&pulumi.ResourceHookArgs{Name: "nightly"}), tc.err)
			})
		})
	}
}
