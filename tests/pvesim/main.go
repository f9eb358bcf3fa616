// Pvesim is a simulated Proxmox VE cluster on loopback addresses, to try programs against without a hypervisor.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

const usage = `pvesim simulates a Proxmox VE cluster: the HTTPS API, the SSH server of each node, and guests with an SSH server
of their own. It listens on loopback addresses only. What it starts with: the nodes, a cloud-init VM template 9000 on
the first node and 9001 on the second, a Debian container template, and the storages local, local-lvm and nas.

Usage:
  go run ./tests/pvesim [flags]

Flags:
%s
While it runs, https://<listen>/ shows guests, storages, tasks, jobs and requests. Its control calls need no login:
%s
Example:
  go run ./tests/pvesim --ca-file /tmp/pvesim-ca.pem &
  curl --cacert /tmp/pvesim-ca.pem -H "Authorization: PVEAPIToken=$TOKEN" https://127.80.1.11:8006/api2/json/nodes

Exit status: 0 after an interrupt, 1 when it cannot start or stop, 2 for wrong flags.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "pvesim:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("pvesim: see --help")

// settings are the flags that are not part of sim.Options.
type settings struct {
	sim.Options
	nodes, network, keyFile, caFile, sshKeyFile string
	quiet                                       bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stdout)
	if err != nil {
		return err
	}
	if !s.quiet {
		s.Log = stderr
	}
	simulator, err := sim.Start(ctx, s.Options)
	if err != nil {
		return err
	}
	if err := s.announce(simulator, stdout); err != nil {
		return errors.Join(err, simulator.Close())
	}
	<-ctx.Done()
	return simulator.Close()
}

func parse(args []string, stdout io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("pvesim", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.Listen, "listen", "127.80.1.11:8006", "address and port of the HTTPS API")
	flags.StringVar(&s.nodes, "nodes", "pve1=127.80.1.11:2222,pve2=127.80.1.12:2222", "nodes as name=address[:ssh-port], separated by commas")
	flags.StringVar(&s.network, "network", "127.80.1.0/24", "loopback network of the guests")
	flags.IntVar(&s.GuestSSHPort, "guest-ssh-port", 2222, "port of the guests' SSH servers; below 1024 needs privileges")
	flags.StringVar(&s.GuestDocker, "guest-docker", "", "what the guests' images have of Docker: installed or without-compose; empty leaves it to the user-data")
	flags.StringVar(&s.Version, "pve", "8.4", "version to simulate: 8.4 or 9.1")
	flags.StringVar(&s.SchemaFile, "schema", os.Getenv("PVE_API_SCHEMA"), "Proxmox's API schema as JSON (default $PVE_API_SCHEMA); without it parameters are not validated")
	flags.StringVar(&s.StateFile, "state", "", "file that keeps the state over restarts; empty keeps it in memory")
	flags.StringVar(&s.SSHPassword, "ssh-password", "", "password of the nodes' SSH servers; empty allows keys only")
	flags.StringVar(&s.RootPassword, "root-password", "", "password of root@pam for /access/ticket; empty allows tokens only")
	flags.StringVar(&s.keyFile, "authorized-keys", "", "file with public keys that the nodes' SSH servers accept")
	flags.StringVar(&s.caFile, "ca-file", "", "write the certificate of the API's authority to this file")
	flags.StringVar(&s.sshKeyFile, "ssh-key-file", "", "write a private key for the nodes' SSH servers to this file")
	flags.BoolVar(&s.quiet, "quiet", false, "no log of requests and tasks on standard error")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			var text strings.Builder
			flags.SetOutput(&text)
			flags.PrintDefaults()
			if _, printErr := fmt.Fprintf(stdout, usage, text.String(), sim.ControlHelp); printErr != nil {
				return nil, fmt.Errorf("help: %w", printErr)
			}
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%w: unexpected argument %q", errUsage, flags.Arg(0))
	}
	return s, s.complete()
}

func (s *settings) complete() error {
	prefix, err := netip.ParsePrefix(s.network)
	if err != nil {
		return fmt.Errorf("%w: --network: %w", errUsage, err)
	}
	s.Network = prefix
	for item := range strings.SplitSeq(s.nodes, ",") {
		name, address, found := strings.Cut(item, "=")
		if !found {
			return fmt.Errorf("%w: --nodes: %q is not name=address[:port]", errUsage, item)
		}
		node := sim.Node{Name: name, Address: address}
		if host, port, err := net.SplitHostPort(address); err == nil {
			node.Address = host
			if node.SSHPort, err = net.LookupPort("tcp", port); err != nil {
				return fmt.Errorf("%w: --nodes: port of %q: %w", errUsage, item, err)
			}
		}
		s.Nodes = append(s.Nodes, node)
	}
	if s.keyFile != "" {
		keys, err := os.ReadFile(s.keyFile)
		if err != nil {
			return fmt.Errorf("authorized keys: %w", err)
		}
		s.SSHAuthorizedKeys = strings.Split(strings.TrimSpace(string(keys)), "\n")
	}
	return nil
}

// announce writes the files that were asked for and prints how to reach the simulator.
func (s *settings) announce(simulator *sim.Sim, stdout io.Writer) error {
	if s.caFile != "" {
		if err := os.WriteFile(s.caFile, simulator.CACertPEM(), 0o644); err != nil { //nolint:gosec // a certificate is public
			return fmt.Errorf("certificate: %w", err)
		}
	}
	if s.sshKeyFile != "" {
		if err := os.WriteFile(s.sshKeyFile, simulator.SSHPrivateKeyPEM(), 0o600); err != nil {
			return fmt.Errorf("SSH key: %w", err)
		}
	}
	text := fmt.Sprintf("API and web page: %s\nAPI token:        %s\n", simulator.Endpoint(), simulator.RootToken())
	for _, n := range s.Nodes {
		text += fmt.Sprintf("SSH of %-11s%s\n", n.Name+":", simulator.SSHAddress(n.Name))
	}
	if _, err := io.WriteString(stdout, text+"Stop it with Ctrl-C.\n"); err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	return nil
}
