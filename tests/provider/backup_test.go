// Package provider_test runs the resources of the provider pvehome against the simulated Proxmox VE.
package provider_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blang/semver"
	"github.com/luthermonson/go-proxmox"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/components/pve"
	"github.com/pve-home/pve-home/provider/pvehome"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

const (
	nightly   = urn.URN("urn:pulumi:prod::pve-home::pvehome:index:BackupJob::nightly")
	nightlyID = "pve-home-pve-home-prod-nightly"
)

// cluster is a simulated Proxmox VE with the provider and somebody else's client.
type cluster struct {
	integration.Server
	*sim.Sim
	t       *testing.T
	client  *proxmox.Client
	version string
	// mistaken allows requests that are against the schema.
	mistaken bool
}

// onEveryVersion runs a test against each version of Proxmox VE, with a token of exactly the
// documented role and, where PVE_API_SCHEMA names a schema, every request checked against the
// version's own.
func onEveryVersion(t *testing.T, test func(*cluster)) {
	for i, version := range []string{"8.4", "9.1"} {
		t.Run(version, func(t *testing.T) {
			schema := os.Getenv("PVE_API_SCHEMA")
			if schema != "" {
				schema = filepath.Join(filepath.Dir(schema), "pve-api-"+version+".json")
			}
			network := netip.AddrFrom4([4]byte{127, 82, byte(1 + i), 0})
			address := netip.AddrFrom4([4]byte{127, 82, byte(1 + i), 11}).String()
			s, err := sim.Start(t.Context(), sim.Options{
				Version: version, SchemaFile: schema, Listen: address + ":0",
				Nodes:   []sim.Node{{Name: "pve1", Address: address, SSHPort: -1}},
				Network: netip.PrefixFrom(network, 24), GuestSSHPort: 2022,
			})
			require.NoError(t, err)
			c := &cluster{Sim: s, t: t, version: version}
			t.Cleanup(func() {
				require.Equal(t, c.mistaken, len(s.Violations()) > 0, s.Violations())
				require.NoError(t, s.Close())
			})
			token, err := s.CreateToken("pve-home@pve", "pulumi", pve.Privileges(version))
			require.NoError(t, err)
			id, secret, _ := strings.Cut(token, "=")
			c.Server = serve(t, s.Endpoint(), token)
			c.client = proxmox.NewClient(s.Endpoint()+"api2/json",
				proxmox.WithAPIToken(id, secret), proxmox.WithRootCAs(s.CertPool()), proxmox.WithTimeout(10*time.Second))
			test(c)
		})
	}
}

func serve(t *testing.T, endpoint, token string) integration.Server {
	t.Helper()
	provider, err := pvehome.New()
	require.NoError(t, err)
	server, err := integration.NewServer(t.Context(), pvehome.Name, semver.MustParse(pvehome.Version), integration.WithProvider(provider))
	require.NoError(t, err)
	require.NoError(t, server.Configure(p.ConfigureRequest{Args: property.NewMap(map[string]property.Value{
		"endpoint": property.New(endpoint), "apiToken": property.New(token).WithSecret(true), "insecure": property.New(true),
	})}))
	return server
}

type inputs = map[string]property.Value

func numbers(values ...float64) property.Value {
	var list []property.Value
	for _, v := range values {
		list = append(list, property.New(v))
	}
	return property.New(list)
}

func texts(values ...string) property.Value {
	var list []property.Value
	for _, v := range values {
		list = append(list, property.New(v))
	}
	return property.New(list)
}

func minimal() inputs {
	return inputs{"schedule": property.New("02:30"), "storage": property.New("nas"), "vmIds": numbers(101, 100)}
}

