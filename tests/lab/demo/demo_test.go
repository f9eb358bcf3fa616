package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/toolchain"
)

// Ctrl-C must end everything within this time.
const interruptTimeout = 30 * time.Second

var program string

// TestMain compiles the demo and what it runs.
func TestMain(m *testing.M) {
	code, err := prepare(m)
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		code = 1
	}
	os.Exit(code)
}

func prepare(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	root, err := toolchain.Root()
	if err != nil {
		return 0, err
	}
	if _, err := toolchain.Ensure(ctx, root, os.Stderr, toolchain.Pulumi, toolchain.ProviderProxmox, toolchain.ProviderHome, toolchain.Minio); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "demo-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program = filepath.Join(dir, "demo")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		return 0, errors.Join(err, errors.New(string(out)))
	}
	return m.Run(), nil
}

// checkout makes a folder like the repository, with a blank in its path, whose .tmp is its own.
func checkout(t *testing.T) (dir string) {
	t.Helper()
	root, err := toolchain.Root()
	require.NoError(t, err)
	dir = filepath.Join(t.TempDir(), "pve home")
	require.NoError(t, os.Mkdir(dir, 0o755))
	for _, name := range []string{".bin", "tests", "provider", "components", "go.mod", "go.sum", "Pulumi.yaml", "Pulumi.prod.yaml", "Pulumi.lab.yaml", "Pulumi.monitoring.yaml"} {
		require.NoError(t, os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)))
	}
	return dir
}

// demo is a running demo in a process group of its own, as a shell would start it.
type demo struct {
	t      *testing.T
	dir    string
	cmd    *exec.Cmd
	exited chan struct{}

	mu  sync.Mutex
	out bytes.Buffer
}

func (d *demo) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.Write(p)
}

func (d *demo) printed() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.String()
}

func startDemo(t *testing.T, dir string, env []string, args ...string) *demo {
	t.Helper()
	d := &demo{t: t, dir: dir, exited: make(chan struct{})}
	d.cmd = exec.Command(program, args...)
	d.cmd.Dir = dir
	d.cmd.Env = append(os.Environ(), env...)
	d.cmd.Stdout, d.cmd.Stderr = d, d
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, d.cmd.Start())
	go func() {
		_ = d.cmd.Wait()
		close(d.exited)
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		for _, pid := range processes(dir) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		<-d.exited
		if t.Failed() {
			t.Logf("the demo printed:\n%s", d.printed())
		}
	})
	return d
}

// await waits until the demo has printed what the pattern finds.
func (d *demo) await(pattern string) {
	d.t.Helper()
	found := regexp.MustCompile(pattern)
	require.Eventually(d.t, func() bool { return found.MatchString(d.printed()) }, 2*time.Minute, 5*time.Millisecond, pattern)
}

func (d *demo) wait(timeout time.Duration) (exitCode int) {
	d.t.Helper()
	select {
	case <-d.exited:
	case <-time.After(timeout):
		require.FailNow(d.t, "the demo does not end", "within %s", timeout)
	}
	return d.cmd.ProcessState.ExitCode()
}

// leavesNothing checks that no process of the lab runs and no folder is left.
func (d *demo) leavesNothing() {
	d.t.Helper()
	require.Empty(d.t, processes(d.dir))
	left, err := filepath.Glob(filepath.Join(d.dir, ".tmp", "*"))
	require.NoError(d.t, err)
	require.Empty(d.t, left)
}

