package sim

import (
	"fmt"
	"regexp"
	"time"
)

// Kinds of Fault.
const (
	// FaultRequest breaks API requests (the default).
	FaultRequest = "request"
	// FaultTask makes a task fail with ExitStatus; PathRegexp matches "type:id", for example "qmclone:9000".
	FaultTask = "task"
	// FaultSSH makes the nodes' SSH servers close connections at once; PathRegexp matches the node's name.
	FaultSSH = "ssh"
	// FaultAgent makes a guest's agent never answer; PathRegexp matches the VMID.
	FaultAgent = "agent"
	// FaultGuestSSH makes a guest's SSH server close connections at once; PathRegexp matches the VMID.
	FaultGuestSSH = "guest-ssh"
	// FaultGuestCommand breaks a command that a guest gets over SSH; PathRegexp matches "VMID:command". Drop closes
	// the connection instead of running it, or with Delay so much later while the command goes on. Status is its
	// exit status, with Reason on standard error.
	FaultGuestCommand = "guest-command"
	// FaultGuestUpload breaks a write packet (at most 32 KiB) of an upload to a guest; PathRegexp matches
	// "VMID:path". Drop closes the connection, otherwise the write fails.
	FaultGuestUpload = "guest-upload"
	// FaultCloudInit makes a guest's first boot fail with ExitStatus as cloud-init's error, or end with Reason as
	// a recoverable one; PathRegexp matches the VMID.
	FaultCloudInit = "cloud-init"
)

// Fault is what a test breaks. Zero fields match everything or do nothing.
type Fault struct {
	// Kind is one of the constants above; empty means FaultRequest.
	Kind string
	// Method of the request, empty for any.
	Method string
	// PathRegexp is matched against the escaped path below /api2/json, or see Kind.
	PathRegexp string
	// Status and Reason are the answer instead of the call's; 0 lets the call through (after Delay).
	Status int
	Reason string
	// Drop closes the connection without an answer.
	Drop bool
	// Delay is waited for before the answer.
	Delay time.Duration
	// ExitStatus is the failing task's text, "simulated failure" when empty.
	ExitStatus string
	// After is the number of matches that pass before the fault strikes.
	After int
	// Times limits how often the fault strikes; 0 means until it is removed.
	Times int
}

type activeFault struct {
	Fault
	path   *regexp.Regexp
	passed int
	hits   int
}

// check names what is wrong with a fault that came from outside the program.
func (f Fault) check() error {
	switch f.Kind {
	case "", FaultRequest, FaultTask, FaultSSH, FaultAgent, FaultGuestSSH, FaultGuestCommand, FaultGuestUpload, FaultCloudInit:
	default:
		return fmt.Errorf("unknown kind of fault %q", f.Kind)
	}
	if _, err := regexp.Compile(f.PathRegexp); err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	return nil
}

// AddFault breaks matching requests, tasks or connections until remove is called or Times is used up. A
// PathRegexp that is no regular expression matches literally.
func (s *Sim) AddFault(f Fault) (remove func()) {
	if f.Kind == "" {
		f.Kind = FaultRequest
	}
	path, err := regexp.Compile(f.PathRegexp)
	if err != nil {
		path = regexp.MustCompile(regexp.QuoteMeta(f.PathRegexp))
	}
	active := &activeFault{Fault: f, path: path}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, active)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, other := range s.faults {
			if other == active {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
				return
			}
		}
	}
}

// ClearFaults removes all faults.
func (s *Sim) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Faults returns the faults that can still strike.
func (s *Sim) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var faults []Fault
	for _, f := range s.faults {
		if f.Times == 0 || f.hits < f.Times {
			faults = append(faults, f.Fault)
		}
	}
	return faults
}

// strike finds the first fault that matches and counts it. The mutex must be held.
func (s *Sim) strike(kind, method, text string) *Fault {
	for _, f := range s.faults {
		if f.Kind != kind || f.Method != "" && f.Method != method || f.Times != 0 && f.hits >= f.Times {
			continue
		}
		if !f.path.MatchString(text) {
			continue
		}
		if f.passed < f.After {
			f.passed++
			continue
		}
		f.hits++
		return &f.Fault
	}
	return nil
}

func (s *Sim) requestFault(method, path string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.strike(FaultRequest, method, path)
}

// SetTaskDuration makes tasks of a type (qmclone, qmstart, vzdump, ...) take that long; "" means all types
// without a duration of their own. The type "clone-lock" is the part of a clone during which other clones of the
// same template wait; "ssh" the time from a guest's start until its SSH server listens; "cloud-init" the time that
// cloud-init takes at a guest's first boot.
func (s *Sim) SetTaskDuration(taskType string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.durations[taskType] = d
}
