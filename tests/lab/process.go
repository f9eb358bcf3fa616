package lab

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const stopTimeout = 10 * time.Second

// environment is what programs of the lab see: nothing of the user's Pulumi, AWS or Proxmox
// settings, and a home folder of their own (the provider writes known_hosts there).
func environment(dir string) []string {
	env := []string{
		"HOME=" + filepath.Join(dir, "home"),
		"TMPDIR=" + filepath.Join(dir, "tmp"),
		labMark + "=" + dir,
	}
	for _, name := range []string{"PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// labMark is a variable that every process of a lab inherits, so that none can be left behind.
const labMark = "PVE_HOME_LAB"

// leftovers lists the processes, children of children included, that carry the lab's mark.
func leftovers(dir string) []int {
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	var pids []int
	for _, file := range environs {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(environ, []byte(labMark+"="+dir+"\x00")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// endAll kills the processes that list names until it names none: a process may have started
// another meanwhile.
func endAll(list func() []int) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	timeout := time.NewTimer(stopTimeout)
	defer timeout.Stop()
	for {
		pids := list()
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		select {
		case <-tick.C:
		case <-timeout.C:
			return fmt.Errorf("processes %v do not end", pids)
		}
	}
}

// stop asks a process to end and, when it does not, ends it.
func stop(cmd *exec.Cmd, exited <-chan struct{}) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	timeout := time.NewTimer(stopTimeout)
	defer timeout.Stop()
	select {
	case <-exited:
	case <-timeout.C:
		_ = cmd.Process.Kill()
		<-exited
	}
}

func randomHex() (string, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("random secret: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// CleanEnvironment removes settings of Pulumi, AWS and Proxmox from this process, which the
// Automation API would otherwise hand to the CLI.
func CleanEnvironment() {
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		for _, prefix := range []string{"PULUMI_", "AWS_", "PROXMOX_", "MINIO_"} {
			if strings.HasPrefix(name, prefix) {
				_ = os.Unsetenv(name)
			}
		}
	}
}
