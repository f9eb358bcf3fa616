package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pve-home/pve-home/scripts/preflight"
)

const preflightHelp = `Check everything that would fail a "pulumi up" of a stack, and change nothing: the
configuration, endpoint and certificate, the token and each of its privileges, nodes,
datastores and their content types and space, bridges, templates, VMIDs, addresses,
SSH to the nodes, the datacenter's firewall and the nodes' clocks.

All checks run, even if some fail; one that depends on a failed one is skipped. Each
problem names its fix.

EXIT STATUS
    0    all is well, or there are warnings only
    1    a check failed
    2    the command line or the configuration is wrong
    3    could not run: the Pulumi CLI is missing or cannot read the stack
  130    interrupted`

// preflightOptions are those of the verb preflight.
type preflightOptions struct {
	stackOptions
	JSON bool
}

func (o *preflightOptions) AddFlags(f *pflag.FlagSet) {
	o.stackOptions.AddFlags(f)
	f.BoolVar(&o.JSON, "json", false, "write the report as JSON to stdout, and what is read by people to stderr")
}

func newPreflightCommand() *cobra.Command {
	var o preflightOptions
	cmd := &cobra.Command{
		Use:   "preflight",
		Short: "Check everything that would fail a pulumi up",
		Long:  preflightHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runPreflight(cmd, o) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

func runPreflight(cmd *cobra.Command, o preflightOptions) error {
	settings, err := o.settings(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
	if err != nil {
		return &exitError{exitCannotRun, err}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return &exitError{exitCannotRun, fmt.Errorf("find ~/.ssh/known_hosts: %w", err)}
	}
	people := cmd.OutOrStdout()
	if o.JSON {
		people = cmd.ErrOrStderr()
	}
	report := preflight.Run(cmd.Context(), preflight.Input{
		Project: settings.Project, Stack: settings.Stack, Values: settings.Values,
		KnownHosts:  filepath.Join(home, ".ssh", "known_hosts"),
		AgentSocket: os.Getenv("SSH_AUTH_SOCK"),
	}, func(r preflight.Result) { printResult(people, r) })
	failed := report.Count(preflight.Fail)
	_, _ = fmt.Fprintf(people, "%d ok, %d warnings, %d failed, %d skipped\n",
		report.Count(preflight.OK), report.Count(preflight.Warn), failed, report.Count(preflight.Skipped))
	if o.JSON {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(report); err != nil {
			return &exitError{exitCannotRun, fmt.Errorf("write the report: %w", err)}
		}
	}
	switch {
	case report.Status(preflight.Configuration) == preflight.Fail:
		return &exitError{status: exitUsage}
	case failed > 0:
		return &exitError{status: exitFailed}
	}
	return nil
}

// printResult writes a line per finding, with its fix below.
func printResult(out io.Writer, r preflight.Result) {
	for _, f := range r.Findings {
		label := string(f.Status)
		if f.Status == preflight.Fail {
			label = strings.ToUpper(label)
		}
		_, _ = fmt.Fprintf(out, "%-8s%-21s%s\n", label, r.Check, strings.ReplaceAll(f.Message, "\n", "\n"+strings.Repeat(" ", 29)))
		if f.Fix != "" {
			_, _ = fmt.Fprintf(out, "%29s%s\n", "fix: ", f.Fix)
		}
	}
}
