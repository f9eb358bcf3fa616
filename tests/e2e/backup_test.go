package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/components/pve"
)

// backedUp is a VM and a job of its stack.
func backedUp(host int, lines ...string) string {
	return vmFile(host, "agent: false") + jobs("nightly", append([]string{`schedule: "02:30"`, "storage: local", "keepLast: 2"}, lines...)...)
}

func jobs(name string, lines ...string) string {
	return fmt.Sprintf("  pve-home:backups:\n    %s:\n      %s\n", name, strings.Join(lines, "\n      "))
}

// jobIDs lists the jobs in Proxmox.
func (h *harness) jobIDs() []string {
	ids := []string{}
	for _, job := range h.Sim.BackupJobs() {
		ids = append(ids, job["id"])
	}
	return ids
}

// job finds a backup job in the simulator.
func (h *harness) job(id string) map[string]string {
	for _, job := range h.Sim.BackupJobs() {
		if job["id"] == id {
			return job
		}
	}
	return nil
}

// administrator is somebody with the root password and the UI.
func (h *harness) administrator() *pve.Client {
	return pve.NewClient(h.Sim.Endpoint(), h.Sim.RootToken(), true)
}

// Ids of the jobs in Proxmox.
const (
	nightlyOfProd = "pve-home-pve-home-prod-nightly"
	nightlyOfLab  = "pve-home-pve-home-lab-nightly"
)

// TestBackupJobsOfStacks: each stack has jobs of its own guests. Neither a change nor a destroy of
// one stack touches another's jobs, or those that somebody made by hand.
func TestBackupJobsOfStacks(t *testing.T) {
	h := quick(t)
	byHand := []string{"backup-1a2b3c4d-5e6f", nightlyOfLab + "-2", "pve-home-pve-home-laboratory-nightly"}
	for _, id := range byHand {
		options := url.Values{"schedule": {"daily"}, "storage": {"local"}, "all": {"1"}}
		require.NoError(t, h.administrator().CreateBackupJob(h.ctx, id, options))
	}
	before := h.Sim.BackupJobs()

	prod, lab := h.stack("prod", backedUp(21)), h.stack("lab", strings.Replace(backedUp(41), "web:", "try:", 1))
	h.up(prod)
	h.up(lab)
	h.clean(prod)
	h.clean(lab)
	h.refreshFindsNothing(lab)
	require.ElementsMatch(t, append(byHand, nightlyOfProd, nightlyOfLab), h.jobIDs())
	require.Equal(t, "1021", h.job(nightlyOfProd)["vmid"])
	require.Equal(t, "1041", h.job(nightlyOfLab)["vmid"])
	outputs, err := lab.Outputs(h.ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"nightly": nightlyOfLab}, outputs["backupJobs"].Value)

	// A new guest is in the job at once.
	h.edit(lab, strings.Replace(strings.Replace(backedUp(41), "web:", "try:", 1), "  pve-home:backups", "    more:\n      address: 192.168.1.42\n      agent: false\n  pve-home:backups", 1))
	h.up(lab)
	h.clean(lab)
	require.ElementsMatch(t, []string{"1041", "1042"}, strings.Split(h.job(nightlyOfLab)["vmid"], ","))

	_, err = lab.Destroy(h.timeout(), optdestroy.ProgressStreams(h.out))
	require.NoError(t, err)
	require.ElementsMatch(t, append(byHand, nightlyOfProd), h.jobIDs())
	_, err = prod.Destroy(h.timeout(), optdestroy.ProgressStreams(h.out))
	require.NoError(t, err)
	require.Equal(t, before, h.Sim.BackupJobs())
}

