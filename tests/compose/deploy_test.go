package compose_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFirstDeployment(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "first")
	pr.secrets["token"] = map[string]any{"content": "s3cr3t", "mode": "0640", "owner": "0:1234"}
	pr.more["healthChecks"] = []any{map[string]any{"url": "http://127.0.0.1:" + strconv.Itoa(pr.port), "bodyContains": "one"}}
	pr.mustUp()
	require.Equal(t, "one", get(t, pr.port, "/"))
	require.Equal(t, "running", pr.state.Get("services").AsMap().Get("web").AsString())
	info, err := os.Stat(filepath.Join(pr.dir, "current", "token"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	require.Equal(t, uint32(1234), info.Sys().(*syscall.Stat_t).Gid)

	before := pr.container("web")
	pr.refresh()
	require.Empty(t, pr.changes())
	pr.mustUp()
	require.Equal(t, before, pr.container("web"), "nothing to do restarts nothing")

	// Compose mounts through the link, so that a restart by hand or after a reboot finds the release in use.
	id, _, _ := strings.Cut(before, " ")
	source, err := docker.client(t.Context(), nil, "inspect", "--format", "{{range .HostConfig.Binds}}{{.}}{{end}}{{range .HostConfig.Mounts}}{{.Source}}{{end}}", id)
	require.NoError(t, err)
	require.Contains(t, source, filepath.Join(pr.dir, "current", "app.conf"))
}

func TestChangedFileRestartsItsServiceAlone(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "alone")
	other := freePort(t)
	pr.file("compose.yaml", "services:\n"+pr.service("web", "./app.conf:/etc/app.conf:ro", "/etc/app.conf", pr.port)+
		pr.service("other", "./other:/etc/other:ro", "/etc/other/app.conf", other))
	pr.file("other/app.conf", "other")
	pr.mustUp()
	web, second := pr.container("web"), pr.container("other")
	// More changes than releases are kept: the folder that the other service mounts must live on.
	for _, content := range []string{"two", "three", "four"} {
		pr.file("app.conf", content)
		require.Equal(t, []string{`files["app.conf"].content`}, pr.changes())
		pr.mustUp()
		require.Equal(t, content, get(t, pr.port, "/"))
		require.NotEqual(t, web, pr.container("web"))
		require.Equal(t, second, pr.container("other"))
		require.Equal(t, "other", get(t, other, "/"))
		web = pr.container("web")
	}
	require.Len(t, pr.releases(), 4, "the last three, and the one that is mounted")
	pr.file("other/app.conf", "changed")
	pr.mustUp()
	require.Equal(t, "changed", get(t, other, "/"))
	require.Equal(t, web, pr.container("web"))
	require.Len(t, pr.releases(), 3)
}

func TestFailingReleaseIsRolledBack(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "failing")
	pr.mustUp()
	for word, want := range map[string]string{"fail": "cannot understand", "unhealthy": "not healthy: unhealthy"} {
		pr.file("app.conf", word)
		err := pr.up()
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "runs the previous release")
		require.NotContains(t, err.Error(), "unfinished")
		require.Equal(t, "one", get(t, pr.port, "/"))
		require.Len(t, pr.releases(), 1)
	}
	pr.file("app.conf", "two")
	pr.mustUp()
	require.Equal(t, "two", get(t, pr.port, "/"))
}

func TestFailedHealthCheckRollsBack(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "checked")
	pr.mustUp()
	pr.file("app.conf", "two")
	pr.more["healthChecks"] = []any{map[string]any{"url": "http://localhost:" + strconv.Itoa(pr.port), "bodyContains": "three"}}
	pr.more["timeouts"] = map[string]any{"healthSeconds": 2}
	require.ErrorContains(t, pr.up(), `does not contain "three": two`)
	require.Equal(t, "one", get(t, pr.port, "/"))
}

