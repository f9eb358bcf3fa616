package lab

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// command runs the Pulumi CLI for the Automation API, which would leave it running when this
// process is killed, and let a Ctrl-C of the terminal reach it a second time: the CLI takes that
// for the request to give up at once, and leaves the state locked.
type command struct {
	auto.PulumiCommand
	path string
}

// Run implements auto.PulumiCommand.
func (c command) Run(ctx context.Context, workdir string, stdin io.Reader, out, errOut []io.Writer, env []string, args ...string) (string, string, int, error) {
	if !slices.Contains(args, "--non-interactive") {
		args = append([]string{"--non-interactive"}, args...)
	}
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Dir = workdir
	cmd.Env = slices.Concat(os.Environ(), env, []string{"PULUMI_AUTOMATION_API=true"})
	var stdout, stderr bytes.Buffer
	cmd.Stdin = stdin
	cmd.Stdout = io.MultiWriter(append(slices.Clone(out), &stdout)...)
	cmd.Stderr = io.MultiWriter(append(slices.Clone(errOut), &stderr)...)
	endWithParent(cmd)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = stopTimeout
	err := cmd.Run()
	code := -2 // what the Automation API reports for a command that could not run
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) {
		code = cmd.ProcessState.ExitCode()
	}
	return stdout.String(), stderr.String(), code, err
}

func newCommand(root string) (auto.PulumiCommand, error) {
	cli, err := auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: root})
	return command{PulumiCommand: cli, path: filepath.Join(root, "bin", "pulumi")}, err
}