// processes lists the processes that carry the mark of a lab in a checkout.
func processes(checkout string) []int {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var pids []int
	for _, dir := range dirs {
		environ, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.Contains(environ, []byte("PVE_HOME_LAB="+checkout+"/")) {
			continue
		}
		var pid int
		if err := json.Unmarshal([]byte(filepath.Base(dir)), &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestInterrupt sends Ctrl-C at several moments: to the demo alone, as `kill -INT` does, and to its
// whole process group, as a terminal does.
func TestInterrupt(t *testing.T) {
	for _, c := range []struct {
		name, moment string
		group        bool
	}{
		{"the lab starts", `^`, false},
		{"the lab has started", `Simulated Proxmox VE`, true},
		{"the stack is made", `pulumi up -s prod`, false},
		{"resources are created", `proxmoxve:Storage:File.*`, true},
		{"guests are created", `proxmoxve:VM:VirtualMachine`, false},
		{"the update is over", `Duration: `, true},
		{"the preview", `Previewing update \(prod\)`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t, checkout(t), nil)
			if c.moment == `^` {
				require.Eventually(t, func() bool { return len(processes(d.dir)) > 0 }, time.Minute, time.Millisecond, "MinIO starts")
			}
			d.await(c.moment)
			pid := d.cmd.Process.Pid
			if c.group {
				pid = -pid
			}
			require.NoError(t, syscall.Kill(pid, syscall.SIGINT))
			require.Equal(t, 1, d.wait(interruptTimeout))
			require.Contains(t, d.printed(), "demo: interrupted; everything has been stopped and removed\n")
			d.leavesNothing()
		})
	}
}

// TestInterruptWhileCompiling uses a go command that never ends.
func TestInterruptWhileCompiling(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pve home")
	fake := filepath.Join(dir, "fake")
	for _, tool := range []string{"pulumi", "pulumi-resource-proxmoxve", "minio"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "tests", "toolchain", tool), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "tests", "toolchain", tool, "go.mod"), []byte("module x\n"), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), nil, 0o600))
	require.NoError(t, os.Mkdir(fake, 0o755))
	for name, text := range map[string]string{"go": "PVE_HOME_LAB=$PWD/ exec sleep 60", "pulumi": "exit 1"} {
		require.NoError(t, os.WriteFile(filepath.Join(fake, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	}
	d := startDemo(t, dir, []string{"PATH=" + fake + ":" + os.Getenv("PATH")})
	d.await(`\[1/4\] compiling pulumi `)
	require.Eventually(t, func() bool { return len(processes(dir)) == 1 }, 30*time.Second, time.Millisecond, "the compiler")
	require.NoError(t, d.cmd.Process.Signal(os.Interrupt))
	require.Equal(t, 1, d.wait(interruptTimeout))
	require.Contains(t, d.printed(), "demo: interrupted;")
	d.leavesNothing()
}

// TestKill: nothing outlives a demo that could not clean up.
func TestKill(t *testing.T) {
	t.Parallel()
	d := startDemo(t, checkout(t), nil)
	d.await(`proxmoxve:VM:VirtualMachine`)
	require.GreaterOrEqual(t, len(processes(d.dir)), 3, "MinIO, engine and provider")
	require.NoError(t, d.cmd.Process.Kill())
	require.Eventually(t, func() bool { return len(processes(d.dir)) == 0 }, 20*time.Second, 20*time.Millisecond, "processes outlive the demo")
}

// TestKeep: the command ends, the lab stays, what is printed works as it is printed.
func TestKeep(t *testing.T) {
	t.Parallel()
	dir := checkout(t)
	summary := filepath.Join(dir, "summary file.json")
	d := startDemo(t, dir, nil, "-keep", "-summary", summary)
	require.Equal(t, 0, d.wait(5*time.Minute))
	printed := d.printed()
	checkSummary(t, summary)

	page := regexp.MustCompile(`https://127\.\S+:8006/`).FindString(printed)
	client := &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		Timeout:   30 * time.Second,
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, nil)
	require.NoError(t, err)
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	html, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, string(html), "k3s-1")

	look := regexp.MustCompile(`Look at the state: +(\. .*)\n +(cd .*)\n`).FindStringSubmatch(printed)
	require.Len(t, look, 3, printed)
	for _, stack := range []string{"prod", "lab", "monitoring"} {
		command := look[1] + "\n" + strings.Replace(look[2], "stacks/lab", "stacks/"+stack, 1)
		require.Contains(t, shell(t, command), "urn:pulumi:"+stack+"::pve-home::pulumi:pulumi:Stack::pve-home-"+stack)
	}

	stop := regexp.MustCompile(`Stop and remove it: +(kill \d+)\n`).FindStringSubmatch(printed)
	require.Len(t, stop, 2, printed)
	shell(t, stop[1])
	require.Eventually(t, func() bool { return len(processes(dir)) == 0 && !exists(filepath.Join(dir, ".tmp", "lab-*")) },
		interruptTimeout, 20*time.Millisecond, "the lab does not end")
	d.leavesNothing()
}

func exists(pattern string) bool {
	found, _ := filepath.Glob(pattern)
	return len(found) > 0
}

// shell runs a command as a user with an empty environment would type it.
func shell(t *testing.T, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", command)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", command, out)
	return string(out)
}

// checkSummary compares the field names with those that are promised.
func checkSummary(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var summary map[string][]map[string]any
	require.NoError(t, json.Unmarshal(text, &summary))
	require.Len(t, summary, 1)
	names := []any{}
	for _, stack := range summary["stacks"] {
		require.ElementsMatch(t, []string{"name", "guests", "resources", "previewChanges", "stateObject", "stateVersions", "backupJobs"}, keys(stack))
		require.EqualValues(t, 0, stack["previewChanges"])
		require.NotEmpty(t, stack["stateVersions"])
		require.Equal(t, ".pulumi/stacks/pve-home/"+stack["name"].(string)+".json", stack["stateObject"])
		require.NotEmpty(t, stack["guests"])
		for _, guest := range stack["guests"].([]any) {
			guest := guest.(map[string]any)
			require.ElementsMatch(t, []string{"name", "kind", "vmid", "node", "address", "status"}, keys(guest))
			require.Equal(t, "running", guest["status"], "%v", guest)
		}
		names = append(names, stack["name"])
	}
	require.Equal(t, []any{"prod", "lab", "monitoring"}, names)
}

func keys(m map[string]any) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	return names
}

// TestRefuses: what cannot work is said before anything is started.
func TestRefuses(t *testing.T) {
	t.Parallel()
	t.Run("outside the repository", func(t *testing.T) {
		d := startDemo(t, t.TempDir(), nil)
		require.Equal(t, 1, d.wait(time.Minute))
		require.Equal(t, "demo: no Pulumi.yaml here or above: run this inside the pve-home repository\n", d.printed())
	})
	t.Run("a summary that cannot be written", func(t *testing.T) {
		d := startDemo(t, checkout(t), nil, "-summary", "missing/summary.json")
		require.Equal(t, 1, d.wait(time.Minute))
		require.Equal(t, "demo: summary: open missing/summary.json: no such file or directory\n", d.printed())
		d.leavesNothing()
	})
	t.Run("an argument", func(t *testing.T) {
		d := startDemo(t, t.TempDir(), nil, "-summary", "my", "summary.json")
		require.Equal(t, 2, d.wait(time.Minute))
		require.Equal(t, "demo: unexpected argument \"summary.json\"; see -help\n", d.printed())
	})
	t.Run("a file where the folder has to be", func(t *testing.T) {
		dir := checkout(t)
		require.NoError(t, os.WriteFile(filepath.Join(dir, ".tmp"), nil, 0o600))
		d := startDemo(t, dir, nil)
		require.Equal(t, 1, d.wait(time.Minute))
		require.Contains(t, d.printed(), "demo: folder for the lab: ")
		require.Contains(t, d.printed(), ".tmp: not a directory")
	})
}
