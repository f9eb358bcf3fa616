package sim

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Sim is a running simulator. All methods are safe for concurrent use.
type Sim struct {
	opts   Options
	schema *requestSchema
	router *router
	log    *slog.Logger

	// ctx ends with Close: requests that a fault delays and agents that never answer wait on it.
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	state    *state
	running  map[string]*runningTask
	machines map[int]*machine
	// templateFree says when the locked phase of the last clone of a template ends.
	templateFree map[int]time.Time
	durations    map[string]time.Duration
	faults       []*activeFault
	requests     []Request
	violations   []Violation
	privileges   map[string]bool
	sshSessions  int
	// guestCommands are the commands that guests got over SSH, by VMID.
	guestCommands map[int][]string
	closed        bool

	keeper    *stateKeeper
	ca        *authority
	listener  net.Listener
	server    *http.Server
	shells    []*nodeShell
	closeOnce sync.Once
	closeErr  error
	wg        sync.WaitGroup
}

// Start builds the cluster and returns once the API and the nodes' SSH servers listen. The simulator ends with
// Close or when ctx is done.
func Start(ctx context.Context, o Options) (*Sim, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Sim{
		opts: o, running: map[string]*runningTask{}, machines: map[int]*machine{},
		templateFree: map[int]time.Time{}, durations: map[string]time.Duration{}, privileges: map[string]bool{}, guestCommands: map[int][]string{},
		log: slog.New(slog.NewTextHandler(o.Log, nil)),
	}
	s.router = newRouter(s.routes())
	var err error
	if o.SchemaFile != "" {
		if s.schema, err = loadSchema(o.SchemaFile); err != nil {
			return nil, err
		}
	}
	if s.state, err = loadState(o); err != nil {
		return nil, err
	}
	if s.ca, err = newAuthority(s.state, o); err != nil {
		return nil, err
	}
	// Close ends the simulator, not the context of the caller of Start, so that requests in flight are
	// answered before their connections go.
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.keeper = newStateKeeper(s)
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.mu.Lock()
	s.bootRunning()
	s.mu.Unlock()
	go func() {
		select {
		case <-s.ctx.Done():
		case <-ctx.Done():
			if err := s.Close(); err != nil {
				s.log.Error("close", "error", err)
			}
		}
	}()
	return s, nil
}

func (s *Sim) listen() error {
	for _, n := range s.opts.Nodes {
		if n.Address == "" {
			continue
		}
		shell, err := s.newNodeShell(n)
		if err != nil {
			return err
		}
		s.shells = append(s.shells, shell)
	}
	config := net.ListenConfig{}
	l, err := config.Listen(s.ctx, "tcp", s.opts.Listen)
	if err != nil {
		return fmt.Errorf("the API of the simulator cannot listen on %s (is another one running?): %w", s.opts.Listen, err)
	}
	s.listener = l
	s.server = &http.Server{
		Handler: http.HandlerFunc(s.serveHTTP), TLSConfig: s.ca.tlsConfig(),
		ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		// pveproxy speaks HTTP/1.1 only.
		TLSNextProto: map[string]func(*http.Server, *tlsConn, http.Handler){},
	}
	s.wg.Go(func() {
		if err := s.server.ServeTLS(l, "", ""); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("api", "error", err)
		}
	})
	return nil
}

// Close ends all listeners, tasks and guests and writes the state file a last time. It may be called more than
// once.
func (s *Sim) Close() error {
	s.closeOnce.Do(func() {
		s.cancel()
		s.mu.Lock()
		s.closed = true
		for _, t := range s.running {
			t.timer.Stop()
		}
		machines := make([]*machine, 0, len(s.machines))
		for _, m := range s.machines {
			machines = append(machines, m)
		}
		s.machines = map[int]*machine{}
		s.mu.Unlock()
		if s.server != nil {
			s.closeErr = errors.Join(s.closeErr, s.server.Close())
		}
		for _, sh := range s.shells {
			sh.close()
		}
		for _, m := range machines {
			m.close()
		}
		s.wg.Wait()
		s.closeErr = errors.Join(s.closeErr, s.keeper.close())
	})
	return s.closeErr
}

// Endpoint is the API's base address with a trailing slash, for example https://127.80.1.11:8006/.
func (s *Sim) Endpoint() string { return "https://" + s.listener.Addr().String() + "/" }

// CACertPEM is the certificate of the authority that signed the API's certificate.
func (s *Sim) CACertPEM() []byte { return slices.Clone(s.ca.certPEM) }

// CertPool holds the authority's certificate.
func (s *Sim) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.ca.certPEM)
	return pool
}

// changed must be called with the mutex held after every change of the state.
func (s *Sim) changed() { s.keeper.wake() }

func (s *Sim) nodeNames() []string {
	names := make([]string, 0, len(s.opts.Nodes))
	for _, n := range s.opts.Nodes {
		names = append(names, n.Name)
	}
	return names
}

func (s *Sim) hasNode(name string) bool { return slices.Contains(s.nodeNames(), name) }

func (s *Sim) is9() bool { return s.opts.Version == version9 }
