package rendered

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/pve-home/pve-home/templates"
)

// repository is an apt repository on this machine, signed with a key of its own.
type repository struct {
	url         string
	fingerprint string
	environment []string
	folder      string
	aptFolder   string
}

func newRepository(t *testing.T, packages string) repository {
	t.Helper()
	for name, debianPackage := range map[string]string{"apt-get": "apt", "curl": "curl", "gpg": "gnupg"} {
		program(t, name, debianPackage)
	}
	folder := t.TempDir()
	r := repository{folder: folder, aptFolder: filepath.Join(folder, "etc")}

	// A socket's path has to be short.
	gnupg, err := os.MkdirTemp("", "gnupg-")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = run(t, []string{"GNUPGHOME=" + gnupg}, "gpgconf", "--kill", "all")
		_ = os.RemoveAll(gnupg)
	})
	gpg := func(args ...string) string {
		output, err := run(t, []string{"GNUPGHOME=" + gnupg}, "gpg", append([]string{"--batch", "--quiet", "--passphrase", ""}, args...)...)
		require.NoError(t, err, output)
		return output
	}
	for _, name := range []string{"publisher", "stranger"} {
		gpg("--quick-generate-key", name, "ed25519", "sign", "never")
	}
	for line := range strings.SplitSeq(gpg("--with-colons", "--list-keys", "publisher"), "\n") {
		if strings.HasPrefix(line, "fpr:") {
			r.fingerprint = strings.Split(line, ":")[9]
		}
	}
	require.Len(t, r.fingerprint, 40)

	// The key file holds a stranger's key too.
	write(t, folder, "www/gpg", gpg("--armor", "--export"), 0o644)
	release := "Origin: Test\nSuite: {}\nArchitectures: amd64\nComponents: stable\nSHA256:\n"
	release += fmt.Sprintf(" %x %d stable/binary-amd64/Packages\n", sha256.Sum256([]byte(packages)), len(packages))
	codename := osRelease(t)["VERSION_CODENAME"]
	for _, by := range []string{"publisher", "stranger"} {
		suite := filepath.Join("www", by, "dists", codename)
		write(t, folder, filepath.Join(suite, "stable/binary-amd64/Packages"), packages, 0o644)
		file := write(t, folder, filepath.Join(suite, "Release"), strings.Replace(release, "{}", codename, 1), 0o644)
		gpg("--local-user", by, "--clear-sign", "--output", filepath.Join(folder, suite, "InRelease"), file)
	}

	server := httptest.NewTLSServer(http.FileServer(http.Dir(filepath.Join(folder, "www"))))
	t.Cleanup(server.Close)
	r.url = server.URL
	authority := write(t, folder, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})), 0o644)
	for _, path := range []string{"state/lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/apt.conf.d"} {
		require.NoError(t, os.MkdirAll(filepath.Join(folder, path), 0o755))
	}
	config := write(t, folder, "apt.conf", fmt.Sprintf(`Dir::Etc %q; Dir::State %q; Dir::State::status %q; Dir::Cache %q; Dir::Log %q;
APT::Sandbox::User "root"; APT::Architecture "amd64"; APT::Architectures { "amd64"; }; APT::Get::Simulate "1";
Acquire::https::CAInfo %q; APT::Update::Post-Invoke-Success ""; #clear APT::Update; Acquire::Languages "none";
`, r.aptFolder, filepath.Join(folder, "state"), write(t, folder, "status", "", 0o644), filepath.Join(folder, "cache"), folder, authority), 0o644)
	r.environment = []string{"APT_FOLDER=" + r.aptFolder, "APT_CONFIG=" + config, "CURL_CA_BUNDLE=" + authority}
	return r
}

func osRelease(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("/etc/os-release")
	require.NoError(t, err)
	values := map[string]string{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if key, value, ok := strings.Cut(line, "="); ok {
			values[key] = strings.Trim(value, `"`)
		}
	}
	return values
}

// steps are the commands of a guest's first boot that run a script, without the script step.
func steps(t *testing.T, u templates.UserData, name string) [][]string {
	t.Helper()
	var document struct{ RunCmd [][]string }
	text, err := u.Render()
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal([]byte(text), &document))
	var found [][]string
	for _, command := range document.RunCmd {
		if len(command) > 1 && command[1] == name {
			found = append(found, command[2:])
		}
	}
	require.NotEmpty(t, found)
	return found
}

// published is a repository with three versions of each package.
func published(names ...string) string {
	var out strings.Builder
	for _, name := range names {
		for _, version := range []string{"5:28.5.2-1~debian.12~bookworm", "5:29.8.2-1~debian.12~bookworm", "5:30.0.0-1~debian.12~bookworm", "2.40.3-1", "5.6.0-1~debian.12", "99.0.0-1"} {
			fmt.Fprintf(&out, "Package: %s\nVersion: %s\nArchitecture: amd64\nFilename: %s.deb\nSize: 1\nSHA256: %064d\n\n", name, version, name, 0)
		}
	}
	return out.String()
}

var dockerPackages = []string{"docker-ce", "docker-ce-cli", "docker-ce-rootless-extras", "docker-compose-plugin", "containerd.io"}