// full sets every input that goes with vmIds.
func full() inputs {
	return inputs{
		"schedule": property.New("mon..fri 22:00"), "storage": property.New("local"), "vmIds": numbers(100), "node": property.New("pve1"),
		"enabled": property.New(false), "repeatMissed": property.New(true), "comment": property.New("wöchentlich, 100 %"),
		"mode": property.New("suspend"), "compress": property.New("gzip"), "zstdThreads": property.New(2.), "pigzThreads": property.New(3.),
		"retention": property.New(inputs{
			"keepLast": property.New(1.), "keepHourly": property.New(2.), "keepDaily": property.New(3.),
			"keepWeekly": property.New(4.), "keepMonthly": property.New(5.), "keepYearly": property.New(6.),
		}),
		"protected": property.New(true), "notesTemplate": property.New("{{guestname}}\n{{node}} C:\\new"),
		"notificationMode": property.New("legacy-sendmail"), "mailTo": texts("root@pam", "me@example.org"), "mailNotification": property.New("failure"),
		"bwLimitKiBps": property.New(51200.), "ioNice": property.New(8.), "lockWaitMinutes": property.New(60.), "stopWaitMinutes": property.New(5.),
		"fleecing":               property.New(inputs{"storage": property.New("local-lvm")}),
		"performance":            property.New(inputs{"maxWorkers": property.New(8.), "pbsEntriesMax": property.New(2000000.)}),
		"pbsChangeDetectionMode": property.New("metadata"), "excludePaths": texts("/var/tmp/?*"), "stdExcludes": property.New(false),
	}
}

func (c *cluster) check(in inputs) property.Map {
	c.t.Helper()
	answer, err := c.Check(p.CheckRequest{Urn: nightly, Inputs: property.NewMap(in)})
	require.NoError(c.t, err)
	require.Empty(c.t, answer.Failures)
	return answer.Inputs
}

func (c *cluster) create(in inputs) p.CreateResponse {
	c.t.Helper()
	answer, err := c.Create(p.CreateRequest{Urn: nightly, Properties: c.check(in)})
	require.NoError(c.t, err)
	return answer
}

func (c *cluster) read() p.ReadResponse {
	c.t.Helper()
	answer, err := c.Read(p.ReadRequest{ID: nightlyID, Urn: nightly})
	require.NoError(c.t, err)
	return answer
}

func (c *cluster) update(old p.ReadResponse, in inputs) {
	c.t.Helper()
	_, err := c.Update(p.UpdateRequest{ID: old.ID, Urn: nightly, State: old.Properties, OldInputs: old.Inputs, Inputs: c.check(in)})
	require.NoError(c.t, err)
}

func (c *cluster) unchanged(in inputs) {
	c.t.Helper()
	read := c.read()
	answer, err := c.Diff(p.DiffRequest{ID: read.ID, Urn: nightly, State: read.Properties, OldInputs: read.Inputs, Inputs: c.check(in)})
	require.NoError(c.t, err)
	require.Empty(c.t, answer.DetailedDiff)
	require.False(c.t, answer.HasChanges)
}

// seen is a job as another client reads it; it lacks some options, and takes the nested ones for text.
type seen struct {
	proxmox.ClusterBackup
	Compress         string         `json:"compress"`
	Zstd             int            `json:"zstd"`
	Pigz             int            `json:"pigz"`
	PruneBackups     map[string]any `json:"prune-backups"`
	Protected        int            `json:"protected"`
	NotificationMode string         `json:"notification-mode"`
	IONice           int            `json:"ionice"`
	LockWait         int            `json:"lockwait"`
	StopWait         int            `json:"stopwait"`
	Fleecing         map[string]any `json:"fleecing"`
	Performance      map[string]any `json:"performance"`
	ChangeDetection  string         `json:"pbs-change-detection-mode"`
	ExcludePath      any            `json:"exclude-path"`
	StdExcludes      *int           `json:"stdexcludes"`
}

func (c *cluster) seen() seen {
	c.t.Helper()
	var job seen
	require.NoError(c.t, c.client.Get(c.t.Context(), "/cluster/backup/"+nightlyID, &job))
	return job
}

