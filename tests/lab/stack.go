package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"github.com/pve-home/pve-home/stacks"
	"github.com/pve-home/pve-home/tests/toolchain"
)

// A throw-away key: the guests of the lab accept it, and nobody has its private half.
const guestPublicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUmeLqQSfJf0qBLAAkgEgRBzZ2pGVqhmjVxbXkkEX7N lab"

// Stack is one stack of the lab.
type Stack struct {
	auto.Stack
	lab *Lab
	dir string
}

// Stack selects a stack as it is committed in the repository, with the example network moved to
// the lab's, the endpoint and throw-away secrets set.
func (l *Lab) Stack(ctx context.Context, name string) (*Stack, error) {
	file, err := os.ReadFile(filepath.Join(l.root, "Pulumi."+name+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("committed stack file: %w", err)
	}
	return l.StackFrom(ctx, name, string(file))
}

// StackFrom selects a stack with a stack file of the caller's, written for 192.168.1.0/24.
func (l *Lab) StackFrom(ctx context.Context, name, stackFile string) (*Stack, error) {
	dir := filepath.Join(l.Dir, "stacks", name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of stack %s: %w", name, err)
	}
	project, err := os.ReadFile(filepath.Join(l.root, "Pulumi.yaml"))
	if err != nil {
		return nil, fmt.Errorf("project file: %w", err)
	}
	compiled, err := l.withCompiledProvider(string(project))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte(l.moved(compiled)), 0o600); err != nil {
		return nil, fmt.Errorf("project file: %w", err)
	}
	s := &Stack{lab: l, dir: dir}
	if err := s.write(stackFile); err != nil {
		return nil, err
	}
	workspace, err := auto.NewLocalWorkspace(ctx,
		auto.WorkDir(dir), auto.Program(stacks.Run), auto.Pulumi(l.pulumi), auto.PulumiHome(l.home()), auto.EnvVars(l.Environment()))
	if err != nil {
		return nil, fmt.Errorf("workspace of stack %s: %w", name, err)
	}
	if s.Stack, err = auto.UpsertStack(ctx, name, workspace); err != nil {
		return nil, fmt.Errorf("select stack %s: %w", name, err)
	}
	return s, s.configure(ctx)
}

// Edit replaces the stack file, as a user would in an editor, and sets the secrets again.
func (s *Stack) Edit(ctx context.Context, stackFile string) error {
	if err := s.write(stackFile); err != nil {
		return err
	}
	return s.configure(ctx)
}

func (s *Stack) path() string {
	return filepath.Join(s.dir, "Pulumi."+filepath.Base(s.dir)+".yaml")
}

// write moves the example's addresses and keeps the encryption salt of the secrets.
func (s *Stack) write(stackFile string) error {
	moved := s.lab.moved(stackFile)
	if old, err := os.ReadFile(s.path()); err == nil {
		for line := range strings.Lines(string(old)) {
			if strings.HasPrefix(line, "encryptionsalt:") {
				moved = line + moved
			}
		}
	}
	if err := os.WriteFile(s.path(), []byte(moved), 0o600); err != nil {
		return fmt.Errorf("stack file: %w", err)
	}
	return nil
}

func (l *Lab) moved(text string) string {
	return strings.ReplaceAll(text, exampleNetwork, strings.TrimSuffix(l.Network.Addr().String(), "0"))
}

// withCompiledProvider names the folder of the provider's binary instead of its sources, which
// need a language host.
func (l *Lab) withCompiledProvider(project string) (string, error) {
	const sources = "      path: provider\n"
	if strings.Count(project, sources) != 1 {
		return "", fmt.Errorf("Pulumi.yaml has no line %q to name the compiled provider in", strings.TrimSpace(sources)) //nolint:staticcheck // a file name
	}
	folder := filepath.Dir(l.tools[toolchain.ProviderHome.Name])
	return strings.Replace(project, sources, fmt.Sprintf("      path: %q\n", folder), 1), nil
}

