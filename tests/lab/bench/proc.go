package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Linux counts CPU time for /proc in hundredths of a second on every platform (USER_HZ).
const clockTick = 10 * time.Millisecond

var selfPID = os.Getpid()

// process is a process as /proc shows it; see proc(5).
type process struct {
	name   string
	parent int
	cpu    time.Duration
	// peakBytes is the largest resident set so far.
	peakBytes int64
}

// isProvider goes by the name, which the kernel cuts after 15 characters.
func (p process) isProvider() bool { return strings.HasPrefix(p.name, "pulumi-resource") }

func processIDs() []int {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // fails only for a bad pattern
	ids := make([]int, 0, len(dirs))
	for _, dir := range dirs {
		if id, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func readProcess(pid int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, fmt.Errorf("read a process (needs Linux): %w", err)
	}
	p, err := parseStat(string(stat))
	if err != nil {
		return p, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return p, fmt.Errorf("read a process: %w", err)
	}
	p.peakBytes, err = parsePeak(string(status))
	return p, err
}

func parseStat(stat string) (process, error) {
	var p process
	// The name stands in parentheses and may itself contain them.
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return p, fmt.Errorf("no process status: %q", stat)
	}
	p.name = stat[open+1 : end]
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 13 {
		return p, fmt.Errorf("no process status: %q", stat)
	}
	var user, system int64
	for i, value := range map[int]any{1: &p.parent, 11: &user, 12: &system} {
		if _, err := fmt.Sscan(fields[i], value); err != nil {
			return p, fmt.Errorf("process status %q: %w", stat, err)
		}
	}
	p.cpu = time.Duration(user+system) * clockTick
	return p, nil
}

// parsePeak finds the peak of the resident set. A process that has ended but was not waited for
// has none.
func parsePeak(status string) (int64, error) {
	for line := range strings.Lines(status) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("peak of the resident set %q: %w", line, err)
			}
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("no peak of the resident set")
}

// resetPeak makes this process's peak that of the next operation alone.
func resetPeak() error {
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return fmt.Errorf("reset the peak of this process's memory (needs Linux): %w", err)
	}
	return nil
}
