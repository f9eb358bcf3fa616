package compose_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/components/pvehome"
	"github.com/pve-home/pve-home/provider/compose/guesttest"
	"github.com/pve-home/pve-home/tests/toolchain"
)

const stackURN = "urn:pulumi:test::compose::pvehome:index:ComposeProject::app"

// app is what the program of the stack deploys.
type app struct{ conf, token string }

// newStack runs the real CLI and the provider's binary against an imitated guest.
func newStack(t *testing.T, g *guesttest.Guest, a *app) (_ auto.Stack, stateFile string) {
	t.Helper()
	root, err := toolchain.Root()
	require.NoError(t, err)
	tools, err := toolchain.Ensure(t.Context(), root, t.Output(), toolchain.Pulumi, toolchain.ProviderHome)
	require.NoError(t, err)
	dir := t.TempDir()
	for _, sub := range []string{"bin", "state", "work"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
	}
	require.NoError(t, os.Symlink(tools[toolchain.Pulumi.Name], filepath.Join(dir, "bin", "pulumi")))
	command, err := auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: dir})
	require.NoError(t, err)
	program := func(ctx *pulumi.Context) error {
		_, err := pvehome.NewComposeProject(ctx, "app", &pvehome.ComposeProjectArgs{
			Connection: pvehome.ComposeConnectionArgs{
				Host: pulumi.String(g.Host), Port: pulumi.Int(g.Port), User: pulumi.String("debian"), PrivateKey: pulumi.String(g.PrivateKey),
			},
			Timeouts:  pvehome.ComposeTimeoutsArgs{ConnectSeconds: pulumi.Int(5)},
			Directory: pulumi.String(filepath.Join(g.Dir, "app")),
			Files: pvehome.ComposeFileMap{
				"compose.yaml": pvehome.ComposeFileArgs{Content: pulumi.String("services: {web: {image: web, volumes: ['./web.conf:/web.conf']}, db: {image: db}}\n")},
				"web.conf":     pvehome.ComposeFileArgs{Content: pulumi.String(a.conf)},
			},
			SecretFiles: pvehome.ComposeSecretFileMap{"token": pvehome.ComposeSecretFileArgs{Content: pulumi.String(a.token)}},
		})
		return err
	}
	project := workspace.Project{
		Name: tokens.PackageName("compose"), Runtime: workspace.NewProjectRuntimeInfo("go", nil),
		Plugins: &workspace.Plugins{Providers: []workspace.PluginOptions{{Name: "pvehome", Path: filepath.Dir(tools[toolchain.ProviderHome.Name])}}},
	}
	stack, err := auto.UpsertStackInlineSource(t.Context(), "test", "compose", program, auto.Pulumi(command), auto.Project(project),
		auto.WorkDir(filepath.Join(dir, "work")), auto.PulumiHome(filepath.Join(dir, "home")), auto.EnvVars(map[string]string{
			"PULUMI_BACKEND_URL": "file://" + filepath.Join(dir, "state"), "PULUMI_CONFIG_PASSPHRASE": "test", "PULUMI_SKIP_UPDATE_CHECK": "true",
		}))
	require.NoError(t, err)
	return stack, filepath.Join(dir, "state", ".pulumi", "stacks", "compose", "test.json")
}

// The whole life with the real engine: what it shows, keeps and does by the messages' advice.
func TestLifeUnderTheEngine(t *testing.T) {
	t.Parallel()
	g, a := guesttest.New(t), &app{conf: "one", token: "s3cr3t-of-the-test"}
	stack, stateFile := newStack(t, g, a)
	ctx := t.Context()
	up := func(o ...optup.Option) (auto.UpResult, error) { return stack.Up(ctx, o...) }
	_, err := up()
	require.NoError(t, err)
	_, err = stack.Preview(ctx, optpreview.ExpectNoChanges())
	require.NoError(t, err)
	_, err = stack.Refresh(ctx, optrefresh.ExpectNoChanges())
	require.NoError(t, err)
	state, err := os.ReadFile(stateFile)
	require.NoError(t, err)
	for _, secret := range []string{a.token, "PRIVATE KEY"} {
		require.False(t, strings.Contains(string(state), secret), secret)
	}

	// The preview shows that one file, and up restarts that one service.
	a.conf = "two"
	preview, err := stack.Preview(ctx, optpreview.Diff())
	require.NoError(t, err)
	require.Regexp(t, `(?s)~ files\s*:.*~ "?web\.conf"?\s*:.*~ content: "one" => "two"`, preview.StdOut)
	require.NotContains(t, preview.StdOut, "services")
	require.NotContains(t, preview.StdOut, "token")
	_, err = up()
	require.NoError(t, err)
	require.Equal(t, 2, g.Docker.Container("web").Starts)
	require.Equal(t, 1, g.Docker.Container("db").Starts)

	// An edit on the guest.
	conf := filepath.Join(g.Dir, "app", "current", "web.conf")
	require.NoError(t, os.WriteFile(conf, []byte("edited"), 0o644))
	refresh, err := stack.Refresh(ctx, optrefresh.Diff())
	require.NoError(t, err)
	require.Regexp(t, `~ content: "two" => "edited"`, refresh.StdOut)
	_, err = up()
	require.NoError(t, err)
	content, err := os.ReadFile(conf)
	require.NoError(t, err)
	require.Equal(t, "two", string(content))

	// A release that fails, and a lost connection.
	g.Docker.Set("web", guesttest.Outcome{Reads: "web.conf", Logs: "line 7: what is this, " + a.token})
	a.conf = "broken"
	result, err := up()
	require.ErrorContains(t, err, "line 7: what is this")
	require.ErrorContains(t, err, "runs the previous release")
	require.NotContains(t, err.Error()+result.StdOut+result.StdErr, a.token)
	a.conf = "three"
	g.CutOn(" up ")
	_, err = up()
	require.ErrorContains(t, err, "next `pulumi up` completes")
	_, err = up()
	require.NoError(t, err)
	_, err = stack.Preview(ctx, optpreview.ExpectNoChanges())
	require.NoError(t, err)

	// The guest is rebuilt: no up accepts it, but for the one that the message names.
	g.Rebuild(t)
	a.conf = "four"
	_, err = up()
	require.ErrorContains(t, err, "pulumi up --replace")
	_, err = up(optup.Replace([]string{stackURN}))
	require.NoError(t, err)
	require.Equal(t, "running", g.Docker.Container("web").State)
	// Replaced though it was not rebuilt: the old one's deletion leaves the new one alone.
	_, err = up(optup.Replace([]string{stackURN}))
	require.NoError(t, err)
	require.Equal(t, "running", g.Docker.Container("web").State)
	_, err = stack.Refresh(ctx, optrefresh.ExpectNoChanges())
	require.NoError(t, err)

	// A guest that is off: what runs there is not known, and the next up looks again.
	g.Stop()
	refresh, err = stack.Refresh(ctx)
	require.NoError(t, err)
	require.Contains(t, refresh.StdOut, "what runs there is not known")
	_, err = stack.Destroy(ctx)
	require.ErrorContains(t, err, "pulumi state delete")
}