func (s *Stack) configure(ctx context.Context) error {
	if err := s.SetAllConfigWithOptions(ctx, s.lab.config(), &auto.ConfigOptions{Path: true}); err != nil {
		return fmt.Errorf("configure stack %s: %w", s.Name(), err)
	}
	return nil
}

// config is what a user sets before the first `pulumi up`.
func (l *Lab) config() auto.ConfigMap {
	plain := func(v string) auto.ConfigValue { return auto.ConfigValue{Value: v} }
	config := auto.ConfigMap{
		"proxmoxEndpoint":    plain(l.Sim.Endpoint()),
		"proxmoxApiToken":    {Value: l.token, Secret: true},
		"proxmoxInsecure":    plain("true"),
		"proxmoxSshUsername": plain(sshUser),
		"proxmoxSshPassword": {Value: l.sshPass, Secret: true},
		"sshPublicKeys[0]":   plain(guestPublicKey),
	}
	for i, node := range []string{"pve1", "pve2"} {
		config["nodes."+node+".address"] = plain(l.host(11 + i))
		config["nodes."+node+".sshPort"] = plain(fmt.Sprint(sshPort))
		config["nodes."+node+".templateId"] = plain(fmt.Sprint(9000 + i))
	}
	return config
}

// Secrets are the values that must not be in clear in any state object.
func (l *Lab) Secrets() map[string]string {
	_, secret, _ := strings.Cut(l.token, "=")
	return map[string]string{"API token": secret, "SSH password": l.sshPass}
}

// Environment is what a shell needs to work on the lab's stacks.
func (l *Lab) Environment() map[string]string {
	env := map[string]string{
		"PULUMI_HOME":              l.home(),
		"PULUMI_BACKEND_URL":       l.store.backendURL(),
		"PULUMI_CONFIG_PASSPHRASE": "throw-away",
		"AWS_ACCESS_KEY_ID":        l.store.user,
		"AWS_SECRET_ACCESS_KEY":    l.store.password,
		// The S3 client otherwise warns that MinIO sends no checksum it knows.
		"AWS_RESPONSE_CHECKSUM_VALIDATION":            "when_required",
		"AWS_EC2_METADATA_DISABLED":                   "true",
		"PULUMI_SKIP_UPDATE_CHECK":                    "true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
	}
	for _, v := range environment(l.Dir) {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	if l.provider != nil {
		env["PULUMI_DEBUG_PROVIDERS"] = "proxmoxve:" + l.provider.port
	}
	return env
}

// Up runs `pulumi up`, with progress on the lab's output.
func (s *Stack) Up(ctx context.Context, opts ...optup.Option) (auto.UpResult, error) {
	opts = append([]optup.Option{optup.ProgressStreams(s.lab.out), optup.ErrorProgressStreams(s.lab.out)}, opts...)
	result, err := s.Stack.Up(ctx, opts...)
	if err != nil {
		return result, fmt.Errorf("pulumi up of %s: %w", s.Name(), err)
	}
	return result, nil
}

// PreviewChanges runs `pulumi preview` and counts the resources that it would touch.
func (s *Stack) PreviewChanges(ctx context.Context) (int, error) {
	result, err := s.Preview(ctx, optpreview.Diff(), optpreview.ProgressStreams(s.lab.out), optpreview.ErrorProgressStreams(s.lab.out))
	if err != nil {
		return 0, fmt.Errorf("pulumi preview of %s: %w", s.Name(), err)
	}
	changes := 0
	for operation, count := range result.ChangeSummary {
		if operation != apitype.OpSame {
			changes += count
		}
	}
	return changes, nil
}

// StateObject is the key of the stack's state in the bucket.
func (s *Stack) StateObject() string {
	return ".pulumi/stacks/pve-home/" + s.Name() + ".json"
}

// StateVersions lists the versions of the stack's state, newest first.
func (s *Stack) StateVersions(ctx context.Context) ([]Version, error) {
	return s.lab.store.versions(ctx, s.StateObject())
}

// StateObjects returns every version of every object of the state bucket.
func (l *Lab) StateObjects(ctx context.Context) (map[string][]byte, error) {
	return l.store.objects(ctx)
}
