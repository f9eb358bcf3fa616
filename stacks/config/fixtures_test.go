package config

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"gopkg.in/yaml.v3"
)

const (
	root      = "../.."
	project   = "pve-home"
	publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKeDmfKx4NdTT45IBfC5iIVR8RUtOS3Zd9YjsD/7B5ls admin@example"
	token     = "pve-home@pve!pulumi=11111111-2222-3333-4444-555555555555"
)

// schemaOf reads the `config:` section of Pulumi.yaml.
func schemaOf(t testing.TB) map[string]schemaEntry {
	t.Helper()
	var file struct {
		Config map[string]schemaEntry `yaml:"config"`
	}
	readYAML(t, filepath.Join(root, "Pulumi.yaml"), &file)
	return file.Config
}

type schemaEntry struct {
	Type    string `yaml:"type"`
	Secret  bool   `yaml:"secret"`
	Default any    `yaml:"default"`
}

// whatUsersSet is what a stack needs besides the defaults and its guests.
func whatUsersSet() map[string]any {
	return map[string]any{
		"proxmoxEndpoint": "https://192.168.1.11:8006/",
		"proxmoxApiToken": token,
		"proxmoxSshAgent": true,
		"sshPublicKeys":   []any{publicKey},
	}
}

// stackFile reads the `config:` section of a stack's file, without the namespace.
func stackFile(t testing.TB, stack string) map[string]any {
	t.Helper()
	var file struct {
		Config map[string]any `yaml:"config"`
	}
	readYAML(t, filepath.Join(root, "Pulumi."+stack+".yaml"), &file)
	values := map[string]any{}
	for key, value := range file.Config {
		values[key[len(project)+1:]] = value
	}
	return values
}

// merged lays overlays over values: maps are merged, null removes, all else replaces.
func merged(values map[string]any, overlays ...map[string]any) map[string]any {
	result := map[string]any{}
	for key, value := range values {
		result[key] = value
	}
	for _, overlay := range overlays {
		for key, value := range overlay {
			below, isMap := value.(map[string]any)
			above, wasMap := result[key].(map[string]any)
			switch {
			case value == nil:
				delete(result, key)
			case isMap && wasMap:
				result[key] = merged(above, below)
			default:
				result[key] = value
			}
		}
	}
	return result
}

// wire writes settings as the engine hands them to a program, over the defaults of Pulumi.yaml.
func wire(t testing.TB, values map[string]any) map[string]string {
	t.Helper()
	texts := map[string]string{}
	put := func(key string, value any) {
		if value == nil {
			return
		}
		text := fmt.Sprint(value)
		switch value.(type) {
		case map[string]any, []any:
			b, err := json.Marshal(value)
			require.NoError(t, err)
			text = string(b)
		}
		texts[project+":"+key] = text
	}
	for key, entry := range schemaOf(t) {
		put(key, entry.Default)
	}
	for key, value := range values {
		put(key, value)
	}
	return texts
}

// load runs the real Load in a program of the stack with these settings. The keys of secrets are
// marked as such but for those in clear.
func load(t testing.TB, stack string, values map[string]any, clear ...string) (*Config, error) {
	t.Helper()
	var secrets []string
	for _, key := range secretKeys {
		secrets = append(secrets, project+":"+key)
	}
	for _, key := range clear {
		for i := range secrets {
			if secrets[i] == project+":"+key {
				secrets[i] = ""
			}
		}
	}
	var cfg *Config
	var loadErr error
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		cfg, loadErr = Load(ctx)
		return nil
	}, pulumi.WithMocks(project, stack, noResources{}), func(info *pulumi.RunInfo) {
		info.Config = wire(t, values)
		info.ConfigSecretKeys = secrets
	})
	require.NoError(t, err)
	return cfg, loadErr
}

// noResources answers a program that makes no resource.
type noResources struct{}

func (noResources) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{}, nil
}

func (noResources) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	return args.Name, args.Inputs, nil
}

func readYAML(t testing.TB, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into), file)
}

// privateKey makes a key as ssh-keygen writes it.
func privateKey(t testing.TB, passphrase string) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	require.NoError(t, err)
	return string(pem.EncodeToMemory(block))
}
