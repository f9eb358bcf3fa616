package docker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/pvesim/docker"
	"github.com/pve-home/pve-home/tests/pvesim/filetree"
)

const directory = "/opt/pve-home/app"

const composeFile = `
services:
  web:
    image: web:1
    restart: unless-stopped
    ports: ["8080:80"]
    volumes: ["./web.conf:/etc/web.conf:ro", "data:/data", "/srv/app:/srv"]
    environment: {NAME: "${NAME:-nobody}", PRICE: "5$$"}
    env_file: [{path: web.env, required: false}]
    depends_on: {db: {condition: service_healthy}}
  db:
    image: db:1
    restart: unless-stopped
    healthcheck: {test: ["CMD", "true"]}
    secrets: [password]
volumes: {data: {}}
secrets: {password: {file: ./password}}
`

// host is a guest with a project.
type host struct {
	sync.Mutex
	t      *testing.T
	engine *docker.Engine
	files  *filetree.Tree
}

func (h *host) Engine() *docker.Engine { return h.engine }
func (h *host) Files() docker.Files    { return h.files }
func (h *host) Changed()               {}

func newHost(t *testing.T) *host {
	h := &host{t: t, engine: docker.New(), files: filetree.New()}
	h.files.CapacityBytes = 1 << 30
	h.release("1", map[string]string{"compose.yaml": composeFile, "web.conf": "one", "password": "geheim"})
	return h
}

// release writes files and makes them the current ones.
func (h *host) release(id string, files map[string]string) {
	root := h.files.Root()
	require.NoError(h.t, root.MkdirAll(directory+"/releases/"+id))
	for name, content := range files {
		require.NoError(h.t, root.WriteFile(directory+"/releases/"+id+"/"+name, []byte(content), 0o644))
	}
	require.NoError(h.t, root.Symlink("releases/"+id, directory+"/current.next"))
	require.NoError(h.t, root.Rename(directory+"/current.next", directory+"/current", true))
}

func (h *host) run(args ...string) (string, int) {
	var out bytes.Buffer
	all := append([]string{"compose", "--project-name", "app", "--project-directory", directory + "/current", "--file", directory + "/current/compose.yaml"}, args...)
	ctx, cancel := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer cancel()
	exit := docker.Command(ctx, h, docker.Options{Directory: "/root"}, all, &out, &out)
	return out.String(), exit
}

func (h *host) ok(args ...string) string {
	h.t.Helper()
	out, exit := h.run(args...)
	require.Zero(h.t, exit, "%v: %s", args, out)
	return out
}

func (h *host) up() string {
	h.t.Helper()
	return h.ok("up", "--detach", "--remove-orphans", "--wait", "--wait-timeout", "5")
}

func (h *host) service(name string) *docker.Container {
	h.t.Helper()
	require.NotNil(h.t, h.engine.Projects["app"])
	for _, c := range h.engine.Projects["app"].Services() {
		if c.Service == name {
			return c
		}
	}
	require.Fail(h.t, "no container", name)
	return nil
}

func (h *host) starts(name string) int { return h.engine.Projects["app"].Starts[name] }

func TestConfigResolvesOnTheGuest(t *testing.T) {
	h := newHost(t)
	require.NoError(t, h.files.Root().WriteFile(directory+"/current/web.env", []byte("FROM_FILE=yes\n"), 0o644))
	require.NoError(t, h.files.Root().WriteFile(directory+"/current/.env", []byte("NAME=somebody\n"), 0o644))
	var project struct {
		Name     string
		Services map[string]struct {
			Environment map[string]string
			Volumes     []struct{ Type, Source string }
		}
		Secrets map[string]struct{ File string }
	}
	out := h.ok("config", "--format", "json")
	require.NoError(t, json.Unmarshal([]byte(out), &project), out)
	require.Equal(t, "app", project.Name)
	web := project.Services["web"]
	require.Equal(t, map[string]string{"NAME": "somebody", "PRICE": "5$$", "FROM_FILE": "yes"}, web.Environment)
	require.Equal(t, directory+"/current/web.conf", web.Volumes[0].Source)
	require.Equal(t, "/srv/app", web.Volumes[2].Source)
	require.Equal(t, directory+"/current/password", project.Secrets["password"].File)
	require.NotContains(t, out, "pvesim-compose")
}

