// Package host runs scripts/host/prepare.sh with the commands of a node, which ask a simulated
// cluster.
package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/components/pve"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
	"github.com/pve-home/pve-home/tests/toolchain"
)

const rootPassword = "of-root"

var versions = map[string]string{"8.4": "8.4.14", "9.1": "9.1.1"}

// node is a node of a simulated cluster, on which nothing was prepared.
type node struct {
	t           *testing.T
	sim         *sim.Sim
	script, dir string
	env         []string
}

func newNode(t *testing.T, version string) *node {
	t.Helper()
	root, err := toolchain.Root()
	require.NoError(t, err)
	schema := os.Getenv("PVE_API_SCHEMA")
	if schema != "" {
		schema = filepath.Join(filepath.Dir(schema), "pve-api-"+version+".json")
	}
	s, err := sim.Start(t.Context(), sim.Options{
		Nodes: []sim.Node{{Name: "pve1"}}, Listen: netip.MustParseAddrPort("127.0.0.1:0").String(),
		Version: version, SchemaFile: schema, RootPassword: rootPassword,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.SetStorageContent("pve1", "local", []string{"iso", "vztmpl", "backup"}))

	n := &node{t: t, sim: s, script: filepath.Join(root, "scripts", "host", "prepare.sh"), dir: t.TempDir()}
	bin := filepath.Join(n.dir, "bin")
	require.NoError(t, os.MkdirAll(bin, 0o700))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(n.dir, "fakenode"), "./fakenode")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, command := range []string{"pveum", "pvesm", "pvesh", "pveversion", "id"} {
		require.NoError(t, os.Symlink(filepath.Join(n.dir, "fakenode"), filepath.Join(bin, command)))
	}
	n.env = []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "PREPARE_ROOT=" + filepath.Join(n.dir, "root"),
		"FAKE_NODE_ENDPOINT=" + s.Endpoint(), "FAKE_NODE_PASSWORD=" + rootPassword, "FAKE_NODE_UID=0",
		"FAKE_NODE_LOG=" + filepath.Join(n.dir, "log"), "FAKE_NODE_VERSION=" + versions[version],
	}
	return n
}

// run returns what the script says on stdout and stderr, and its exit status.
func (n *node) run(args ...string) (stdout, stderr string, status int) {
	n.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(n.t.Context(), n.script, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = n.env, &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(n.t, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// succeeds is a run that ends well.
func (n *node) succeeds(args ...string) (stdout, stderr string) {
	n.t.Helper()
	stdout, stderr, status := n.run(args...)
	require.Zero(n.t, status, "%s%s", stdout, stderr)
	return stdout, stderr
}

// command runs one of the node's commands, as root would by hand.
func (n *node) command(name string, args ...string) string {
	n.t.Helper()
	cmd := exec.CommandContext(n.t.Context(), filepath.Join(n.dir, "bin", name), args...)
	cmd.Env = n.env
	out, err := cmd.CombinedOutput()
	require.NoError(n.t, err, "%s", out)
	return string(out)
}

// there is all that the script could change.
func (n *node) there() string {
	n.t.Helper()
	var all strings.Builder
	for _, path := range []string{"/access/roles", "/access/users", "/access/acl", "/storage"} {
		all.WriteString(n.command("pvesh", "get", path, "--output-format", "json"))
	}
	for _, user := range regexp.MustCompile(`"userid":"([^"]+)"`).FindAllStringSubmatch(all.String(), -1) {
		all.WriteString(n.command("pvesh", "get", "/access/users/"+user[1]+"/token", "--output-format", "json"))
	}
	err := filepath.WalkDir(filepath.Join(n.dir, "root"), func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, _ := os.ReadFile(file)
			fmt.Fprintf(&all, "%s: %s\n", file, text)
		}
		return nil
	})
	require.NoError(n.t, err)
	return all.String()
}

func (n *node) contents(datastore string) []string {
	for _, s := range n.sim.Storages() {
		if s.ID == datastore {
			return s.Content
		}
	}
	return nil
}

var tokenLine = regexp.MustCompile(`^pve-home@pve!pulumi=[0-9a-f-]{36}\n$`)

func TestPrepare(t *testing.T) {
	for version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, version)
			before := n.there()

			stdout, stderr := n.succeeds("--dry-run", "--no-subscription")
			require.Empty(t, stdout)
			for _, what := range []string{"the role PveHome", "the user pve-home@pve", "hold snippets", "repository", "API token pve-home@pve!pulumi"} {
				require.Regexp(t, "(?m)^would .*"+what, stderr)
			}
			require.Equal(t, before, n.there(), "a dry run changes nothing")

			token, stderr := n.succeeds("--no-subscription")
			require.Regexp(t, tokenLine, token)
			require.Equal(t, []string{"iso", "vztmpl", "backup", "snippets"}, n.contents("local"))
			token = strings.TrimSpace(token)
			_, secret, _ := strings.Cut(token, "=")
			log, err := os.ReadFile(filepath.Join(n.dir, "log"))
			require.NoError(t, err)
			for _, text := range []string{stderr, string(log), n.there()} {
				require.NotContains(t, text, secret)
			}

			// The token works, and may do what the program needs and nothing else.
			client := pve.NewClient(n.sim.Endpoint(), token, true)
			permissions, err := client.Permissions(t.Context())
			require.NoError(t, err)
			var granted []string
			for privilege := range permissions["/"] {
				granted = append(granted, privilege)
			}
			slices.Sort(granted)
			require.Equal(t, pve.Privileges(version), granted)
			for _, privilege := range granted {
				require.True(t, permissions.Grant(privilege), privilege)
			}

			after := n.there()
			stdout, stderr = n.succeeds("--no-subscription")
			require.Empty(t, stdout, "the token is shown once")
			require.Contains(t, stderr, "Nothing to change.")
			require.Equal(t, after, n.there(), "a second run changes nothing")

			_, stderr = n.succeeds("--undo", "--dry-run")
			require.Contains(t, stderr, "would remove the role PveHome")
			require.Equal(t, after, n.there(), "a dry run changes nothing")
			n.succeeds("--undo")
			require.Equal(t, before, n.there(), "undo leaves nothing")
			_, stderr = n.succeeds("--undo")
			require.Contains(t, stderr, "Nothing to change.")
			require.Empty(t, n.sim.Violations())
		})
	}
}

