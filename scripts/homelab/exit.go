package main

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Exit statuses. Each verb's help says what they mean for it.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitCannotRun   = 3
	exitInterrupted = 130
)

// exitError ends the program with a status. Without a cause everything was said already.
type exitError struct {
	status int
	cause  error
}

func (e *exitError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.cause.Error()
}

func (e *exitError) Unwrap() error { return e.cause }

// exitStatus says how the program ends after err, and writes why. What is no exitError comes from
// reading the command line.
func exitStatus(ctx context.Context, err error, stderr io.Writer) int {
	var exit *exitError
	switch {
	case ctx.Err() != nil:
		_, _ = fmt.Fprintln(stderr, "homelab: interrupted")
		return exitInterrupted
	case err == nil:
		return exitOK
	case !errors.As(err, &exit):
		_, _ = fmt.Fprintf(stderr, "homelab: %s\nSee homelab --help.\n", err)
		return exitUsage
	case exit.cause != nil:
		_, _ = fmt.Fprintln(stderr, "homelab:", exit.cause)
	}
	return exit.status
}
