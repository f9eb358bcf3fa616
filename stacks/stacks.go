// Package stacks composes the components into what one `pulumi up` makes: one entrypoint per
// kind of stack.
package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/stacks/config"
)

// Older engines break state in S3-compatible stores (https://github.com/pulumi/pulumi/issues/24109)
// or do not run error hooks.
const pulumiVersions = ">=3.257.0"

// entrypoints by kind. The stack's name, or its setting `kind`, picks one.
var entrypoints = map[config.Kind]func(*pulumi.Context, *config.Config) error{
	config.Prod:       prod,
	config.Lab:        lab,
	config.Monitoring: monitoring,
}

// Run is the Pulumi program. It registers nothing until the whole configuration is valid.
func Run(ctx *pulumi.Context) error {
	if err := ctx.RequirePulumiVersion(pulumiVersions); err != nil {
		return fmt.Errorf("pve-home needs a newer Pulumi CLI: %w", err)
	}
	cfg, err := config.Load(ctx)
	if err != nil {
		return err
	}
	return entrypoints[cfg.Kind](ctx, cfg)
}
