package backup_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/require"
)

const minimal = `{"schedule": "02:30", "storage": "backups", "vmIds": [101, 100, 101]}`

// full sets every input that goes with vmIds.
const full = `{
	"schedule": "sat 03:00", "storage": "pbs", "vmIds": [100], "node": "pve1", "enabled": false, "repeatMissed": true,
	"comment": "weekly, ünïcode = 100 %", "mode": "stop", "compress": "gzip", "zstdThreads": 2, "pigzThreads": 4,
	"retention": {"keepLast": 1, "keepHourly": 2, "keepDaily": 3, "keepWeekly": 4, "keepMonthly": 5, "keepYearly": 6},
	"protected": true, "notesTemplate": "{{guestname}}\nC:\\new", "notificationMode": "legacy-sendmail",
	"mailTo": ["root@pam", "me@example.org"], "mailNotification": "failure", "bwLimitKiBps": 51200, "ioNice": 8,
	"lockWaitMinutes": 10, "stopWaitMinutes": 5, "fleecing": {"storage": "local-lvm"},
	"performance": {"maxWorkers": 8, "pbsEntriesMax": 2000000}, "pbsChangeDetectionMode": "metadata",
	"excludePaths": ["/tmp/a b?", "*.iso,"], "stdExcludes": false}`

func TestCreate(t *testing.T) {
	s := start(t)
	created := s.create(minimal)
	require.Equal(t, nightlyID, created.ID)
	require.Equal(t, url.Values{
		"schedule": {"02:30"}, "storage": {"backups"}, "vmid": {"100,101"}, "enabled": {"1"}, "repeat-missed": {"0"},
		"mode": {"snapshot"}, "compress": {"zstd"}, "protected": {"0"}, "notification-mode": {"auto"},
	}, s.jobs[nightlyID])
	require.Equal(t, []string{"POST "}, s.writes)
}

func TestEveryInputReachesTheJobAndComesBack(t *testing.T) {
	s := start(t)
	created := s.create(full)
	require.Equal(t, url.Values{
		"schedule": {"sat 03:00"}, "storage": {"pbs"}, "vmid": {"100"}, "node": {"pve1"}, "enabled": {"0"}, "repeat-missed": {"1"},
		"comment": {"weekly, ünïcode = 100 %"}, "mode": {"stop"}, "compress": {"gzip"}, "zstd": {"2"}, "pigz": {"4"},
		"prune-backups": {"keep-daily=3,keep-hourly=2,keep-last=1,keep-monthly=5,keep-weekly=4,keep-yearly=6"},
		"protected":     {"1"}, "notes-template": {`{{guestname}}\nC:\\new`}, "notification-mode": {"legacy-sendmail"},
		"mailto": {"root@pam,me@example.org"}, "mailnotification": {"failure"}, "bwlimit": {"51200"}, "ionice": {"8"},
		"lockwait": {"10"}, "stopwait": {"5"}, "fleecing": {"enabled=1,storage=local-lvm"},
		"performance": {"max-workers=8,pbs-entries-max=2000000"}, "pbs-change-detection-mode": {"metadata"},
		"exclude-path": {"/tmp/a b?", "*.iso,"}, "stdexcludes": {"0"},
	}, s.jobs[nightlyID])
	read := s.read(created.ID)
	require.Equal(t, created.Properties, read.Properties)
	require.Empty(t, s.diff(read, full))
}

func TestSelections(t *testing.T) {
	for text, want := range map[string]url.Values{
		`"pool": "homelab"`: {"pool": {"homelab"}},
		`"all": true`:       {"all": {"1"}},
		`"all": true, "excludeVmIds": [200, 199]`: {"all": {"1"}, "exclude": {"199,200"}},
	} {
		s := start(t)
		text := `{"schedule": "02:30", "storage": "backups", ` + text + `}`
		read := s.read(s.create(text).ID)
		for _, name := range []string{"vmid", "pool", "all", "exclude"} {
			require.Equal(t, want[name], s.jobs[nightlyID][name], name)
		}
		require.Empty(t, s.diff(read, text), "a refresh finds no difference: %s", text)
	}
}

