package main

import (
	"context"
	"fmt"
	"time"

	"github.com/pve-home/pve-home/tests/lab"
)

// How often processes are looked at. What one does after the last look before its end is not
// counted; a look at a few hundred processes costs less than a millisecond.
const sampleInterval = 50 * time.Millisecond

// result is what one operation cost.
type result struct {
	guests    int
	operation string
	wall      time.Duration
	// The program runs in this process, and the simulator with it.
	engine, provider, program usage
	requests, sshSessions     int
	// stateVersions counts the writes of the stack's state, stateBytes their sizes.
	stateVersions int
	stateBytes    int64
}

// usage of one kind of process.
type usage struct {
	cpu time.Duration
	// peakBytes is the largest resident set of any one process.
	peakBytes int64
}

func measure(ctx context.Context, l *lab.Lab, s *lab.Stack, run func(context.Context) error) (result, error) {
	versions, bytes, err := stateWritten(ctx, s)
	if err != nil {
		return result{}, err
	}
	l.Sim.ResetRequests()
	watch, err := startWatch()
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	err = run(ctx)
	r := result{wall: time.Since(start)}
	if watchErr := watch.stop(&r); err == nil {
		err = watchErr
	}
	if err != nil {
		return result{}, err
	}
	r.requests, r.sshSessions = len(l.Sim.Requests()), l.Sim.SSHSessions()
	r.stateVersions, r.stateBytes, err = stateWritten(ctx, s)
	r.stateVersions -= versions
	r.stateBytes -= bytes
	return r, err
}

// stateWritten counts the versions of the stack's state so far and adds up their sizes.
func stateWritten(ctx context.Context, s *lab.Stack) (int, int64, error) {
	versions, err := s.StateVersions(ctx)
	if err != nil {
		return 0, 0, err
	}
	var bytes int64
	for _, v := range versions {
		bytes += v.SizeBytes
	}
	return len(versions), bytes, nil
}

// watch follows the CPU time and the memory of this process and of all that descend from it.
type watch struct {
	cpuBefore time.Duration
	processes map[int]*process
	done      chan struct{}
	stopped   chan struct{}
}

func startWatch() (*watch, error) {
	if err := resetPeak(); err != nil {
		return nil, err
	}
	self, err := readProcess(selfPID)
	if err != nil {
		return nil, err
	}
	w := &watch{cpuBefore: self.cpu, processes: map[int]*process{}, done: make(chan struct{}), stopped: make(chan struct{})}
	// What is already there (MinIO) is no part of the operation.
	for _, pid := range processIDs() {
		w.processes[pid] = nil
	}
	go func() {
		defer close(w.stopped)
		tick := time.NewTicker(sampleInterval)
		defer tick.Stop()
		for {
			select {
			case <-w.done:
				return
			case <-tick.C:
				w.sample()
			}
		}
	}()
	return w, nil
}

// sample looks at the descendants that live. A parent always has the smaller start time, but not
// the smaller id, so that a child may be found one look after its parent.
func (w *watch) sample() {
	for _, pid := range processIDs() {
		known, seen := w.processes[pid]
		if seen && known == nil {
			continue
		}
		now, err := readProcess(pid)
		if err != nil {
			continue // it has ended
		}
		if !seen && !w.ours(now) {
			continue
		}
		w.processes[pid] = &now
	}
}

func (w *watch) ours(p process) bool {
	return p.parent == selfPID || w.processes[p.parent] != nil
}

func (w *watch) stop(r *result) error {
	close(w.done)
	<-w.stopped
	for _, p := range w.processes {
		if p == nil {
			continue
		}
		u := &r.engine
		if p.isProvider() {
			u = &r.provider
		}
		u.cpu += p.cpu
		u.peakBytes = max(u.peakBytes, p.peakBytes)
	}
	self, err := readProcess(selfPID)
	if err != nil {
		return fmt.Errorf("this process: %w", err)
	}
	r.program = usage{cpu: self.cpu - w.cpuBefore, peakBytes: self.peakBytes}
	return nil
}
