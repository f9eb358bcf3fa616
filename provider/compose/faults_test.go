package compose_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/provider/compose/guesttest"
)

func (i inputs) withTimeout(name string, seconds float64) inputs {
	return i.with("timeouts", property.New(i["timeouts"].AsMap().Set(name, property.New(seconds))))
}

func content(t *testing.T, g *guesttest.Guest, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(g.Dir, "app", "current", name))
	require.NoError(t, err)
	return string(content)
}

func TestFailingReleaseIsRolledBack(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	g.Docker.Set("web", guesttest.Outcome{Reads: "web.conf", Logs: "parse error near 'broken', token " + secretKey + "\n"})
	d := create(t, s, app(g))

	_, err := d.tryUpdate(t, s, app(g).withFile("web.conf", file("broken")))
	require.NotErrorAs(t, err, &initFailed{}, "the guest is as it was, and so is the state")
	require.ErrorContains(t, err, "exited (1)")
	require.ErrorContains(t, err, "parse error near 'broken'")
	require.ErrorContains(t, err, "runs the previous release")
	require.NotContains(t, err.Error(), secretKey)
	require.Equal(t, "running", g.Docker.Container("web").State)
	require.Equal(t, "one", content(t, g, "web.conf"))
	releases, err := os.ReadDir(filepath.Join(g.Dir, "app", "releases"))
	require.NoError(t, err)
	require.Len(t, releases, 1, "the failed release is gone")

	d.update(t, s, app(g).withFile("web.conf", file("two")))
	require.Equal(t, "two", content(t, g, "web.conf"))
}

func TestBrokenServiceIsMendedByTheNextRelease(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	g.Docker.Set("web", guesttest.Outcome{Reads: "web.conf"})
	d := create(t, s, app(g))
	require.NoError(t, os.WriteFile(filepath.Join(g.Dir, "app", "current", "web.conf"), []byte("broken"), 0o644))
	g.Docker.Change("web", func(c *guesttest.Container) { c.State, c.ExitCode = "exited", 1 })
	d.update(t, s, app(g))
	require.Equal(t, "one", content(t, g, "web.conf"))
	require.Equal(t, "running", g.Docker.Container("web").State)
}

func TestFailedFirstReleaseLeavesNothing(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	g.Docker.Set("web", guesttest.Outcome{Unhealthy: true, Logs: "cannot listen"})
	_, err := tryCreate(t, s, app(g))
	require.NotErrorAs(t, err, &initFailed{})
	require.ErrorContains(t, err, "unhealthy")
	require.ErrorContains(t, err, "cannot listen")
	require.Empty(t, g.Docker.Container("db").ID)
	require.NoDirExists(t, filepath.Join(g.Dir, "app"))
	require.Equal(t, []string{"app_data"}, g.Docker.Volumes(), "volumes stay")
	g.Docker.Set("web", guesttest.Outcome{})
	create(t, s, app(g))
}

func TestInvalidComposeFileIsRefusedBeforeTheSwitch(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	_, err := tryCreate(t, s, app(g).withFile("compose.yaml", file("services: [")))
	require.ErrorContains(t, err, "the compose files are not valid")
	require.NoDirExists(t, filepath.Join(g.Dir, "app"))

	d := create(t, s, app(g))
	release := d.state.Get("release").AsString()
	g.Commands()
	_, err = d.tryUpdate(t, s, app(g).withFile("compose.yaml", file("services: [")))
	require.ErrorContains(t, err, "the compose files are not valid")
	current, err := os.Readlink(filepath.Join(g.Dir, "app", "current"))
	require.NoError(t, err)
	require.Equal(t, "releases/"+release, current)
	releases, err := os.ReadDir(filepath.Join(g.Dir, "app", "releases"))
	require.NoError(t, err)
	require.Len(t, releases, 1, "the refused release is gone")
	for _, command := range g.Commands() {
		require.NotContains(t, command, " up ")
	}
}

func TestMountThatWouldBeLostIsRefused(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	mounts := file("services:\n  web:\n    volumes: ['./data:/data']\n")
	_, err := tryCreate(t, s, app(g).withFile("compose.yaml", mounts))
	require.ErrorContains(t, err, "web mounts ./data, which is none of the files")

	hook := func(command ...string) property.Value {
		var argv []property.Value
		for _, arg := range command {
			argv = append(argv, text(arg))
		}
		return property.New(property.NewArray([]property.Value{object(map[string]property.Value{"command": property.New(property.NewArray(argv))})}))
	}
	// A hook may make it, and if it did not, that is said.
	g.Answer("env ", 0, "")
	_, err = tryCreate(t, s, app(g).withFile("compose.yaml", mounts).with("beforeUp", hook("make-data")))
	require.ErrorContains(t, err, "web mounts ./data")
	require.Contains(t, strings.Join(g.Commands(), "\n"), "/app/current timeout --kill-after=10 300 make-data")
	g.Answer("env ", 3, "no such table")
	_, err = tryCreate(t, s, app(g).with("beforeUp", hook("make-data", "it's")))
	require.ErrorContains(t, err, "beforeUp[0] (make-data) exited with status 3: no such table")
	require.Contains(t, strings.Join(g.Commands(), "\n"), `make-data 'it'\''s'`)
	require.NoDirExists(t, filepath.Join(g.Dir, "app"))
}