func TestInvalidFiles(t *testing.T) {
	for content, want := range map[string]string{
		"services:\n  web: {image: x, depends_on: [db]}\n": `service "web" depends on undefined service "db"`,
		"services:\n  web: {imagee: x}\n":                  "services.web.imagee",
		"services: [\n":                                    "yaml",
		"services:\n  web: {image: \"${TAG:?set it}\"}\n":  "set it",
	} {
		h := newHost(t)
		require.NoError(t, h.files.Root().WriteFile(directory+"/current/compose.yaml", []byte(content), 0o644))
		for _, args := range [][]string{{"config", "--format", "json"}, {"up", "--detach"}, {"ps", "--format", "json"}} {
			out, exit := h.run(args...)
			require.Equal(t, 1, exit)
			require.Contains(t, out, want)
			require.NotContains(t, out, "pvesim-compose")
		}
		require.Empty(t, h.engine.Projects)
	}
	h := newHost(t)
	require.NoError(t, h.files.Root().Remove(directory+"/current/compose.yaml", false))
	out, exit := h.run("config")
	require.Equal(t, 1, exit)
	require.Contains(t, out, directory+"/current/compose.yaml: no such file or directory")
}

func TestUpRecreatesWhatDiffers(t *testing.T) {
	h := newHost(t)
	h.up()
	require.Equal(t, docker.StateRunning, h.service("web").State)
	require.Empty(t, h.service("web").Health)
	require.Equal(t, docker.HealthHealthy, h.service("db").Health)
	require.Equal(t, map[string]string{"app_data": "app"}, h.engine.Volumes)
	require.NotNil(t, h.engine.Listener(8080))
	require.Nil(t, h.engine.Listener(80))
	info, err := h.files.Root().Stat("/srv/app", true)
	require.NoError(t, err)
	require.True(t, info.IsDir(), "Docker makes missing directories")
	first := *h.service("web")

	h.release("2", map[string]string{"compose.yaml": composeFile, "web.conf": "two", "password": "geheim"})
	h.up()
	require.Equal(t, first.ID, h.service("web").ID, "a new release with the same configuration changes nothing")
	h.ok("up", "--detach", "--wait", "--wait-timeout", "5", "--no-deps", "--force-recreate", "web")
	require.NotEqual(t, first.ID, h.service("web").ID)
	require.Equal(t, 2, h.starts("web"))
	require.Equal(t, 1, h.starts("db"))
	require.Len(t, h.engine.Projects["app"].Containers, 2)

	require.NoError(t, h.files.Root().WriteFile(directory+"/current/compose.yaml", []byte(strings.Replace(composeFile, "web:1", "web:2", 1)), 0o644))
	h.up()
	require.Equal(t, "web:2", h.service("web").Image)
	require.NotEqual(t, first.ConfigHash, h.service("web").ConfigHash)
	require.Equal(t, 3, h.starts("web"))
	require.Equal(t, 1, h.starts("db"))

	require.NoError(t, h.files.Root().WriteFile(directory+"/current/compose.yaml", []byte("services: {cache: {image: cache}}\n"), 0o644))
	h.ok("up", "--detach")
	require.Len(t, h.engine.Projects["app"].Containers, 3, "orphans stay")
	h.up()
	require.Len(t, h.engine.Projects["app"].Containers, 1)

	h.ok("down", "--remove-orphans")
	require.Empty(t, h.engine.Projects)
	require.Len(t, h.engine.Volumes, 1)
	h.ok("down", "--remove-orphans", "--volumes")
	require.Empty(t, h.engine.Volumes)
}

