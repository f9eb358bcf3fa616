package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/stacks/config"
)

// prod is what the household relies on.
func prod(ctx *pulumi.Context, cfg *config.Config) error {
	return guests(ctx, cfg)
}
