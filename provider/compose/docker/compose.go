// Package docker runs Docker Compose on a guest and reads its answers.
package docker

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pve-home/pve-home/provider/compose/guest"
)

// Runner runs a command on the guest as root.
type Runner interface {
	Root(ctx context.Context, argv ...string) (guest.Result, error)
}

const (
	// shortCommand bounds what only asks.
	shortCommand = 60 * time.Second
	// grace is what a command gets to end after its own limit, before it is killed on the guest.
	grace = 30 * time.Second
	// exitTimeout is the status of coreutils' timeout, exitKilled that of one that had to kill.
	exitTimeout = 124
	exitKilled  = 137
)

// Project is a compose project in a folder of the guest.
type Project struct {
	Runner Runner
	// Name of the project.
	Name string
	// Folder that holds the compose files and that relative paths start from.
	Folder string
	// Files are the compose files, relative to Folder, later ones over earlier ones.
	Files []string
}

// CommandError says that a command ran and failed.
type CommandError struct {
	// Command is its verb.
	Command string
	// Output is what it said.
	Output string
	// TimedOut says that it was ended because it took longer than Limit.
	TimedOut bool
	Limit    time.Duration
}

func (e *CommandError) Error() string {
	if e.TimedOut {
		return strings.TrimSuffix(fmt.Sprintf("%s did not end within %s: %s", e.Command, e.Limit, e.Output), ": ")
	}
	return fmt.Sprintf("%s: %s", e.Command, e.Output)
}

// Version asks for compose's version and thereby whether Docker and its compose plugin are there.
func Version(ctx context.Context, runner Runner) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, shortCommand)
	defer cancel()
	result, err := runner.Root(ctx, "docker", "compose", "version", "--short")
	if err != nil {
		return "", fmt.Errorf("ask for Docker Compose: %w", err)
	}
	if result.ExitStatus == 0 {
		return strings.TrimSpace(result.Stdout), nil
	}
	text := result.Text()
	switch {
	case strings.Contains(text, "is not a docker command"):
		return "", fmt.Errorf("docker is there, but not its compose plugin: install docker-compose-plugin (Docker's packages) or docker-compose-v2 (%s)", text)
	case strings.Contains(text, "password is required"), strings.Contains(text, "sudo: not found"),
		strings.Contains(text, "sudo: command not found"), strings.Contains(text, "not in the sudoers"):
		return "", fmt.Errorf("the user may not become root without a password: connect as root, or give the user NOPASSWD in sudoers (%s)", text)
	}
	return "", fmt.Errorf("docker does not run: install Docker Engine with the compose plugin before the project is deployed, for instance from the guest's user-data (%s)", text)
}

// In is the same project with its files in another folder.
func (p Project) In(folder string, files []string) Project {
	p.Folder, p.Files = folder, files
	return p
}

func (p Project) command(verb ...string) []string {
	argv := []string{"docker", "compose", "--project-name", p.Name, "--project-directory", p.Folder}
	for _, file := range p.Files {
		argv = append(argv, "--file", path.Join(p.Folder, file))
	}
	return append(argv, verb...)
}

// Config validates the files and returns the project that they describe.
func (p Project) Config(ctx context.Context) (Config, error) {
	result, err := p.ask(ctx, "config", "--format", "json")
	if err != nil {
		return Config{}, err
	}
	return ParseConfig([]byte(result.Stdout), p.Folder)
}

// Up creates and starts what is not up to date, and waits until every service runs and is healthy.
// Images are pulled within limit too.
func (p Project) Up(ctx context.Context, limit time.Duration) error {
	return p.change(ctx, limit, "up", "--detach", "--remove-orphans", "--wait", "--wait-timeout", seconds(limit))
}

// Down removes the project's containers and networks, and its volumes if asked.
func (p Project) Down(ctx context.Context, limit time.Duration, volumes bool) error {
	verb := []string{"down", "--remove-orphans"}
	if volumes {
		verb = append(verb, "--volumes")
	}
	return p.change(ctx, limit, verb...)
}

// Ps lists the containers, stopped ones too.
func (p Project) Ps(ctx context.Context) ([]Container, error) {
	result, err := p.ask(ctx, "ps", "--all", "--format", "json")
	if err != nil {
		return nil, err
	}
	return ParsePs([]byte(result.Stdout))
}

// Logs are a service's last lines.
func (p Project) Logs(ctx context.Context, service string, lines int) (string, error) {
	result, err := p.ask(ctx, "logs", "--no-color", "--no-log-prefix", "--tail", strconv.Itoa(lines), service)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(result.Stdout + result.Stderr), nil
}

func (p Project) ask(ctx context.Context, verb ...string) (guest.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, shortCommand)
	defer cancel()
	return p.run(ctx, shortCommand, verb[0], p.command(verb...))
}

// change runs what may take long behind timeout(1), so that it ends on the guest too when the
// connection does not live to see it.
func (p Project) change(ctx context.Context, limit time.Duration, verb ...string) error {
	ctx, cancel := context.WithTimeout(ctx, limit+3*grace)
	defer cancel()
	// Compose's own limit counts from the start of the waiting and says which service was waited
	// for, so it comes first.
	argv := slices.Concat([]string{"timeout", "--kill-after=" + seconds(grace), seconds(limit + grace)}, p.command(verb...))
	_, err := p.run(ctx, limit, verb[0], argv)
	return err
}

func (p Project) run(ctx context.Context, limit time.Duration, verb string, argv []string) (guest.Result, error) {
	result, err := p.Runner.Root(ctx, argv...)
	if err != nil {
		return result, fmt.Errorf("docker compose %s: %w", verb, err)
	}
	if result.ExitStatus != 0 {
		return result, &CommandError{
			Command: "docker compose " + verb, Output: essence(result.Text()), Limit: limit,
			TimedOut: result.ExitStatus == exitTimeout || result.ExitStatus == exitKilled,
		}
	}
	return result, nil
}

// essence leaves out the progress lines that compose writes among its errors.
func essence(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		fields := strings.Fields(line)
		if len(fields) >= 3 && slices.Contains([]string{"Container", "Network", "Volume"}, fields[0]) &&
			!slices.Contains(fields, "Error") {
			continue
		}
		if line != "" {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		return strings.TrimSpace(text)
	}
	return strings.Join(kept, "\n")
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
