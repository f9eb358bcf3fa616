package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/pve-home/pve-home/tests/lab"
)

// A lab that is kept runs in a process of its own, the keeper, which outlives the command. The
// command waits until the keeper says on a pipe that all is up.
const (
	keeperMark  = "PVE_HOME_KEEPER"
	readyPipeFD = 3
)

func isKeeper() bool { return os.Getenv(keeperMark) != "" }

// runKeeper starts the keeper and returns the exit status of the command.
func runKeeper() int {
	fail := func(err error) int {
		_, _ = fmt.Fprintln(os.Stderr, "demo:", err)
		return 1
	}
	program, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	ready, write, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	keeper := exec.Command(program, os.Args[1:]...)
	keeper.Env = append(os.Environ(), keeperMark+"=1")
	keeper.Stdout, keeper.Stderr = os.Stdout, os.Stderr
	keeper.ExtraFiles = []*os.File{write}
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := keeper.Start(); err != nil {
		return fail(err)
	}
	_ = write.Close()

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for s := range signals {
			_ = keeper.Process.Signal(s)
		}
	}()
	if message, _ := io.ReadAll(ready); len(message) > 0 {
		return 0
	}
	if err := keeper.Wait(); err != nil {
		return 1 // the keeper has said why
	}
	return fail(errors.New("the lab ended before it was ready"))
}

// keep prints how to use the lab, lets the command go, and waits for the signal to stop.
func keep(ctx context.Context, l *lab.Lab, out io.Writer) error {
	var env strings.Builder
	for name, value := range l.Environment() {
		// The lab's own mark would have a shell's programs ended with the lab.
		if strings.HasPrefix(name, "PULUMI_") || strings.HasPrefix(name, "AWS_") {
			_, _ = fmt.Fprintf(&env, "export %s=%s\n", name, quote(value))
		}
	}
	file := filepath.Join(l.Dir, "env.sh")
	if err := os.WriteFile(file, []byte(env.String()), 0o600); err != nil {
		return fmt.Errorf("environment of the lab: %w", err)
	}
	_, _ = fmt.Fprintf(out, `
The lab keeps running in the background.
  Look at Proxmox VE:   %s  (read-only page, self-signed certificate)
  Look at the state:    . %s
                        cd %s && %s stack --show-urns
                        (folders lab, prod and monitoring; also: stack output, history, export)
  Stop and remove it:   kill %d
`, l.Sim.Endpoint(), quote(file), quote(filepath.Join(l.Dir, "stacks", "lab")), quote(filepath.Join(l.Dir, "pulumi", "bin", "pulumi")), os.Getpid())
	if err := detach(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

var plainWord = regexp.MustCompile(`^[\w./-]+$`)

// quote makes one word of the shell.
func quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// detach lets go of the terminal and tells the waiting command that all is up.
func detach() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	for _, fd := range []int{0, 1, 2} {
		if err := syscall.Dup3(int(null.Fd()), fd, 0); err != nil {
			return fmt.Errorf("detach: %w", err)
		}
	}
	ready := os.NewFile(readyPipeFD, "ready")
	if _, err := ready.WriteString("ready"); err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	return ready.Close()
}
