// Package guest speaks SSH with one guest: it waits for it, knows it by its host key, runs
// commands, opens files and tunnels. Everything goes through one connection.
package guest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Connection says how a guest is reached.
type Connection struct {
	// Host is an address or a name.
	Host string
	// Port of its SSH server.
	Port int
	// User who logs in: root, or one who may use sudo without a password.
	User string
	// PrivateKey in PEM or OpenSSH form, without a passphrase. Empty: the agent's keys.
	PrivateKey []byte
	// AgentSocket is the SSH agent's socket, used when PrivateKey is empty.
	AgentSocket string
	// HostKey that the guest must have, in authorized_keys form. Empty: whatever it shows.
	HostKey string
}

// Address is host and port.
func (c Connection) Address() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

const (
	attemptTimeout = 10 * time.Second
	attemptEvery   = 2 * time.Second
	// A first boot may show SSH before it has made the user, so a refused login is tried again
	// for this long, and not longer: a wrong key does not get right.
	loginGrace = 60 * time.Second
	// A connection whose other end is silent for keepaliveEvery*keepaliveMisses is lost.
	keepaliveEvery  = 15 * time.Second
	keepaliveMisses = 3
)

// Guest is a connected guest.
type Guest struct {
	client  *ssh.Client
	address string
	root    bool
	hostKey string
	stop    context.CancelFunc
}

// Dial connects, trying again until the guest answers or ctx ends. It calls progress with a line
// for a person whenever it has to wait. Errors: *UnreachableError, *HostKeyError, *LoginError.
func Dial(ctx context.Context, c Connection, progress func(string)) (*Guest, error) {
	config, seen, closeAgent, err := c.clientConfig(ctx)
	if err != nil {
		return nil, err
	}
	defer closeAgent()
	start := time.Now()
	var firstRefusal time.Time
	tick := time.NewTicker(attemptEvery)
	defer tick.Stop()
	for {
		client, err := attempt(ctx, c.Address(), config)
		if err == nil {
			return newGuest(client, c, seen.key), nil
		}
		if changed := hostKeyError(err, c, seen.key); changed != nil {
			return nil, changed
		}
		if strings.Contains(err.Error(), "unable to authenticate") {
			if firstRefusal.IsZero() {
				firstRefusal = time.Now()
			}
			if time.Since(firstRefusal) >= loginGrace || ctx.Err() != nil {
				return nil, &LoginError{Address: c.Address(), User: c.User, Err: err}
			}
		}
		progress(fmt.Sprintf("waiting for SSH on %s (%s)", c.Address(), time.Since(start).Round(time.Second)))
		select {
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), context.Canceled) {
				return nil, fmt.Errorf("connect to %s: %w", c.Address(), context.Canceled)
			}
			if !firstRefusal.IsZero() {
				return nil, &LoginError{Address: c.Address(), User: c.User, Err: err}
			}
			return nil, &UnreachableError{Address: c.Address(), Waited: time.Since(start), Err: err}
		case <-tick.C:
		}
	}
}

func attempt(ctx context.Context, address string, config *ssh.ClientConfig) (*ssh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	// The handshake knows no context.
	unwatch := context.AfterFunc(ctx, func() { _ = conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		unwatch()
		_ = conn.Close()
		return nil, err
	}
	if !unwatch() {
		_ = c.Close()
		return nil, context.Cause(ctx)
	}
	return ssh.NewClient(c, channels, requests), nil
}

func (c Connection) clientConfig(ctx context.Context) (*ssh.ClientConfig, *seenKey, func(), error) {
	closeAgent := func() {}
	var auth ssh.AuthMethod
	if len(c.PrivateKey) > 0 {
		signer, err := ssh.ParsePrivateKey(c.PrivateKey)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("private key for %s: %w", c.Address(), err)
		}
		auth = ssh.PublicKeys(signer)
	} else {
		conn, err := (&net.Dialer{Timeout: attemptTimeout}).DialContext(ctx, "unix", c.AgentSocket)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("SSH agent at %q: %w", c.AgentSocket, err)
		}
		closeAgent = func() { _ = conn.Close() }
		auth = ssh.PublicKeysCallback(agent.NewClient(conn).Signers)
	}
	seen := &seenKey{}
	config := &ssh.ClientConfig{User: c.User, Auth: []ssh.AuthMethod{auth}, HostKeyCallback: seen.learn}
	if c.HostKey != "" {
		want, err := ParseHostKey(c.HostKey)
		if err != nil {
			closeAgent()
			return nil, nil, nil, err
		}
		config.HostKeyCallback = seen.require(want)
		// A server has keys of several kinds and shows the first that the client asks for.
		config.HostKeyAlgorithms = algorithms(want.Type())
	}
	return config, seen, closeAgent, nil
}

func newGuest(client *ssh.Client, c Connection, key ssh.PublicKey) *Guest {
	ctx, stop := context.WithCancel(context.Background())
	g := &Guest{
		client: client, address: c.Address(), root: c.User == "root",
		hostKey: FormatHostKey(key), stop: stop,
	}
	go g.keepalive(ctx)
	return g
}

// HostKey is the key that the guest showed, in authorized_keys form without a comment.
func (g *Guest) HostKey() string { return g.hostKey }

// Close ends the connection and what runs through it.
func (g *Guest) Close() error {
	g.stop()
	if err := g.client.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the connection to %s: %w", g.address, err)
	}
	return nil
}

// keepalive notices a guest that vanished: TCP alone may take hours.
func (g *Guest) keepalive(ctx context.Context) {
	tick := time.NewTicker(keepaliveEvery)
	defer tick.Stop()
	answered := make(chan error, 1)
	waiting, misses := false, 0
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-answered:
			if err != nil {
				return // closed already
			}
			waiting, misses = false, 0
		case <-tick.C:
			if waiting {
				if misses++; misses >= keepaliveMisses {
					_ = g.client.Close()
					return
				}
				continue
			}
			waiting = true
			go func() {
				_, _, err := g.client.SendRequest("keepalive@openssh.com", true, nil)
				answered <- err
			}()
		}
	}
}
