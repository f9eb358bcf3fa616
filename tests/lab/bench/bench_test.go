package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestParseSizes(t *testing.T) {
	sizes, err := parseSizes("1, 10,235")
	require.NoError(t, err)
	require.Equal(t, []int{1, 10, 235}, sizes)
	for _, bad := range []string{"", "0", "236", "ten", "1,,2"} {
		_, err := parseSizes(bad)
		require.ErrorContains(t, err, "is not a number from 1 to 235", bad)
	}
}

func TestStackFile(t *testing.T) {
	var file struct {
		Config struct {
			VMs map[string]struct{ Address, Node string } `yaml:"pve-home:vms"`
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(stackFile(maxGuests)), &file))
	require.Len(t, file.Config.VMs, maxGuests)
	require.Equal(t, "192.168.1.20", file.Config.VMs["vm-001"].Address)
	require.Equal(t, "192.168.1.254", file.Config.VMs["vm-235"].Address, "the last host of the network")
	require.Equal(t, "pve1", file.Config.VMs["vm-235"].Node)
}

func TestParseStat(t *testing.T) {
	p, err := parseStat("42 (pulumi-resource) (x)) S 7 42 42 0 -1 4194560 900 0 0 0 150 25 3 4 20 0 9 0 5 6 7\n")
	require.NoError(t, err)
	require.Equal(t, process{name: "pulumi-resource) (x)", parent: 7, cpu: 1750 * time.Millisecond}, p)
	require.True(t, p.isProvider())
	for _, bad := range []string{"", "42 (sh", "42 (sh) S 7", "42 (sh) S x 1 1 0 -1 0 0 0 0 0 1 1 0"} {
		_, err := parseStat(bad)
		require.Error(t, err, bad)
	}
}

func TestParsePeak(t *testing.T) {
	peak, err := parsePeak("Name:\tsh\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n")
	require.NoError(t, err)
	require.EqualValues(t, 2<<20, peak)
	_, err = parsePeak("Name:\tzombie\n")
	require.Error(t, err)
}

// TestWatch follows a child of a child that works, and not what was there before.
func TestWatch(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	before := exec.CommandContext(ctx, "sleep", "60")
	require.NoError(t, before.Start())
	defer func() { _ = before.Wait() }()
	defer func() { _ = before.Process.Signal(os.Interrupt) }()

	w, err := startWatch()
	require.NoError(t, err)
	require.NoError(t, exec.CommandContext(ctx, "sh", "-c", `sh -c 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done'; true`).Run())
	var r result
	require.NoError(t, w.stop(&r))
	require.GreaterOrEqual(t, r.engine.cpu, clockTick, "the grandchild computes")
	require.Positive(t, r.engine.peakBytes)
	require.Positive(t, r.program.peakBytes)
	require.Zero(t, r.provider)
	require.Nil(t, w.processes[before.Process.Pid])
}

func TestReport(t *testing.T) {
	cost := func(guests int, wall time.Duration, bytes int64) result {
		return result{
			guests: guests, operation: "up", wall: wall, requests: 20 * guests, sshSessions: 2 * guests,
			engine: usage{2 * time.Second, 100 << 20}, provider: usage{time.Second, 50 << 20}, program: usage{time.Second, 30 << 20},
			stateVersions: 7, stateBytes: bytes,
		}
	}
	var out strings.Builder
	require.NoError(t, report(&out, []result{cost(1, time.Second, 1), cost(10, 6*time.Second, 1<<20), cost(20, 6*time.Second, 4<<20)}))
	require.Contains(t, out.String(), "| 10 | up | 6.0 | 2.0 | 1.0 | 1.0 | 100 | 50 | 30 | 20.0 | 2.0 | 7 | 1.0 |\n")
	require.Contains(t, out.String(), "Cost per guest at 20 guests, as a multiple of that at 10")
	require.Contains(t, out.String(), "| up | 0.50 | 0.50 | 0.50 | 0.50 | 0.50 | 1.00 | 1.00 | 0.50 | 2.00 |\n")
	require.Contains(t, out.String(), "- state bytes of up: 2.0 times the cost per guest\n")
}

func TestReportOfOneSizeHasNoGrowth(t *testing.T) {
	var out strings.Builder
	require.NoError(t, report(&out, []result{{guests: 5, operation: "up"}}))
	require.NotContains(t, out.String(), "Cost per guest")
}
