package guest

import (
	"context"
	"fmt"
	"strings"

	"github.com/pkg/sftp"
)

// sftpServer is where Debian's openssh-sftp-server puts it. It runs as root, which the server's
// own sftp subsystem does not.
const sftpServer = "/usr/lib/openssh/sftp-server"

// Files opens the guest's file system as root. It closes with ctx, which aborts what is under way.
func (g *Guest) Files(ctx context.Context) (*sftp.Client, error) {
	line := Quote(g.asRoot([]string{sftpServer}))
	session, err := g.client.NewSession()
	if err != nil {
		return nil, g.lost(line, err)
	}
	stderr := &limitedBuffer{}
	session.Stderr = stderr
	in, err := session.StdinPipe()
	if err != nil {
		return nil, g.lost(line, err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return nil, g.lost(line, err)
	}
	if err := session.Start(line); err != nil {
		return nil, g.lost(line, err)
	}
	unwatch := context.AfterFunc(ctx, func() { _ = session.Close() })
	client, err := sftp.NewClientPipe(out, in)
	if err != nil {
		unwatch()
		_ = session.Close()
		reason := strings.TrimSpace(stderr.String())
		if reason == "" {
			reason = err.Error()
		}
		return nil, fmt.Errorf("files of %s: %s does not run as root: %s (is openssh-sftp-server installed, and may the user use sudo without a password?)",
			g.address, sftpServer, reason)
	}
	return client, nil
}