// Real apt takes Docker from a repository that the script added: signed by the right key, at the pinned version.
func TestDockerIsInstalledFromItsRepository(t *testing.T) {
	for version, engine := range map[string]string{"": "5:29.8.2-1~debian.12~bookworm", "28": "5:28.5.2-1~debian.12~bookworm"} {
		t.Run("version "+version, func(t *testing.T) {
			r := newRepository(t, published(dockerPackages...))
			u := guest()
			u.Docker = &templates.Docker{Version: version}
			r.configure(t, u)
			for _, args := range steps(t, u, "apt-repository") {
				require.Equal(t, []string{"https://download.docker.com/linux/{id}", "{codename}", "stable", "https://download.docker.com/linux/{id}/gpg"}, args[1:5])
				output, err := r.add(t, "publisher", args)
				require.NoError(t, err, output)
			}
			sources, err := os.ReadFile(filepath.Join(r.aptFolder, "sources.list.d/docker.sources"))
			require.NoError(t, err)
			require.Contains(t, string(sources), "\nSuites: "+osRelease(t)["VERSION_CODENAME"]+"\n")

			for _, args := range steps(t, u, "apt-install") {
				output, err := run(t, r.environment, script(t, "apt-install"), args...)
				require.NoError(t, err, output)
				for _, name := range dockerPackages[:3] {
					require.Contains(t, output, "Inst "+name+" ("+engine+" ")
				}
				require.Contains(t, output, "Inst docker-compose-plugin (5.6.0-1~debian.12 ")
				require.Contains(t, output, "Inst containerd.io (")
			}
			// Without a version, as in an upgrade, the pin still holds.
			output, err := run(t, r.environment, "apt-get", "install", "docker-ce")
			require.NoError(t, err, output)
			require.Contains(t, output, "Inst docker-ce ("+engine+" ")
		})
	}
}

// configure writes the files that the first boot writes for apt.
func (r repository) configure(t *testing.T, u templates.UserData) {
	t.Helper()
	files, err := u.Files()
	require.NoError(t, err)
	for _, f := range files {
		if name, ok := strings.CutPrefix(f.Path, "/etc/apt/"); ok {
			write(t, r.aptFolder, name, f.Content, 0o644)
		}
	}
}

// add runs apt-repository with the arguments of a first boot, but for the publisher's address.
func (r repository) add(t *testing.T, signedBy string, args []string) (string, error) {
	t.Helper()
	return run(t, r.environment, script(t, "apt-repository"), args[0], r.url+"/"+signedBy, args[2], args[3], r.url+"/gpg", r.fingerprint)
}

// A version that the repository does not have is an error, not another version.
func TestVersionThatIsNotThere(t *testing.T) {
	r := newRepository(t, published(dockerPackages...))
	u := guest()
	u.Docker = &templates.Docker{Version: "29.8.3"}
	output, err := r.add(t, "publisher", steps(t, u, "apt-repository")[0])
	require.NoError(t, err, output)
	output, err = run(t, r.environment, script(t, "apt-install"), steps(t, u, "apt-install")[0]...)
	require.Error(t, err)
	require.Contains(t, output, "Version '5:29.8.3*' for 'docker-ce' was not found")
}

// A key that stands in the same file as the publisher's is not trusted.
func TestRepositorySignedByAStranger(t *testing.T) {
	r := newRepository(t, published(dockerPackages...))
	args := steps(t, guest("docker"), "apt-repository")[0]
	output, err := r.add(t, "stranger", args)
	require.NoError(t, err, output)
	output, err = run(t, r.environment, "apt-get", "update")
	require.Error(t, err)
	require.Contains(t, output, "NO_PUBKEY")
}

// A key with another fingerprint adds no repository.
func TestKeyWithAnotherFingerprint(t *testing.T) {
	r := newRepository(t, published(dockerPackages...))
	r.fingerprint = strings.Repeat("0", 40)
	output, err := r.add(t, "publisher", steps(t, guest("docker"), "apt-repository")[0])
	require.Error(t, err)
	require.Contains(t, output, "has no key "+r.fingerprint)
	require.NoDirExists(t, filepath.Join(r.aptFolder, "sources.list.d"))
}

// Of the agents that Grafana's repository has, the pinned version is taken.
func TestLogAgentIsInstalledFromItsRepository(t *testing.T) {
	for name, want := range map[string]string{"alloy": templates.AlloyVersion + "-1", "promtail": "3.5.12"} {
		r := newRepository(t, strings.NewReplacer("5:29.8.2-1~debian.12~bookworm", want).Replace(published(name)))
		u := guest(name)
		r.configure(t, u)
		args := steps(t, u, "apt-repository")[0]
		require.Equal(t, []string{"https://apt.grafana.com", "stable", "main", "https://apt.grafana.com/gpg.key"}, args[1:5])
		args[2], args[3] = "{codename}", "stable"
		output, err := r.add(t, "publisher", args)
		require.NoError(t, err, output)
		output, err = run(t, r.environment, script(t, "apt-install"), steps(t, u, "apt-install")[0]...)
		require.NoError(t, err, output)
		require.Contains(t, output, "Inst "+name+" ("+want+" ")
	}
}