func TestEveryInputIsReadByAnotherClient(t *testing.T) {
	onEveryVersion(t, func(c *cluster) {
		require.Equal(c.t, nightlyID, c.create(full()).ID)
		job, no := c.seen(), 0
		require.Equal(c.t, seen{
			ClusterBackup: proxmox.ClusterBackup{
				ID: nightlyID, Type: "vzdump", Schedule: "mon..fri 22:00", RepeatMissed: true, NotesTemplate: `{{guestname}}\n{{node}} C:\\new`,
				MailNotification: "failure", MailTo: "root@pam,me@example.org", Mode: "suspend", Storage: "local", VMID: "100", Node: "pve1",
				BwLimit: 51200, Comment: "wöchentlich, 100 %",
			},
			Compress: "gzip", Zstd: 2, Pigz: 3, Protected: 1, NotificationMode: "legacy-sendmail", IONice: 8, LockWait: 60, StopWait: 5,
			PruneBackups: map[string]any{"keep-last": "1", "keep-hourly": "2", "keep-daily": "3", "keep-weekly": "4", "keep-monthly": "5", "keep-yearly": "6"},
			Fleecing:     map[string]any{"enabled": "1", "storage": "local-lvm"}, Performance: map[string]any{"max-workers": "8", "pbs-entries-max": "2000000"},
			ChangeDetection: "metadata", ExcludePath: job.ExcludePath, StdExcludes: &no,
		}, job)
		require.Contains(c.t, []any{"/var/tmp/?*", []any{"/var/tmp/?*"}}, job.ExcludePath)
		c.unchanged(full())
	})
}

func TestSelectionsReplaceEachOther(t *testing.T) {
	onEveryVersion(t, func(c *cluster) {
		c.create(minimal())
		all := minimal()
		delete(all, "vmIds")
		all["all"] = property.New(true)
		all["excludeVmIds"] = numbers(9000)
		c.update(c.read(), all)
		c.unchanged(all)
		job := c.seen()
		require.True(c.t, bool(job.All))
		require.Equal(c.t, "9000", job.Exclude)
		require.Empty(c.t, job.VMID)
		c.update(c.read(), minimal())
		c.unchanged(minimal())
		job = c.seen()
		require.False(c.t, bool(job.All))
		require.Equal(c.t, "100,101", job.VMID)
		require.Empty(c.t, job.Exclude)
	})
}

// TestEverythingCanBeChanged is W4: a job whose settings change is changed, not made anew.
func TestEverythingCanBeChanged(t *testing.T) {
	onEveryVersion(t, func(c *cluster) {
		c.create(minimal())
		c.ResetRequests()
		c.update(c.read(), full())
		c.unchanged(full())
		c.update(c.read(), minimal())
		c.unchanged(minimal())
		for _, request := range c.Requests() {
			require.Contains(c.t, []string{"GET", "PUT"}, request.Method)
		}
		changed := c.BackupJobs()
		require.NoError(c.t, c.Delete(p.DeleteRequest{ID: nightlyID, Urn: nightly, Properties: c.read().Properties}))
		c.create(minimal())
		require.Equal(c.t, changed, c.BackupJobs(), "what was taken back leaves nothing")
	})
}

func TestDriftOfAnotherClient(t *testing.T) {
	onEveryVersion(t, func(c *cluster) {
		c.create(minimal())
		backups, err := c.client.Cluster(c.t.Context())
		require.NoError(c.t, err)
		job, err := backups.Backup(c.t.Context(), nightlyID)
		require.NoError(c.t, err)
		require.NoError(c.t, job.Update(c.t.Context(), &proxmox.ClusterBackupOptions{Schedule: "12:00", Comment: "mine"}))
		read := c.read()
		answer, err := c.Diff(p.DiffRequest{ID: read.ID, Urn: nightly, State: read.Properties, OldInputs: read.Inputs, Inputs: c.check(minimal())})
		require.NoError(c.t, err)
		require.Equal(c.t, map[string]p.PropertyDiff{
			"schedule": {Kind: p.Update}, "comment": {Kind: p.Delete},
		}, answer.DetailedDiff)
		c.update(read, minimal())
		c.unchanged(minimal())
		require.NoError(c.t, job.Delete(c.t.Context()))
		require.Empty(c.t, c.read().ID)
	})
}