func TestFailedFirstReleaseLeavesNothing(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "nothing")
	pr.file("app.conf", "fail")
	require.ErrorContains(t, pr.up(), "cannot understand")
	require.Empty(t, pr.id)
	require.NoDirExists(t, pr.dir)
	require.Empty(t, pr.container("web"))
}

func TestInvalidComposeFileIsRefusedBeforeTheSwitch(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "invalid")
	pr.mustUp()
	before := pr.container("web")
	good := pr.files["compose.yaml"]
	pr.file("compose.yaml", "services:\n  web:\n    imagee: x\n")
	require.ErrorContains(t, pr.up(), "imagee")
	pr.file("compose.yaml", "services:\n  web:\n    image: "+image+"\n    volumes: ['./data:/data']\n")
	require.ErrorContains(t, pr.up(), "mounts ./data")
	require.Equal(t, before, pr.container("web"))
	require.Len(t, pr.releases(), 1)
	pr.files["compose.yaml"] = good
	require.Empty(t, pr.changes())
}

func TestConnectionLostWhileServicesStart(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "lost")
	pr.mustUp()
	old := pr.container("web")
	pr.file("app.conf", "slow start")
	done := make(chan error, 1)
	go func() { done <- pr.up() }()
	require.Eventually(t, func() bool { c := pr.container("web"); return c != "" && c != old }, 30*time.Second, 50*time.Millisecond)
	pr.server.cut()
	require.ErrorContains(t, <-done, "unfinished")
	require.Contains(t, pr.changes(), "release")
	pr.mustUp()
	require.Equal(t, "slow start", get(t, pr.port, "/"))
	require.Empty(t, pr.changes())
}

func TestInterruptedUpload(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "upload")
	pr.mustUp()
	before := pr.container("web")
	pr.file("big", strings.Repeat("x", 60<<20))
	done := make(chan error, 1)
	go func() { done <- pr.up() }()
	require.Eventually(t, func() bool {
		partial, err := filepath.Glob(filepath.Join(pr.dir, "releases", "*.partial", "big"))
		return err == nil && len(partial) > 0
	}, 30*time.Second, time.Millisecond)
	pr.server.cut()
	require.ErrorContains(t, <-done, "was not touched")
	require.Equal(t, before, pr.container("web"))
	partial, err := filepath.Glob(filepath.Join(pr.dir, "releases", "*.partial"))
	require.NoError(t, err)
	require.Len(t, partial, 1)
	delete(pr.files, "big")
	pr.file("app.conf", "two")
	pr.mustUp()
	require.Equal(t, "two", get(t, pr.port, "/"))
	require.Len(t, pr.releases(), 2)
}

func TestVolumesStayUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "volumes")
	compose := pr.files["compose.yaml"].(map[string]any)["content"].(string)
	pr.file("compose.yaml", strings.Replace(compose, `volumes: ["`, `volumes: ["data:/data", "`, 1)+"volumes: {data: {}}\n")
	volumes := func() string {
		names, err := docker.client(t.Context(), nil, "volume", "ls", "--quiet", "--filter", "name=volumes_data")
		require.NoError(t, err)
		return names
	}
	pr.mustUp()
	require.NoError(t, pr.delete())
	require.Empty(t, pr.container("web"))
	require.NoDirExists(t, pr.dir)
	require.Equal(t, "volumes_data", volumes())
	pr.more["removeVolumes"] = true
	pr.mustUp()
	require.NoError(t, pr.delete())
	require.Empty(t, volumes())
}

func TestDriftIsFoundAndRepaired(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "drift")
	pr.mustUp()
	require.NoError(t, os.WriteFile(filepath.Join(pr.dir, "current", "app.conf"), []byte("edited"), 0o644))
	pr.refresh()
	require.Equal(t, []string{`files["app.conf"].content`}, pr.changes())
	require.Equal(t, "edited", pr.state.Get("files").AsMap().Get("app.conf").AsMap().Get("content").AsString())
	pr.mustUp()
	require.Equal(t, "one", get(t, pr.port, "/"))

	id, _, _ := strings.Cut(pr.container("web"), " ")
	_, err := docker.client(t.Context(), nil, "stop", "--time", "0", id)
	require.NoError(t, err)
	pr.refresh()
	require.Equal(t, []string{`services["web"]`}, pr.changes())
	pr.mustUp()
	require.Equal(t, "one", get(t, pr.port, "/"))
	pr.refresh()
	require.Empty(t, pr.changes())
}

