package templates

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write the golden files")

// everything is user-data with all that there is.
func everything() UserData {
	return UserData{
		Hostname: "web", FQDN: "web.home.arpa", Username: "admin", SSHPublicKeys: []string{"ssh-ed25519 AAAA me"},
		HardenSSH: true, GuestAgent: true, Timezone: "Europe/Vienna", Locale: "de_AT.UTF-8", Packages: []string{"htop", "curl"},
		UnattendedUpgrades: &UnattendedUpgrades{RebootAt: "04:30"},
		TimeSync:           &TimeSync{Client: TimeClientChrony, Servers: []string{"192.168.1.1"}},
		SwapMiB:            512, GrowRoot: true,
		DataDisks:    []DataDisk{{SCSI: 1, MountPoint: "/srv/data"}, {SCSI: 2, MountPoint: "/srv/media", Filesystem: FilesystemXFS}},
		Docker:       &Docker{RegistryMirrors: []string{"https://mirror.home.arpa"}, DataRoot: "/srv/data/docker"},
		NodeExporter: &NodeExporter{ListenAddress: "192.168.1.21"},
		LogAgent:     &LogAgent{LokiURL: "https://loki.home.arpa/loki/api/v1/push", Stack: "prod"},
	}
}

func TestUserData(t *testing.T) {
	for name, u := range map[string]UserData{
		"foundation": {Hostname: "web", FQDN: "web.home.arpa", Username: "admin", SSHPublicKeys: []string{"ssh-ed25519 AAAA me"}, GuestAgent: true},
		"everything": everything(),
	} {
		t.Run(name, func(t *testing.T) {
			text, err := u.Render()
			require.NoError(t, err)
			golden := filepath.Join("testdata", name+".yaml")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(text), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), text, "write it anew with: go test ./templates -update")
		})
	}
}

func TestUserDataWithoutAgentAndDomain(t *testing.T) {
	text, err := UserData{Hostname: "web", Username: "admin"}.Render()
	require.NoError(t, err)
	for _, absent := range []string{"fqdn", "qemu-guest-agent", "packages", "runcmd", "write_files"} {
		require.NotContains(t, text, absent)
	}
}

func TestUserDataStaysSmall(t *testing.T) {
	text, err := everything().Render()
	require.NoError(t, err)
	require.Less(t, len(text), 16<<10)
}

// The commands stand in cloud-config as they are given, and files with the content that was rendered.
func TestUserDataHoldsFilesAndSteps(t *testing.T) {
	u := everything()
	text, err := u.Render()
	require.NoError(t, err)
	var document struct {
		WriteFiles []struct{ Path, Permissions, Content string } `yaml:"write_files"`
		RunCmd     [][]string
		Packages   []string
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &document))

	files, err := u.Files()
	require.NoError(t, err)
	require.Len(t, document.WriteFiles, len(files))
	scripts := map[string]bool{}
	for i, f := range files {
		written := document.WriteFiles[i]
		require.Equal(t, f, File{Path: written.Path, Mode: written.Permissions, Content: written.Content})
		scripts[f.Path] = f.Mode == "0755"
	}
	for _, command := range document.RunCmd[1:] {
		require.True(t, scripts[command[0]], "%s is not among the scripts", command[0])
		if len(command) > 1 && command[1] != "systemctl" {
			require.True(t, scripts[scriptFolder+"/"+command[1]], "%s is not among the scripts", command[1])
		}
	}
	require.Equal(t, []string{"/usr/local/lib/pve-home/report-steps"}, document.RunCmd[len(document.RunCmd)-1])
	require.Equal(t, []string{
		"qemu-guest-agent", "unattended-upgrades", "xfsprogs", "ca-certificates", "curl", "gnupg", "prometheus-node-exporter", "htop",
	}, document.Packages)
}

func TestSudoRule(t *testing.T) {
	text, err := UserData{Hostname: "web", Username: "admin", Sudo: SudoNone}.Render()
	require.NoError(t, err)
	require.NotContains(t, text, "sudo")
	require.Contains(t, text, "lock_passwd: true")
}

// Docker's logs go where the agent reads them, or else into files of limited size.
func TestDockerLogs(t *testing.T) {
	u := everything()
	require.Contains(t, content(t, u, "/etc/docker/daemon.json"), `"log-driver": "journald"`)
	u.LogAgent = nil
	require.Contains(t, content(t, u, "/etc/docker/daemon.json"), `"max-size": "10m"`)
}

func TestVersions(t *testing.T) {
	for version, pattern := range map[string]string{"29": "29.*", "29.8": "29.8.*", "29.8.2": "29.8.2*"} {
		require.Equal(t, pattern, versionPattern(version))
	}
	u := everything()
	u.Docker = &Docker{Version: "28", ComposeVersion: "2.40.3"}
	require.Equal(t, `Package: docker-ce docker-ce-cli docker-ce-rootless-extras
Pin: version 5:28.*
Pin-Priority: 1000

Package: docker-compose-plugin
Pin: version 2.40.3*
Pin-Priority: 1000
`, content(t, u, "/etc/apt/preferences.d/pve-home-docker"))
}

