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

func TestFirstDeploymentUploadsStartsAndReports(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))

	require.Equal(t, "running", d.state.Get("services").AsMap().Get("web").AsString())
	require.NotEmpty(t, d.state.Get("hostKey").AsString())
	dir := filepath.Join(g.Dir, "app")
	current, err := os.Readlink(filepath.Join(dir, "current"))
	require.NoError(t, err)
	require.Equal(t, "releases/"+d.state.Get("release").AsString(), current)
	content, err := os.ReadFile(filepath.Join(dir, "current", "web.conf"))
	require.NoError(t, err)
	require.Equal(t, "one", string(content))
	info, err := os.Stat(filepath.Join(dir, "current", "token"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.Regexp(t, `^sha256:[0-9a-f]{64} 0644 0:0$`, d.state.Get("fileDigests").AsMap().Get("web.conf").AsString())
	require.Equal(t, "secret 0600 0:0", d.state.Get("fileDigests").AsMap().Get("token").AsString())
	for _, command := range g.Commands() {
		require.NotContains(t, command, secretKey)
	}
	require.Empty(t, keys(d.diff(t, s, app(g))))
}

// What runs on the guest, in its order: nothing else than root needs is run as root, and what may
// take long ends by itself.
func TestCommands(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	for user, sudo := range map[string]string{"debian": "sudo -n ", "root": ""} {
		connection := app(g)["connection"].AsMap().Set("user", text(user))
		hook := object(map[string]property.Value{"command": property.New(property.NewArray([]property.Value{text("true")}))})
		g.Answer("env ", 0, "")
		d := create(t, s, app(g).with("connection", property.New(connection)).with("beforeUp", property.New(property.NewArray([]property.Value{hook}))))
		require.NoError(t, s.Delete(p.DeleteRequest{ID: d.id, Urn: urn, Properties: d.state}))
		dir := filepath.Join(g.Dir, "app")
		compose := func(folder string, override string) string {
			return "docker compose --project-name app --project-directory " + folder + " --file " + folder + "/compose.yaml" + override
		}
		current := compose(dir+"/current", " --file "+dir+"/current/.release.compose.json")
		require.Equal(t, []string{
			"cloud-init status --wait",
			sudo + "docker compose version --short",
			sudo + "/usr/lib/openssh/sftp-server",
			sudo + compose(dir+"/releases/"+d.state.Get("release").AsString(), "") + " config --format json",
			sudo + "env --chdir=" + dir + "/current timeout --kill-after=10 300 true",
			sudo + "timeout --kill-after=30 630 " + current + " up --detach --remove-orphans --wait --wait-timeout 600",
			sudo + current + " ps --all --format json",
			sudo + "/usr/lib/openssh/sftp-server",
			sudo + "timeout --kill-after=30 630 " + compose(dir+"/current", "") + " down --remove-orphans",
		}, g.Commands())
	}
}

func TestSecretsAreSecretInInputsAndState(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	for name, m := range map[string]property.Map{"inputs": d.inputs, "state": d.state} {
		require.True(t, m.Get("secretFiles").HasSecrets(), name)
		require.True(t, m.Get("connection").HasSecrets(), name)
		require.NotContains(t, plain(property.New(m)), secretKey, name)
		require.NotContains(t, plain(property.New(m)), "PRIVATE KEY", name)
		require.False(t, m.Get("files").HasSecrets(), name)
	}
}

func TestFileFromASecretKeepsItsSecret(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	secret := object(map[string]property.Value{"content": text(secretKey).WithSecret(true)})
	d := create(t, s, app(g).withFile("mixed.conf", secret))
	require.True(t, d.state.Get("fileDigests").HasSecrets(), "a digest can be guessed")
	require.NotContains(t, plain(property.New(d.state)), secretKey)
	d = d.update(t, s, app(g).withFile("mixed.conf", secret).withFile("web.conf", file("two")))
	d, _ = d.refresh(t, s)
	require.NotContains(t, plain(property.New(d.state)), secretKey)
	require.True(t, d.state.Get("fileDigests").HasSecrets())
}

// plain writes a value as an unencrypted state would hold it.
func plain(v property.Value) string {
	switch {
	case v.Secret():
		return "[secret]"
	case v.IsMap():
		all := ""
		for k, e := range v.AsMap().All {
			all += k + "=" + plain(e) + "\n"
		}
		return all
	case v.IsArray():
		all := ""
		for _, e := range v.AsArray().All {
			all += plain(e) + "\n"
		}
		return all
	case v.IsString():
		return v.AsString()
	}
	return ""
}

func TestChangedFileRestartsTheServicesThatMountIt(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	changed := app(g).withFile("web.conf", file("two"))

	require.Equal(t, map[string]p.DiffKind{`files["web.conf"].content`: p.Update}, keys(d.diff(t, s, changed)))
	d = d.update(t, s, changed)
	require.Equal(t, 2, g.Docker.Container("web").Starts)
	require.Equal(t, 1, g.Docker.Container("db").Starts)
	require.Empty(t, keys(d.diff(t, s, changed)))

	// A file that nobody mounts restarts nobody.
	d.update(t, s, changed.withFile("notes.txt", file("hello")))
	require.Equal(t, 2, g.Docker.Container("web").Starts)
}

func TestDiffNamesWhatChanges(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g).withFile("old.txt", file("old")))
	connection := func(key string, value property.Value) property.Value {
		return property.New(app(g)["connection"].AsMap().Set(key, value))
	}
	old := app(g).withFile("old.txt", file("old"))
	const otherKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUmeLqQSfJf0qBLAAkgEgRBzZ2pGVqhmjVxbXkkEX7N"
	for name, test := range map[string]struct {
		inputs inputs
		want   map[string]p.DiffKind
	}{
		"nothing":       {old, map[string]p.DiffKind{}},
		"file added":    {old.withFile("a.b", file("x")), map[string]p.DiffKind{`files["a.b"]`: p.Add}},
		"file removed":  {app(g), map[string]p.DiffKind{`files["old.txt"]`: p.Delete}},
		"mode":          {old.withFile("old.txt", file("old", "mode", "0600")), map[string]p.DiffKind{`files["old.txt"].mode`: p.Update}},
		"mode, written": {old.withFile("old.txt", file("old", "mode", "644")), map[string]p.DiffKind{}},
		"owner":         {old.withFile("old.txt", file("old", "owner", "1:2")), map[string]p.DiffKind{`files["old.txt"].owner`: p.Add}},
		"owner root":    {old.withFile("old.txt", file("old", "owner", "0:0")), map[string]p.DiffKind{}},
		"secret": {old.with("secretFiles", object(map[string]property.Value{"token": file("KEY=other")})),
			map[string]p.DiffKind{`secretFiles["token"].content`: p.Update}},
		"project": {old.with("projectName", text("other")).with("directory", old["directory"]), map[string]p.DiffKind{"projectName": p.UpdateReplace}},
		"folder":  {old.with("directory", text("/opt/x")), map[string]p.DiffKind{"directory": p.UpdateReplace}},
		"host":    {old.with("connection", connection("host", text("guest"))), map[string]p.DiffKind{"connection.host": p.Update}},
		"other machine": {old.with("connection", property.New(app(g)["connection"].AsMap().Set("host", text("guest")).Set("hostKey", text(otherKey)))),
			map[string]p.DiffKind{"connection.host": p.UpdateReplace, "connection.hostKey": p.Add}},
		"pin of the known key": {old.with("connection", connection("hostKey", text(d.state.Get("hostKey").AsString()+" comment"))),
			map[string]p.DiffKind{}},
		"timeout": {old.with("timeouts", property.New(old["timeouts"].AsMap().Set("upSeconds", property.New(5.0)))),
			map[string]p.DiffKind{"timeouts.upSeconds": p.Update}},
		"hook": {old.with("beforeUp", property.New(property.NewArray([]property.Value{object(map[string]property.Value{
			"command": property.New(property.NewArray([]property.Value{text("true")}))})}))), map[string]p.DiffKind{"beforeUp[0]": p.Add}},
	} {
		diff := d.diff(t, s, test.inputs)
		require.Equal(t, test.want, keys(diff), name)
		require.Equal(t, len(test.want) > 0, diff.HasChanges, name)
		require.Equal(t, name == "project" || name == "folder", diff.DeleteBeforeReplace, name)
	}
}

