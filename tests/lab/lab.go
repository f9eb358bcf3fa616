// Package lab runs the program itself: a simulated Proxmox VE of two nodes, a MinIO server for the
// state, the Pulumi CLI and the providers, all on loopback addresses. The demo and the end-to-end
// tests are both the lab.
package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"github.com/pve-home/pve-home/components/pve"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
	"github.com/pve-home/pve-home/tests/toolchain"
)

// The example lab's network, and the part of it that the lab moves to a loopback network.
const exampleNetwork = "192.168.1."

const (
	// Unprivileged users cannot listen on port 22.
	sshPort = 2222
	apiPort = 8006
	s3Port  = 9000

	sshUser = "pve-home"
)

// Options of a lab; the zero value is the demo's.
type Options struct {
	// Out receives progress; nil discards it.
	Out io.Writer
	// Sim changes the simulated Proxmox VE before it starts.
	Sim func(*sim.Options)
	// AttachProvider runs the Proxmox provider once for all operations, which saves the five
	// seconds that the engine waits for it to end after each one. The provider ignores the
	// request to end once it has asked a guest agent for addresses.
	AttachProvider bool
	// Privileges of the API token; nil takes those that the documentation asks for.
	Privileges []string
}

// Lab is a running lab.
type Lab struct {
	Sim *sim.Sim
	// Dir holds everything that the lab writes; Close removes it.
	Dir string
	// Network replaces the example's 192.168.1.0/24.
	Network netip.Prefix

	root     string
	out      io.Writer
	simLog   *os.File
	store    *objectStore
	pulumi   auto.PulumiCommand
	provider *provider
	token    string
	sshPass  string
	tools    map[string]string

	closeOnce sync.Once
	closeErr  error
}

var starting sync.Mutex

// Start brings up everything but the stacks. Close must be called also after a cancelled ctx.
func Start(ctx context.Context, o Options) (_ *Lab, err error) {
	if o.Out == nil {
		o.Out = io.Discard
	}
	root, err := toolchain.Root()
	if err != nil {
		return nil, err
	}
	l := &Lab{root: root, out: o.Out}
	if l.tools, err = toolchain.Ensure(ctx, root, o.Out, toolchain.Pulumi, toolchain.ProviderProxmox, toolchain.ProviderHome, toolchain.Minio); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if err := l.makeDir(); err != nil {
		return nil, err
	}
	// Labs of one process look for a free network and take it one by one.
	starting.Lock()
	defer starting.Unlock()
	if l.Network, err = freeNetwork(canListen); err != nil {
		return nil, err
	}
	if err := l.startSim(ctx, o); err != nil {
		return nil, fmt.Errorf("simulated Proxmox VE: %w", err)
	}
	if l.store, err = startMinio(ctx, l.tools[toolchain.Minio.Name], l.Dir, l.address(1, s3Port)); err != nil {
		return nil, err
	}
	if o.AttachProvider {
		if l.provider, err = startProvider(ctx, l.tools[toolchain.ProviderProxmox.Name], l.Dir); err != nil {
			return nil, err
		}
	}
	if l.pulumi, err = newCommand(filepath.Join(l.Dir, "pulumi")); err != nil {
		return nil, fmt.Errorf("the Pulumi CLI: %w", err)
	}
	return l, nil
}

// makeDir lays out a folder with the CLI where the Automation API looks for it.
func (l *Lab) makeDir() error {
	base := filepath.Join(l.root, ".tmp")
	if err := os.MkdirAll(base, 0o700); err != nil {
		return fmt.Errorf("folder for the lab: %w", err)
	}
	dir, err := os.MkdirTemp(base, "lab-")
	if err != nil {
		return fmt.Errorf("folder for the lab: %w", err)
	}
	l.Dir = dir
	for _, sub := range []string{"home", "tmp", "stacks", "minio", "pulumi/bin"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return fmt.Errorf("folder for the lab: %w", err)
		}
	}
	if err := os.Symlink(l.tools[toolchain.Pulumi.Name], filepath.Join(dir, "pulumi", "bin", "pulumi")); err != nil {
		return fmt.Errorf("folder for the lab: %w", err)
	}
	return l.installProvider(toolchain.ProviderProxmox)
}

