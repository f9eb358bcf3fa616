package compose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pkg/sftp"
	p "github.com/pulumi/pulumi-go-provider"

	"github.com/pve-home/pve-home/provider/compose/docker"
	"github.com/pve-home/pve-home/provider/compose/guest"
	"github.com/pve-home/pve-home/provider/compose/release"
)

// lookSeconds bound how long a refresh or a destroy waits for a guest that should be up already.
const lookSeconds = 30

// session is a connection to a project's guest with what is needed there.
type session struct {
	*guest.Guest
	files   *sftp.Client
	store   *release.Store
	project docker.Project
	// closeFiles ends the SFTP session.
	closeFiles context.CancelFunc
}

func (s *session) close() {
	s.closeFiles()
	_ = s.Close()
}

// connection resolves the inputs; known is the host key from the state.
func (c Connection) resolve(known string) (guest.Connection, error) {
	resolved := guest.Connection{Host: c.Host, Port: c.Port, User: c.User, HostKey: known}
	if c.HostKey != "" {
		resolved.HostKey = c.HostKey
	}
	switch {
	case c.PrivateKey != "":
		resolved.PrivateKey = []byte(c.PrivateKey)
	case c.PrivateKeyFile != "":
		name := c.PrivateKeyFile
		if rest, ok := strings.CutPrefix(name, "~/"); ok {
			home, err := os.UserHomeDir()
			if err != nil {
				return resolved, fmt.Errorf("connection.privateKeyFile: home folder: %w", err)
			}
			name = filepath.Join(home, rest)
		}
		key, err := os.ReadFile(name)
		if err != nil {
			return resolved, fmt.Errorf("connection.privateKeyFile: %w", err)
		}
		resolved.PrivateKey = key
	default:
		resolved.AgentSocket = os.Getenv("SSH_AUTH_SOCK")
		if resolved.AgentSocket == "" {
			return resolved, errors.New("connection.agent: SSH_AUTH_SOCK names no SSH agent: start one with ssh-agent and add a key with ssh-add, or give privateKeyFile")
		}
	}
	return resolved, nil
}

// connect reaches the guest within limit.
func connect(ctx context.Context, args ProjectArgs, known string, limit time.Duration) (*guest.Guest, error) {
	resolved, err := args.Connection.resolve(known)
	if err != nil {
		return nil, err
	}
	dialing, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	g, err := guest.Dial(dialing, resolved, p.GetLogger(ctx).InfoStatus)
	if err != nil {
		return nil, explainConnection(err)
	}
	return g, nil
}

// explainConnection adds what to do.
func explainConnection(err error) error {
	var changed *guest.HostKeyError
	var login *guest.LoginError
	switch {
	case errors.As(err, &changed):
		return fmt.Errorf("%w: if the guest was rebuilt, or the project moves to another one, deploy it anew with `pulumi up --replace <urn of this resource>`, or set connection.hostKey to the guest's new key; otherwise somebody is in between", err)
	case errors.As(err, &login):
		return fmt.Errorf("%w: give the private key whose public key is in the user's authorized_keys", err)
	}
	return err
}

// open opens the project's folder on a connected guest.
func open(ctx context.Context, g *guest.Guest, args ProjectArgs) (*session, error) {
	filesContext, closeFiles := context.WithCancel(ctx)
	files, err := g.Files(filesContext)
	if err != nil {
		closeFiles()
		return nil, err
	}
	store := release.Open(files, args.Directory)
	return &session{
		Guest: g, files: files, store: store, closeFiles: closeFiles,
		project: docker.Project{Runner: g, Name: args.ProjectName, Folder: store.Current(), Files: args.ComposeFiles},
	}, nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
