package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/stacks/config"
)

// monitoring holds the machines of the state store, the observability stack and the tooling.
func monitoring(ctx *pulumi.Context, cfg *config.Config) error {
	return guests(ctx, cfg)
}
