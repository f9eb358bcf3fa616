// Command pulumi-resource-pvehome is the resource provider `pvehome`: what the Proxmox provider
// lacks. Pulumi.yaml names this folder, and the engine compiles it or runs the binary it holds.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/pve-home/pve-home/provider/pvehome"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-pvehome:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	provider, err := pvehome.New()
	if err != nil {
		return err
	}
	return provider.Run(ctx, pvehome.Name, pvehome.Version)
}
