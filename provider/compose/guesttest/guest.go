// Package guesttest is a guest for tests: an SSH server in the test's process, whose files are
// those below a temporary folder and whose docker is a small imitation.
package guesttest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gliderlabs/ssh"
	"github.com/pkg/sftp"
	"github.com/stretchr/testify/require"
	gossh "golang.org/x/crypto/ssh"

	"github.com/pve-home/pve-home/provider/compose/guest"
)

// Guest is a running SSH server.
type Guest struct {
	Host string
	Port int
	// PrivateKey logs in as any user.
	PrivateKey string
	// Dir is a folder for projects.
	Dir string
	// Docker answers docker's commands.
	Docker *Docker

	authorized gossh.PublicKey
	server     *ssh.Server

	mutex       sync.Mutex
	connections []net.Conn
	commands    []string
	answers     []answer
	hangs       []string
	cutOn       string
	cutAfter    int
}

type answer struct {
	prefix string
	status int
	text   string
}

// New starts a guest that ends with the test.
func New(t *testing.T) *Guest {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := gossh.MarshalPrivateKey(private, "")
	require.NoError(t, err)
	authorized, err := gossh.NewPublicKey(public)
	require.NoError(t, err)
	g := &Guest{
		Host: "127.0.0.1", PrivateKey: string(pem.EncodeToMemory(block)), Dir: filepath.Join(t.TempDir(), "projects"),
		Docker: NewDocker(), authorized: authorized,
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g.Port = listener.Addr().(*net.TCPAddr).Port
	g.start(t, listener)
	t.Cleanup(func() { _ = g.server.Close() })
	return g
}

// Rebuild gives the guest another host key, and takes its connections and containers away, as if
// it had been made anew at the same address.
func (g *Guest) Rebuild(t *testing.T) {
	t.Helper()
	g.Stop()
	require.NoError(t, os.RemoveAll(g.Dir))
	g.Docker = NewDocker()
	listener, err := net.Listen("tcp", net.JoinHostPort(g.Host, fmt.Sprint(g.Port)))
	require.NoError(t, err)
	g.start(t, listener)
}

// Stop ends the SSH server.
func (g *Guest) Stop() { _ = g.server.Close(); g.Cut() }

func (g *Guest) start(t *testing.T, listener net.Listener) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	hostKey, err := gossh.NewSignerFromKey(private)
	require.NoError(t, err)
	g.server = &ssh.Server{
		Handler:                     g.exec,
		PublicKeyHandler:            func(_ ssh.Context, key ssh.PublicKey) bool { return ssh.KeysEqual(key, g.authorized) },
		LocalPortForwardingCallback: func(ssh.Context, string, uint32) bool { return true },
		ChannelHandlers: map[string]ssh.ChannelHandler{
			"session": ssh.DefaultSessionHandler, "direct-tcpip": ssh.DirectTCPIPHandler,
		},
		ConnCallback: func(_ ssh.Context, conn net.Conn) net.Conn {
			g.mutex.Lock()
			defer g.mutex.Unlock()
			g.connections = append(g.connections, conn)
			return conn
		},
		HostSigners: []ssh.Signer{hostKey},
	}
	go func() { _ = g.server.Serve(listener) }()
}

// Answer has commands that begin with prefix (without sudo) exit with a status and say text.
func (g *Guest) Answer(prefix string, status int, text string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.answers = append([]answer{{prefix, status, text}}, g.answers...)
}

// Hang has commands that hold part run until they are ended.
func (g *Guest) Hang(part string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.hangs = append(g.hangs, part)
}

// CutOn drops all connections when a command that holds part begins, once.
func (g *Guest) CutOn(part string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.cutOn = part
}

// CutUploadAfter drops all connections after so many bytes to the SFTP server, once.
func (g *Guest) CutUploadAfter(bytes int) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.cutAfter = bytes
}

// Cut drops all connections.
func (g *Guest) Cut() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, conn := range g.connections {
		_ = conn.Close()
	}
	g.connections = nil
}

// Forget drops all answers and hanging commands.
func (g *Guest) Forget() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.answers, g.hangs = nil, nil
}

// Commands returns what was run since the last call, sudo included.
func (g *Guest) Commands() []string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	commands := g.commands
	g.commands = nil
	return commands
}

func (g *Guest) exec(session ssh.Session) {
	line := strings.TrimPrefix(session.RawCommand(), "sudo -n ")
	g.mutex.Lock()
	g.commands = append(g.commands, session.RawCommand())
	answers, hangs := g.answers, g.hangs
	cut := g.cutOn != "" && strings.Contains(line, g.cutOn)
	if cut {
		g.cutOn = ""
	}
	g.mutex.Unlock()
	if cut {
		g.Cut()
		return
	}
	for _, part := range hangs {
		if strings.Contains(line, part) {
			<-session.Context().Done()
			return
		}
	}
	for _, a := range answers {
		if strings.HasPrefix(line, a.prefix) {
			if a.status == 0 {
				_, _ = io.WriteString(session, a.text)
			} else {
				_, _ = io.WriteString(session.Stderr(), a.text)
			}
			_ = session.Exit(a.status)
			return
		}
	}
	switch argv := session.Command(); {
	case strings.HasSuffix(line, "sftp-server"):
		g.serveFiles(session)
	case strings.HasPrefix(line, "cloud-init status"):
		_, _ = io.WriteString(session, "status: done\n")
	case strings.HasPrefix(line, "docker "), strings.HasPrefix(line, "timeout "):
		if argv[0] == "sudo" {
			argv = argv[2:]
		}
		if argv[0] == "timeout" {
			argv = argv[3:]
		}
		stdout, stderr, status := g.Docker.run(argv[1:])
		_, _ = io.WriteString(session, stdout)
		_, _ = io.WriteString(session.Stderr(), stderr)
		_ = session.Exit(status)
	default:
		_, _ = fmt.Fprintf(session.Stderr(), "sh: 1: %s: not found\n", argv[0])
		_ = session.Exit(127)
	}
}

func (g *Guest) serveFiles(session ssh.Session) {
	server, err := sftp.NewServer(&upload{Session: session, guest: g})
	if err != nil {
		_ = session.Exit(1)
		return
	}
	_ = server.Serve()
}

// upload counts what the client sends.
type upload struct {
	ssh.Session
	guest *Guest
	bytes int
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.Session.Read(p)
	u.bytes += n
	u.guest.mutex.Lock()
	cut := u.guest.cutAfter > 0 && u.bytes >= u.guest.cutAfter
	if cut {
		u.guest.cutAfter = 0
	}
	u.guest.mutex.Unlock()
	if cut {
		u.guest.Cut()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// Connection is how the guest is reached.
func (g *Guest) Connection() guest.Connection {
	return guest.Connection{Host: g.Host, Port: g.Port, User: "debian", PrivateKey: []byte(g.PrivateKey)}
}
