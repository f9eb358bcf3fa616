package compose_test

import (
	"os"
	"path/filepath"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/provider/compose/guesttest"
)

func TestDriftIsFoundAndRepaired(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(g *guesttest.Guest, current string) error
		want   map[string]p.DiffKind
	}{
		"nothing": {func(*guesttest.Guest, string) error { return nil }, map[string]p.DiffKind{}},
		"edited": {func(_ *guesttest.Guest, current string) error {
			return os.WriteFile(filepath.Join(current, "web.conf"), []byte("edited"), 0o644)
		}, map[string]p.DiffKind{`files["web.conf"].content`: p.Update}},
		"edited, no text": {func(_ *guesttest.Guest, current string) error {
			return os.WriteFile(filepath.Join(current, "web.conf"), []byte{0xff, 0xfe}, 0o644)
		}, map[string]p.DiffKind{`files["web.conf"].content`: p.Update}},
		"secret edited": {func(_ *guesttest.Guest, current string) error {
			return os.WriteFile(filepath.Join(current, "token"), []byte("x"), 0o600)
		}, map[string]p.DiffKind{`secretFiles["token"].content`: p.Update}},
		"secret readable": {func(_ *guesttest.Guest, current string) error {
			return os.Chmod(filepath.Join(current, "token"), 0o644)
		}, map[string]p.DiffKind{`secretFiles["token"].mode`: p.Update}},
		"owner": {func(_ *guesttest.Guest, current string) error {
			return os.Chown(filepath.Join(current, "web.conf"), 12, 34)
		}, map[string]p.DiffKind{`files["web.conf"].owner`: p.Delete}},
		"removed": {func(_ *guesttest.Guest, current string) error {
			return os.Remove(filepath.Join(current, "web.conf"))
		}, map[string]p.DiffKind{`files["web.conf"]`: p.Add}},
		"link instead": {func(_ *guesttest.Guest, current string) error {
			name := filepath.Join(current, "web.conf")
			if err := os.Remove(name); err != nil {
				return err
			}
			return os.Symlink("compose.yaml", name)
		}, map[string]p.DiffKind{`files["web.conf"]`: p.Add}},
		"stopped": {func(g *guesttest.Guest, _ string) error {
			g.Docker.Change("web", func(c *guesttest.Container) { c.State = "exited" })
			return nil
		}, map[string]p.DiffKind{`services["web"]`: p.Update}},
		"unhealthy": {func(g *guesttest.Guest, _ string) error {
			g.Docker.Change("db", func(c *guesttest.Container) { c.Health = "unhealthy" })
			return nil
		}, map[string]p.DiffKind{`services["db"]`: p.Update}},
		"just started": {func(g *guesttest.Guest, _ string) error {
			g.Docker.Change("db", func(c *guesttest.Container) { c.Health = "starting" })
			return nil
		}, map[string]p.DiffKind{}},
		"container removed": {func(g *guesttest.Guest, _ string) error {
			g.Docker.Change("db", func(c *guesttest.Container) { c.Project = "other" })
			return nil
		}, map[string]p.DiffKind{`services["db"]`: p.Update}},
		"release removed": {func(_ *guesttest.Guest, current string) error {
			target, err := filepath.EvalSymlinks(current)
			if err != nil {
				return err
			}
			return os.RemoveAll(target)
		}, map[string]p.DiffKind{
			"release": p.Update, `files["compose.yaml"]`: p.Add, `files["web.conf"]`: p.Add, `secretFiles["token"]`: p.Add,
			`services["db"]`: p.Update, `services["web"]`: p.Update,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, g := server(t), guesttest.New(t)
			d := create(t, s, app(g))
			require.NoError(t, test.change(g, filepath.Join(g.Dir, "app", "current")))
			for range 2 { // the second refresh says the same
				var found bool
				d, found = d.refresh(t, s)
				require.True(t, found)
				require.Equal(t, test.want, keys(d.diff(t, s, app(g))))
			}
			if name != "release removed" {
				require.True(t, d.state.Get("secretFiles").HasSecrets())
				require.True(t, d.inputs.Get("secretFiles").HasSecrets())
			}
			if len(test.want) == 0 {
				return
			}
			d = d.update(t, s, app(g))
			require.Empty(t, keys(d.diff(t, s, app(g))))
			d, _ = d.refresh(t, s)
			require.Empty(t, keys(d.diff(t, s, app(g))))
			require.Equal(t, "one", content(t, g, "web.conf"))
			require.Equal(t, "running", g.Docker.Container("web").State)
		})
	}
}

func TestRemovedProjectIsGone(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	require.NoError(t, os.RemoveAll(filepath.Join(g.Dir, "app")))
	_, found := d.refresh(t, s)
	require.False(t, found)
}

// A one-shot service has ended well, and is not taken for a stopped one after the guest was away.
func TestCompletedServiceStaysCompleted(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	completed := func(d deployed) deployed {
		services := d.state.Get("services").AsMap().Set("db", text("completed"))
		d.state = d.state.Set("services", property.New(services))
		return d
	}
	d = completed(d)
	g.Docker.Change("db", func(c *guesttest.Container) { c.State = "exited" })
	d, _ = d.refresh(t, s)
	require.Equal(t, "completed", d.state.Get("services").AsMap().Get("db").AsString())
	g.Stop()
	d, _ = d.refresh(t, s)
	require.Equal(t, map[string]p.DiffKind{`services["web"]`: p.Update}, keys(d.diff(t, s, app(g))))
}

func TestDockerThatDoesNotAnswerIsDrift(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	g.Answer("docker compose --project-name", 1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
	d, found := d.refresh(t, s)
	require.True(t, found)
	require.Equal(t, map[string]p.DiffKind{`services["db"]`: p.Update, `services["web"]`: p.Update}, keys(d.diff(t, s, app(g))))
	g.Forget()
	d = d.update(t, s, app(g))
	require.Empty(t, keys(d.diff(t, s, app(g))))
	require.Equal(t, 1, g.Docker.Container("web").Starts, "it ran all the time")
}
