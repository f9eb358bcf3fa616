package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/toolchain"
)

// script makes a program that stands for one of the lab's.
func script(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	return path
}

func timeout(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestFreeNetwork(t *testing.T) {
	t.Run("a taken port", func(t *testing.T) {
		for _, at := range []struct {
			host byte
			port uint16
		}{{1, s3Port}, {11, apiPort}, {11, sshPort}, {12, sshPort}} {
			first, err := freeNetwork(canListen)
			require.NoError(t, err)
			address := first.Addr().As4()
			address[3] = at.host
			listener, err := net.Listen("tcp", netip.AddrPortFrom(netip.AddrFrom4(address), at.port).String())
			require.NoError(t, err)
			second, err := freeNetwork(canListen)
			require.NoError(t, err)
			require.NotEqual(t, first, second)
			require.NoError(t, listener.Close())
		}
	})
	t.Run("all ports taken", func(t *testing.T) {
		tried := map[netip.Prefix]bool{}
		_, err := freeNetwork(func(p netip.Prefix) error {
			tried[p] = true
			return fmt.Errorf("listen tcp: %w", syscall.EADDRINUSE)
		})
		require.EqualError(t, err, "no free loopback network: in 100 of them ports 8006, 9000 or 2222 are taken, by labs that still run?: listen tcp: address already in use")
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.Len(t, tried, 100)
	})
	t.Run("no such addresses", func(t *testing.T) {
		_, err := freeNetwork(func(netip.Prefix) error { return syscall.EADDRNOTAVAIL })
		require.ErrorContains(t, err, "the lab needs loopback addresses below 127.")
		require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
	})
}

func TestNoFolder(t *testing.T) {
	l := &Lab{root: t.TempDir(), tools: map[string]string{}}
	require.NoError(t, os.WriteFile(filepath.Join(l.root, ".tmp"), nil, 0o600))
	require.ErrorContains(t, l.makeDir(), "folder for the lab: mkdir ")
}

func TestOutsideTheRepository(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Start(t.Context(), Options{})
	require.EqualError(t, err, "no Pulumi.yaml here or above: run this inside the pve-home repository")
}

func TestMinioFails(t *testing.T) {
	t.Run("is no program", func(t *testing.T) {
		_, err := startMinio(t.Context(), filepath.Join(t.TempDir(), "minio"), t.TempDir(), "127.0.0.1:1")
		require.ErrorContains(t, err, "start MinIO: fork/exec ")
		require.ErrorContains(t, err, "no such file or directory")
	})
	t.Run("ends", func(t *testing.T) {
		program := script(t, "minio", `echo "FATAL drive is full" >&2; exit 1`)
		_, err := startMinio(timeout(t, time.Minute), program, t.TempDir(), "127.0.0.1:1")
		require.EqualError(t, err, "MinIO ended while it started: FATAL drive is full")
	})
	t.Run("does not answer", func(t *testing.T) {
		program := script(t, "minio", `echo waiting; exec sleep 60`)
		dir := t.TempDir()
		_, err := startMinio(timeout(t, time.Second), program, dir, "127.0.0.1:1")
		require.ErrorContains(t, err, "MinIO does not answer at 127.0.0.1:1")
		require.ErrorContains(t, err, "waiting")
		require.Empty(t, leftovers(dir))
	})
}

func TestProviderFails(t *testing.T) {
	t.Run("ends", func(t *testing.T) {
		_, err := startProvider(timeout(t, time.Minute), script(t, "provider", "exit 1"), t.TempDir())
		require.ErrorContains(t, err, "the provider ended while it started; see ")
	})
	t.Run("prints no port", func(t *testing.T) {
		dir := t.TempDir()
		_, err := startProvider(timeout(t, time.Second), script(t, "provider", "exec sleep 60"), dir)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, leftovers(dir))
	})
}

func TestPulumiFails(t *testing.T) {
	program := script(t, filepath.Join("bin", "pulumi"), "exit 3")
	_, err := newCommand(filepath.Dir(filepath.Dir(program)))
	require.ErrorContains(t, err, "failed to run `pulumi version`: exit status 3")
}

// TestCommand compares what the Automation API is told about a command with what it did.
func TestCommand(t *testing.T) {
	program := script(t, filepath.Join("bin", "pulumi"), `[ "$1" = version ] && { echo v3.259.0; exit; }
echo "args $*"; echo problem >&2; exit 7`)
	c, err := newCommand(filepath.Dir(filepath.Dir(program)))
	require.NoError(t, err)
	require.Equal(t, toolchain.Pulumi.Version, c.Version().String())
	out, errOut, code, err := c.Run(t.Context(), t.TempDir(), nil, nil, nil, nil, "stack", "ls")
	require.Error(t, err)
	require.Equal(t, []any{"args --non-interactive stack ls\n", "problem\n", 7}, []any{out, errOut, code})
	_, _, code, err = c.Run(t.Context(), filepath.Join(t.TempDir(), "missing"), nil, nil, nil, nil, "stack", "ls")
	require.Error(t, err)
	require.Equal(t, -2, code)
}

func TestSummaryOnAFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer func() { _ = full.Close() }()
	err = Summary{}.Write(full)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, "summary: write /dev/full: ")
}

// TestClose ends a lab in the middle of an update.
func TestClose(t *testing.T) {
	l := start(t, Options{})
	stack, err := l.Stack(t.Context(), "lab")
	require.NoError(t, err)
	l.Sim.SetTaskDuration("qmclone", time.Minute)
	ended := make(chan error, 1)
	go func() {
		_, err := stack.Up(t.Context())
		ended <- err
	}()
	require.Eventually(t, func() bool { return len(guestNames(l)) > 0 }, time.Minute, 10*time.Millisecond, "a clone has begun")
	require.GreaterOrEqual(t, len(leftovers(l.Dir)), 3, "MinIO, engine and provider")

	require.NoError(t, l.Close())
	require.Empty(t, leftovers(l.Dir))
	require.NoDirExists(t, l.Dir)
	require.NoError(t, l.Close(), "a second time")
	select {
	case err := <-ended:
		require.Error(t, err)
	case <-time.After(30 * time.Second):
		t.Fatal("the update does not notice that its engine is gone")
	}
}
