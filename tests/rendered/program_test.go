// Package rendered lets the real program behind every rendered file read it.
package rendered

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const programTimeout = time.Minute

// program finds a program. Where CI runs, a missing one is a failure.
func program(t *testing.T, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		// Programs of root are not on everybody's PATH.
		path = filepath.Join("/usr/sbin", name)
		_, err = os.Stat(path)
	}
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "%s is missing: apt-get install %s", name, debianPackage)
		t.Skipf("%s is not installed (apt-get install %s)", name, debianPackage)
	}
	return path
}

// asRoot skips a test that needs root. Where CI runs, that is a failure.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		require.NotEqual(t, "true", os.Getenv("CI"), "this test needs root")
		t.Skip("this test needs root")
	}
}

// run runs a command and returns its output.
func run(t *testing.T, environment []string, name string, args ...string) (string, error) {
	t.Helper()
	// A test's own context ends before its cleanup runs.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), programTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(os.Environ(), environment...)
	output, err := command.CombinedOutput()
	return string(output), err
}

// write writes a file below a folder of the test's own.
func write(t *testing.T, folder, name, content string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(folder, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(content), mode))
	return file
}
