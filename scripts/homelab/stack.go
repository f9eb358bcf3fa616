package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"

	"github.com/pve-home/pve-home/stacks/config"
)

// pulumiTimeout leaves time to type a passphrase.
const pulumiTimeout = 2 * time.Minute

// stackOptions say which stack a verb is about.
type stackOptions struct {
	Stack string
	// Cwd is the folder of Pulumi.yaml.
	Cwd string
}

func (o *stackOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVarP(&o.Stack, "stack", "s", "", "stack (default: the one that `pulumi stack select` chose)")
	f.StringVarP(&o.Cwd, "cwd", "C", ".", "folder of Pulumi.yaml")
}

// stackSettings is what Pulumi knows of a stack's configuration, secrets in clear.
type stackSettings struct {
	Project, Stack string
	Values         map[string]config.Value
}

// settings asks the Pulumi CLI, so that passphrase, backend and encryption are those of the user.
func (o stackOptions) settings(ctx context.Context, stdin io.Reader, stderr io.Writer) (stackSettings, error) {
	ctx, cancel := context.WithTimeout(ctx, pulumiTimeout)
	defer cancel()
	var s stackSettings
	var err error
	if s.Project, err = projectName(o.Cwd); err != nil {
		return s, err
	}
	ask := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "pulumi", args...)
		var out bytes.Buffer
		cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = o.Cwd, stdin, &out, stderr
		err := cmd.Run()
		switch {
		case errors.Is(err, exec.ErrNotFound):
			return nil, fmt.Errorf("the Pulumi CLI is not in PATH; https://www.pulumi.com/docs/install/ says how to install it: %w", err)
		case err != nil:
			return nil, fmt.Errorf("pulumi %s: %w", strings.Join(args, " "), err)
		}
		return out.Bytes(), nil
	}
	if s.Stack = o.Stack; s.Stack == "" {
		name, err := ask("stack", "--show-name")
		if err != nil {
			return s, fmt.Errorf("no stack is selected (-s names one): %w", err)
		}
		s.Stack = strings.TrimSpace(string(name))
	}
	values, err := ask("config", "--json", "--show-secrets", "--stack", s.Stack)
	if err != nil {
		return s, fmt.Errorf("read the configuration of stack %s: %w", s.Stack, err)
	}
	if err := json.Unmarshal(values, &s.Values); err != nil {
		return s, fmt.Errorf("read what pulumi config says: %w", err)
	}
	// The program sees the last part of organization/project/stack.
	s.Stack = s.Stack[strings.LastIndex(s.Stack, "/")+1:]
	return s, nil
}

func projectName(folder string) (string, error) {
	file := filepath.Join(folder, "Pulumi.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the project (-C names its folder): %w", err)
	}
	var project struct {
		Name string `yaml:"name"`
	}
	if err := yaml.Unmarshal(text, &project); err != nil {
		return "", fmt.Errorf("parse %s: %w", file, err)
	}
	return project.Name, nil
}