func TestConnectionAndTimeoutsDoNotRedeploy(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	g.Commands()
	timeouts := app(g)["timeouts"].AsMap().Set("upSeconds", property.New(5.0))
	after := d.update(t, s, app(g).with("timeouts", property.New(timeouts)).with("removeVolumes", property.New(true)))
	for _, command := range g.Commands() {
		require.NotContains(t, command, " up ", "nothing is started")
	}
	require.Equal(t, d.state.Get("release").AsString(), after.state.Get("release").AsString())
}

func TestPreviewKnowsWhatDoesNotChange(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	properties := checked(t, s, app(g))
	response, err := s.Create(p.CreateRequest{Urn: urn, Properties: properties, DryRun: true})
	require.NoError(t, err)
	require.True(t, response.Properties.Get("release").IsComputed())
	require.True(t, response.Properties.Get("hostKey").IsComputed())
	require.Equal(t, "app", response.Properties.Get("projectName").AsString())
	require.Empty(t, g.Commands(), "a preview leaves the guest alone")

	d := create(t, s, app(g))
	changed := checked(t, s, app(g).withFile("web.conf", file("two")))
	update, err := s.Update(p.UpdateRequest{ID: d.id, Urn: urn, State: d.state, OldInputs: d.inputs, Inputs: changed, DryRun: true})
	require.NoError(t, err)
	require.True(t, update.Properties.Get("release").IsComputed())
	require.Equal(t, d.state.Get("hostKey"), update.Properties.Get("hostKey"))
}