func TestOverrideRecreates(t *testing.T) {
	h := newHost(t)
	override := func(label string) {
		h.release(label, map[string]string{
			"compose.yaml": composeFile, "web.conf": label, "password": "geheim",
			".release.compose.json": `{"services":{"web":{"labels":{"release":"` + label + `"}}}}`,
		})
		h.ok("--file", directory+"/current/.release.compose.json", "up", "--detach", "--wait", "--wait-timeout", "5")
	}
	override("a")
	override("a2")
	require.Equal(t, 2, h.starts("web"), "a changed label is a changed configuration")
	require.Equal(t, 1, h.starts("db"))
}

func TestFailures(t *testing.T) {
	for name, test := range map[string]struct {
		behavior docker.Behavior
		want     string
	}{
		"exits":     {docker.Behavior{Service: "web", Exits: true, ExitCode: 3, Log: []string{"boom"}}, "application not healthy after 1s"},
		"unhealthy": {docker.Behavior{Service: "web", Health: docker.HealthUnhealthy}, "container app-web-1 is unhealthy"},
		"never":     {docker.Behavior{Service: "web", Health: docker.HealthStarting}, "application not healthy after 1s"},
		"dependency": {
			docker.Behavior{Service: "db", Health: docker.HealthUnhealthy}, "dependency failed to start: container app-db-1 is unhealthy",
		},
		"no image": {docker.Behavior{Service: "web", PullError: "manifest for web:1 not found"}, "Error response from daemon: manifest for web:1 not found"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			test.behavior.Project = "app"
			require.NoError(t, h.engine.SetBehavior(test.behavior))
			out, exit := h.run("up", "--detach", "--remove-orphans", "--wait", "--wait-timeout", "1")
			require.Equal(t, 1, exit)
			require.Contains(t, out, test.want)
		})
	}
	h := newHost(t)
	require.NoError(t, h.files.Root().WriteFile(directory+"/current/compose.yaml", []byte("services: {job: {image: job}}\n"), 0o644))
	require.NoError(t, h.engine.SetBehavior(docker.Behavior{Project: "app", Service: "job", Exits: true, ExitCode: 3, Log: []string{"a", "b"}}))
	out, exit := h.run("up", "--detach", "--wait")
	require.Equal(t, 1, exit)
	require.Contains(t, out, "container app-job-1 exited (3)")
	require.Equal(t, "b\n", h.ok("logs", "--no-color", "--no-log-prefix", "--tail", "1", "job"))
	require.Equal(t, "job-1  | a\njob-1  | b\n", h.ok("logs"))
}

func TestBehaviorOfARelease(t *testing.T) {
	h := newHost(t)
	require.NoError(t, h.engine.SetBehavior(docker.Behavior{Project: "app", Service: "web", MountContains: "broken", Health: docker.HealthUnhealthy}))
	require.NoError(t, h.engine.SetBehavior(docker.Behavior{Project: "app", Service: "db", Times: 1, Health: docker.HealthUnhealthy}))
	_, exit := h.run("up", "--detach", "--wait")
	require.Equal(t, 1, exit, "db fails once")
	h.ok("up", "--detach", "--wait", "--force-recreate")
	require.NoError(t, h.files.Root().WriteFile(directory+"/current/web.conf", []byte("broken"), 0o644))
	_, exit = h.run("up", "--detach", "--wait", "--force-recreate", "--no-deps", "web")
	require.Equal(t, 1, exit)
	require.NoError(t, h.files.Root().WriteFile(directory+"/current/web.conf", []byte("good"), 0o644))
	h.ok("up", "--detach", "--wait", "--force-recreate", "--no-deps", "web")
	require.Error(t, h.engine.SetBehavior(docker.Behavior{Project: "app"}))
}

func TestSlowService(t *testing.T) {
	h := newHost(t)
	require.NoError(t, h.engine.SetBehavior(docker.Behavior{Project: "app", Service: "db", DelayMilliseconds: 200}))
	began := time.Now()
	h.up()
	require.GreaterOrEqual(t, time.Since(began), 200*time.Millisecond)
	require.Equal(t, docker.HealthHealthy, h.service("db").Health)
}