func content(t *testing.T, u UserData, path string) string {
	t.Helper()
	files, err := u.Files()
	require.NoError(t, err)
	for _, f := range files {
		if f.Path == path {
			return f.Content
		}
	}
	require.Fail(t, "no file "+path)
	return ""
}

func TestValuesThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(*UserData){
		`sudo rule "all"`:                   func(u *UserData) { u.Sudo = "all" },
		`time zone "../etc/passwd"`:         func(u *UserData) { u.Timezone = "../etc/passwd" },
		`locale "german"`:                   func(u *UserData) { u.Locale = "german" },
		`swap of -1 MiB`:                    func(u *UserData) { u.SwapMiB = -1 },
		`package "--purge"`:                 func(u *UserData) { u.Packages = []string{"--purge"} },
		`reboot at "24:00"`:                 func(u *UserData) { u.UnattendedUpgrades.RebootAt = "24:00" },
		`time client "ntpd"`:                func(u *UserData) { u.TimeSync.Client = "ntpd" },
		`time server "a b"`:                 func(u *UserData) { u.TimeSync.Servers = []string{"a b"} },
		`data disk scsi0: give 1 to 30`:     func(u *UserData) { u.DataDisks[0].SCSI = 0 },
		`mount point "/srv/a b" of scsi1`:   func(u *UserData) { u.DataDisks[0].MountPoint = "/srv/a b" },
		`mount point "/srv/../etc"`:         func(u *UserData) { u.DataDisks[0].MountPoint = "/srv/../etc" },
		`mount point /srv/media is there`:   func(u *UserData) { u.DataDisks[0].MountPoint = "/srv/media" },
		`data disk scsi2 is there twice`:    func(u *UserData) { u.DataDisks[0].SCSI = 2 },
		`file system "zfs" of scsi1`:        func(u *UserData) { u.DataDisks[0].Filesystem = "zfs" },
		`version "latest" of Docker`:        func(u *UserData) { u.Docker.Version = "latest" },
		`version "5\n" of Docker`:           func(u *UserData) { u.Docker.ComposeVersion = "5\n" },
		`registry mirror "mirror"`:          func(u *UserData) { u.Docker.RegistryMirrors = []string{"mirror"} },
		`Docker's data root "docker"`:       func(u *UserData) { u.Docker.DataRoot = "docker" },
		`node exporter listens on "eth0"`:   func(u *UserData) { u.NodeExporter.ListenAddress = "eth0" },
		`listens on "fe80::1%eth0"`:         func(u *UserData) { u.NodeExporter.ListenAddress = "fe80::1%eth0" },
		`log agent "vector"`:                func(u *UserData) { u.LogAgent.Kind = "vector" },
		`version "1.2.3.4" of log agent`:    func(u *UserData) { u.LogAgent.Version = "1.2.3.4" },
		`Loki's URL: give one`:              func(u *UserData) { u.LogAgent.LokiURL = "" },
		`user-data is no place for a passw`: func(u *UserData) { u.LogAgent.LokiURL = "https://me:secret@loki/push" },
		`log agent: no stack`:               func(u *UserData) { u.LogAgent.Stack = "" },
	} {
		t.Run(want, func(t *testing.T) {
			u := everything()
			change(&u)
			_, err := u.Render()
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := UserData{Sudo: "all", SwapMiB: -1}.Render()
	require.ErrorContains(t, err, "sudo rule")
	require.ErrorContains(t, err, "swap")
}

func TestRenderNamesTheTemplate(t *testing.T) {
	_, err := render("cloud-init/missing.tmpl", nil)
	require.ErrorContains(t, err, "cloud-init/missing.tmpl")
	_, err = render("cloud-init/user-data.yaml.tmpl", struct{}{})
	require.ErrorContains(t, err, "cloud-init/user-data.yaml.tmpl")
}

// FuzzQuoting: whatever a value or a file holds, YAML gives it back.
func FuzzQuoting(f *testing.F) {
	for _, seed := range []string{
		"", "a", "a\nb\n", "  indented\nb\n", "\n\na\n", "a\n\n\n", "key: [value\n", "tab\there\n", "a\r\nb\n", "- a\n# b\n", "\"quoted\"\n",
		"unicode \u00fc \u2028 \u0085\n", strings.Repeat("long ", 100) + "\n", "a\n \nb\n", " \n", "%d\n---\n...\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ToValidUTF8(text, "") != text {
			t.Skip("files are text")
		}
		block, err := literal(4, text)
		require.NoError(t, err)
		quoted, err := quote(text)
		require.NoError(t, err)
		var document struct {
			Files []struct{ Content, Quoted string }
		}
		require.NoError(t, yaml.Unmarshal([]byte("files:\n  - quoted: "+quoted+"\n    content: "+block+"\n"), &document), block)
		require.Equal(t, text, document.Files[0].Content)
		require.Equal(t, text, document.Files[0].Quoted)
	})
}
