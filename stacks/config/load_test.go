package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// fixtureHeader is how a fixture in testdata/bad names its stack, the settings that are not
// encrypted, and the problem to expect.
var fixtureHeader = regexp.MustCompile(`(?m)^# (stack|clear|want): (.*)$`)

// base is a small valid stack. The fixtures in testdata/bad each break one rule of it.
func base() map[string]any {
	return merged(whatUsersSet(), map[string]any{
		"nodes": map[string]any{
			"pve1": map[string]any{"address": "192.168.1.11", "templateId": 9000},
			"pve2": map[string]any{"address": "192.168.1.12", "templateId": 9001},
		},
		"vms":        map[string]any{"web": map[string]any{"address": "192.168.1.21"}},
		"containers": map[string]any{"dns": map[string]any{"address": "192.168.1.31"}},
	})
}

func TestBadFixtures(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 45)
	secrets := map[string]string{"A_PRIVATE_KEY": privateKey(t, ""), "A_LOCKED_PRIVATE_KEY": privateKey(t, "passphrase")}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			header := map[string]string{"stack": "prod"}
			for _, line := range fixtureHeader.FindAllStringSubmatch(string(text), -1) {
				header[line[1]] = line[2]
			}
			overlay := map[string]any{}
			readYAML(t, file, &overlay)
			overlay = substitute(overlay, secrets).(map[string]any)

			_, err = load(t, header["stack"], merged(base(), overlay), header["clear"])
			var problems *ProblemsError
			require.ErrorAs(t, err, &problems)
			require.Len(t, problems.Problems, 1, "%v", err)
			p := problems.Problems[0]
			require.Equal(t, header["want"], p.String())
			require.NotEmpty(t, p.Rule)
			require.NotEmpty(t, p.Fix)
			require.Equal(t, header["stack"], problems.Stack)
			for _, key := range secretKeys {
				if secret, ok := overlay[key].(string); ok && secret != "" {
					require.NotContains(t, err.Error(), secret)
				}
			}
			for _, key := range secrets {
				require.NotContains(t, err.Error(), strings.Split(key, "\n")[1])
			}
		})
	}
}

// substitute replaces the texts of a fixture that stand for generated ones.
func substitute(value any, texts map[string]string) any {
	switch v := value.(type) {
	case string:
		if text, ok := texts[v]; ok {
			return text
		}
	case []any:
		for i := range v {
			v[i] = substitute(v[i], texts)
		}
	case map[string]any:
		for key := range v {
			v[key] = substitute(v[key], texts)
		}
	}
	return value
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := load(t, "prod", merged(base(), map[string]any{
		"vmIdBase": "soon",
		"vms": map[string]any{
			"web": map[string]any{"address": "10.0.0.1", "cores": 2.5, "memory": 4096, "tags": []any{"env:prod"}},
			"db":  map[string]any{"address": "192.168.1.31", "dataDisks": []any{map[string]any{"sizeGiB": 0}}},
		},
	}))
	require.EqualError(t, err, `7 problems in the configuration of stack "prod" (Pulumi.prod.yaml, Pulumi.yaml):
  - containers.dns.address: 192.168.1.31 is also the address of vms.db. Give each its own address.
  - vmIdBase: "soon" is not a whole number. Give a whole number from 100 to 999999999.
  - vms.db.dataDisks[0].sizeGiB: 0 is out of range. Give a whole number from 1 to 131072.
  - vms.web.address: 10.0.0.1 is outside the network 192.168.1.0/24. Choose an address in it, or change `+"`network`"+`.
  - vms.web.cores: 2.5 is not a whole number. Give a whole number from 1 to 2304.
  - vms.web.memory: is an unknown key. Did you mean `+"`memoryMiB`"+`?
  - vms.web.tags[0]: env:prod is not a tag. Proxmox allows no colon in a tag: write `+"`env-prod`"+`.`)
}

// A network that cannot be read says nothing about the addresses of guests.
func TestNoFollowUpProblems(t *testing.T) {
	_, err := load(t, "prod", merged(base(), map[string]any{"network": "192.168.1.0"}))
	var problems *ProblemsError
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems.Problems, 1, "%v", err)
	require.Equal(t, "network", problems.Problems[0].Key)
}

func TestUserMadeSecretStaysHidden(t *testing.T) {
	const hidden = "Not A Tag:hunter2"
	_, err := resolve(settings{
		namespace: project,
		stack:     "prod",
		get: func(key string) (string, bool) {
			text, ok := wire(t, merged(base(), map[string]any{
				"vms": map[string]any{"web": map[string]any{"tags": []any{hidden}}},
			}))[key]
			return text, ok
		},
		isSecret: func(key string) bool { return key == project+":vms" || key == project+":proxmoxApiToken" },
	})
	require.ErrorContains(t, err, "vms.web.tags[0]: the value is not a tag.")
	require.NotContains(t, strings.ToLower(err.Error()), "hunter2")
}

