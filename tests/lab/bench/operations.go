package main

import (
	"context"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"

	"github.com/pve-home/pve-home/tests/lab"
)

type operation struct {
	name string
	run  func(context.Context) error
}

// operations are in the order of a stack's life. Preview and refresh must find nothing to do.
func operations(s *lab.Stack) []operation {
	return []operation{
		{"up", func(ctx context.Context) error {
			_, err := s.Stack.Up(ctx, optup.SuppressOutputs())
			return err
		}},
		{"preview", func(ctx context.Context) error {
			_, err := s.Preview(ctx, optpreview.ExpectNoChanges())
			return err
		}},
		{"refresh", func(ctx context.Context) error {
			_, err := s.Refresh(ctx, optrefresh.ExpectNoChanges())
			return err
		}},
		{"destroy", func(ctx context.Context) error {
			_, err := s.Destroy(ctx)
			return err
		}},
	}
}
