package docker

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/spf13/cobra"
)

// Host is the guest on which a command runs. Engine and Files are used, and Changed is called, under its lock.
type Host interface {
	sync.Locker
	Engine() *Engine
	Files() Files
	// Changed is told after every change.
	Changed()
}

// Exit statuses of the docker program.
const (
	exitFailed = 1
	exitUsage  = 125
)

// command is one run of docker.
type command struct {
	host        Host
	out, errors io.Writer
	project     projectOptions
	noCompose   bool
}

// Options say where and how a command runs.
type Options struct {
	// Directory is the working directory.
	Directory string
	// NoCompose is an engine without the compose plugin.
	NoCompose bool
}

// Command runs `docker ARGS...` and returns its exit status. It ends with ctx.
func Command(ctx context.Context, host Host, o Options, args []string, out, errs io.Writer) int {
	c := &command{host: host, out: out, errors: errs, project: projectOptions{base: o.Directory}, noCompose: o.NoCompose}
	root := c.commands()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	_, _ = io.WriteString(errs, err.Error()+"\n") // the client may have gone
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

type usageError struct{ error }

func (c *command) commands() *cobra.Command {
	root := &cobra.Command{Use: "docker", SilenceErrors: true, SilenceUsage: true}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(c.version())
	if !c.noCompose {
		root.AddCommand(c.compose())
		return root
	}
	root.AddCommand(&cobra.Command{Use: "compose", DisableFlagParsing: true, RunE: func(*cobra.Command, []string) error {
		return errors.New("docker: 'compose' is not a docker command.\nSee 'docker --help'")
	}})
	return root
}

func (c *command) version() *cobra.Command {
	return &cobra.Command{Use: "version", Args: cobra.ArbitraryArgs, FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true}, Run: func(*cobra.Command, []string) {
		c.print("28.5.1\n")
	}}
}

func (c *command) compose() *cobra.Command {
	compose := &cobra.Command{Use: "compose"}
	flags := compose.PersistentFlags()
	flags.StringVarP(&c.project.name, "project-name", "p", "", "")
	flags.StringVar(&c.project.directory, "project-directory", "", "")
	flags.StringArrayVarP(&c.project.files, "file", "f", nil, "")
	flags.StringArrayVar(&c.project.envFiles, "env-file", nil, "")
	flags.StringArrayVar(&c.project.profiles, "profile", nil, "")
	flags.String("ansi", "", "")
	flags.String("progress", "", "")
	compose.AddCommand(c.composeVersion(), c.configCommand(), c.upCommand(), c.psCommand(), c.logsCommand(), c.downCommand(), c.runCommand(),
		c.powerCommand("stop", true, false), c.powerCommand("start", false, true), c.powerCommand("restart", true, true), c.pullCommand())
	return compose
}

func (c *command) composeVersion() *cobra.Command {
	short := false
	cmd := &cobra.Command{Use: "version", Run: func(*cobra.Command, []string) {
		if short {
			c.print(ComposeVersion + "\n")
			return
		}
		c.print("Docker Compose version v" + ComposeVersion + "\n")
	}}
	cmd.Flags().BoolVar(&short, "short", false, "")
	return cmd
}

func (c *command) configCommand() *cobra.Command {
	format, quiet, services := "", false, false
	cmd := &cobra.Command{Use: "config", RunE: func(cmd *cobra.Command, _ []string) error {
		return c.config(cmd.Context(), format, quiet, services)
	}}
	cmd.Flags().StringVar(&format, "format", "", "")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "")
	cmd.Flags().BoolVar(&services, "services", false, "")
	return cmd
}

