// Package rendered lets the real program behind every rendered file read it.
package rendered

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/pve-home/pve-home/templates"
)

const programTimeout = time.Minute

// program finds a program. Where CI runs, a missing one is a failure.
func program(t *testing.T, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "%s is missing: apt-get install %s", name, debianPackage)
		t.Skipf("%s is not installed (apt-get install %s)", name, debianPackage)
	}
	return path
}

// The modules' keys that the template uses: `cloud-init schema` lets a misspelt top-level key pass.
var cloudConfigKeys = []string{
	"hostname", "fqdn", "manage_etc_hosts", "users", "ssh_pwauth", "disable_root", "package_update", "packages", "runcmd", "updates",
}

func TestUserDataIsReadByCloudInit(t *testing.T) {
	cloudInit := program(t, "cloud-init", "cloud-init")
	key := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUmeLqQSfJf0qBLAAkgEgRBzZ2pGVqhmjVxbXkkEX7N me"
	for _, agent := range []bool{true, false} {
		for _, fqdn := range []string{"", "web.home.arpa"} {
			for _, keys := range [][]string{{key}, {key, key + ` "quoted": {yaml} # and all`}} {
				t.Run(fmt.Sprintf("agent %v, fqdn %q, %d keys", agent, fqdn, len(keys)), func(t *testing.T) {
					text, err := templates.UserData{
						Hostname: "web", FQDN: fqdn, Username: "admin", SSHPublicKeys: keys, GuestAgent: agent,
					}.Render()
					require.NoError(t, err)

					var document map[string]any
					require.NoError(t, yaml.Unmarshal([]byte(text), &document))
					for name := range document {
						require.Contains(t, cloudConfigKeys, name)
					}

					file := filepath.Join(t.TempDir(), "user-data.yaml")
					require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
					ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
					defer cancel()
					output, err := exec.CommandContext(ctx, cloudInit, "schema", "--config-file", file).CombinedOutput()
					require.NoError(t, err, "%s\n%s", output, text)
				})
			}
		}
	}
}

// TestCloudInitRefusesNonsense proves that the program really reads the file.
func TestCloudInitRefusesNonsense(t *testing.T) {
	cloudInit := program(t, "cloud-init", "cloud-init")
	file := filepath.Join(t.TempDir(), "user-data.yaml")
	require.NoError(t, os.WriteFile(file, []byte("#cloud-config\nusers: 7\n"), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	require.Error(t, exec.CommandContext(ctx, cloudInit, "schema", "--config-file", file).Run())
}