func TestPreviewSendsNothing(t *testing.T) {
	s := start(t)
	_, err := s.Create(p.CreateRequest{Urn: nightly, Properties: s.check(minimal), DryRun: true})
	require.NoError(t, err)
	state := s.create(minimal)
	s.writes = nil
	_, err = s.Update(p.UpdateRequest{ID: state.ID, Urn: nightly, State: state.Properties, Inputs: s.check(full), DryRun: true})
	require.NoError(t, err)
	require.Empty(t, s.writes)
}

func TestTheIDIsTaken(t *testing.T) {
	s := start(t)
	s.jobs[nightlyID] = url.Values{"schedule": {"05:00"}, "storage": {"backups"}, "all": {"1"}}
	_, err := s.Create(p.CreateRequest{Urn: nightly, Properties: s.check(minimal)})
	require.ErrorContains(t, err, "exists already")
	require.ErrorContains(t, err, "pulumi import pvehome:index:BackupJob nightly "+nightlyID)
	require.Empty(t, s.writes)
}

// TestInterruptedCreation is an up that ended between Proxmox' answer and the state.
func TestInterruptedCreation(t *testing.T) {
	s := start(t)
	s.create(minimal)
	require.Equal(t, nightlyID, s.create(minimal).ID)
	require.Equal(t, []string{"POST "}, s.writes)
}

func TestUpdateInPlace(t *testing.T) {
	s := start(t)
	created := s.create(full)
	s.jobs[nightlyID].Set("quiet", "1") // an option that is not managed stays
	read := s.read(created.ID)
	changed := strings.NewReplacer(`"vmIds": [100]`, `"all": true`, `"node": "pve1", `, "", `"comment": "weekly, ünïcode = 100 %", `, "", "sat 03:00", "sun 04:00", `"keepLast": 1, `, "").Replace(full)
	require.Equal(t, []string{"all add", "comment delete", "node delete", "retention.keepLast delete", "schedule update", "vmIds delete"}, s.diff(read, changed))
	s.writes = nil
	updated, err := s.Update(p.UpdateRequest{ID: created.ID, Urn: nightly, State: read.Properties, OldInputs: read.Inputs, Inputs: s.check(changed)})
	require.NoError(t, err)
	require.Equal(t, []string{"PUT " + nightlyID}, s.writes, "W4: a change never removes a job")
	job := s.jobs[nightlyID]
	require.Equal(t, "sun 04:00", job.Get("schedule"))
	require.Equal(t, "1", job.Get("all"))
	require.Equal(t, "1", job.Get("quiet"))
	for _, gone := range []string{"vmid", "node", "comment"} {
		require.NotContains(t, job, gone)
	}
	after := s.read(created.ID)
	require.Equal(t, updated.Properties, after.Properties)
	require.Empty(t, s.diff(after, changed))
}

func TestEveryInputCanBeTakenBack(t *testing.T) {
	s := start(t)
	created := s.create(full)
	_, err := s.Update(p.UpdateRequest{ID: created.ID, Urn: nightly, State: created.Properties, Inputs: s.check(minimal)})
	require.NoError(t, err)
	job := maps.Clone(s.jobs[nightlyID])
	delete(s.jobs, nightlyID)
	s.create(minimal)
	require.Equal(t, s.jobs[nightlyID], job)
}

func TestDriftIsFoundAndRepaired(t *testing.T) {
	s := start(t)
	created := s.create(minimal)
	s.jobs[nightlyID].Set("schedule", "12:00")
	s.jobs[nightlyID].Set("vmid", "100")
	s.jobs[nightlyID].Set("bwlimit", "1")
	read := s.read(created.ID)
	require.Equal(t, []string{"bwLimitKiBps delete", "schedule update", "vmIds[1] add"}, s.diff(read, minimal))
	_, err := s.Update(p.UpdateRequest{ID: created.ID, Urn: nightly, State: read.Properties, Inputs: s.check(minimal)})
	require.NoError(t, err)
	require.Equal(t, "02:30", s.jobs[nightlyID].Get("schedule"))
	require.NotContains(t, s.jobs[nightlyID], "bwlimit")
}

