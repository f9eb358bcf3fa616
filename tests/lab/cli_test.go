package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/toolchain"
)

// TestCommandLine is what a user does with an installed Pulumi in a clone of the repository: the
// CLI, the language host and the compiled program instead of the Automation API.
func TestCommandLine(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	l := start(t, Options{})
	clone := cloneRepository(ctx, t, l)
	path := languageHost(ctx, t) + string(os.PathListSeparator) + os.Getenv("PATH")
	pulumi := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, l.tools[toolchain.Pulumi.Name], append(args, "--non-interactive")...)
		cmd.Dir = clone
		cmd.Env = goEnvironment(l)
		for name, value := range l.Environment() {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		cmd.Env = append(cmd.Env, "PATH="+path)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		endWithParent(cmd)
		out, err := cmd.Output()
		require.NoError(t, err, "pulumi %s\n%s\n%s", strings.Join(args, " "), out, &stderr)
		return string(out)
	}

	pulumi("stack", "init", "lab")
	settings := []string{"config", "set-all", "--stack", "lab", "--path"}
	config := l.config()
	for _, key := range slices.Sorted(maps.Keys(config)) {
		kind := "--plaintext"
		if config[key].Secret {
			kind = "--secret"
		}
		settings = append(settings, kind, key+"="+config[key].Value)
	}
	pulumi(settings...)

	out := pulumi("up", "--stack", "lab", "--yes", "--skip-preview")
	require.Contains(t, out, "created")
	require.Equal(t, []string{"k3s-1", "k3s-2", "sandbox", "scratch"}, guestNames(l))
	// The provider of the backup jobs was compiled from the folder that Pulumi.yaml names.
	require.Len(t, l.Sim.BackupJobs(), 1)
	require.Equal(t, "pve-home-pve-home-lab-weekly", l.Sim.BackupJobs()[0]["id"])
	pulumi("preview", "--stack", "lab", "--expect-no-changes")

	// A backup job that the state has lost is imported by its id, with every setting.
	job := resourceIn(t, pulumi("stack", "export", "--stack", "lab"), "pvehome:index:BackupJob")
	providerURN := job.Provider[:strings.LastIndex(job.Provider, "::")]
	pulumi("state", "delete", "--stack", "lab", "--yes", job.URN)
	pulumi("import", "--stack", "lab", "--yes", "--generate-code=false", "--protect=false",
		"--parent", "parent="+job.Parent, "--provider", "provider="+providerURN, job.Type, "weekly", job.ID)
	pulumi("preview", "--stack", "lab", "--expect-no-changes")
	// Where it is not imported, it is taken over, as after an up that was cut off.
	pulumi("state", "delete", "--stack", "lab", "--yes", job.URN)
	pulumi("up", "--stack", "lab", "--yes", "--skip-preview")
	require.Len(t, l.Sim.BackupJobs(), 1)
	pulumi("preview", "--stack", "lab", "--expect-no-changes")

	pulumi("destroy", "--stack", "lab", "--yes", "--skip-preview")
	require.Empty(t, guestNames(l))
	require.Empty(t, l.Sim.BackupJobs())
}

type exportedResource struct {
	URN      string `json:"urn"`
	ID       string `json:"id"`
	Type     string `json:"type"`
	Parent   string `json:"parent"`
	Provider string `json:"provider"`
}

// resourceIn finds the one resource of a type in an exported stack.
func resourceIn(t *testing.T, export, kind string) exportedResource {
	t.Helper()
	var stack struct {
		Deployment struct {
			Resources []exportedResource `json:"resources"`
		} `json:"deployment"`
	}
	require.NoError(t, json.Unmarshal([]byte(export), &stack))
	found := slices.DeleteFunc(stack.Deployment.Resources, func(r exportedResource) bool { return r.Type != kind })
	require.Len(t, found, 1)
	return found[0]
}

// cloneRepository copies what `git clone` of the working tree as it stands would give, with the
// example's network moved as the lab does.
func cloneRepository(ctx context.Context, t *testing.T, l *Lab) string {
	t.Helper()
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = l.root
	files, err := list.Output()
	require.NoError(t, err)
	clone := t.TempDir()
	for name := range strings.SplitSeq(strings.Trim(string(files), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(l.root, name))
		if os.IsNotExist(err) {
			continue // removed, but not yet committed
		}
		require.NoError(t, err)
		if name == "Pulumi.yaml" || name == "Pulumi.lab.yaml" {
			content = []byte(l.moved(string(content)))
		}
		target := filepath.Join(clone, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o700))
		require.NoError(t, os.WriteFile(target, content, fs.FileMode(0o600)))
	}
	return clone
}

// languageHost returns the folder of the Go language host: the one that comes with Pulumi where it
// is installed, else the one of this repository.
func languageHost(ctx context.Context, t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("pulumi-language-go"); err == nil {
		return filepath.Dir(path)
	}
	dir := t.TempDir()
	build := exec.CommandContext(ctx, "go", "build", "-o", dir, "github.com/pve-home/pve-home/tests/toolchain/pulumi-language-go")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

// goEnvironment lets the go command use the user's caches although the lab's HOME is another.
func goEnvironment(l *Lab) []string {
	var env []string
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOFLAGS", "GOTOOLCHAIN"} {
		out, err := exec.Command("go", "env", name).Output()
		if value := strings.TrimSpace(string(out)); err == nil && value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}