func TestConnectionLostWhileServicesStart(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	g.CutOn(" up ")
	d, err := tryCreate(t, s, app(g))
	require.ErrorAs(t, err, &initFailed{}, "the engine keeps the resource, so that destroy finds it")
	require.ErrorContains(t, err, "was lost during")
	require.ErrorContains(t, err, "next `pulumi up` completes")
	require.NotEmpty(t, d.id)
	require.Contains(t, keys(d.diff(t, s, app(g))), "release")
	d = d.update(t, s, app(g))
	require.Equal(t, "running", g.Docker.Container("web").State)

	g.CutOn(" up ")
	changed := app(g).withFile("web.conf", file("two"))
	d, err = d.tryUpdate(t, s, changed)
	require.ErrorAs(t, err, &initFailed{})
	// Even taking the change back deploys.
	require.True(t, d.diff(t, s, app(g)).HasChanges)
	d = d.update(t, s, app(g))
	require.Equal(t, "one", content(t, g, "web.conf"))
	require.Empty(t, keys(d.diff(t, s, app(g))))
}

func TestConnectionLostAfterTheStartRestartsNothingTwice(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	changed := app(g).withFile("web.conf", file("two"))
	g.CutOn("docker compose --project-name app --project-directory " + filepath.Join(g.Dir, "app", "current") + " --file " + filepath.Join(g.Dir, "app", "current", "compose.yaml") + " --file " + filepath.Join(g.Dir, "app", "current", ".release.compose.json") + " ps")
	_, err := d.tryUpdate(t, s, changed)
	require.Error(t, err)
	d.update(t, s, changed)
	require.Equal(t, 2, g.Docker.Container("web").Starts)
	require.Equal(t, 1, g.Docker.Container("db").Starts)
}

// Ctrl-C ends a deployment soon, and the guest runs what it ran before.
func TestCancelledDeployment(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	g.Commands()
	g.Hang(" up ")
	ended := make(chan error, 1)
	go func() {
		_, err := d.tryUpdate(t, s, app(g).withFile("web.conf", file("two")))
		ended <- err
	}()
	require.Eventually(t, func() bool { return strings.Contains(strings.Join(g.Commands(), "\n"), " up ") }, 10*time.Second, 10*time.Millisecond)
	g.Forget() // the next one, which goes back, works
	start := time.Now()
	require.NoError(t, s.Cancel())
	err := <-ended
	require.ErrorContains(t, err, "context canceled")
	require.ErrorContains(t, err, "runs the previous release")
	require.Less(t, time.Since(start), 10*time.Second)
	require.Equal(t, "one", content(t, g, "web.conf"))
	for _, command := range g.Commands() {
		require.NotContains(t, command, " logs ", "who interrupts does not want to wait for evidence")
	}
}