func TestCommittedStacksLoad(t *testing.T) {
	for stack, guests := range map[string][2]int{"prod": {3, 2}, "lab": {3, 1}, "monitoring": {3, 0}} {
		t.Run(stack, func(t *testing.T) {
			cfg, err := load(t, stack, merged(whatUsersSet(), stackFile(t, stack)))
			require.NoError(t, err)
			require.Equal(t, Kind(stack), cfg.Kind)
			require.Equal(t, guests, [2]int{len(cfg.VMs), len(cfg.Containers)})
		})
	}
}

// All stacks share one network, so their guests must not collide either.
func TestCommittedStacksShareTheNetwork(t *testing.T) {
	vms, containers := map[string]any{}, map[string]any{}
	for _, stack := range []string{"prod", "lab", "monitoring"} {
		values := stackFile(t, stack)
		for kind, into := range map[string]map[string]any{"vms": vms, "containers": containers} {
			guests, _ := values[kind].(map[string]any)
			for name, guest := range guests {
				require.NotContains(t, into, name)
				into[name] = guest
			}
		}
	}
	_, err := load(t, "prod", merged(whatUsersSet(), map[string]any{"vms": vms, "containers": containers}))
	require.NoError(t, err)
}

func TestGoodFixtures(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 4)
	for _, file := range files {
		stack := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(stack, func(t *testing.T) {
			overlay := map[string]any{}
			readYAML(t, file, &overlay)
			_, err := load(t, stack, merged(whatUsersSet(), overlay))
			require.NoError(t, err)
		})
	}
}

func TestDefaultsOfGuests(t *testing.T) {
	cfg, err := load(t, "prod", base())
	require.NoError(t, err)
	require.Equal(t, []VM{{
		Name: "web", Node: "pve1", VMID: 1021, TemplateID: 9000, TemplateNode: "pve1",
		Address: netip.MustParsePrefix("192.168.1.21/24"), Gateway: netip.MustParseAddr("192.168.1.1"),
		DNSServers: []string{"192.168.1.1"}, SearchDomain: "home.arpa",
		Cores: 2, CPUType: "x86-64-v2-AES", MemoryMiB: 2048, DiskGiB: 20,
		Datastore: "local-lvm", SnippetDatastore: "local", Bridge: "vmbr0",
		Firewall: true, Agent: true, OnBoot: true, Tags: []string{"prod", "pve-home"}, Backup: true,
		Username: "admin", SSHPublicKeys: []string{publicKey},
	}}, cfg.VMs)
	require.Equal(t, []Container{{
		Name: "dns", Node: "pve1", VMID: 1031,
		Template: "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst", OSType: "debian",
		Address: netip.MustParsePrefix("192.168.1.31/24"), Gateway: netip.MustParseAddr("192.168.1.1"),
		DNSServers: []string{"192.168.1.1"}, SearchDomain: "home.arpa",
		Cores: 1, MemoryMiB: 512, SwapMiB: 512, DiskGiB: 8, Datastore: "local-lvm",
		Unprivileged: true, Bridge: "vmbr0", Firewall: true, OnBoot: true,
		Tags: []string{"prod", "pve-home"}, Backup: true, SSHPublicKeys: []string{publicKey},
	}}, cfg.Containers)
}

