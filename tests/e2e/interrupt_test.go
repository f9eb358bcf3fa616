package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/lab"
)

// The time that the interrupted task takes, enough to find it running and to kill the engine.
const longTask = 3 * time.Second

// Nothing that these tests wait for takes longer.
const awaitTimeout = 60 * time.Second

// An agent that is not asked lets the provider end at once: it is not attached here, because an
// engine that is killed leaves a provider behind.
func interruptedVM(lines ...string) string { return vmFile(21, append(lines, "agent: false")...) }

// TestKilledWhileCreating: the engine is killed in the middle of an up. The lock is explained, and
// after `pulumi cancel` the next up makes the guest, once.
func TestKilledWhileCreating(t *testing.T) {
	h := newHarness(t, lab.Options{})
	for i, tc := range []struct {
		name, task, file, guest string
		vmid                    int
	}{
		{"clone, derived VMID", "qmclone", interruptedVM(), "web", 1021},
		{"clone, explicit VMID", "qmclone", strings.Replace(vmFile(22, "vmId: 3021", "agent: false"), "web:", "api:", 1), "api", 3021},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := h.in(t)
			s := h.stack([]string{"lab", "prod"}[i], tc.file)
			h.killDuring(s, tc.task)
			h.lockIsExplained(s)

			require.NoError(t, s.Cancel(h.timeout()))
			h.up(s)
			h.clean(s)
			require.Equal(t, tc.vmid, h.guest(tc.guest).VMID)
			require.Len(t, h.guestNames(), i+1)
			h.everythingRuns(t)
			require.Empty(t, h.orphans())
		})
	}
}

// TestKilledAfterStart: the engine is killed after the guest began to run, so that it is not in the
// state. Nothing touches the guest, and the commands of the error adopt it.
func TestKilledAfterStart(t *testing.T) {
	h := newHarness(t, lab.Options{})
	for i, tc := range []struct{ name, task, file, guest string }{
		{"VM", "qmstart", interruptedVM(), "web"},
		{"container", "vzcreate", containerFile(22), "box"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := h.in(t)
			s := h.stack([]string{"lab", "prod"}[i], tc.file)
			h.killDuring(s, tc.task)
			h.await(func() bool { return h.guest(tc.guest).Status == "running" })
			running := *h.guest(tc.guest)
			h.lockIsExplained(s)
			require.NoError(t, s.Cancel(h.timeout()))

			h.Sim.ResetRequests()
			diagnostics := diagnosticsOf(t, h.upFails(s))
			require.Contains(t, diagnostics, "so this would replace a guest and lose its data")
			h.untouched(running.VMID)

			commands := regexp.MustCompile(`(pulumi stack export \| .*)\n\s*(pulumi up --refresh)\n`).FindStringSubmatch(diagnostics)
			require.NotEmpty(t, commands, diagnostics)
			h.shell(s, commands[1])
			_, err := s.Up(h.timeout(), optup.Refresh())
			require.NoError(t, err)
			h.clean(s)
			adopted := *h.guest(tc.guest)
			if adopted.Config["description"] == "" {
				delete(adopted.Config, "description") // every update of a container sends it
			}
			require.Equal(t, running, adopted)
			require.Len(t, h.guestNames(), i+1)
			require.Empty(t, h.orphans())
		})
	}
}

// TestInterrupted: Ctrl-C lets the engine end what it has begun, and the next up completes.
func TestInterrupted(t *testing.T) {
	h := newHarness(t, lab.Options{})
	s := h.stack("lab", interruptedVM())
	output := h.signalDuring(s, "qmclone", syscall.SIGINT)
	require.Contains(t, output, "update canceled")

	h.await(func() bool { return !h.busy("") })
	h.up(s)
	h.clean(s)
	require.Equal(t, []string{"web"}, h.guestNames())
	h.everythingRuns(t)
	require.Empty(t, h.orphans())
}

// killDuring starts an up, kills the engine while the task runs, and waits for the task to end.
func (h *harness) killDuring(s *lab.Stack, task string) {
	h.t.Helper()
	h.signalDuring(s, task, syscall.SIGKILL)
	h.await(func() bool { return !h.busy(task) })
}

// signalDuring starts an up, signals the engine while the task runs, and returns what the up said.
func (h *harness) signalDuring(s *lab.Stack, task string, signal syscall.Signal) string {
	h.t.Helper()
	h.Sim.SetTaskDuration(task, longTask)
	defer h.Sim.SetTaskDuration(task, 0)
	failed := make(chan error, 1)
	go func() {
		_, err := s.Up(h.timeout())
		failed <- err
	}()
	h.await(func() bool { return h.busy(task) })
	require.NoError(h.t, syscall.Kill(h.engine(), signal))
	err := <-failed
	require.Error(h.t, err)
	return err.Error()
}

// busy says whether a task of the type, or any for "", runs.
func (h *harness) busy(task string) bool {
	for _, t := range h.Sim.Tasks() {
		if t.Status == "running" && (task == "" || t.Type == task) {
			return true
		}
	}
	return false
}

// engine is the process id of the lab's `pulumi up`.
func (h *harness) engine() int {
	h.t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(h.t, err)
	for _, file := range commands {
		command, _ := os.ReadFile(file) // the process may have ended
		environ, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "environ"))
		program, arguments, _ := bytes.Cut(command, []byte{0})
		if filepath.Base(string(program)) == "pulumi" && bytes.Contains(arguments, []byte("up\x00")) &&
			bytes.Contains(environ, []byte("PVE_HOME_LAB="+h.Dir+"\x00")) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(h.t, err)
			return pid
		}
	}
	require.Fail(h.t, "no engine runs")
	return 0
}

func (h *harness) await(condition func() bool) {
	h.t.Helper()
	require.Eventually(h.t, condition, awaitTimeout, 20*time.Millisecond)
}

// lockIsExplained: an up of a locked stack says who locked it, since when, and what to do.
func (h *harness) lockIsExplained(s *lab.Stack) {
	h.t.Helper()
	before := h.Sim.Guests()
	output := h.upFails(s)
	require.Contains(h.t, output, "the stack is currently locked by 1 lock(s)")
	require.Contains(h.t, output, "pulumi cancel")
	require.Regexp(h.t, `created by \S+@\S+ \(pid \d+\) at \d{4}-\d\d-\d\dT`, output)
	require.Equal(h.t, before, h.Sim.Guests())
}

// untouched: no request but reads of a guest.
func (h *harness) untouched(vmid int) {
	h.t.Helper()
	for _, r := range h.Sim.Requests() {
		require.True(h.t, r.Method == "GET" || !strings.Contains(r.Path, strconv.Itoa(vmid)), "%s %s", r.Method, r.Path)
	}
}

// shell runs a command as a user does who copies it from the output.
func (h *harness) shell(s *lab.Stack, command string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.ctx, operationTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = s.Workspace().WorkDir()
	// `go run` finds what it has compiled before.
	caches, err := exec.CommandContext(ctx, "go", "env", "GOCACHE", "GOMODCACHE").Output()
	require.NoError(h.t, err)
	gocache, gomodcache, _ := strings.Cut(strings.TrimSpace(string(caches)), "\n")
	cmd.Env = []string{"GOCACHE=" + gocache, "GOMODCACHE=" + gomodcache}
	for name, value := range h.Environment() {
		if name == "PATH" {
			value = filepath.Join(h.Dir, "pulumi", "bin") + ":" + value
		}
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	output, err := cmd.CombinedOutput()
	require.NoError(h.t, err, "%s: %s", command, output)
}