// TestUndoKeepsWhatWasThere: what somebody else made is neither made nor removed.
func TestUndoKeepsWhatWasThere(t *testing.T) {
	n := newNode(t, "8.4")
	n.command("pveum", "role", "add", "PveHome", "--privs", "VM.Audit VM.Console")
	n.command("pveum", "user", "add", "pve-home@pve", "--comment", "mine")
	n.command("pvesm", "set", "local", "--content", "iso,snippets,vztmpl")
	before := n.there()
	_, stderr := n.succeeds()
	require.Contains(t, stderr, "set the privileges of the role PveHome")
	require.NotContains(t, stderr, "make the user")
	// What changed in between stays changed.
	n.succeeds("--undo")
	require.Equal(t, before, n.there())
}

// TestUndoKeepsLaterContents: undo takes snippets away, not what was allowed since.
func TestUndoKeepsLaterContents(t *testing.T) {
	n := newNode(t, "8.4")
	n.succeeds()
	n.command("pvesm", "set", "local", "--content", "snippets,iso,import")
	n.succeeds("--undo")
	require.Equal(t, []string{"iso", "import"}, n.contents("local"))
}

// TestPrepareGoesOn: a run that failed half-way is completed by the next one, and undone as a whole.
func TestPrepareGoesOn(t *testing.T) {
	n := newNode(t, "8.4")
	before := n.there()
	remove := n.sim.AddFault(sim.Fault{Method: "PUT", PathRegexp: "^/storage/local$", Status: 500, Reason: "no quorum"})
	stdout, stderr, status := n.run()
	require.Equal(t, 1, min(status, 1), "%s", stderr)
	require.Empty(t, stdout, "a token that nobody may have read would be lost")
	require.Contains(t, stderr, "no quorum")
	remove()
	stdout, _ = n.succeeds()
	require.Regexp(t, tokenLine, stdout)
	n.succeeds("--undo")
	require.Equal(t, before, n.there())
}

func TestPrepareOtherNames(t *testing.T) {
	n := newNode(t, "8.4")
	stdout, _ := n.succeeds("--user", "robot@pve", "--token", "ci", "--role", "Robot", "--datastore", "nas")
	require.Regexp(t, `^robot@pve!ci=`, stdout)
	require.Contains(t, n.contents("nas"), "snippets")
	require.NotContains(t, n.contents("local"), "snippets")
}

func TestPrepareRefuses(t *testing.T) {
	n := newNode(t, "8.4")
	before := n.there()
	for _, tc := range []struct {
		name, env string
		args      []string
		status    int
		says      string
	}{
		{"unknown option", "", []string{"--nope"}, 2, "unknown option --nope"},
		{"no value", "", []string{"--user"}, 2, "--user needs a value"},
		{"no realm", "", []string{"--user", "me"}, 2, "me has no realm"},
		{"no name", "", []string{"--role", "a b;c"}, 2, "is not a name"},
		{"not root", "FAKE_NODE_UID=1000", nil, 1, "run this as root"},
		{"an old version", "FAKE_NODE_VERSION=7.4-17", nil, 1, "Proxmox VE 7.4-17 is not supported"},
		{"not a node", "PATH=/nonexistent:" + pathWithout(t), nil, 1, "run this on a node of Proxmox VE"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed := *n
			changed.env = append(slices.Clone(n.env), tc.env)
			stdout, stderr, status := changed.run(tc.args...)
			require.Equal(t, tc.status, status, "%s", stderr)
			require.Contains(t, stderr, tc.says)
			require.Empty(t, stdout)
			require.Equal(t, before, n.there())
		})
	}
	t.Run("an unknown datastore", func(t *testing.T) {
		_, stderr, status := n.run("--datastore", "tank")
		require.Equal(t, 1, status)
		require.Contains(t, stderr, "there is no datastore tank")
	})
}

// pathWithout has what the script needs of any Linux, and an id of root.
func pathWithout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "id"), []byte("#!/bin/sh\necho 0\n"), 0o700))
	return dir + ":" + os.Getenv("PATH")
}

func TestShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("shellcheck is not installed")
	}
	root, err := toolchain.Root()
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), "shellcheck", filepath.Join(root, "scripts", "host", "prepare.sh")).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// TestPrivilegesOfTheScript compares both lists with those of the program.
func TestPrivilegesOfTheScript(t *testing.T) {
	root, err := toolchain.Root()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "scripts", "host", "prepare.sh"))
	require.NoError(t, err)
	for version := range versions {
		list := regexp.MustCompile(`(?m)^privileges_` + version[:1] + `="(.*)"$`).FindSubmatch(text)
		require.NotNil(t, list, version)
		require.Equal(t, pve.Privileges(version), strings.Fields(string(list[1])), version)
	}
}
