package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"github.com/pve-home/pve-home/tests/pvesim/docker"
)

// Exit statuses of shells, and of env and timeout (125 when they cannot run the command, 124 when it took too long).
const (
	exitNotFound = 127
	exitNotRun   = 125
	exitTimedOut = 124
)

// guestShell answers over SSH for a running guest: the commands that health checks and deployments send.
type guestShell struct {
	sim *Sim
	// ctx ends with the guest. Commands end with it and not with their connection: sshd does not kill them.
	ctx     context.Context
	vmid    int
	kind    string
	login   identity
	disk    *contents
	started time.Time
}

// invocation is a command with the user and directory in which it runs.
type invocation struct {
	ctx       context.Context
	session   ssh.Session
	words     []string
	user      string
	directory string
}

func (i *invocation) print(text string) { _, _ = io.WriteString(i.session, text) } // the client may have gone

// fail writes to standard error and returns the exit status.
func (i *invocation) fail(exit int, format string, args ...any) int {
	_, _ = fmt.Fprintf(i.session.Stderr(), format+"\n", args...) // the client may have gone
	return exit
}

func (h *guestShell) session(session ssh.Session) {
	exit := h.run(&invocation{
		ctx: h.ctx, session: session, words: session.Command(), user: session.User(), directory: home(session.User()),
	})
	_ = session.Exit(exit) // the client may have gone
}

func (h *guestShell) run(i *invocation) int {
	f := h.record(i.session.RawCommand())
	switch {
	case f == nil:
	case f.Drop && f.Delay > 0:
		timer := time.AfterFunc(f.Delay, func() { dropConnection(i.session.Context()) })
		defer timer.Stop()
	case f.Drop:
		dropConnection(i.session.Context())
		return exitNotRun
	case !h.sim.wait(h.ctx, f.Delay):
		return exitNotRun
	case f.Status != 0:
		return i.fail(f.Status, "%s", f.Reason)
	}
	return h.execute(i)
}

// record remembers a command and returns the fault that strikes it.
func (h *guestShell) record(command string) *Fault {
	h.sim.mu.Lock()
	defer h.sim.mu.Unlock()
	commands := h.sim.guestCommands[h.vmid]
	if len(commands) >= maxRequests {
		commands = commands[maxRequests/2:]
	}
	h.sim.guestCommands[h.vmid] = append(commands, command)
	h.sim.log.Info("guest", "vmid", h.vmid, "command", firstWord(strings.TrimPrefix(command, "sudo -n ")))
	return h.sim.strike(FaultGuestCommand, "", vmidText(h.vmid)+":"+command)
}

// dropConnection ends an SSH connection as a cut cable does.
func dropConnection(ctx ssh.Context) {
	if conn, ok := ctx.Value(ssh.ContextKeyConn).(*gossh.ServerConn); ok {
		_ = conn.Close() // that is all there is to do
	}
}

func (h *guestShell) execute(i *invocation) int {
	if len(i.words) == 0 {
		return i.fail(exitNotFound, "bash: line 1: : command not found")
	}
	name := i.words[0]
	if path.IsAbs(name) && name != sftpServer {
		name = path.Base(name)
	}
	switch name {
	case "sudo":
		return h.sudo(i)
	case "env":
		return h.env(i)
	case "timeout":
		return h.timeout(i)
	case "sleep":
		return h.sleep(i)
	case "true":
		return 0
	case "false":
		return 1
	case "hostname":
		i.print(h.login.Hostname + "\n")
		return 0
	case "id":
		i.print(fmt.Sprintln(h.login.uid(i.user)))
		return 0
	case "cat":
		return h.cat(i)
	case "uptime":
		i.print(fmt.Sprintf(" %s up %d min,  1 user,  load average: 0.00, 0.00, 0.00\n",
			time.Now().Format(time.TimeOnly), int(time.Since(h.started).Minutes())))
		return 0
	case "cloud-init":
		if h.kind == kindCT {
			break // container templates come without
		}
		return h.cloudInit(i)
	case "docker":
		return h.docker(i)
	case sftpServer:
		h.serveFiles(i.session, i.user)
		return 0
	}
	return i.fail(exitNotFound, "bash: line 1: %s: command not found", i.words[0])
}