func TestHookPreparesAFile(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "hook")
	compose := pr.files["compose.yaml"].(map[string]any)["content"].(string)
	pr.file("compose.yaml", strings.ReplaceAll(compose, "app.conf", "made.conf"))
	hook := func(command ...any) { pr.more["beforeUp"] = []any{map[string]any{"command": command}} }
	hook("cp", "app.conf", "made.conf")
	pr.mustUp()
	require.Equal(t, "one", get(t, pr.port, "/"))
	pr.file("app.conf", "two")
	pr.mustUp()
	require.Equal(t, "two", get(t, pr.port, "/"))
	hook("false")
	require.ErrorContains(t, pr.up(), "beforeUp[0] (false) exited with status 1")
	require.Equal(t, "two", get(t, pr.port, "/"))
}

// What stands in the compose file itself and what an included file says is followed too.
func TestConfigsSecretsAndIncludes(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "inline")
	included := pr.files["compose.yaml"].(map[string]any)["content"].(string)
	pr.file("sub.yaml", included)
	inline := func(content string) {
		pr.file("compose.yaml", "include: [sub.yaml]\nservices:\n  second:\n    image: "+image+
			"\n    environment: {FILE: /conf}\n    configs: [{source: c, target: /conf}]\n    secrets: [s]\nconfigs: {c: {content: "+content+"}}\nsecrets: {s: {file: ./s.txt}}\n")
	}
	inline("a")
	pr.file("s.txt", "x")
	pr.mustUp()
	web, second := pr.container("web"), pr.container("second")
	inline("b")
	pr.mustUp()
	require.Equal(t, web, pr.container("web"))
	require.NotEqual(t, second, pr.container("second"), "compose alone would not notice")
	second = pr.container("second")
	pr.file("s.txt", "y")
	pr.mustUp()
	require.NotEqual(t, second, pr.container("second"))
	require.Equal(t, web, pr.container("web"))
	second = pr.container("second")
	pr.file("app.conf", "two")
	pr.mustUp()
	require.NotEqual(t, web, pr.container("web"), "a service of an included file")
	require.Equal(t, second, pr.container("second"))
}

func TestNoSpace(t *testing.T) {
	t.Parallel()
	pr := newProject(t, "space")
	require.NoError(t, os.MkdirAll(pr.dir, 0o755))
	const size = 12 << 20
	require.NoError(t, syscall.Mount("tmpfs", pr.dir, "tmpfs", 0, "size="+strconv.Itoa(size)))
	t.Cleanup(func() { _ = syscall.Unmount(pr.dir, syscall.MNT_DETACH) })
	pr.mustUp()
	pr.file("big", strings.Repeat("x", size))
	require.ErrorContains(t, pr.up(), "no space for the files on the guest")
	require.Len(t, pr.releases(), 1)
	// Enough for the check, and gone when the files arrive.
	pr.file("big", strings.Repeat("x", 6<<20))
	filler := filepath.Join(pr.dir, "filler")
	done := make(chan error, 1)
	go func() { done <- pr.up() }()
	require.Eventually(t, func() bool {
		partial, err := filepath.Glob(filepath.Join(pr.dir, "releases", "*.partial"))
		return err == nil && len(partial) > 0
	}, 10*time.Second, time.Millisecond)
	require.Error(t, os.WriteFile(filler, make([]byte, size), 0o600))
	require.ErrorContains(t, <-done, "no space for the files on the guest")
	require.Equal(t, "one", get(t, pr.port, "/"))
	require.NoError(t, os.Remove(filler))
	delete(pr.files, "big")
	pr.mustUp()
}
