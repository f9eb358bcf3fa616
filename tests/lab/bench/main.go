// Command bench measures what stacks of different sizes cost on a simulated Proxmox VE whose tasks
// take no time: what remains is the work of the engine, the program and the provider.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pve-home/pve-home/tests/lab"
)

// The guests' addresses are 192.168.1.20 to 192.168.1.254; the nodes, the gateway and MinIO are below.
const (
	firstHost = 20
	maxGuests = 255 - firstHost
)

const help = `Usage: go run ./tests/lab/bench [-sizes 1,10,50,200] [-timeout 30m]

For each size, brings a stack of that many VMs up on a simulated Proxmox VE, previews it, refreshes
it and destroys it, and prints the costs as Markdown tables. Progress goes to stderr. Needs Linux.

`

func main() {
	// Not flag.CommandLine, to which libraries add flags of their own.
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	sizes := flags.String("sizes", "1,10,50,200", "numbers of guests, separated by commas")
	timeout := flags.Duration("timeout", 30*time.Minute, "end everything after this time")
	flags.Usage = func() {
		_, _ = fmt.Fprint(flags.Output(), help)
		flags.PrintDefaults()
	}
	_ = flags.Parse(os.Args[1:]) // ends the program on errors

	lab.CleanEnvironment()
	if err := runFor(*timeout, *sizes); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// runFor says why it ended when that was the timeout or a signal.
func runFor(timeout time.Duration, sizes string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not done after %s (-timeout)", timeout))
	defer cancel()
	err := run(ctx, sizes, os.Stdout, os.Stderr)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func run(ctx context.Context, list string, out, progress io.Writer) error {
	sizes, err := parseSizes(list)
	if err != nil {
		return err
	}
	var results []result
	for _, guests := range sizes {
		r, err := benchmark(ctx, guests, progress)
		if err != nil {
			return fmt.Errorf("stack of %d guests: %w", guests, err)
		}
		results = append(results, r...)
	}
	return report(out, results)
}

func parseSizes(list string) ([]int, error) {
	var sizes []int
	for field := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < 1 || n > maxGuests {
			return nil, fmt.Errorf("-sizes %s: %q is not a number from 1 to %d", list, field, maxGuests)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}

// benchmark runs the life of one stack in a lab of its own. The provider is not attached, so that
// the engine starts it for each operation as it does for a user.
func benchmark(ctx context.Context, guests int, progress io.Writer) (_ []result, err error) {
	l, err := lab.Start(ctx, lab.Options{Out: progress})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	stack, err := l.StackFrom(ctx, "lab", stackFile(guests))
	if err != nil {
		return nil, err
	}
	var results []result
	for _, o := range operations(stack) {
		r, err := measure(ctx, l, stack, o.run)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
		r.guests, r.operation = guests, o.name
		_, _ = fmt.Fprintf(progress, "%4d guests  %-8s %6.1f s\n", guests, o.name, r.wall.Seconds())
		results = append(results, r)
	}
	return results, nil
}

// stackFile describes VMs that alternate between the lab's two nodes.
func stackFile(guests int) string {
	var b strings.Builder
	b.WriteString("config:\n  pve-home:vms:\n")
	for i := range guests {
		_, _ = fmt.Fprintf(&b, "    vm-%03d:\n      node: pve%d\n      address: 192.168.1.%d\n      diskGiB: 8\n      tags: [bench]\n",
			i+1, 1+i%2, firstHost+i)
	}
	return b.String()
}