// TestSaveInTheWebInterface spells out defaults and other forms, which changes nothing.
func TestSaveInTheWebInterface(t *testing.T) {
	s := start(t)
	created := s.create(minimal)
	job := s.jobs[nightlyID]
	job.Set("vmid", "101, 100")
	job.Set("fleecing", "0")
	job.Del("enabled")
	job.Del("repeat-missed")
	job.Del("notification-mode")
	job.Set("all", "0")
	require.Empty(t, s.diff(s.read(created.ID), minimal))
}

func TestAJobThatIsGone(t *testing.T) {
	s := start(t)
	created := s.create(minimal)
	delete(s.jobs, nightlyID)
	require.Empty(t, s.read(nightlyID).ID, "refresh forgets it")
	_, err := s.Update(p.UpdateRequest{ID: created.ID, Urn: nightly, State: created.Properties, Inputs: s.check(full)})
	require.NoError(t, err)
	require.Contains(t, s.jobs, nightlyID, "an update makes it again")
}

// TestDeleteLeavesOtherJobs is W15: ids that begin or end alike are other jobs.
func TestDeleteLeavesOtherJobs(t *testing.T) {
	s := start(t)
	created := s.create(minimal)
	others := []string{nightlyID + "-2", "x" + nightlyID, "pve-home-pve-home-lab-nightly", "backup-1234"}
	for _, id := range others {
		s.jobs[id] = url.Values{"schedule": {"02:30"}, "storage": {"backups"}, "vmid": {"100,101"}}
	}
	for range 2 { // the second time it is gone already
		require.NoError(t, s.Delete(p.DeleteRequest{ID: created.ID, Urn: nightly, Properties: created.Properties}))
		require.ElementsMatch(t, others, slices.Collect(maps.Keys(s.jobs)))
	}
}

func TestDeleteThatFails(t *testing.T) {
	s := start(t)
	created := s.create(minimal)
	s.refuse = refuse(http.StatusForbidden, `{"data":null}`)
	err := s.Delete(p.DeleteRequest{ID: created.ID, Urn: nightly, Properties: created.Properties})
	require.ErrorContains(t, err, "lacks a privilege, see docs/proxmox-role.md")
	require.Contains(t, s.jobs, nightlyID)
}

// TestImport takes over a job of the web interface, with the forms that Proxmox answers in.
func TestImport(t *testing.T) {
	s := start(t)
	s.jobs["backup-5f3c"] = url.Values{
		"schedule": {"mon..fri 22:00"}, "storage": {"local"}, "exclude": {"105"}, "compress": {"1"},
		"prune-backups": {"keep-last=3,keep-daily=0"}, "mailto": {"a@example.org b@example.org"}, "notes-template": {`a\\b\nc`},
	}
	read := s.read("backup-5f3c")
	require.Equal(t, "backup-5f3c", read.ID)
	same := `{"schedule": "mon..fri 22:00", "storage": "local", "all": true, "excludeVmIds": [105], "compress": "lzo",
		"retention": {"keepLast": 3}, "mailTo": ["a@example.org", "b@example.org"], "notesTemplate": "a\\b\nc"}`
	require.Empty(t, s.diff(read, same))
	require.Empty(t, s.read("pve-home-other").ID)
}

func TestProxmoxRefuses(t *testing.T) {
	s := start(t)
	s.refuse = refuse(http.StatusBadRequest, `{"data":null,"errors":{"schedule":"invalid format - unable to parse calendar event\n","prune-backups":"x"}}`)
	_, err := s.Create(p.CreateRequest{Urn: nightly, Properties: s.check(minimal)})
	require.ErrorContains(t, err, "retention: x; schedule: invalid format - unable to parse calendar event")
	require.NotContains(t, err.Error(), "s3cr3t")
}

func TestUnknownInputs(t *testing.T) {
	s := start(t)
	news := inputs(t, minimal).Set("vmIds", property.New([]property.Value{property.New(105.), property.New(property.Computed)})).
		Set("storage", property.New(property.Computed)).Set("pool", property.New(property.Null))
	answer, err := s.Check(p.CheckRequest{Urn: nightly, Inputs: news})
	require.NoError(t, err)
	require.Empty(t, answer.Failures)
	vmIDs := answer.Inputs.Get("vmIds").AsArray()
	require.Equal(t, property.New(105.), vmIDs.Get(0))
	require.True(t, vmIDs.Get(1).IsComputed())
	require.True(t, answer.Inputs.Get("storage").IsComputed())
	created, err := s.Create(p.CreateRequest{Urn: nightly, Properties: answer.Inputs, DryRun: true})
	require.NoError(t, err)
	require.True(t, created.Properties.Get("storage").IsComputed())
	require.Empty(t, s.writes)
}

