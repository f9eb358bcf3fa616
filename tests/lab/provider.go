package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const providerStartTimeout = 30 * time.Second

// provider is a resource provider that outlives the engine's operations; the engine attaches to
// it through PULUMI_DEBUG_PROVIDERS.
type provider struct {
	port   string
	cmd    *exec.Cmd
	exited chan struct{}
}

func startProvider(ctx context.Context, program, dir string) (*provider, error) {
	p := &provider{exited: make(chan struct{})}
	log, err := os.OpenFile(filepath.Join(dir, "provider.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of the provider: %w", err)
	}
	defer func() { _ = log.Close() }()
	p.cmd = exec.Command(program)
	p.cmd.Env = environment(dir)
	p.cmd.Stderr = log
	endWithParent(p.cmd)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the provider: %w", err)
	}
	port := make(chan string, 1)
	go func() {
		reader := bufio.NewReader(stdout)
		line, _ := reader.ReadString('\n')
		port <- strings.TrimSpace(line)
		_, _ = io.Copy(io.Discard, reader)
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	timeout := time.NewTimer(providerStartTimeout)
	defer timeout.Stop()
	select {
	case p.port = <-port:
		if p.port != "" {
			return p, nil
		}
		err = fmt.Errorf("the provider ended while it started; see %s", log.Name())
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timeout.C:
		err = fmt.Errorf("the provider printed no port within %s", providerStartTimeout)
	}
	p.close()
	return nil, err
}

func (p *provider) close() { stop(p.cmd, p.exited) }
