package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// Result is what a command answered.
type Result struct {
	Stdout, Stderr string
	ExitStatus     int
}

// Text is what the command had to say: its errors, or else its output.
func (r Result) Text() string {
	if text := strings.TrimSpace(r.Stderr); text != "" {
		return text
	}
	return strings.TrimSpace(r.Stdout)
}

// maxOutputBytes of each stream are kept, so that a guest cannot fill our memory.
const maxOutputBytes = 8 << 20

// Root runs a command as root, through sudo if the user is somebody else. Its arguments show in
// the guest's process list: no secrets there.
func (g *Guest) Root(ctx context.Context, argv ...string) (Result, error) {
	return g.Run(ctx, g.asRoot(argv)...)
}

func (g *Guest) asRoot(argv []string) []string {
	if g.root {
		return argv
	}
	return append([]string{"sudo", "-n"}, argv...)
}

// Run runs a command as the connection's user until it exits or ctx ends. An exit status other
// than 0 is no error. Error: *LostError, or the reason why ctx ended.
func (g *Guest) Run(ctx context.Context, argv ...string) (Result, error) {
	line := Quote(argv)
	session, err := g.client.NewSession()
	if err != nil {
		return Result{}, g.lost(line, err)
	}
	defer func() { _ = session.Close() }()
	stdout, stderr := &limitedBuffer{}, &limitedBuffer{}
	session.Stdout, session.Stderr = stdout, stderr
	if err := session.Start(line); err != nil {
		return Result{}, g.lost(line, err)
	}
	exited := make(chan error, 1)
	go func() { exited <- session.Wait() }()
	select {
	case err = <-exited:
	case <-ctx.Done():
		_ = session.Signal(ssh.SIGTERM)
		_ = session.Close()
		return Result{}, fmt.Errorf("%s on %s: %w", line, g.address, context.Cause(ctx))
	}
	result := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	if err != nil {
		exit := &ssh.ExitError{}
		if !errors.As(err, &exit) {
			return result, g.lost(line, err)
		}
		result.ExitStatus = exit.ExitStatus()
	}
	return result, nil
}

func (g *Guest) lost(during string, err error) error {
	return &LostError{Address: g.address, During: during, Err: err}
}

// Lost tells whether the connection is gone.
func (g *Guest) Lost(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		_, _, err := g.client.SendRequest("keepalive@openssh.com", true, nil)
		answered <- err
	}()
	select {
	case err := <-answered:
		return err != nil
	case <-ctx.Done():
		return true
	}
}

var plainArgument = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Quote writes a command line for a POSIX shell.
func Quote(argv []string) string {
	quoted := make([]string, len(argv))
	for i, arg := range argv {
		if plainArgument.MatchString(arg) {
			quoted[i] = arg
			continue
		}
		quoted[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}

// limitedBuffer keeps the first bytes. It may be read while a session still writes to it.
type limitedBuffer struct {
	mutex sync.Mutex
	kept  bytes.Buffer
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if room := maxOutputBytes - b.kept.Len(); room > 0 {
		_, _ = b.kept.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (b *limitedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.kept.String()
}
