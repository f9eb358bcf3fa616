// Package toolchain provides the programs that the demo and the tests run: the Pulumi CLI, its
// providers and the MinIO server. Each is compiled from the Go module proxy, in a module of its
// own below this folder, because their dependencies do not fit together.
package toolchain

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Tool is a program of the toolchain.
type Tool struct {
	// Name is the program's file name and the folder of its module.
	Name string
	// Version is stamped into the program, unless it knows its own: Pulumi refuses a CLI or a provider without one.
	Version string
	pkg     string
	stamp   string
	// module is the folder of the tool's module in the repository, where it is not one of its own.
	module string
}

// The tools. A provider carries the version of the SDK that talks to it.
var (
	Pulumi = Tool{
		Name: "pulumi", Version: "3.259.0",
		pkg:   "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
		stamp: "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
	}
	ProviderProxmox = Tool{Name: "pulumi-resource-proxmoxve", Version: "6.18.1", pkg: ".", stamp: "main.version"}
	ProviderMinio   = Tool{Name: "pulumi-resource-minio", Version: "0.16.3", pkg: ".", stamp: "main.version"}
	// ProviderHome is the provider of this repository, which knows its version.
	ProviderHome = Tool{Name: "pulumi-resource-pvehome", pkg: ".", module: "provider"}
	Minio        = Tool{Name: "minio", Version: "2026-02-12", pkg: "github.com/minio/minio"}
	// DockerCompose is a plugin of the docker command.
	DockerCompose = Tool{
		Name: "docker-compose", Version: "2.40.3",
		pkg:   "github.com/docker/compose/v2/cmd",
		stamp: "github.com/docker/compose/v2/internal.Version",
	}
	GolangciLint = Tool{
		Name: "golangci-lint", Version: "2.15.0",
		pkg:   "github.com/golangci/golangci-lint/v2/cmd/golangci-lint",
		stamp: "main.version",
	}
)

// ByName finds a tool.
func ByName(name string) (Tool, error) {
	for _, t := range []Tool{Pulumi, ProviderProxmox, ProviderMinio, ProviderHome, Minio, DockerCompose, GolangciLint} {
		if t.Name == name {
			return t, nil
		}
	}
	return Tool{}, fmt.Errorf("no tool %q", name)
}

// A Pulumi CLI on PATH serves if it is new enough for state in S3-compatible stores
// (https://github.com/pulumi/pulumi/issues/24109) and of the same major version.
const minPulumiMinor = 257

// Ensure returns the path of each tool, compiling what is missing or out of date into
// <root>/.bin, where root is the repository. Progress goes to out; nothing to do prints nothing.
func Ensure(ctx context.Context, root string, out io.Writer, tools ...Tool) (map[string]string, error) {
	bin := filepath.Join(root, ".bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return nil, fmt.Errorf("folder for the toolchain: %w", err)
	}
	paths := map[string]string{}
	var missing []Tool
	for _, t := range tools {
		if path, ok := onPath(ctx, t); ok {
			paths[t.Name] = path
			continue
		}
		paths[t.Name] = filepath.Join(bin, t.Name)
		current, err := t.current(ctx, root, paths[t.Name])
		if err != nil {
			return nil, err
		}
		if !current {
			missing = append(missing, t)
		}
	}
	for i, t := range missing {
		start := time.Now()
		_, _ = fmt.Fprintf(out, "[%d/%d] compiling %s (the first time takes minutes) ...", i+1, len(missing), strings.TrimSpace(t.Name+" "+t.Version))
		if err := t.build(ctx, root, paths[t.Name], out); err != nil {
			_, _ = fmt.Fprintln(out, " failed")
			return nil, err
		}
		_, _ = fmt.Fprintf(out, " %s\n", time.Since(start).Round(time.Second))
	}
	return paths, nil
}

// Root returns the repository's folder: the nearest one upwards that holds Pulumi.yaml.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working folder: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "Pulumi.yaml")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no Pulumi.yaml here or above: run this inside the pve-home repository")
		}
	}
}

func onPath(ctx context.Context, t Tool) (string, bool) {
	if t.Name != Pulumi.Name {
		return "", false
	}
	path, err := exec.LookPath(t.Name)
	if err != nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version")
	cmd.Env = append(os.Environ(), "PULUMI_SKIP_UPDATE_CHECK=true")
	cmd.WaitDelay = time.Second
	version, err := cmd.Output()
	return path, err == nil && fits(strings.TrimSpace(string(version)))
}

var versionPattern = regexp.MustCompile(`^v?3\.(\d+)\.\d+`)

func fits(version string) bool {
	m := versionPattern.FindStringSubmatch(version)
	if m == nil {
		return false
	}
	minor, err := strconv.Atoi(m[1])
	return err == nil && minor >= minPulumiMinor
}

func (t Tool) dir(root string) string {
	return filepath.Join(root, cmp.Or(t.module, filepath.Join("tests", "toolchain", t.Name)))
}

func (t Tool) current(ctx context.Context, root, path string) (bool, error) {
	if _, err := os.Stat(path); err != nil {
		return false, nil
	}
	want, err := t.fingerprint(ctx, root)
	if err != nil {
		return false, err
	}
	have, err := os.ReadFile(path + ".built-from")
	return err == nil && string(have) == want, nil
}

// fingerprint identifies everything that a tool is compiled from.
func (t Tool) fingerprint(ctx context.Context, root string) (string, error) {
	files, err := t.sources(ctx, root)
	if err != nil {
		return "", fmt.Errorf("sources of %s: %w", t.Name, err)
	}
	if len(files) == 0 {
		return "", fmt.Errorf("sources of %s: nothing in %s", t.Name, t.dir(root))
	}
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, t.Version, t.pkg, t.stamp)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("sources of %s: %w", t.Name, err)
		}
		_, _ = fmt.Fprintln(sum, filepath.Base(file), len(content))
		_, _ = sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (t Tool) build(ctx context.Context, root, path string, out io.Writer) error {
	want, err := t.fingerprint(ctx, root)
	if err != nil {
		return err
	}
	ldflags := "-s -w"
	if t.stamp != "" {
		ldflags += " -X " + t.stamp + "=" + t.Version
	}
	// Written beside and renamed, so that an interrupted build leaves no half program.
	next := fmt.Sprintf("%s.%d", path, os.Getpid())
	defer func() { _ = os.Remove(next) }()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", next, "-ldflags", ldflags, t.pkg)
	cmd.Dir = t.dir(root)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	// The go command does not end its compilers when it is killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	stopDots := dots(out)
	output, err := cmd.CombinedOutput()
	stopDots()
	if err != nil {
		if ctx.Err() != nil {
			if cmd.Process != nil {
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // those that do not heed an interrupt
			}
			return context.Cause(ctx)
		}
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("compile %s: the go command is not on PATH", t.Name)
		}
		_, _ = fmt.Fprintf(out, "\n%s", output)
		return fmt.Errorf("compile %s (needs the Go module proxy, or what GOPROXY names, and about 2 GB of disk): %w", t.Name, err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("install %s: %w", t.Name, err)
	}
	if err := os.WriteFile(path+".built-from", []byte(want), 0o644); err != nil {
		return fmt.Errorf("install %s: %w", t.Name, err)
	}
	return nil
}

// dots writes one every ten seconds until the returned function is called.
func dots(out io.Writer) (stop func()) {
	var writer sync.WaitGroup
	done := make(chan struct{})
	writer.Go(func() {
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = fmt.Fprint(out, ".")
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		writer.Wait()
	}
}