func TestSecretInputsStaySecret(t *testing.T) {
	s := start(t)
	news := inputs(t, minimal).Set("comment", property.New("hush").WithSecret(true))
	answer, err := s.Check(p.CheckRequest{Urn: nightly, Inputs: news})
	require.NoError(t, err)
	require.True(t, answer.Inputs.Get("comment").Secret())
	created, err := s.Create(p.CreateRequest{Urn: nightly, Properties: answer.Inputs})
	require.NoError(t, err)
	require.True(t, created.Properties.Get("comment").Secret())
}

func TestWithoutConnection(t *testing.T) {
	server := unconfigured(t)
	require.NoError(t, server.Configure(p.ConfigureRequest{}))
	s := start(t)
	_, err := server.Create(p.CreateRequest{Urn: nightly, Properties: s.check(minimal)})
	require.ErrorContains(t, err, "set endpoint and apiToken on the pvehome Provider resource")
}

// TestNoStateHoldsTheToken: it belongs to the provider, where it is a secret.
func TestNoStateHoldsTheToken(t *testing.T) {
	s := start(t)
	created := s.create(full)
	require.NotContains(t, property.New(created.Properties).GoString(), "s3cr3t")
	require.Contains(t, s.tokens, "PVEAPIToken="+token)
	answer, err := s.CheckConfig(p.CheckRequest{Inputs: property.NewMap(map[string]property.Value{
		"endpoint": property.New("https://pve:8006/"), "apiToken": property.New(token),
	})})
	require.NoError(t, err)
	require.Empty(t, answer.Failures)
	require.True(t, answer.Inputs.Get("apiToken").Secret())
}

func TestCheckConfig(t *testing.T) {
	answer, err := unconfigured(t).CheckConfig(p.CheckRequest{Inputs: inputs(t, `{"endpoint": "pve:8006", "apiToken": "s3cr3t"}`)})
	require.NoError(t, err)
	require.Equal(t, []p.CheckFailure{
		{Property: "endpoint", Reason: "must be a URL such as https://192.168.1.11:8006/"},
		{Property: "apiToken", Reason: "must be user@realm!tokenid=uuid, as pveum prints it"},
	}, answer.Failures)
}

// TestANewTokenReplacesNothing: a provider that is replaced replaces its resources.
func TestANewTokenReplacesNothing(t *testing.T) {
	old := inputs(t, `{"endpoint": "https://pve:8006/", "apiToken": "a@b!c=d"}`)
	answer, err := unconfigured(t).DiffConfig(p.DiffRequest{State: old, OldInputs: old, Inputs: old.Set("apiToken", property.New("a@b!c=e"))})
	require.NoError(t, err)
	require.True(t, answer.HasChanges)
	require.Equal(t, map[string]p.PropertyDiff{"apiToken": {Kind: p.Update, InputDiff: true}}, answer.DetailedDiff)
}

// TestTheEngineAddsItsVersion to a provider's configuration.
func TestTheEngineAddsItsVersion(t *testing.T) {
	answer, err := unconfigured(t).CheckConfig(p.CheckRequest{Inputs: inputs(t, `{"version": "0.1.0"}`)})
	require.NoError(t, err)
	require.Empty(t, answer.Failures)
}

// TestConfigurationOfTheStack: `pulumi config set pvehome:insecure true` gives text.
func TestConfigurationOfTheStack(t *testing.T) {
	answer, err := unconfigured(t).CheckConfig(p.CheckRequest{Inputs: inputs(t, `{"endpoint": "https://pve:8006/", "insecure": "true"}`)})
	require.NoError(t, err)
	require.Empty(t, answer.Failures)
	require.True(t, answer.Inputs.Get("insecure").AsBool())
}
