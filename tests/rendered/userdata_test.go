package rendered

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/pve-home/pve-home/templates"
)

// The modules' keys that the template uses: `cloud-init schema` lets a misspelt top-level key pass.
var cloudConfigKeys = []string{
	"hostname", "fqdn", "manage_etc_hosts", "users", "ssh_pwauth", "disable_root", "timezone", "locale", "ntp", "growpart", "resize_rootfs",
	"swap", "write_files", "package_update", "packages", "runcmd", "updates",
}

func TestUserDataIsReadByCloudInit(t *testing.T) {
	cloudInit := program(t, "cloud-init", "cloud-init")
	for name, u := range guests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, t.TempDir(), "user-data.yaml", document(t, u), 0o600)
			output, err := run(t, nil, cloudInit, "schema", "--config-file", file)
			require.NoError(t, err, output)
		})
	}
}

// Each two switches together still make a document whose keys are known and stand there once.
func TestSwitchesCombine(t *testing.T) {
	names := switchNames()
	for i, one := range names {
		for _, other := range names[i+1:] {
			document(t, guest(one, other))
			document(t, guest(other, one))
		}
	}
}

func document(t *testing.T, u templates.UserData) string {
	t.Helper()
	text, err := u.Render()
	require.NoError(t, err)
	var document map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &document), text)
	for key := range document {
		require.Contains(t, cloudConfigKeys, key)
	}
	return text
}

// TestCloudInitRefusesNonsense proves that the program really reads the file.
func TestCloudInitRefusesNonsense(t *testing.T) {
	cloudInit := program(t, "cloud-init", "cloud-init")
	for _, nonsense := range []string{"users: 7\n", "write_files: [{content: x}]\n", "ntp: {ntp_client: [x]}\n", "swap: {size: [1]}\n", "runcmd: 7\n"} {
		file := write(t, t.TempDir(), "user-data.yaml", "#cloud-config\n"+nonsense, 0o600)
		_, err := run(t, nil, cloudInit, "schema", "--config-file", file)
		require.Error(t, err, nonsense)
	}
}
