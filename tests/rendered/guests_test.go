package rendered

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/templates"
)

const sshKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUmeLqQSfJf0qBLAAkgEgRBzZ2pGVqhmjVxbXkkEX7N me"

// evil would be syntax in each of the formats, were it not quoted.
const evil = "x\"'`$(id)\\ {{yaml}}: [#\u0085&*!|>%@\n- <<END"

// switches each change one thing of a guest.
var switches = map[string]func(*templates.UserData){
	"domain": func(u *templates.UserData) { u.FQDN = "web.home.arpa" },
	"agent":  func(u *templates.UserData) { u.GuestAgent = true },
	"two keys": func(u *templates.UserData) {
		u.SSHPublicKeys = []string{sshKey, sshKey + ` "quoted": {yaml} # and all`}
	},
	"no sudo":          func(u *templates.UserData) { u.Sudo = templates.SudoNone },
	"hardened ssh":     func(u *templates.UserData) { u.HardenSSH = true },
	"time zone":        func(u *templates.UserData) { u.Timezone = "Europe/Vienna" },
	"locale":           func(u *templates.UserData) { u.Locale = "de_AT.UTF-8" },
	"packages":         func(u *templates.UserData) { u.Packages = []string{"htop"} },
	"upgrades":         func(u *templates.UserData) { u.UnattendedUpgrades = &templates.UnattendedUpgrades{} },
	"upgrades, reboot": func(u *templates.UserData) { u.UnattendedUpgrades = &templates.UnattendedUpgrades{RebootAt: "04:30"} },
	"time":             func(u *templates.UserData) { u.TimeSync = &templates.TimeSync{} },
	"time by chrony": func(u *templates.UserData) {
		u.TimeSync = &templates.TimeSync{Client: templates.TimeClientChrony, Servers: []string{"192.168.1.1"}}
	},
	"time by timesyncd": func(u *templates.UserData) {
		u.TimeSync = &templates.TimeSync{Client: templates.TimeClientTimesyncd, Servers: []string{"ntp.home.arpa", "2001:db8::1"}}
	},
	"swap":      func(u *templates.UserData) { u.SwapMiB = 512 },
	"grow root": func(u *templates.UserData) { u.GrowRoot = true },
	"data disks": func(u *templates.UserData) {
		u.DataDisks = []templates.DataDisk{{SCSI: 1, MountPoint: "/srv/data"}, {SCSI: 2, MountPoint: "/srv/media", Filesystem: templates.FilesystemXFS}}
	},
	"docker": func(u *templates.UserData) { u.Docker = &templates.Docker{} },
	"docker, all": func(u *templates.UserData) {
		u.Docker = &templates.Docker{
			Version: "28", ComposeVersion: "2.40.3", DataRoot: "/srv/data/docker",
			RegistryMirrors: []string{"https://mirror.home.arpa", "http://192.168.1.1:5000"},
		}
	},
	"node exporter":         func(u *templates.UserData) { u.NodeExporter = &templates.NodeExporter{} },
	"node exporter on IPv4": func(u *templates.UserData) { u.NodeExporter = &templates.NodeExporter{ListenAddress: "127.0.0.1"} },
	"node exporter on IPv6": func(u *templates.UserData) { u.NodeExporter = &templates.NodeExporter{ListenAddress: "::1"} },
	"alloy": func(u *templates.UserData) {
		u.LogAgent = &templates.LogAgent{LokiURL: "https://loki.home.arpa/loki/api/v1/push", Stack: "prod"}
	},
	"promtail": func(u *templates.UserData) {
		u.LogAgent = &templates.LogAgent{Kind: templates.LogAgentPromtail, LokiURL: "http://192.168.1.30:3100/loki/api/v1/push", Stack: "lab", Version: "3.5"}
	},
	"labels that could be syntax": func(u *templates.UserData) {
		u.LogAgent = &templates.LogAgent{LokiURL: "https://loki.home.arpa/?a=%22", Stack: evil, Host: evil}
	},
}

// guests are a guest with nothing, one for each switch and one with all of them.
func guests() map[string]templates.UserData {
	all := map[string]templates.UserData{"foundation": guest()}
	for name := range switches {
		all[name] = guest(name)
	}
	all["everything"] = guest(switchNames()...)
	return all
}

func switchNames() []string { return slices.Sorted(maps.Keys(switches)) }

// guest is a guest with some switches on. Of two that set the same thing the last one wins.
func guest(names ...string) templates.UserData {
	u := templates.UserData{Hostname: "web", Username: "admin", SSHPublicKeys: []string{sshKey}}
	for _, name := range names {
		switches[name](&u)
	}
	return u
}

// texts are the different contents that a file gets, by the name of a guest.
func texts(t *testing.T, path string) map[string]string {
	t.Helper()
	found, seen := map[string]string{}, map[string]bool{}
	for name, u := range guests() {
		files, err := u.Files()
		require.NoError(t, err, name)
		for _, f := range files {
			if f.Path == path && !seen[f.Content] {
				found[name], seen[f.Content] = f.Content, true
			}
		}
	}
	require.NotEmpty(t, found, "no guest has %s", path)
	return found
}

// fileOf is a file that a guest gets.
func fileOf(t *testing.T, u templates.UserData, path string) string {
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

// script returns the path of a script of the first boot.
func script(t *testing.T, name string) string {
	t.Helper()
	folder := t.TempDir()
	var path string
	for file, content := range scripts(t) {
		written := write(t, folder, file, content, 0o755)
		if file == name {
			path = written
		}
	}
	require.NotEmpty(t, path, "no script %s", name)
	return path
}

// scripts are the scripts of the first boot by name.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	const folder = "/usr/local/lib/pve-home/"
	found := map[string]string{}
	for name, u := range guests() {
		files, err := u.Files()
		require.NoError(t, err, name)
		for _, f := range files {
			if strings.HasPrefix(f.Path, folder) {
				require.Equal(t, "0755", f.Mode)
				found[strings.TrimPrefix(f.Path, folder)] = f.Content
			}
		}
	}
	return found
}
