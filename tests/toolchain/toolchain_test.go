package toolchain

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// greeter stands for a tool: it compiles in a second and prints its version.
var greeter = Tool{Name: "greeter", Version: "1.2.3", pkg: ".", stamp: "main.version"}

const greeterSource = `package main

import "fmt"

var version string

func main() { fmt.Print("version ", version) }
`

// repository makes a folder with the sources of the greeter where Ensure looks for them.
func repository(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	write(t, filepath.Join(root, "tests", "toolchain", "greeter", "go.mod"), "module greeter\n\ngo 1.26\n")
	write(t, filepath.Join(root, "tests", "toolchain", "greeter", "main.go"), greeterSource)
	return root
}

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o755))
}

// script puts a program of that name into the folder.
func script(t *testing.T, dir, name, text string) {
	t.Helper()
	write(t, filepath.Join(dir, name), "#!/bin/sh\n"+text+"\n")
}

func ensure(t *testing.T, root string, tool Tool) (path, printed string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	paths, err := Ensure(ctx, root, &out, tool)
	return paths[tool.Name], out.String(), err
}

func run(t *testing.T, path string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func binFiles(t *testing.T, root string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, ".bin"))
	require.NoError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestEnsureCompilesOnce(t *testing.T) {
	root := repository(t)
	path, printed, err := ensure(t, root, greeter)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, ".bin", "greeter"), path)
	require.Regexp(t, `^\[1/1\] compiling greeter 1\.2\.3 \(the first time takes minutes\) \.\.\. \d+s\n$`, printed)
	require.Equal(t, "version 1.2.3", run(t, path))
	require.Equal(t, []string{"greeter", "greeter.built-from"}, binFiles(t, root))

	t.Run("nothing to do without a go command", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		again, printed, err := ensure(t, root, greeter)
		require.NoError(t, err)
		require.Equal(t, path, again)
		require.Empty(t, printed)
	})
	t.Run("a changed source", func(t *testing.T) {
		write(t, filepath.Join(root, "tests", "toolchain", "greeter", "main.go"), strings.Replace(greeterSource, `"version `, `"now `, 1))
		path, printed, err := ensure(t, root, greeter)
		require.NoError(t, err)
		require.Contains(t, printed, "compiling greeter")
		require.Equal(t, "now 1.2.3", run(t, path))
	})
	t.Run("a changed version", func(t *testing.T) {
		newer := greeter
		newer.Version = "1.3.0"
		path, _, err := ensure(t, root, newer)
		require.NoError(t, err)
		require.Equal(t, "now 1.3.0", run(t, path))
	})
}

func TestEnsureSaysWhyItFails(t *testing.T) {
	t.Run("a program that does not compile", func(t *testing.T) {
		root := repository(t)
		write(t, filepath.Join(root, "tests", "toolchain", "greeter", "main.go"), "package main\n\nfunc main() { undefined() }\n")
		_, printed, err := ensure(t, root, greeter)
		require.ErrorContains(t, err, "compile greeter (needs the Go module proxy, or what GOPROXY names, and about 2 GB of disk)")
		require.Contains(t, printed, "undefined: undefined")
		require.Empty(t, binFiles(t, root))
	})
	t.Run("no go command", func(t *testing.T) {
		root := repository(t)
		t.Setenv("PATH", t.TempDir())
		_, _, err := ensure(t, root, greeter)
		require.EqualError(t, err, "compile greeter: the go command is not on PATH")
	})
	t.Run("no network", func(t *testing.T) {
		root := repository(t)
		dir := filepath.Join(root, "tests", "toolchain", "greeter")
		write(t, filepath.Join(dir, "go.mod"), "module greeter\n\ngo 1.26\n\nrequire example.com/words v1.0.0\n")
		write(t, filepath.Join(dir, "words.go"), "package main\n\nimport _ \"example.com/words\"\n")
		t.Setenv("GOPROXY", "off")
		t.Setenv("GOFLAGS", "-mod=mod")
		_, printed, err := ensure(t, root, greeter)
		require.ErrorContains(t, err, "compile greeter (needs the Go module proxy, or what GOPROXY names")
		require.Contains(t, printed, "module lookup disabled by GOPROXY=off")
	})
	t.Run("no sources", func(t *testing.T) {
		_, _, err := ensure(t, t.TempDir(), greeter)
		require.ErrorContains(t, err, "sources of greeter: nothing in ")
		require.NotContains(t, err.Error(), "%!")
	})
	t.Run("a file where the folder has to be", func(t *testing.T) {
		root := repository(t)
		write(t, filepath.Join(root, ".bin"), "")
		_, _, err := ensure(t, root, greeter)
		require.ErrorContains(t, err, "folder for the toolchain")
	})
}