// installProvider puts a provider where the engine looks for plugins.
func (l *Lab) installProvider(t toolchain.Tool) error {
	plugin := strings.TrimPrefix(t.Name, "pulumi-") + "-v" + t.Version
	folder := filepath.Join(l.home(), "plugins", plugin)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("folder of plugin %s: %w", plugin, err)
	}
	if err := os.Symlink(l.tools[t.Name], filepath.Join(folder, t.Name)); err != nil {
		return fmt.Errorf("folder of plugin %s: %w", plugin, err)
	}
	return nil
}

func (l *Lab) home() string { return filepath.Join(l.Dir, "pulumi-home") }

func (l *Lab) startSim(ctx context.Context, o Options) error {
	var err error
	if l.sshPass, err = randomHex(); err != nil {
		return err
	}
	if l.simLog, err = os.OpenFile(filepath.Join(l.Dir, "pvesim.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	options := sim.Options{
		Nodes: []sim.Node{
			{Name: "pve1", Address: l.host(11), SSHPort: sshPort},
			{Name: "pve2", Address: l.host(12), SSHPort: sshPort},
		},
		Listen:       l.address(11, apiPort),
		Network:      l.Network,
		GuestSSHPort: sshPort,
		SSHUser:      sshUser,
		SSHPassword:  l.sshPass,
		SchemaFile:   os.Getenv("PVE_API_SCHEMA"),
		Log:          l.simLog,
	}
	if o.Sim != nil {
		o.Sim(&options)
	}
	options.SchemaFile = schemaOf(options.SchemaFile, options.Version)
	// Not bound to ctx: an interrupted engine still finishes its requests.
	if l.Sim, err = sim.Start(context.WithoutCancel(ctx), options); err != nil {
		return err
	}
	privileges := o.Privileges
	if privileges == nil {
		privileges = pve.Privileges(options.Version)
	}
	if l.token, err = l.Sim.CreateToken("pve-home@pve", "pulumi", privileges); err != nil {
		return fmt.Errorf("API token: %w", err)
	}
	return nil
}

// schemaOf finds the schema of a version of Proxmox VE beside the one that PVE_API_SCHEMA names.
func schemaOf(named, version string) string {
	if named == "" || version == "" {
		return named
	}
	return filepath.Join(filepath.Dir(named), "pve-api-"+version+".json")
}

func (l *Lab) host(n int) string {
	return strings.TrimSuffix(l.Network.Addr().String(), "0") + fmt.Sprint(n)
}

func (l *Lab) address(n, port int) string { return net.JoinHostPort(l.host(n), fmt.Sprint(port)) }

// Close ends everything that the lab started and removes what it wrote.
func (l *Lab) Close() error {
	l.closeOnce.Do(func() {
		// The CLI and its children first: they still talk to the others.
		l.closeErr = endAll(func() []int { return slices.DeleteFunc(leftovers(l.Dir), l.isServer) })
		if l.provider != nil {
			l.provider.close()
		}
		if l.store != nil {
			l.store.close()
		}
		if l.Sim != nil {
			l.closeErr = errors.Join(l.closeErr, l.Sim.Close())
		}
		if l.simLog != nil {
			l.closeErr = errors.Join(l.closeErr, l.simLog.Close())
		}
		if err := os.RemoveAll(l.Dir); err != nil {
			l.closeErr = errors.Join(l.closeErr, fmt.Errorf("remove the lab's folder: %w", err))
		}
	})
	return l.closeErr
}

func (l *Lab) isServer(pid int) bool {
	return l.store != nil && l.store.cmd.Process.Pid == pid || l.provider != nil && l.provider.cmd.Process.Pid == pid
}