// TestBackupJobChanges: every setting of a job changes in place, and what somebody changes in the UI
// is found and repaired.
func TestBackupJobChanges(t *testing.T) {
	h := quick(t)
	s := h.stack("lab", backedUp(21))
	h.up(s)

	for _, change := range []struct {
		setting, option, want string
	}{
		{"schedule: sun 04:00", "schedule", "sun 04:00"},
		{"mode: stop", "mode", "stop"},
		{"compress: gzip", "compress", "gzip"},
		{"keepWeekly: 3", "prune-backups", "keep-last=2,keep-weekly=3"},
		{"comment: mine", "comment", "mine"},
		{"enabled: false", "enabled", "0"},
		{"repeatMissed: true", "repeat-missed", "1"},
		{"bandwidthLimitKiBps: 1024", "bwlimit", "1024"},
		{"mailTo: [me@example.org]", "mailto", "me@example.org"},
		{"node: pve1", "node", "pve1"},
	} {
		file := backedUp(21, change.setting)
		if strings.HasPrefix(change.setting, "schedule") {
			file = strings.Replace(backedUp(21), `schedule: "02:30"`, change.setting, 1)
		}
		h.edit(s, file)
		changes := h.up(s)
		require.Equal(t, 1, changes["update"], change.setting)
		require.Zero(t, changes["create"]+changes["delete"]+changes["replace"], change.setting)
		require.Equal(t, change.want, h.job(nightlyOfLab)[change.option], change.setting)
		h.clean(s)
	}
	h.edit(s, backedUp(21))
	h.up(s)
	want := h.job(nightlyOfLab)
	require.NotContains(t, want, "comment", "an option that is taken out is gone")

	for what, drift := range map[string]func() error{
		"schedule": func() error {
			return h.administrator().UpdateBackupJob(h.ctx, nightlyOfLab, url.Values{"schedule": {"daily"}, "vmid": {"1021"}})
		},
		"guests": func() error {
			return h.administrator().UpdateBackupJob(h.ctx, nightlyOfLab, url.Values{"all": {"1"}})
		},
		"retention": func() error {
			return h.administrator().UpdateBackupJob(h.ctx, nightlyOfLab, url.Values{"vmid": {"1021"}}, "prune-backups")
		},
		"comment": func() error {
			return h.administrator().UpdateBackupJob(h.ctx, nightlyOfLab, url.Values{"vmid": {"1021"}, "comment": {"of somebody"}})
		},
		"removed": func() error { return h.administrator().DeleteBackupJob(h.ctx, nightlyOfLab) },
	} {
		require.NoError(t, drift(), what)
		changes := *h.refresh(s).Summary.ResourceChanges
		require.Equal(t, 1, changes["update"]+changes["delete"], "refresh does not see: %s", what)
		h.up(s)
		require.Equal(t, want, h.job(nightlyOfLab), "up does not repair: %s", what)
		h.clean(s)
	}
	h.refreshFindsNothing(s)
}

// TestNewToken: a token that is renewed replaces nothing.
func TestNewToken(t *testing.T) {
	h := quick(t)
	s := h.stack("lab", backedUp(21))
	h.up(s)
	guest, job := *h.guest("web"), h.job(nightlyOfLab)
	token, err := h.Sim.CreateToken("pve-home@pve", "renewed", pve.Privileges(""))
	require.NoError(t, err)
	h.set(s, map[string]string{"proxmoxApiToken": token})
	changes := h.up(s)
	require.Equal(t, 2, changes["update"], "the two providers: %v", changes)
	require.Zero(t, changes["create"]+changes["delete"]+changes["replace"]+changes["create-replacement"], "%v", changes)
	h.clean(s)
	require.Equal(t, guest, *h.guest("web"))
	require.Equal(t, job, h.job(nightlyOfLab))
}

// TestBackupDoubts: what is likely a mistake is a warning, in the preview already, or an error.
func TestBackupDoubts(t *testing.T) {
	h := quick(t)
	doubtful := vmFile(21, "agent: false", "datastore: local-lvm") + "    other:\n      address: 192.168.1.22\n      agent: false\n"
	for _, tc := range []struct{ file, doubt string }{
		{doubtful + jobs("nightly", "schedule: daily", "storage: local", "guests: [web]"), "other is in no backup job"},
		{doubtful + jobs("nightly", "schedule: daily", "storage: local", "enabled: false"), "web is in no backup job"},
		{doubtful + jobs("nightly", "schedule: daily", "storage: local", "keepLast: 99"),
			"backups.nightly keeps up to 99 backups of each guest, 40 GiB of disks, on local of node pve1. Even at 25% of the disks' size they need 990 GiB, and the storage has 200 GiB"},
	} {
		s := h.stack("lab", tc.file)
		preview, err := s.Preview(h.timeout())
		require.NoError(t, err)
		require.Contains(t, preview.StdOut, "warning: "+tc.doubt)

		h.edit(s, tc.file+"  pve-home:backupChecks: fail\n")
		_, err = s.Preview(h.timeout())
		require.ErrorContains(t, err, tc.doubt)

		h.edit(s, tc.file+"  pve-home:backupChecks: off\n")
		preview, err = s.Preview(h.timeout())
		require.NoError(t, err)
		require.NotContains(t, preview.StdOut, tc.doubt)
	}

	// local-lvm holds no backups, but a directory may hold both.
	require.NoError(t, h.Sim.SetStorageContent("pve1", "local", []string{"images", "backup", "snippets"}))
	s := h.stack("lab", vmFile(21, "agent: false", "datastore: local")+jobs("nightly", "schedule: daily", "storage: local"))
	preview, err := s.Preview(h.timeout())
	require.NoError(t, err)
	require.Contains(t, preview.StdOut, "warning: backups.nightly.storage: local also holds disks of web")
}

// TestBackupStorageRefused: a storage that cannot hold backups is refused in the preview.
func TestBackupStorageRefused(t *testing.T) {
	h := quick(t)
	for storage, want := range map[string]string{
		"local-lvm": "datastore local-lvm does not hold backup, only images, rootdir",
		"tank":      "storage 'tank' does not exist",
	} {
		s := h.stack("lab", vmFile(21)+jobs("nightly", "schedule: daily", "storage: "+storage))
		_, err := s.Preview(h.timeout())
		require.ErrorContains(t, err, want)
	}
	require.Empty(t, h.guestNames())
}
