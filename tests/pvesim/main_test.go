package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHelpNamesFlagsAndControls(t *testing.T) {
	var out bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"--help"}, &out, io.Discard), flag.ErrHelp)
	for _, want := range []string{"-schema", "POST   /sim/faults", "Exit status"} {
		require.Contains(t, out.String(), want)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{{"--nope"}, {"extra"}, {"--network", "lan"}, {"--nodes", "pve1"}} {
		require.ErrorIs(t, run(t.Context(), args, io.Discard, io.Discard), errUsage, "%v", args)
	}
	err := run(t.Context(), []string{"--network", "10.0.0.0/24"}, io.Discard, io.Discard)
	require.ErrorContains(t, err, "not a loopback network")
	require.False(t, errors.Is(err, errUsage))
}

// announced cancels the run once the simulator has said how to stop it.
type announced struct {
	text   bytes.Buffer
	cancel context.CancelFunc
}

func (a *announced) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("Ctrl-C")) {
		a.cancel()
	}
	return a.text.Write(p)
}

func TestRunUntilInterrupted(t *testing.T) {
	directory := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	begin := time.Now()
	out := &announced{cancel: cancel}
	require.NoError(t, run(ctx, []string{
		"--listen", "127.82.1.11:0", "--nodes", "pve1=127.82.1.11:2222", "--network", "127.82.1.0/24", "--quiet",
		"--ca-file", filepath.Join(directory, "ca.pem"), "--ssh-key-file", filepath.Join(directory, "key"), "--state", filepath.Join(directory, "state.json"),
	}, out, io.Discard))
	require.Less(t, time.Since(begin), 15*time.Second, "the announcement ends the run, not the timeout")
	require.Contains(t, out.text.String(), "root@pam!pvesim=")
	require.Contains(t, out.text.String(), "127.82.1.11:2222")
	for name, want := range map[string]string{"ca.pem": "CERTIFICATE", "key": "PRIVATE KEY", "state.json": "debian-13-cloudinit"} {
		data, err := os.ReadFile(filepath.Join(directory, name))
		require.NoError(t, err)
		require.Contains(t, string(data), want)
	}
}