// sudo runs a command as root, for users who may without a password.
func (h *guestShell) sudo(i *invocation) int {
	words := i.words[1:]
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		words = words[1:]
	}
	if i.user != "root" && !h.login.Sudo[i.user] {
		return i.fail(1, "sudo: a password is required")
	}
	root := *i
	root.words, root.user = words, "root"
	return h.execute(&root)
}

// env runs a command in another directory; variables have no meaning here.
func (h *guestShell) env(i *invocation) int {
	inner := *i
	inner.words = i.words[1:]
	for len(inner.words) > 0 {
		directory, found := strings.CutPrefix(inner.words[0], "--chdir=")
		if !found && !strings.Contains(inner.words[0], "=") {
			break
		}
		if found {
			inner.directory = directory
		}
		inner.words = inner.words[1:]
	}
	h.sim.mu.Lock()
	info, err := h.disk.Files.As(h.login.uid(i.user), h.login.uid(i.user)).Stat(inner.directory, true)
	h.sim.mu.Unlock()
	if err != nil || !info.IsDir() {
		return i.fail(exitNotRun, "env: cannot change directory to '%s': No such file or directory", inner.directory)
	}
	if len(inner.words) == 0 {
		return 0
	}
	return h.execute(&inner)
}

// timeout ends a command after a number of seconds.
func (h *guestShell) timeout(i *invocation) int {
	inner := *i
	inner.words = i.words[1:]
	for len(inner.words) > 0 && strings.HasPrefix(inner.words[0], "-") {
		inner.words = inner.words[1:]
	}
	if len(inner.words) < 2 {
		return i.fail(exitNotRun, "timeout: missing operand")
	}
	seconds, err := strconv.ParseFloat(inner.words[0], 64)
	if err != nil {
		return i.fail(exitNotRun, "timeout: invalid time interval '%s'", inner.words[0])
	}
	inner.words = inner.words[1:]
	var cancel context.CancelFunc
	inner.ctx, cancel = context.WithTimeout(i.ctx, time.Duration(seconds*float64(time.Second)))
	defer cancel()
	if exit := h.execute(&inner); !errors.Is(inner.ctx.Err(), context.DeadlineExceeded) {
		return exit
	}
	return exitTimedOut
}

func (h *guestShell) sleep(i *invocation) int {
	seconds, err := strconv.ParseFloat(strings.Join(i.words[1:], " "), 64)
	if err != nil {
		return i.fail(1, "sleep: invalid time interval")
	}
	return bit(!h.sim.wait(i.ctx, time.Duration(seconds*float64(time.Second))))
}

func (h *guestShell) cat(i *invocation) int {
	exit := 0
	for _, name := range i.words[1:] {
		h.sim.mu.Lock()
		uid := h.login.uid(i.user)
		data, err := h.disk.Files.As(uid, uid).ReadFile(path.Join(i.directory, name))
		if path.IsAbs(name) {
			data, err = h.disk.Files.As(uid, uid).ReadFile(name)
		}
		h.sim.mu.Unlock()
		if err != nil {
			exit = i.fail(1, "cat: %s: No such file or directory", name)
			continue
		}
		i.print(string(data))
	}
	return exit
}

func (h *guestShell) docker(i *invocation) int {
	setup := h.dockerSetup()
	switch {
	case setup == DockerMissing:
		return i.fail(exitNotFound, "bash: line 1: docker: command not found")
	case i.user != "root" && !slices.Contains(i.words, "version"):
		return i.fail(1, "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock")
	}
	options := docker.Options{Directory: i.directory, NoCompose: setup == DockerWithoutCompose}
	return docker.Command(i.ctx, &guestHost{h.sim, h.disk}, options, i.words[1:], i.session, i.session.Stderr())
}

// dockerSetup is what is installed: by SetDocker, by the user-data once cloud-init has finished, or with the image.
func (h *guestShell) dockerSetup() string {
	h.sim.mu.Lock()
	defer h.sim.mu.Unlock()
	switch {
	case h.disk.DockerSetup != "":
		return h.disk.DockerSetup
	case h.login.Docker != "" && h.disk.ready():
		return h.login.Docker
	case h.sim.opts.GuestDocker != "":
		return h.sim.opts.GuestDocker
	}
	return DockerMissing
}

