package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/stacks/config"
)

// lab is where things are tried.
func lab(ctx *pulumi.Context, cfg *config.Config) error {
	return guests(ctx, cfg)
}
