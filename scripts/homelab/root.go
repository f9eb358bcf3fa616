package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

// execute runs the verb that args name and returns the exit status.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "homelab",
		Short:         "Operations of a pve-home homelab",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(newPreflightCommand())
	return exitStatus(ctx, root.ExecuteContext(ctx), stderr)
}
