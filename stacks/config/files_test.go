package config

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// told is what `pulumi config --json --show-secrets` says of these settings.
func told(t testing.TB, values map[string]any) map[string]Value {
	t.Helper()
	all := map[string]Value{}
	for key, text := range wire(t, values) {
		all[key] = Value{Text: text, Secret: slices.Contains(secretKeys, key[len(project)+1:])}
	}
	return all
}

func TestResolveIsLoad(t *testing.T) {
	for _, stack := range []string{"prod", "lab", "monitoring"} {
		values := merged(whatUsersSet(), stackFile(t, stack))
		loaded, err := load(t, stack, values)
		require.NoError(t, err)
		resolved, login, err := Resolve(project, stack, told(t, values))
		require.NoError(t, err)
		require.Equal(t, loaded, resolved)
		require.Zero(t, login)
	}
}

func TestResolveFindsTheSameProblems(t *testing.T) {
	values := merged(base(), map[string]any{"network": "192.168.1.0"})
	_, loadErr := load(t, "prod", values)
	_, _, err := Resolve(project, "prod", told(t, values))
	require.EqualError(t, err, loadErr.Error())

	_, _, err = Resolve(project, "prod", told(t, merged(base(), map[string]any{"memory": 1})))
	require.ErrorContains(t, err, "memory: is an unknown key")
}

func TestResolveSecrets(t *testing.T) {
	key := privateKey(t, "")
	values := told(t, merged(base(), map[string]any{"proxmoxSshPrivateKey": key, "proxmoxSshPassword": "hunter2"}))
	cfg, login, err := Resolve(project, "prod", values)
	require.NoError(t, err)
	require.Equal(t, SSHLogin{PrivateKey: key, Password: "hunter2"}, login)
	require.True(t, isSecret(t, cfg.Proxmox.SSHPrivateKey))
	require.True(t, isSecret(t, cfg.Proxmox.SSHPassword))
	require.Equal(t, "hunter2", valueOf(t, cfg.Proxmox.SSHPassword))

	values[project+":proxmoxSshPassword"] = Value{Text: "hunter2"}
	_, _, err = Resolve(project, "prod", values)
	require.ErrorContains(t, err, "proxmoxSshPassword: is stored in clear in Pulumi.prod.yaml")
	require.NotContains(t, err.Error(), "hunter2")
}
