package rendered

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScriptsAreReadByShellcheck(t *testing.T) {
	shellcheck := program(t, "shellcheck", "shellcheck")
	all := scripts(t)
	require.Len(t, all, 5)
	folder := t.TempDir()
	args := []string{"--norc", "--severity=style"}
	for name, content := range all {
		args = append(args, write(t, folder, name, content, 0o755))
	}
	output, err := run(t, nil, shellcheck, args...)
	require.NoError(t, err, output)
}

// sshd takes the first value that it reads, so what is included later cannot soften ours.
func TestSSHDropInIsReadBySSHD(t *testing.T) {
	asRoot(t)
	sshd := program(t, "sshd", "openssh-server")
	for _, content := range texts(t, "/etc/ssh/sshd_config.d/10-pve-home.conf") {
		folder := t.TempDir()
		hostKey := filepath.Join(folder, "key")
		_, err := run(t, nil, program(t, "ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", hostKey)
		require.NoError(t, err)
		write(t, folder, "sshd_config.d/10-pve-home.conf", content, 0o644)
		write(t, folder, "sshd_config.d/50-cloud-init.conf", "PasswordAuthentication yes\n", 0o644)
		config := write(t, folder, "sshd_config", "Include "+folder+"/sshd_config.d/*.conf\nHostKey "+hostKey+"\nPermitRootLogin yes\nX11Forwarding yes\nUsePAM yes\n", 0o644)
		require.NoError(t, os.MkdirAll("/run/sshd", 0o755)) // where sshd gives up its privileges
		output, err := run(t, nil, sshd, "-T", "-f", config)
		require.NoError(t, err, output)
		for _, want := range []string{
			"passwordauthentication no", "kbdinteractiveauthentication no", "permitrootlogin no", "permitemptypasswords no",
			"pubkeyauthentication yes", "authenticationmethods publickey", "allowtcpforwarding local", "x11forwarding no",
		} {
			require.Contains(t, strings.Split(output, "\n"), want)
		}
	}
}

func TestUnattendedUpgradesAreReadByApt(t *testing.T) {
	aptConfig := program(t, "apt-config", "apt")
	for name, content := range texts(t, "/etc/apt/apt.conf.d/60pve-home-unattended-upgrades") {
		folder := t.TempDir()
		// As Debian's and Ubuntu's packages have it.
		write(t, folder, "50unattended-upgrades", `Unattended-Upgrade::Origins-Pattern { "origin=Debian,codename=${distro_codename},label=Debian"; };
Unattended-Upgrade::Allowed-Origins { "${distro_id}:${distro_codename}-updates"; };
Unattended-Upgrade::Automatic-Reboot "true";
`, 0o644)
		write(t, folder, "60pve-home", content, 0o644)
		config := write(t, t.TempDir(), "apt.conf", `Dir::Etc::parts "`+folder+`"; Dir::Etc::main "/dev/null";`, 0o644)
		output, err := run(t, []string{"APT_CONFIG=" + config}, aptConfig, "dump", "Unattended-Upgrade", "APT::Periodic")
		require.NoError(t, err, output)
		require.NotContains(t, output, "-updates")
		require.NotContains(t, output, "label=Debian\"")
		require.Contains(t, output, `"origin=Debian,codename=${distro_codename}-security,label=Debian-Security"`)
		require.Contains(t, output, `"origin=Ubuntu,archive=${distro_codename}-security"`)
		require.Contains(t, output, `APT::Periodic::Unattended-Upgrade "1";`)
		if strings.Contains(name, "reboot") || name == "everything" {
			require.Contains(t, output, `Unattended-Upgrade::Automatic-Reboot-Time "04:30";`)
		} else {
			require.Contains(t, output, `Unattended-Upgrade::Automatic-Reboot "false";`)
		}
	}
}

// units of the packages that the drop-ins change, as far as systemd looks at them.
var units = map[string]string{
	"docker.service":                   "[Service]\nType=notify\nExecStart=/bin/true -H fd://\n",
	"prometheus-node-exporter.service": "[Service]\nEnvironmentFile=/dev/null\nExecStart=/bin/true $ARGS\n",
	"alloy.service":                    "[Service]\nType=notify\nExecStart=/bin/true run\n",
	"promtail.service":                 "[Service]\nExecStart=/bin/true -config.file /etc/promtail/config.yml\n",
}

func TestUnitsAreReadBySystemd(t *testing.T) {
	analyze := program(t, "systemd-analyze", "systemd")
	for unit, base := range units {
		for name, content := range texts(t, "/etc/systemd/system/"+unit+".d/pve-home.conf") {
			folder := t.TempDir()
			file := write(t, folder, unit, base, 0o644)
			// Programs of packages are not here.
			write(t, folder, unit+".d/pve-home.conf", strings.ReplaceAll(content, "/usr/bin/prometheus-node-exporter", "/bin/true"), 0o644)
			output, err := run(t, []string{"SYSTEMD_UNIT_PATH=" + folder + ":/usr/lib/systemd/system"}, analyze, "verify", "--man=no", "--recursive-errors=no", file)
			require.NoError(t, err, "%s: %s", name, output)
			require.NotContains(t, output, unit, "%s: systemd warns", name)
		}
	}
}

// TestSystemdRefusesNonsense proves that the drop-ins are read.
func TestSystemdRefusesNonsense(t *testing.T) {
	analyze := program(t, "systemd-analyze", "systemd")
	folder := t.TempDir()
	file := write(t, folder, "alloy.service", units["alloy.service"], 0o644)
	write(t, folder, "alloy.service.d/pve-home.conf", "[Service]\nStateDirectory=/absolute\n", 0o644)
	output, _ := run(t, []string{"SYSTEMD_UNIT_PATH=" + folder + ":/usr/lib/systemd/system"}, analyze, "verify", "--man=no", "--recursive-errors=no", file)
	require.Contains(t, output, "pve-home.conf")
}
