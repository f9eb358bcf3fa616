package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

const unreadKeys = `3 problems in the configuration of stack "prod" (Pulumi.prod.yaml, Pulumi.yaml):
  - dns: is an unknown key. Use ` + "`dnsServers`" + `.
  - memory: is an unknown key. Remove it; docs/configuration.md lists the keys.
  - proxmoxve:endpoint: has no effect, as the program configures the provider itself. Use ` + "`proxmoxEndpoint`" + `.`

func TestUnknownKeysFromLanguageHost(t *testing.T) {
	t.Setenv(pulumi.EnvConfig, `{"aws:region": "x", "pve-home:dns": "x", "pve-home:memory": "1", "pve-home:vms": "{}", "proxmoxve:endpoint": "x"}`)
	_, err := load(t, "prod", base())
	require.EqualError(t, err, unreadKeys)
}

func TestUnknownKeysFromStackFile(t *testing.T) {
	values := wire(t, base())
	dir := t.TempDir()
	file := "config:\n  aws:region: x\n  pve-home:dns: x\n  pve-home:memory: 1\n  pve-home:vms: {}\n  proxmoxve:endpoint: x\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.prod.yaml"), []byte(file), 0o600))
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := Load(ctx)
		require.EqualError(t, err, unreadKeys)
		return nil
	}, pulumi.WithMocks(project, "prod", noResources{}), func(info *pulumi.RunInfo) {
		info.RootDirectory = dir
		info.Config = values
		info.ConfigSecretKeys = []string{project + ":" + apiTokenKey}
	})
	require.NoError(t, err)
}

func TestUnreadableKeys(t *testing.T) {
	t.Setenv(pulumi.EnvConfig, `{`)
	_, err := load(t, "prod", base())
	require.ErrorContains(t, err, "parse the environment variable PULUMI_CONFIG")
}