func TestUnknownInputsPassThePreview(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	unknown := property.New(property.Computed)
	connection := app(g)["connection"].AsMap()
	for name, in := range map[string]inputs{
		"host":       app(g).with("connection", property.New(connection.Set("host", unknown))),
		"key":        app(g).with("connection", property.New(connection.Set("privateKey", unknown))),
		"connection": app(g).with("connection", unknown),
		"content":    app(g).withFile("web.conf", object(map[string]property.Value{"content": unknown})),
		"file":       app(g).withFile("web.conf", unknown),
		"files":      app(g).with("files", unknown),
		"project":    app(g).with("projectName", unknown).with("directory", unknown),
	} {
		response := check(t, s, in)
		require.Empty(t, response.Failures, name)
		_, err := s.Create(p.CreateRequest{Urn: urn, Properties: response.Inputs, DryRun: true})
		require.NoError(t, err, name)
	}
	d := create(t, s, app(g))
	diff := d.diff(t, s, app(g).withFile("web.conf", object(map[string]property.Value{"content": unknown})))
	require.Equal(t, map[string]p.DiffKind{`files["web.conf"].content`: p.Update}, keys(diff))
	diff = d.diff(t, s, app(g).with("projectName", unknown))
	require.False(t, diff.DeleteBeforeReplace, "an unknown name is no other name yet")
}

func TestDeleteStopsAndRemoves(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	for _, removeVolumes := range []bool{false, true} {
		d := create(t, s, app(g).with("removeVolumes", property.New(removeVolumes)))
		require.NoError(t, s.Delete(p.DeleteRequest{ID: d.id, Urn: urn, Properties: d.state}))
		require.Empty(t, g.Docker.Container("web").ID)
		require.NoDirExists(t, filepath.Join(g.Dir, "app"))
		if removeVolumes {
			require.Empty(t, g.Docker.Volumes())
		} else {
			require.Equal(t, []string{"app_data"}, g.Docker.Volumes())
		}
	}
}

func TestDeleteLeavesDataInTheFolder(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	data := filepath.Join(g.Dir, "app", "data.db")
	require.NoError(t, os.WriteFile(data, nil, 0o600))
	require.NoError(t, s.Delete(p.DeleteRequest{ID: d.id, Urn: urn, Properties: d.state}))
	require.FileExists(t, data)
	require.NoDirExists(t, filepath.Join(g.Dir, "app", "releases"))
}

func TestReplacementIsNotStoppedByTheDeletionOfWhatItReplaced(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	old := create(t, s, app(g))
	replacement := create(t, s, app(g)) // `pulumi up --replace` creates first
	require.NoError(t, s.Delete(p.DeleteRequest{ID: old.id, Urn: urn, Properties: old.state}))
	require.Equal(t, "running", g.Docker.Container("web").State)
	require.FileExists(t, filepath.Join(g.Dir, "app", "current", "web.conf"))
	// And the old one cannot deploy over it.
	_, err := old.tryUpdate(t, s, app(g).withFile("web.conf", file("two")))
	require.ErrorContains(t, err, "belongs to another ComposeProject")
	require.NoError(t, s.Delete(p.DeleteRequest{ID: replacement.id, Urn: urn, Properties: replacement.state}))
}

func TestFailedReplacementGivesTheFolderBack(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	d := create(t, s, app(g))
	g.Docker.Set("web", guesttest.Outcome{Reads: "web.conf"})
	_, err := tryCreate(t, s, app(g).withFile("web.conf", file("broken")))
	require.ErrorContains(t, err, "runs the previous release")
	d = d.update(t, s, app(g).withFile("web.conf", file("two")))
	require.Equal(t, "two", content(t, g, "web.conf"))
	require.NoError(t, s.Delete(p.DeleteRequest{ID: d.id, Urn: urn, Properties: d.state}))
	require.NoDirExists(t, filepath.Join(g.Dir, "app"))
}

func TestImportIsRefused(t *testing.T) {
	t.Parallel()
	_, err := server(t).Read(p.ReadRequest{ID: "app", Urn: urn})
	require.ErrorContains(t, err, "cannot be imported")
}
