package compose_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/provider/pvehome"
)

// project is a ComposeProject as the engine would keep it.
type project struct {
	t        *testing.T
	provider integration.Server
	server   *server
	name     string
	dir      string
	port     int

	files, secrets map[string]any
	more           map[string]any

	id            string
	inputs, state property.Map
}

// newProject has one service, web, that serves app.conf on a port of the guest.
func newProject(t *testing.T, name string) *project {
	t.Helper()
	s := startServer(t)
	provider, err := pvehome.New()
	require.NoError(t, err)
	grpc, err := integration.NewServer(t.Context(), pvehome.Name, semver.MustParse(pvehome.Version), integration.WithProvider(provider))
	require.NoError(t, err)
	pr := &project{
		t: t, provider: grpc, server: s, name: name, dir: filepath.Join(t.TempDir(), name), port: freePort(t),
		files: map[string]any{}, secrets: map[string]any{}, more: map[string]any{},
	}
	pr.file("compose.yaml", "services:\n"+pr.service("web", "./app.conf:/etc/app.conf:ro", "/etc/app.conf", pr.port))
	pr.file("app.conf", "one")
	t.Cleanup(func() {
		if pr.id != "" {
			pr.more["removeVolumes"] = true
			pr.state = pr.state.Set("removeVolumes", property.New(true))
			_ = pr.delete()
		}
	})
	return pr
}

// service writes a service for the compose file.
func (pr *project) service(name, volume, file string, port int) string {
	return fmt.Sprintf(`  %s:
    image: %s
    init: false
    stop_grace_period: 0s
    environment: {FILE: %s}
    volumes: ["%s"]
    ports: ["127.0.0.1:%d:8080"]
    healthcheck: {test: [CMD, /service, health], interval: 500ms, timeout: 2s, retries: 6}
`, name, image, file, volume, port)
}

func (pr *project) file(name, content string) { pr.files[name] = map[string]any{"content": content} }

func (pr *project) urn() resource.URN {
	return resource.URN("urn:pulumi:test::test::pvehome:index:ComposeProject::" + pr.name)
}

func (pr *project) check() property.Map {
	pr.t.Helper()
	in := map[string]any{
		"connection": map[string]any{"host": "127.0.0.1", "port": pr.server.port, "user": "root", "privateKey": pr.server.privateKey},
		"directory":  pr.dir, "files": pr.files, "secretFiles": pr.secrets,
		"timeouts": map[string]any{"upSeconds": 60, "healthSeconds": 10, "connectSeconds": 10},
	}
	for k, v := range pr.more {
		in[k] = v
	}
	response, err := pr.provider.Check(p.CheckRequest{
		Urn: pr.urn(), Inputs: resource.FromResourcePropertyValue(resource.NewObjectProperty(resource.NewPropertyMapFromMap(in))).AsMap(),
	})
	require.NoError(pr.t, err)
	require.Empty(pr.t, response.Failures)
	return response.Inputs
}

// up creates or updates, as the engine would.
func (pr *project) up() error {
	pr.t.Helper()
	inputs := pr.check()
	start := time.Now()
	defer func() { pr.t.Logf("up: %s", time.Since(start).Round(10*time.Millisecond)) }()
	if pr.id == "" {
		response, err := pr.provider.Create(p.CreateRequest{Urn: pr.urn(), Properties: inputs})
		if err == nil || response.PartialState != nil {
			pr.id, pr.inputs, pr.state = response.ID, inputs, response.Properties
		}
		return reasons(err, response.PartialState)
	}
	response, err := pr.provider.Update(p.UpdateRequest{ID: pr.id, Urn: pr.urn(), State: pr.state, OldInputs: pr.inputs, Inputs: inputs})
	if err == nil || response.PartialState != nil {
		pr.inputs, pr.state = inputs, response.Properties
	}
	return reasons(err, response.PartialState)
}

func reasons(err error, partial *p.InitializationFailed) error {
	if partial != nil {
		return fmt.Errorf("unfinished: %s", strings.Join(partial.Reasons, "; "))
	}
	return err
}

func (pr *project) mustUp() {
	pr.t.Helper()
	require.NoError(pr.t, pr.up())
}

// changes are the keys of the difference between state and inputs.
func (pr *project) changes() []string {
	pr.t.Helper()
	response, err := pr.provider.Diff(p.DiffRequest{ID: pr.id, Urn: pr.urn(), State: pr.state, OldInputs: pr.inputs, Inputs: pr.check()})
	require.NoError(pr.t, err)
	keys := []string{}
	for key := range response.DetailedDiff {
		keys = append(keys, key)
	}
	return keys
}

func (pr *project) refresh() {
	pr.t.Helper()
	response, err := pr.provider.Read(p.ReadRequest{ID: pr.id, Urn: pr.urn(), Properties: pr.state, Inputs: pr.inputs})
	require.NoError(pr.t, err)
	require.NotEmpty(pr.t, response.ID)
	pr.inputs, pr.state = response.Inputs, response.Properties
}

func (pr *project) delete() error {
	err := pr.provider.Delete(p.DeleteRequest{ID: pr.id, Urn: pr.urn(), Properties: pr.state})
	if err == nil {
		pr.id = ""
	}
	return err
}

// get asks a service.
func get(t *testing.T, port int, path string) string {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get("http://127.0.0.1:" + strconv.Itoa(port) + path)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return strings.TrimSpace(string(body))
}

// container returns a service's container id and the moment that it was started.
func (pr *project) container(service string) string {
	pr.t.Helper()
	id, err := docker.client(pr.t.Context(), nil, "ps", "--quiet", "--no-trunc", "--filter", "label=com.docker.compose.project="+pr.name,
		"--filter", "label=com.docker.compose.service="+service)
	require.NoError(pr.t, err)
	if id == "" {
		return ""
	}
	started, err := docker.client(pr.t.Context(), nil, "inspect", "--format", "{{.State.StartedAt}}", id)
	if err != nil && strings.Contains(err.Error(), "No such object") {
		return "" // it was removed between the two questions
	}
	require.NoError(pr.t, err)
	return id + " " + started
}

// releases are the ids of the releases on the guest.
func (pr *project) releases() []string {
	pr.t.Helper()
	entries, err := os.ReadDir(filepath.Join(pr.dir, "releases"))
	require.NoError(pr.t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
