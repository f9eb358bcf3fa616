// Command demo brings the example homelab up on a simulated Proxmox VE and shows the result.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/pve-home/pve-home/tests/lab"
)

const help = `Usage: make demo [SUMMARY=file.json] [KEEP=1]

Starts a simulated Proxmox VE of two nodes and a MinIO server on loopback addresses, compiles the
Pulumi CLI and the provider if needed, and runs "pulumi up" for the stacks prod, lab and monitoring
as they are committed. Everything is removed at the end.

`

func main() {
	var o options
	flag.StringVar(&o.summary, "summary", "", "also write the result as JSON to this file")
	flag.BoolVar(&o.keep, "keep", false, "leave the lab running in the background and print how to look at it")
	flag.Usage = func() {
		_, _ = fmt.Fprint(flag.CommandLine.Output(), help)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		_, _ = fmt.Fprintf(os.Stderr, "demo: unexpected argument %q; see -help\n", flag.Arg(0))
		os.Exit(2)
	}
	if o.keep && !isKeeper() {
		os.Exit(runKeeper())
	}
	if isKeeper() {
		// Programs that the lab starts must not hold the pipe open.
		syscall.CloseOnExec(readyPipeFD)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	lab.CleanEnvironment()
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

type options struct {
	summary string
	keep    bool
}

// The order of the README: what the household relies on, the lab, the observers.
var stackNames = []string{"prod", "lab", "monitoring"}

var errInterrupted = errors.New("interrupted; everything has been stopped and removed")

func run(ctx context.Context, o options, out io.Writer) (err error) {
	write := func(lab.Summary) error { return nil }
	if o.summary != "" {
		// Before the lab, so that a wrong path is not found after it.
		file, err := os.Create(o.summary)
		if err != nil {
			return fmt.Errorf("summary: %w", err)
		}
		write = func(s lab.Summary) error { return errors.Join(s.Write(file), file.Close()) }
	}
	l, err := lab.Start(ctx, lab.Options{Out: out})
	if err != nil {
		if ctx.Err() != nil {
			return errInterrupted
		}
		return err
	}
	defer func() {
		closed := l.Close()
		if err != nil && ctx.Err() != nil {
			err = errInterrupted
		}
		err = errors.Join(err, closed)
	}()
	_, _ = fmt.Fprintf(out, "Simulated Proxmox VE: %s  (network %s)\n", l.Sim.Endpoint(), l.Network)

	var s lab.Summary
	for _, name := range stackNames {
		_, _ = fmt.Fprintf(out, "\n== pulumi up -s %s\n", name)
		stack, err := l.Stack(ctx, name)
		if err != nil {
			return err
		}
		if _, err := stack.Up(ctx); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "== pulumi preview -s %s (must find nothing to do)\n", name)
		result, err := stack.Summarize(ctx)
		if err != nil {
			return err
		}
		s.Stacks = append(s.Stacks, result)
	}
	s.Print(out)
	if err := write(s); err != nil {
		return err
	}
	if o.keep {
		return keep(ctx, l, out)
	}
	return nil
}
