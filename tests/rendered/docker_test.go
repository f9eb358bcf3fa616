package rendered

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Debian's; another docker on PATH may be a client of something else.
const dockerClient = "/usr/bin/docker"

// A Docker Engine starts with the file and has what it says.
func TestDaemonJSONIsReadByDocker(t *testing.T) {
	asRoot(t)
	dockerd := program(t, "dockerd", "docker.io")
	for name, content := range texts(t, "/etc/docker/daemon.json") {
		t.Run(name, func(t *testing.T) {
			var want struct {
				DataRoot string            `json:"data-root"`
				Mirrors  []string          `json:"registry-mirrors"`
				Driver   string            `json:"log-driver"`
				Options  map[string]string `json:"log-opts"`
			}
			require.NoError(t, json.Unmarshal([]byte(content), &want))
			folder := dockerFolder(t)
			data := filepath.Join(folder, "data")
			if want.DataRoot != "" {
				content = strings.ReplaceAll(content, want.DataRoot, data)
			}
			info := startDocker(t, dockerd, folder, content, want.DataRoot == "")
			require.Equal(t, data, info.DockerRootDir)
			require.Equal(t, want.Driver, info.LoggingDriver)
			require.True(t, info.LiveRestoreEnabled)
			for _, mirror := range want.Mirrors {
				require.Contains(t, info.RegistryConfig.Mirrors, mirror+"/")
			}
			require.Len(t, info.RegistryConfig.Mirrors, len(want.Mirrors))
			require.NotEmpty(t, want.Options)
		})
	}
}

// TestDockerRefusesNonsense proves that the file is read, options of logs included.
func TestDockerRefusesNonsense(t *testing.T) {
	asRoot(t)
	dockerd := program(t, "dockerd", "docker.io")
	for _, nonsense := range []string{`{"no-such-key": true}`, `{"log-driver": "local", "log-opts": {"max-sise": "10m"}}`, `{"registry-mirrors": ["mirror"]}`} {
		folder := dockerFolder(t)
		file := write(t, folder, "daemon.json", nonsense, 0o644)
		output, err := run(t, nil, dockerd, dockerArguments(folder, file, true)...)
		require.Error(t, err, output)
		require.NotErrorIs(t, err, context.DeadlineExceeded, output)
	}
}

type dockerInfo struct {
	DockerRootDir, LoggingDriver string
	LiveRestoreEnabled           bool
	RegistryConfig               struct{ Mirrors []string }
}

// dockerFolder has a short name, because a socket lies in it.
func dockerFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "dockerd-")
	require.NoError(t, err)
	t.Cleanup(func() {
		// An engine that does not start may leave its data mounted.
		_, _ = run(t, nil, "umount", "--quiet", "--recursive", filepath.Join(folder, "data"))
		require.NoError(t, os.RemoveAll(folder))
	})
	return folder
}

func dockerArguments(folder, file string, dataRoot bool) []string {
	args := []string{
		"--config-file", file, "--exec-root", filepath.Join(folder, "exec"), "--pidfile", filepath.Join(folder, "pid"),
		"--host", "unix://" + filepath.Join(folder, "s"), "--bridge", "none", "--iptables=false", "--ip6tables=false",
	}
	if dataRoot {
		args = append(args, "--data-root", filepath.Join(folder, "data"))
	}
	return args
}

// startDocker starts an engine until the test ends, and asks it what it is.
func startDocker(t *testing.T, dockerd, folder, config string, dataRoot bool) dockerInfo {
	t.Helper()
	file := write(t, folder, "daemon.json", config, 0o644)
	log, err := os.Create(filepath.Join(folder, "log"))
	require.NoError(t, err)
	defer func() { _ = log.Close() }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), programTimeout)
	daemon := exec.CommandContext(ctx, dockerd, dockerArguments(folder, file, dataRoot)...)
	daemon.Stdout, daemon.Stderr = log, log
	daemon.Cancel = func() error { return daemon.Process.Signal(syscall.SIGTERM) }
	daemon.WaitDelay = programTimeout
	daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	require.NoError(t, daemon.Start())
	ended := make(chan struct{})
	go func() {
		_ = daemon.Wait() // its log says more
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})

	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		output, err := run(t, []string{"DOCKER_HOST=unix://" + filepath.Join(folder, "s")}, dockerClient, "info", "--format", "{{json .}}")
		var info dockerInfo
		if err == nil && json.Unmarshal([]byte(output), &info) == nil && info.LoggingDriver != "" {
			return info
		}
		select {
		case <-ended:
			text, err := os.ReadFile(log.Name())
			require.NoError(t, err)
			require.FailNow(t, dockerd+" ended", "%s", text)
		case <-tick.C:
		}
	}
}