func TestInterruptedUpload(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	big := app(g).withFile("big.txt", file(strings.Repeat("x", 1<<20)))
	g.CutUploadAfter(300_000)
	_, err := d.tryUpdate(t, s, big)
	require.NotErrorAs(t, err, &initFailed{})
	require.ErrorContains(t, err, "was not touched")
	partial, err := filepath.Glob(filepath.Join(g.Dir, "app", "releases", "*.partial"))
	require.NoError(t, err)
	require.Len(t, partial, 1)
	info, err := os.Stat(partial[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "an upload under way is nobody's business")
	info, err = os.Stat(filepath.Join(partial[0], "big.txt"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.Equal(t, "one", content(t, g, "web.conf"))

	d.update(t, s, big)
	partial, err = filepath.Glob(filepath.Join(g.Dir, "app", "releases", "*.partial"))
	require.NoError(t, err)
	require.Empty(t, partial)
	require.Len(t, content(t, g, "big.txt"), 1<<20)
}

func TestUploadIsBounded(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	g.Hang("docker compose --project-name") // validation is part of it
	_, err := tryCreate(t, s, app(g).withTimeout("uploadSeconds", 1))
	require.ErrorContains(t, err, "timeouts.uploadSeconds")
	require.NoDirExists(t, filepath.Join(g.Dir, "app"))
}

func TestGuestThatIsNotReady(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prefix string
		status int
		text   string
		want   string
	}{
		"no docker":     {"docker compose version", 127, "sh: 1: docker: not found", "install Docker Engine"},
		"no plugin":     {"docker compose version", 1, "docker: 'compose' is not a docker command.", "install docker-compose-plugin"},
		"no sudo":       {"docker compose version", 1, "sudo: a password is required", "NOPASSWD"},
		"no sftp":       {"/usr/lib/openssh/sftp-server", 127, "not found", "is openssh-sftp-server installed"},
		"no daemon":     {"timeout", 1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "Is the docker daemon running"},
		"compose hangs": {"timeout", 124, "", "did not end within"},
	} {
		s, g := server(t), guesttest.New(t)
		g.Answer(test.prefix, test.status, test.text)
		_, err := tryCreate(t, s, app(g))
		require.ErrorContains(t, err, test.want, name)
	}
}

func TestFailedFirstBootIsShown(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	const long = "status: error\nerrors:\n\t- ('scripts_user', RuntimeError('disk not found'))\n"
	g.Answer("cloud-init status --long", 1, "")
	g.Answer("cloud-init status --wait", 1, "")
	g.Answer("cloud-init status --long", 0, long)
	// Exit status 0 of --long means done: shown as a warning only.
	_, err := tryCreate(t, s, app(g).with("directory", text(filepath.Join(g.Dir, "a"))).with("projectName", text("a")))
	require.NoError(t, err)

	g.Answer("cloud-init status --long", 1, long)
	_, err = tryCreate(t, s, app(g).with("directory", text(filepath.Join(g.Dir, "b"))).with("projectName", text("b")))
	require.ErrorContains(t, err, "disk not found")
	// What was deployed before goes on being deployed.
	d.update(t, s, app(g).withFile("web.conf", file("two")))

	g.Forget()
	g.Hang("cloud-init status --wait")
	_, err = tryCreate(t, s, app(g).withTimeout("cloudInitSeconds", 1))
	require.ErrorContains(t, err, "timeouts.cloudInitSeconds")
}

func TestWaitsForSSH(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	g.Stop()
	time.AfterFunc(time.Second, func() { g.Rebuild(t) })
	create(t, s, app(g).withTimeout("connectSeconds", 30))
}

func TestFirstBootMayEndInAReboot(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	g.CutOn("cloud-init status --wait")
	d := create(t, s, app(g))
	g.CutOn("docker compose version")
	d.update(t, s, app(g).withFile("web.conf", file("two")))
	require.Equal(t, "two", content(t, g, "web.conf"))
}

func TestUnreachableGuestIsLookedAtAgainByTheNextUpdate(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	g.Stop()
	read, err := s.Read(p.ReadRequest{ID: d.id, Urn: urn, Properties: d.state, Inputs: d.inputs})
	require.NoError(t, err, "a refresh must not end because a guest is down")
	require.Equal(t, d.id, read.ID)
	d.state = read.Properties
	require.Equal(t, map[string]p.DiffKind{`services["db"]`: p.Update, `services["web"]`: p.Update}, keys(d.diff(t, s, app(g))))
	err = s.Delete(p.DeleteRequest{ID: d.id, Urn: urn, Properties: d.state})
	require.ErrorContains(t, err, "pulumi state delete")
	_, err = d.tryUpdate(t, s, app(g).withFile("web.conf", file("two")))
	require.ErrorContains(t, err, "no SSH on")
}

func TestSilentGuestIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never says anything
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	connection := app(g)["connection"].AsMap().Set("port", property.New(float64(listener.Addr().(*net.TCPAddr).Port)))
	start := time.Now()
	_, err = tryCreate(t, s, app(g).with("connection", property.New(connection)))
	require.ErrorContains(t, err, "no SSH on")
	require.Less(t, time.Since(start), 10*time.Second)
}

func TestWrongKeyIsRefusedInTime(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	other := guesttest.New(t)
	connection := app(g)["connection"].AsMap().Set("privateKey", text(other.PrivateKey))
	_, err := tryCreate(t, s, app(g).with("connection", property.New(connection)))
	require.ErrorContains(t, err, `refuses to log in "debian"`)
	require.ErrorContains(t, err, "authorized_keys")
}

func TestRebuiltGuestIsNeverAcceptedSilently(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	g.Rebuild(t)
	g.Commands()
	changed := app(g).withFile("web.conf", file("two"))
	_, err := d.tryUpdate(t, s, changed)
	require.ErrorContains(t, err, "is not the known one")
	require.ErrorContains(t, err, "pulumi up --replace")
	require.Empty(t, g.Commands())

	// As the message says: replace it. The old one then finds another machine and lets it be.
	replacement := create(t, s, changed)
	require.NoError(t, s.Delete(p.DeleteRequest{ID: d.id, Urn: urn, Properties: d.state}))
	require.Equal(t, "running", g.Docker.Container("web").State)

	// Or set the new key.
	g.Rebuild(t)
	_, err = replacement.tryUpdate(t, s, changed)
	require.ErrorContains(t, err, "is not the known one")
	g2 := create(t, s, changed) // learns the key
	key := g2.state.Get("hostKey").AsString()
	require.NoError(t, s.Delete(p.DeleteRequest{ID: g2.id, Urn: urn, Properties: g2.state}))
	pinned := changed.with("connection", property.New(app(g)["connection"].AsMap().Set("hostKey", text(key))))
	require.Contains(t, keys(replacement.diff(t, s, pinned)), "connection.hostKey")
	replacement = replacement.update(t, s, pinned)
	require.Equal(t, key, replacement.state.Get("hostKey").AsString())
	require.Equal(t, "two", content(t, g, "web.conf"))
}