func (c *command) upCommand() *cobra.Command {
	o := upOptions{}
	cmd := &cobra.Command{Use: "up", RunE: func(cmd *cobra.Command, services []string) error {
		o.services = services
		return c.up(cmd.Context(), o)
	}}
	flags := cmd.Flags()
	flags.BoolVarP(&o.detach, "detach", "d", false, "")
	flags.BoolVar(&o.wait, "wait", false, "")
	flags.IntVar(&o.waitTimeoutSeconds, "wait-timeout", 0, "")
	flags.BoolVar(&o.noDeps, "no-deps", false, "")
	flags.BoolVar(&o.noRecreate, "no-recreate", false, "")
	flags.BoolVar(&o.forceRecreate, "force-recreate", false, "")
	flags.BoolVar(&o.removeOrphans, "remove-orphans", false, "")
	flags.Bool("quiet-pull", false, "")
	flags.Bool("no-build", false, "")
	flags.Bool("no-color", false, "")
	flags.String("pull", "", "")
	flags.IntP("timeout", "t", 0, "")
	return cmd
}

func (c *command) psCommand() *cobra.Command {
	all, format := false, ""
	cmd := &cobra.Command{Use: "ps", RunE: func(cmd *cobra.Command, services []string) error { return c.ps(cmd.Context(), all, format, services) }}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "")
	cmd.Flags().StringVar(&format, "format", "table", "")
	return cmd
}

func (c *command) logsCommand() *cobra.Command {
	tail, noPrefix := "", false
	cmd := &cobra.Command{Use: "logs", RunE: func(cmd *cobra.Command, services []string) error {
		return c.logs(cmd.Context(), tail, !noPrefix, services)
	}}
	cmd.Flags().StringVarP(&tail, "tail", "n", "all", "")
	cmd.Flags().BoolVar(&noPrefix, "no-log-prefix", false, "")
	cmd.Flags().Bool("no-color", false, "")
	cmd.Flags().BoolP("timestamps", "t", false, "")
	return cmd
}

func (c *command) downCommand() *cobra.Command {
	volumes, orphans := false, false
	cmd := &cobra.Command{Use: "down", RunE: func(cmd *cobra.Command, _ []string) error { return c.down(cmd.Context(), volumes, orphans) }}
	cmd.Flags().BoolVarP(&volumes, "volumes", "v", false, "")
	cmd.Flags().BoolVar(&orphans, "remove-orphans", false, "")
	cmd.Flags().IntP("timeout", "t", 0, "")
	return cmd
}

func (c *command) powerCommand(name string, stop, start bool) *cobra.Command {
	cmd := &cobra.Command{Use: name, RunE: func(cmd *cobra.Command, services []string) error {
		return c.power(cmd.Context(), stop, start, services)
	}}
	cmd.Flags().IntP("timeout", "t", 0, "")
	return cmd
}

// runCommand is a one-off container, which always succeeds.
func (c *command) runCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "run", Args: cobra.MinimumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		l, err := c.load(cmd.Context())
		if err != nil {
			return err
		}
		return l.restrict(args[:1], true)
	}}
	flags := cmd.Flags()
	flags.SetInterspersed(false)
	flags.Bool("rm", false, "")
	flags.Bool("no-deps", false, "")
	flags.BoolP("no-TTY", "T", false, "")
	flags.StringP("user", "u", "", "")
	flags.String("entrypoint", "", "")
	flags.StringArrayP("env", "e", nil, "")
	flags.StringArrayP("volume", "v", nil, "")
	return cmd
}

func (c *command) pullCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "pull", RunE: func(cmd *cobra.Command, services []string) error {
		l, err := c.load(cmd.Context())
		if err != nil || len(services) == 0 {
			return err
		}
		return l.restrict(services, true)
	}}
	cmd.Flags().BoolP("quiet", "q", false, "")
	return cmd
}

// load reads the project from a copy of the guest's files, without holding the lock meanwhile.
func (c *command) load(ctx context.Context) (*loaded, error) {
	c.host.Lock()
	files := c.host.Files().Clone()
	c.host.Unlock()
	return c.project.load(ctx, files)
}

// projectOrName reads the project unless the command names it and no file: then there is only the name.
func (c *command) projectOrName(ctx context.Context) (*loaded, string, error) {
	if c.project.name != "" && len(c.project.files) == 0 {
		return nil, c.project.name, nil
	}
	l, err := c.load(ctx)
	if err != nil {
		return nil, "", err
	}
	return l, l.Name, nil
}