func TestOneShot(t *testing.T) {
	h := newHost(t)
	require.NoError(t, h.files.Root().WriteFile(directory+"/current/compose.yaml",
		[]byte("services:\n  init: {image: i}\n  web: {image: w, depends_on: {init: {condition: service_completed_successfully}}}\n"), 0o644))
	h.up()
	require.Equal(t, docker.StateExited, h.service("init").State)
	require.Equal(t, docker.StateRunning, h.service("web").State)
}

func TestPs(t *testing.T) {
	h := newHost(t)
	require.Empty(t, h.ok("ps", "--all", "--format", "json"))
	h.up()
	require.NoError(t, h.engine.SetState("app", "web", docker.StateExited, "", h.files))
	require.NoError(t, h.engine.SetState("app", "db", "", docker.HealthUnhealthy, h.files))
	lines := strings.Split(strings.TrimSpace(h.ok("ps", "--all", "--format", "json")), "\n")
	require.Len(t, lines, 2)
	var got struct {
		Service, Name, State, Health string
		ExitCode                     int
	}
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &got))
	require.Equal(t, "web app-web-1 exited ", strings.Join([]string{got.Service, got.Name, got.State, got.Health}, " "))
	require.Equal(t, 137, got.ExitCode)
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &got))
	require.Equal(t, docker.HealthUnhealthy, got.Health)
	require.NoError(t, h.engine.SetState("app", "db", "", docker.HealthHealthy, h.files))
	h.up()
	require.Equal(t, docker.StateRunning, h.service("web").State, "up starts what was stopped")
}

func TestRestartPolicies(t *testing.T) {
	h := newHost(t)
	require.NoError(t, h.files.Root().WriteFile(directory+"/current/compose.yaml", []byte(
		"services:\n  a: {image: i, restart: always}\n  b: {image: i, restart: unless-stopped}\n  c: {image: i}\n  d: {image: i, restart: unless-stopped}\n"), 0o644))
	h.up()
	h.ok("stop", "a", "b")
	h.engine.HostStops()
	require.Equal(t, docker.StateExited, h.service("d").State)
	h.engine.HostStarts(h.files)
	for name, want := range map[string]string{"a": docker.StateRunning, "b": docker.StateExited, "c": docker.StateExited, "d": docker.StateRunning} {
		require.Equal(t, want, h.service(name).State, name)
	}
	copied := h.engine.Clone()
	copied.HostStops()
	require.Equal(t, docker.StateRunning, h.service("a").State, "a copy is a copy")
}

func TestMissingBindSource(t *testing.T) {
	h := newHost(t)
	require.NoError(t, h.files.Root().Remove(directory+"/current/password", false))
	out, exit := h.run("up", "--detach")
	require.Equal(t, 1, exit)
	require.Contains(t, out, "bind source path does not exist: "+directory+"/current/password")
}

func TestWithoutCompose(t *testing.T) {
	var out bytes.Buffer
	exit := docker.Command(t.Context(), newHost(t), docker.Options{NoCompose: true}, []string{"compose", "version", "--short"}, &out, &out)
	require.Equal(t, 1, exit)
	require.Contains(t, out.String(), "is not a docker command")
	out.Reset()
	require.Zero(t, docker.Command(t.Context(), newHost(t), docker.Options{}, []string{"compose", "version", "--short"}, &out, &out))
	require.Equal(t, docker.ComposeVersion+"\n", out.String())
	require.Equal(t, 125, docker.Command(t.Context(), newHost(t), docker.Options{}, []string{"compose", "up", "--nope"}, &out, &out))
}

func TestCommandEndsWithItsContext(t *testing.T) {
	h := newHost(t)
	require.NoError(t, h.engine.SetBehavior(docker.Behavior{Project: "app", Service: "db", Health: docker.HealthStarting}))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	require.Equal(t, 1, docker.Command(ctx, h, docker.Options{}, []string{"compose", "-p", "app", "-f", directory + "/current/compose.yaml", "up", "--wait"}, &out, &out))
}
