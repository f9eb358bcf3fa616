package docker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// projectOptions are the flags of docker compose that come before the verb.
type projectOptions struct {
	// base is the directory in which the command runs.
	base                      string
	name, directory           string
	files, envFiles, profiles []string
}

// loaded is a project that was read from the guest's files. compose-go reads real files, so it gets a copy of them
// in a directory of its own; root is that directory, which does not exist any more.
type loaded struct {
	*types.Project
	root string
}

// load reads the project. It must be called without the lock, with files that nobody else changes.
func (o *projectOptions) load(ctx context.Context, files Files) (*loaded, error) {
	root, err := os.MkdirTemp("", "pvesim-compose-")
	if err != nil {
		return nil, fmt.Errorf("copy of the guest's files: %w", err)
	}
	defer func() { _ = os.RemoveAll(root) }() // it is in the temporary directory
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, fmt.Errorf("copy of the guest's files: %w", err)
	}
	if err := files.Export(root); err != nil {
		return nil, err
	}
	project, err := o.read(ctx, root)
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), root, ""))
	}
	return &loaded{Project: project, root: root}, nil
}

// read does what docker compose does: the options and their order are those of its ProjectOptions.
func (o *projectOptions) read(ctx context.Context, root string) (*types.Project, error) {
	in := func(name string) string {
		if !path.IsAbs(name) {
			name = path.Join(o.base, name)
		}
		return filepath.Join(root, name)
	}
	var configs, envFiles []string
	for _, name := range o.files {
		configs = append(configs, in(name))
	}
	for _, name := range o.envFiles {
		envFiles = append(envFiles, in(name))
	}
	directory := in(o.directory)
	if len(configs) == 0 {
		// Docker Compose looks further up; the copy has no business outside its root.
		for _, name := range cli.DefaultFileNames {
			if _, err := os.Stat(filepath.Join(directory, name)); err == nil {
				configs = []string{filepath.Join(directory, name)}
				break
			}
		}
	} else if o.directory == "" {
		directory = filepath.Dir(configs[0])
	}
	if len(configs) == 0 {
		return nil, errors.New("no configuration file provided: not found")
	}
	options, err := cli.NewProjectOptions(configs,
		cli.WithWorkingDirectory(directory),
		cli.WithEnv([]string{"HOME=/root", "USER=root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}),
		cli.WithEnvFiles(envFiles...), cli.WithDotEnv,
		cli.WithDefaultProfiles(o.profiles...),
		cli.WithName(o.name),
		cli.WithoutEnvironmentResolution,
	)
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, err
	}
	for name, service := range project.Services {
		for i, file := range service.EnvFiles {
			if !strings.HasPrefix(file.Path, root+"/") {
				service.EnvFiles[i].Path = filepath.Join(root, file.Path)
			}
		}
		project.Services[name] = service
	}
	if project, err = project.WithServicesEnvironmentResolved(true); err != nil {
		return nil, err
	}
	return project, project.CheckContainerNameUnicity()
}

// onGuest removes the place of the copy from a text.
func (l *loaded) onGuest(text string) string { return strings.ReplaceAll(text, l.root, "") }

// declares says whether the project has the service, in any profile.
func (l *loaded) declares(service string) bool {
	return slices.Contains(l.ServiceNames(), service) || slices.Contains(l.DisabledServiceNames(), service)
}

// json is what `config --format json` prints. Dollar signs are escaped, so that the output is a compose file again.
func (l *loaded) json() ([]byte, error) {
	data, err := l.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode project: %w", err)
	}
	data = bytes.ReplaceAll(data, []byte(l.root), nil)
	return bytes.ReplaceAll(data, []byte("$"), []byte("$$")), nil
}

// hash is Docker Compose's hash of a service's configuration: a container with another one is recreated.
func (l *loaded) hash(s types.ServiceConfig) (string, error) {
	s.Build, s.PullPolicy, s.Scale, s.DependsOn, s.Profiles = nil, "", nil, nil, nil
	if s.Deploy != nil {
		deploy := *s.Deploy
		deploy.Replicas = nil
		s.Deploy = &deploy
	}
	data, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode service %s: %w", s.Name, err)
	}
	sum := sha256.Sum256([]byte(l.onGuest(string(data))))
	return hex.EncodeToString(sum[:]), nil
}

// mounts are the host's paths that a service sees: binds, configs and secrets from files. Those that Docker makes as
// a directory when they are missing are false.
func (l *loaded) mounts(s types.ServiceConfig) map[string]bool {
	required := map[string]bool{}
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeBind {
			required[l.onGuest(v.Source)] = v.Bind != nil && !bool(v.Bind.CreateHostPath)
		}
	}
	for _, c := range s.Configs {
		if file := l.Configs[c.Source].File; file != "" {
			required[l.onGuest(file)] = true
		}
	}
	for _, c := range s.Secrets {
		if file := l.Secrets[c.Source].File; file != "" {
			required[l.onGuest(file)] = true
		}
	}
	return required
}
