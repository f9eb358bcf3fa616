// Command ensure compiles programs of the toolchain into .bin, unless they are there.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/pve-home/pve-home/tests/toolchain"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := ensure(ctx, os.Args[1:])
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "ensure:", err)
		os.Exit(1)
	}
}

func ensure(ctx context.Context, names []string) error {
	root, err := toolchain.Root()
	if err != nil {
		return err
	}
	var tools []toolchain.Tool
	for _, name := range names {
		tool, err := toolchain.ByName(name)
		if err != nil {
			return err
		}
		tools = append(tools, tool)
	}
	_, err = toolchain.Ensure(ctx, root, os.Stderr, tools...)
	return err
}