// TestDeleteLeavesOtherJobs is W15.
func TestDeleteLeavesOtherJobs(t *testing.T) {
	onEveryVersion(t, func(c *cluster) {
		created := c.create(minimal())
		backups, err := c.client.Cluster(c.t.Context())
		require.NoError(c.t, err)
		others := []string{nightlyID + "-2", "pve-home-pve-home-lab-nightly", "backup-1"}
		for _, id := range others {
			require.NoError(c.t, backups.NewBackup(c.t.Context(), &proxmox.ClusterBackupOptions{ID: id, Schedule: "02:30", Storage: "nas", VMID: "100,101", Enabled: true}))
		}
		for range 2 {
			require.NoError(c.t, c.Delete(p.DeleteRequest{ID: created.ID, Urn: nightly, Properties: created.Properties}))
			var left []string
			for _, job := range c.BackupJobs() {
				left = append(left, job["id"])
			}
			slices.Sort(left)
			slices.Sort(others)
			require.Equal(c.t, others, left)
		}
	})
}

func TestWhatProxmoxSays(t *testing.T) {
	onEveryVersion(t, func(c *cluster) {
		create := func(property string, value property.Value) error {
			in := minimal()
			in[property] = value
			_, err := c.Create(p.CreateRequest{Urn: nightly, Properties: c.check(in)})
			return err
		}
		require.ErrorContains(c.t, create("storage", property.New("nowhere")), "storage 'nowhere' does not exist")
		require.ErrorContains(c.t, create("storage", property.New("local-lvm")), "storage 'local-lvm' does not support backups")
		if os.Getenv("PVE_API_SCHEMA") != "" {
			c.mistaken = true
			require.ErrorContains(c.t, create("node", property.New("not a node")), "node: ")
			require.ErrorContains(c.t, create("mailTo", texts("@@")), "mailTo: ")
		}
		require.Empty(c.t, c.BackupJobs())
	})
}

func TestConnectionIsLost(t *testing.T) {
	onEveryVersion(t, func(c *cluster) {
		// Proxmox makes the job, and its answer is lost: the next up takes the job over.
		c.create(minimal())
		require.Equal(c.t, nightlyID, c.create(minimal()).ID)
		require.Len(c.t, c.BackupJobs(), 1)
		c.AddFault(sim.Fault{Method: "GET", PathRegexp: "^/cluster/backup$", Status: 596, Reason: "Connection timed out"})
		_, err := c.Read(p.ReadRequest{ID: nightlyID, Urn: nightly})
		require.ErrorContains(c.t, err, "596 Connection timed out", "an unreachable cluster is no reason to forget the job")
		c.ClearFaults()
		require.Equal(c.t, nightlyID, c.read().ID)
	})
}

// TestRoleIsNeeded: without one of the privileges for backup jobs, the error says where to look.
func TestRoleIsNeeded(t *testing.T) {
	if os.Getenv("PVE_API_SCHEMA") == "" {
		t.Log("the simulator knows the privileges of a call from the schema alone")
		return
	}
	onEveryVersion(t, func(c *cluster) {
		for _, privilege := range []string{"Sys.Audit", "Sys.Modify"} {
			others := slices.DeleteFunc(pve.Privileges(c.version), func(p string) bool { return p == privilege })
			token, err := c.CreateToken("less@pve", strings.ToLower(strings.ReplaceAll(privilege, ".", "-")), others)
			require.NoError(c.t, err)
			_, err = serve(c.t, c.Endpoint(), token).Create(p.CreateRequest{Urn: nightly, Properties: c.check(minimal())})
			require.ErrorContains(c.t, err, "lacks a privilege, see docs/proxmox-role.md")
			require.Empty(c.t, c.BackupJobs())
		}
	})
}
