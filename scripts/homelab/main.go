// Command homelab holds the operations of a homelab: one verb per task. It reads the same
// configuration as the program, Pulumi.yaml and Pulumi.<stack>.yaml, and keeps nothing of its own.
//
//	go run ./scripts/homelab preflight -s prod
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
