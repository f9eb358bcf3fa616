package stacks

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// engine records what a stack registers.
type engine struct {
	mu        sync.Mutex
	resources map[string]pulumi.MockResourceArgs // by type and name
}

func (e *engine) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.resources[args.TypeToken+" "+args.Name] = args
	return args.Name, args.Inputs, nil
}

func (e *engine) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{}, nil
}

// names lists the resources of a type.
func (e *engine) names(token string) []string {
	var names []string
	for key := range e.resources {
		if name, ok := strings.CutPrefix(key, token+" "); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

const (
	vmComponent  = "pve-home:index:VM"
	lxcComponent = "pve-home:index:LXC"
	backupJob    = "pvehome:index:BackupJob"
	machine      = "proxmoxve:VM/virtualMachine:VirtualMachine"
	container    = "proxmoxve:CT/container:Container"
	token        = "pve-home@pve!pulumi=0f1e2d3c"
)

// runStack runs the program as the engine would, with the defaults of Pulumi.yaml and a stack file.
func runStack(t *testing.T, stack string, stackFile []byte) (*engine, error) {
	t.Helper()
	config := map[string]string{
		"pve-home:proxmoxEndpoint": "https://192.168.1.11:8006/",
		"pve-home:proxmoxApiToken": token,
		"pve-home:proxmoxSshAgent": "true",
		"pve-home:sshPublicKeys":   `["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUmeLqQSfJf0qBLAAkgEgRBzZ2pGVqhmjVxbXkkEX7N me"]`,
	}
	set := func(key string, value any) {
		text, ok := value.(string)
		if !ok {
			encoded, err := json.Marshal(value)
			require.NoError(t, err)
			text = string(encoded)
		}
		if _, given := config[key]; !given && text != "null" {
			config[key] = text
		}
	}
	var file struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(stackFile, &file))
	for key, value := range file.Config {
		set(key, value)
	}
	project, err := os.ReadFile(filepath.Join("..", "Pulumi.yaml"))
	require.NoError(t, err)
	var schema struct {
		Config map[string]struct{ Default any }
	}
	require.NoError(t, yaml.Unmarshal(project, &schema))
	for key, s := range schema.Config {
		set("pve-home:"+key, s.Default)
	}

	e := &engine{resources: map[string]pulumi.MockResourceArgs{}}
	err = pulumi.RunErr(Run, pulumi.WithMocks("pve-home", stack, e), func(info *pulumi.RunInfo) {
		info.Config = config
		info.ConfigSecretKeys = []string{"pve-home:proxmoxApiToken"}
	})
	return e, err
}

func committed(t *testing.T, stack string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("..", "Pulumi."+stack+".yaml"))
	require.NoError(t, err)
	return file
}

func TestCommittedStacks(t *testing.T) {
	for stack, want := range map[string]struct{ vms, containers, jobs []string }{
		"prod":       {[]string{"db", "media", "web"}, []string{"dns", "files"}, []string{"nightly"}},
		"lab":        {[]string{"k3s-1", "k3s-2", "sandbox"}, []string{"scratch"}, []string{"weekly"}},
		"monitoring": {[]string{"minio", "monitoring", "tooling"}, nil, []string{"nightly"}},
	} {
		t.Run(stack, func(t *testing.T) {
			e, err := runStack(t, stack, committed(t, stack))
			require.NoError(t, err)
			require.Equal(t, want.vms, e.names(vmComponent))
			require.Equal(t, want.vms, e.names(machine))
			require.Equal(t, want.containers, e.names(lxcComponent))
			require.Equal(t, want.containers, e.names(container))
			require.Equal(t, want.jobs, e.names(backupJob))
			// provider; component, two snippets and machine of a VM; component and container; component
			// of the backups, their provider and jobs.
			require.Len(t, e.resources, 1+4*len(want.vms)+2*len(want.containers)+2+len(want.jobs), "%v", slices.Collect(maps.Keys(e.resources)))
			require.True(t, e.resources["pulumi:providers:proxmoxve proxmox"].Inputs["apiToken"].IsSecret())
			for _, name := range want.vms {
				require.Contains(t, e.resources[machine+" "+name].Inputs["tags"].Mappable(), stack)
			}
		})
	}
}

// TestExampleReachesTheResources follows settings of the example from the file to the provider.
func TestExampleReachesTheResources(t *testing.T) {
	e, err := runStack(t, "prod", committed(t, "prod"))
	require.NoError(t, err)

	media := e.resources[machine+" media"].Inputs
	require.Equal(t, "pve2", media["nodeName"].StringValue())
	require.EqualValues(t, 1023, media["vmId"].NumberValue(), "vmIdBase and the host part of the address")
	require.Equal(t, map[string]any{"dedicated": 4096.0, "floating": 2048.0}, media["memory"].Mappable())
	require.Len(t, media["disks"].ArrayValue(), 2)
	require.EqualValues(t, 9001, media["clone"].ObjectValue()["vmId"].NumberValue(), "the template of its node")

	require.True(t, e.resources[machine+" db"].RegisterRPC.GetProtect())
	require.False(t, e.resources[machine+" web"].RegisterRPC.GetProtect())

	dns := e.resources[container+" dns"].Inputs["initialization"].ObjectValue()
	require.Equal(t, []any{"9.9.9.9", "1.1.1.1"}, dns["dns"].ObjectValue()["servers"].Mappable())
	nightly := e.resources[backupJob+" nightly"].Inputs
	require.Equal(t, []any{1022.0, 1031.0, 1032.0, 1023.0, 1021.0}, nightly["vmIds"].Mappable(), "db, dns, files, media, web")
	require.Equal(t, map[string]any{"keepLast": 2.0, "keepWeekly": 1.0}, nightly["retention"].Mappable())
	require.True(t, e.resources["pulumi:providers:pvehome backup-proxmox"].Inputs["apiToken"].IsSecret())

	files := e.resources[container+" files"].Inputs
	require.Equal(t, "100G", files["mountPoints"].ArrayValue()[0].ObjectValue()["size"].StringValue())
}

// TestFurtherStack: a stack of another name needs its own file and a kind, nothing else.
func TestFurtherStack(t *testing.T) {
	for _, kind := range []string{"prod", "lab", "monitoring"} {
		e, err := runStack(t, "prod-eu", []byte("config:\n  pve-home:kind: "+kind+"\n  pve-home:vms: {web: {address: 192.168.1.90}}\n"))
		require.NoError(t, err)
		require.Equal(t, []string{"web"}, e.names(machine))
		require.Contains(t, e.resources[machine+" web"].Inputs["tags"].Mappable(), "prod-eu")
	}
	e, err := runStack(t, "prod-eu", []byte("config:\n  pve-home:vms: {web: {address: 192.168.1.90}}\n"))
	require.ErrorContains(t, err, "kind")
	require.Empty(t, e.resources)
}

// TestNothingIsRegisteredOfABadConfiguration: all problems at once, before the first resource.
func TestNothingIsRegisteredOfABadConfiguration(t *testing.T) {
	e, err := runStack(t, "prod", []byte(`config:
  pve-home:vms: {web: {address: 10.0.0.1, cores: 0}, db: {address: 192.168.1.22, memory: 2048}}
  pve-home:containers: {dns: {address: 192.168.1.22, keyctl: true}}
`))
	for _, want := range []string{"vms.web.address", "vms.web.cores", "vms.db.memory", "containers.dns.keyctl"} {
		require.ErrorContains(t, err, want)
	}
	require.Empty(t, e.resources)
}