// TestInterruptedBuild uses a go command that writes half a program and then hangs in a child.
func TestInterruptedBuild(t *testing.T) {
	root := repository(t)
	fake, childFile := t.TempDir(), filepath.Join(t.TempDir(), "child")
	script(t, fake, "go", `echo half >"$3"; sh -c 'echo $$ >`+childFile+`.next; mv `+childFile+`.next `+childFile+`; exec sleep 60'`)
	t.Setenv("PATH", fake+string(os.PathListSeparator)+os.Getenv("PATH"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := Ensure(ctx, root, t.Output(), greeter)
		failed <- err
	}()
	require.Eventually(t, func() bool { return exists(childFile) }, 30*time.Second, 10*time.Millisecond)
	require.Len(t, binFiles(t, root), 1, "the half program")
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.Empty(t, binFiles(t, root))

	text, err := os.ReadFile(childFile)
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return errors.Is(syscall.Kill(child, 0), syscall.ESRCH) },
		10*time.Second, 10*time.Millisecond, "the child of the go command still runs")
}

func TestInterruptedBeforeBuild(t *testing.T) {
	root := repository(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Ensure(ctx, root, t.Output(), greeter)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, binFiles(t, root))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func TestPulumiOnPath(t *testing.T) {
	for _, c := range []struct {
		name, script string
		used         bool
	}{
		{"fitting", "echo v3.259.0", true},
		{"oldest", "echo v3.257.0", true},
		{"newer", "echo v3.301.2", true},
		{"old", "echo v3.256.9", false},
		{"other major version", "echo v4.300.0", false},
		{"unversioned", "echo", false},
		{"failing", "echo v3.259.0; exit 1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			script(t, dir, "pulumi", `[ "$1" = version ] && `+c.script)
			t.Setenv("PATH", dir)
			path, ok := onPath(t.Context(), Pulumi)
			require.Equal(t, c.used, ok)
			if ok {
				require.Equal(t, filepath.Join(dir, "pulumi"), path)
				ensured, printed, err := ensure(t, t.TempDir(), Pulumi)
				require.NoError(t, err, "nothing has to be compiled, nor be there to compile")
				require.Equal(t, path, ensured)
				require.Empty(t, printed)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, ok := onPath(t.Context(), Pulumi)
		require.False(t, ok)
	})
	t.Run("another tool", func(t *testing.T) {
		dir := t.TempDir()
		script(t, dir, Minio.Name, "echo v3.259.0")
		t.Setenv("PATH", dir)
		_, ok := onPath(t.Context(), Minio)
		require.False(t, ok)
	})
}

// TestStampedVersions: Pulumi refuses a CLI or a provider that does not know its version.
func TestStampedVersions(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	root, err := Root()
	require.NoError(t, err)
	t.Setenv("PATH", filepath.Dir(goCommand(t))) // the CLI of this toolchain, not the user's
	tools, err := Ensure(ctx, root, t.Output(), Pulumi, ProviderProxmox, ProviderMinio)
	require.NoError(t, err)
	require.Equal(t, Pulumi.Version+"\n", run(t, tools[Pulumi.Name], "version"))
	require.Equal(t, ProviderProxmox.Version+"\n", run(t, tools[ProviderProxmox.Name], "--version"))
	require.Equal(t, ProviderMinio.Version+"\n", run(t, tools[ProviderMinio.Name], "--version"))
}

func goCommand(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("go")
	require.NoError(t, err)
	return path
}

func TestByName(t *testing.T) {
	tool, err := ByName("pulumi-resource-minio")
	require.NoError(t, err)
	require.Equal(t, ProviderMinio, tool)
	_, err = ByName("terraform")
	require.EqualError(t, err, `no tool "terraform"`)
}

func TestRoot(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "Pulumi.yaml"), "name: x\n")
	below := filepath.Join(root, "a", "b")
	require.NoError(t, os.MkdirAll(below, 0o755))
	t.Chdir(below)
	found, err := Root()
	require.NoError(t, err)
	require.Equal(t, root, found)

	t.Chdir(t.TempDir())
	_, err = Root()
	require.EqualError(t, err, "no Pulumi.yaml here or above: run this inside the pve-home repository")
}