// guestHost is a guest as Docker sees it.
type guestHost struct {
	sim  *Sim
	disk *contents
}

// Lock takes the simulator's mutex.
func (g *guestHost) Lock() { g.sim.mu.Lock() }

// Unlock releases the simulator's mutex.
func (g *guestHost) Unlock() { g.sim.mu.Unlock() }

// Engine is the guest's Docker.
func (g *guestHost) Engine() *docker.Engine { return g.disk.Docker }

// Files are the guest's files.
func (g *guestHost) Files() docker.Files { return g.disk.Files }

// Changed keeps the state.
func (g *guestHost) Changed() { g.sim.changed() }

// ready says whether the first boot's cloud-init has finished.
func (c *contents) ready() bool { return time.Now().UnixMilli() >= c.ReadyUnixMilli }

// cloudInit is `cloud-init status` with its flags and exit statuses: 0 done, 1 error, 2 done with recoverable errors.
func (h *guestShell) cloudInit(i *invocation) int {
	if len(i.words) < 2 || i.words[1] != "status" {
		return i.fail(2, "usage: cloud-init status [--format FORMAT] [--long] [--wait]")
	}
	if slices.Contains(i.words, "--wait") && !h.awaitReady(i.ctx) {
		return 1
	}
	h.sim.mu.Lock()
	status := h.login.cloudInitStatus(h.disk.ready())
	h.sim.mu.Unlock()
	switch {
	case slices.Contains(i.words, "json"):
		i.print(status.json())
	case slices.Contains(i.words, "--long"), slices.Contains(i.words, "-l"):
		i.print(status.long())
	default:
		i.print("status: " + status.Status + "\n")
	}
	return status.exit
}

// awaitReady waits for the end of the first boot; false means that the guest ended before.
func (h *guestShell) awaitReady(ctx context.Context) bool {
	h.sim.mu.Lock()
	left := time.Until(time.UnixMilli(h.disk.ReadyUnixMilli))
	h.sim.mu.Unlock()
	return left <= 0 || h.sim.wait(ctx, left)
}

// cloudInitStatus is what cloud-init tells of the last boot, in the form of its JSON output.
type cloudInitStatus struct {
	Status            string              `json:"status"`
	ExtendedStatus    string              `json:"extended_status"`
	BootStatusCode    string              `json:"boot_status_code"`
	Datasource        string              `json:"datasource"`
	Detail            string              `json:"detail"`
	Errors            []string            `json:"errors"`
	RecoverableErrors map[string][]string `json:"recoverable_errors"`
	exit              int
}

func (id *identity) cloudInitStatus(ready bool) cloudInitStatus {
	s := cloudInitStatus{
		Status: "done", ExtendedStatus: "done", BootStatusCode: "enabled-by-generator", Datasource: "nocloud",
		Detail: "DataSourceNoCloud", Errors: []string{}, RecoverableErrors: map[string][]string{},
	}
	switch {
	case !ready:
		s.Status, s.ExtendedStatus = "running", "running"
	case id.CloudInitError != "":
		s.Status, s.ExtendedStatus, s.exit = "error", "error - done", 1
		s.Errors = append(s.Errors, id.CloudInitError)
	case id.CloudInitWarning != "":
		s.ExtendedStatus, s.exit = "degraded done", 2
		s.RecoverableErrors["WARNING"] = []string{id.CloudInitWarning}
	}
	return s
}

func (s cloudInitStatus) json() string {
	// Texts always encode.
	data, _ := json.Marshal(s)
	return string(data) + "\n"
}

func (s cloudInitStatus) long() string {
	failures, recoverable := " []", " {}"
	if len(s.Errors) > 0 {
		failures = "\n\t- " + strings.Join(s.Errors, "\n\t- ")
	}
	if warnings := s.RecoverableErrors["WARNING"]; len(warnings) > 0 {
		recoverable = "\nWARNING:\n\t- " + strings.Join(warnings, "\n\t- ")
	}
	return fmt.Sprintf("status: %s\nextended_status: %s\nboot_status_code: %s\ndetail: %s\nerrors:%s\nrecoverable_errors:%s\n",
		s.Status, s.ExtendedStatus, s.BootStatusCode, s.Detail, failures, recoverable)
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}
