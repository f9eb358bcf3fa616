// Package compose_test deploys with the real thing: OpenSSH's server and a Docker Engine of the
// tests' own, with images made of a small program.
package compose_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pve-home/pve-home/tests/toolchain"
)

// Debian's paths: another docker on PATH may be a client of something else.
const (
	dockerProgram = "/usr/bin/docker"
	dockerDaemon  = "/usr/sbin/dockerd"
	sshServer     = "/usr/sbin/sshd"
	sftpServer    = "/usr/lib/openssh/sftp-server"

	image        = "pve-home-test/service:1"
	startTimeout = 60 * time.Second
)

// engine is the Docker Engine of all tests of this package.
type engine struct {
	dir    string
	daemon *exec.Cmd
	ended  chan error
	// env is what a client needs.
	env []string
}

// docker is the running engine; nil where the tests cannot run, for the reason in missing.
var (
	docker  *engine
	missing error
)

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	docker, missing = startEngine(ctx)
	if missing != nil && os.Getenv("CI") == "true" {
		fmt.Fprintln(os.Stderr, "tests of ComposeProject:", missing)
		return 1
	}
	defer func() {
		if docker != nil {
			docker.stop()
		}
	}()
	return m.Run()
}

func startEngine(ctx context.Context) (*engine, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("a Docker Engine needs root")
	}
	for program, debianPackage := range map[string]string{
		dockerProgram: "docker.io", dockerDaemon: "docker.io", sshServer: "openssh-server", sftpServer: "openssh-sftp-server",
	} {
		if _, err := os.Stat(program); err != nil {
			return nil, fmt.Errorf("%s is missing: apt-get install %s", program, debianPackage)
		}
	}
	root, err := toolchain.Root()
	if err != nil {
		return nil, err
	}
	tools, err := toolchain.Ensure(ctx, root, os.Stderr, toolchain.DockerCompose)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "compose-engine-")
	if err != nil {
		return nil, err
	}
	e := &engine{dir: dir, ended: make(chan error, 1)}
	if err := e.start(ctx, tools[toolchain.DockerCompose.Name]); err != nil {
		e.stop()
		return nil, err
	}
	return e, nil
}

func (e *engine) start(ctx context.Context, compose string) error {
	plugins := filepath.Join(e.dir, "client", "cli-plugins")
	if err := os.MkdirAll(plugins, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(compose, filepath.Join(plugins, "docker-compose")); err != nil {
		return err
	}
	socket := "unix://" + filepath.Join(e.dir, "docker.sock")
	e.env = []string{"DOCKER_HOST=" + socket, "DOCKER_CONFIG=" + filepath.Join(e.dir, "client")}
	log, err := os.Create(filepath.Join(e.dir, "dockerd.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	config := filepath.Join(e.dir, "daemon.json")
	if err := os.WriteFile(config, []byte("{}"), 0o644); err != nil {
		return err
	}
	// Published ports go through its proxy, so the machine's firewall is left alone.
	e.daemon = exec.CommandContext(context.WithoutCancel(ctx), dockerDaemon, "--config-file", config, "--data-root", filepath.Join(e.dir, "data"),
		"--exec-root", filepath.Join(e.dir, "exec"), "--pidfile", filepath.Join(e.dir, "docker.pid"), "--host", socket,
		"--bridge", "none", "--iptables=false", "--ip6tables=false")
	e.daemon.Stdout, e.daemon.Stderr = log, log
	e.daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := e.daemon.Start(); err != nil {
		return err
	}
	go func() { e.ended <- e.daemon.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := e.client(ctx, nil, "version"); err == nil {
			break
		}
		select {
		case err := <-e.ended:
			e.ended <- err
			content, _ := os.ReadFile(log.Name())
			return fmt.Errorf("%s ended: %w\n%s", dockerDaemon, err, content)
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer", dockerDaemon)
		case <-tick.C:
		}
	}
	return e.makeImage(ctx)
}

// makeImage compiles the service and makes an image of nothing else.
func (e *engine) makeImage(ctx context.Context) error {
	program := filepath.Join(e.dir, "service")
	build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", program, "./service")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("compile the service: %w\n%s", err, output)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	layer := &bytes.Buffer{}
	w := tar.NewWriter(layer)
	if err := w.WriteHeader(&tar.Header{Name: "service", Mode: 0o755, Size: int64(len(content))}); err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err = e.client(ctx, layer.Bytes(), "import", "--change", `ENTRYPOINT ["/service"]`, "-", image)
	return err
}

// client runs docker.
func (e *engine) client(ctx context.Context, stdin []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, dockerProgram, args...)
	cmd.Env = append(os.Environ(), e.env...)
	cmd.Stdin = bytes.NewReader(stdin)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return strings.TrimSpace(string(output)), nil
}

func (e *engine) stop() {
	if e.daemon != nil && e.daemon.Process != nil {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		if ids, err := e.client(ctx, nil, "ps", "--all", "--quiet"); err == nil && ids != "" {
			_, _ = e.client(ctx, nil, append([]string{"rm", "--force"}, strings.Fields(ids)...)...)
		}
		if ids, err := e.client(ctx, nil, "network", "ls", "--quiet", "--filter", "type=custom"); err == nil && ids != "" {
			_, _ = e.client(ctx, nil, append([]string{"network", "rm"}, strings.Fields(ids)...)...)
		}
		_ = e.daemon.Process.Signal(syscall.SIGTERM)
		select {
		case <-e.ended: //nolint:errcheck // asked to end, it may say what it likes
		case <-ctx.Done():
			_ = syscall.Kill(-e.daemon.Process.Pid, syscall.SIGKILL)
		}
	}
	_ = os.RemoveAll(e.dir)
}
