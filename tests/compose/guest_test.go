package compose_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// server is an OpenSSH server of one test.
type server struct {
	port       int
	privateKey string
	cmd        *exec.Cmd
	dir        string
}

func key(t *testing.T) (private string, public ssh.PublicKey) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(priv, "")
	require.NoError(t, err)
	public, err = ssh.NewPublicKey(pub)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(block)), public
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

// startServer starts sshd on a loopback port. What runs in it finds the tests' docker, and a
// cloud-init that has finished: the one of this machine has nothing to do with it.
func startServer(t *testing.T) *server {
	t.Helper()
	if docker == nil {
		t.Skipf("%v", missing)
	}
	s := &server{port: freePort(t), dir: t.TempDir()}
	file := func(name, content string, mode os.FileMode) string {
		full := filepath.Join(s.dir, name)
		require.NoError(t, os.WriteFile(full, []byte(content), mode))
		return full
	}
	hostKey, _ := key(t)
	var authorized ssh.PublicKey
	s.privateKey, authorized = key(t)
	require.NoError(t, os.Mkdir(filepath.Join(s.dir, "bin"), 0o755))
	file("bin/cloud-init", "#!/bin/sh\necho 'status: done'\n", 0o755)
	config := file("sshd_config", strings.Join([]string{
		"ListenAddress 127.0.0.1", "Port " + strconv.Itoa(s.port),
		"HostKey " + file("host_key", hostKey, 0o600),
		"AuthorizedKeysFile " + file("authorized_keys", string(ssh.MarshalAuthorizedKey(authorized)), 0o600),
		"StrictModes no", "UsePAM no", "PidFile none", "PermitRootLogin prohibit-password", "PasswordAuthentication no",
		"SetEnv PATH=" + filepath.Join(s.dir, "bin") + ":/usr/sbin:/usr/bin:/sbin:/bin " + strings.Join(docker.env, " "), "",
	}, "\n"), 0o600)
	require.NoError(t, os.MkdirAll("/run/sshd", 0o755)) // where sshd confines itself
	log, err := os.Create(filepath.Join(s.dir, "sshd.log"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = log.Close() })
	s.cmd = exec.CommandContext(t.Context(), sshServer, "-f", config, "-D", "-e")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.cmd.Cancel = func() error { s.cut(); return s.cmd.Process.Kill() }
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() {
		s.cut()
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		if t.Failed() {
			content, _ := os.ReadFile(log.Name())
			t.Logf("sshd: %s", content)
		}
	})
	require.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, 10*time.Second, 20*time.Millisecond)
	return s
}

// cut kills the server's sessions as a broken connection would: what they started goes on.
func (s *server) cut() {
	for _, pid := range children(s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// children are the processes that a process has started.
func children(pid int) []int {
	var found []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		content, err := os.ReadFile(stat)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(content), ") ")
		var state string
		var parent int
		if _, err := fmt.Sscan(rest, &state, &parent); err != nil || parent != pid {
			continue
		}
		if child, err := strconv.Atoi(filepath.Base(filepath.Dir(stat))); err == nil {
			found = append(found, child)
		}
	}
	return found
}