func TestGuestsOverrideEverything(t *testing.T) {
	overlay := map[string]any{}
	readYAML(t, "testdata/good/prod-eu.yaml", &overlay)
	cfg, err := load(t, "prod-eu", merged(whatUsersSet(), overlay))
	require.NoError(t, err)
	require.Equal(t, Prod, cfg.Kind)
	require.Equal(t, []VM{{
		Name: "router", Node: "eu2", VMID: 300, TemplateID: 8100, TemplateNode: "eu1",
		DNSServers: []string{}, SearchDomain: "eu.example.net",
		Cores: 4, CPUType: "host", MemoryMiB: 4096, BalloonMiB: 1024, DiskGiB: 10,
		Datastore: "ceph", SnippetDatastore: "shared",
		DataDisks: []DataDisk{{SizeGiB: 30, Datastore: "ceph", Backup: true}, {SizeGiB: 40, Datastore: "bulk"}},
		Bridge:    "vmbr1", VLAN: 20, MAC: "BC:24:11:00:00:2A",
		StartOrder: 1, StartDelaySeconds: 30,
		Tags:        []string{"edge", "expires-2027-06-30", "prod-eu", "pve-home"},
		Description: "Routes", Protection: true, Username: "ops", SSHPublicKeys: []string{publicKey}, Migrate: true,
	}}, cfg.VMs)
	require.Equal(t, []Container{{
		Name: "files", Node: "eu1", VMID: 2000 + 256 + 7,
		Template: "shared:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz", OSType: "alpine",
		Address: netip.MustParsePrefix("10.20.1.7/16"), Gateway: netip.MustParseAddr("10.20.0.9"),
		DNSServers: []string{"2001:db8::53"}, SearchDomain: "home.arpa",
		Cores: 2, MemoryMiB: 256, DiskGiB: 4, Datastore: "local-lvm", Nesting: true,
		MountPoints: []MountPoint{{Path: "/srv/files", SizeGiB: 100, Datastore: "bulk", ReadOnly: true}},
		Bridge:      "vmbr0", Firewall: true, OnBoot: true,
		Tags: []string{"prod-eu", "pve-home"}, Backup: true, SSHPublicKeys: []string{publicKey},
	}}, cfg.Containers)
	require.Equal(t, []Backup{
		{
			Name: "everything", Schedule: "sun 05:00", Storage: "pbs", All: true, Exclude: []int{8100}, Mode: "snapshot", Compress: "zstd",
			NotesTemplate: "{{guestname}}", Notification: "auto", MailTo: []string{}, RepeatMissed: true,
		},
		{
			Name: "nightly", Schedule: "mon..fri 02:30", Storage: "pbs", Guests: []string{"files"}, Exclude: []int{}, Node: "eu1",
			Mode: "stop", Compress: "gzip", KeepLast: 1, KeepHourly: 2, KeepDaily: 7, KeepWeekly: 4, KeepMonthly: 6, KeepYearly: 1,
			Enabled: true, Comment: "before the backup of the backup", NotesTemplate: "{{cluster}} {{guestname}}",
			Notification: "legacy-sendmail", MailTo: []string{"ops@example.net"}, MailOnFailure: true,
			BandwidthLimitKiBps: 51200, FleecingStorage: "ceph", Protected: true,
		},
	}, cfg.Backups)
	require.Equal(t, "fail", cfg.BackupChecks)
}

// TestBackupsOfTheStack: a job that names no guests is one of all guests that want to be backed up.
func TestBackupsOfTheStack(t *testing.T) {
	overlay := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte("{vms: {db: {address: 192.168.1.22, backup: false}}, backups: {nightly: {schedule: daily, storage: pbs}}}"), &overlay))
	cfg, err := load(t, "prod", merged(base(), overlay))
	require.NoError(t, err)
	require.Equal(t, []Backup{{
		Name: "nightly", Schedule: "daily", Storage: "pbs", Guests: []string{"dns", "web"}, Exclude: []int{},
		Mode: "snapshot", Compress: "zstd", Enabled: true, NotesTemplate: "{{guestname}}", Notification: "auto", MailTo: []string{},
	}}, cfg.Backups)
	require.Equal(t, "warn", cfg.BackupChecks)
}

// A date without quotes is a time to YAML, and the engine writes that in two ways.
func TestDates(t *testing.T) {
	for _, date := range []string{"2027-06-30", "2027-06-30T00:00:00Z", "2027-06-30 00:00:00 +0000 UTC"} {
		cfg, err := load(t, "prod", merged(base(), map[string]any{"vms": map[string]any{"web": map[string]any{"expires": date}}}))
		require.NoError(t, err)
		require.Contains(t, cfg.VMs[0].Tags, "expires-2027-06-30")
	}
}

func TestSecretsStaySecret(t *testing.T) {
	key := privateKey(t, "")
	cfg, err := load(t, "prod", merged(base(), map[string]any{
		"proxmoxSshAgent": nil, "proxmoxSshPrivateKey": key, "proxmoxSshPassword": "hunter2",
	}))
	require.NoError(t, err)
	for want, output := range map[string]pulumi.StringPtrInput{
		key: cfg.Proxmox.SSHPrivateKey, "hunter2": cfg.Proxmox.SSHPassword,
	} {
		require.True(t, isSecret(t, output))
		require.Equal(t, want, valueOf(t, output))
	}

	cfg, err = load(t, "prod", base())
	require.NoError(t, err)
	require.Nil(t, cfg.Proxmox.SSHPrivateKey)
	require.Nil(t, cfg.Proxmox.SSHPassword)
	require.True(t, cfg.Proxmox.SSHAgent)
}

func isSecret(t *testing.T, input pulumi.StringPtrInput) bool {
	t.Helper()
	return pulumi.IsSecret(input.ToStringPtrOutput())
}

func valueOf(t *testing.T, input pulumi.StringPtrInput) string {
	t.Helper()
	values := make(chan string, 1)
	input.ToStringPtrOutput().ApplyT(func(v *string) error {
		if v == nil {
			return errors.New("no value")
		}
		values <- *v
		return nil
	})
	return <-values
}
