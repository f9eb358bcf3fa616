// Command pulumi-language-go is as much of Pulumi's Go language host as `pulumi up` needs: it
// compiles the program and runs it with the environment that the Pulumi SDK reads. The official
// one comes with the Pulumi CLI, but not as a Go module, so that tests cannot compile it.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/constant"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := serve(ctx, os.Args[len(os.Args)-1])
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "pulumi-language-go:", err)
		os.Exit(1)
	}
}

// serve answers the engine until ctx ends. The engine reads the port from the first line.
func serve(ctx context.Context, engine string) error {
	cancel := make(chan bool)
	go func() {
		<-ctx.Done()
		close(cancel)
	}()
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancel,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, &host{engine: engine})
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	fmt.Println(handle.Port)
	return <-handle.Done
}

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	engine string
}

func (*host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: "1.0.0"}, nil
}

// GetRequiredPackages names the providers behind the SDKs that the program requires, which the
// engine must find installed before the program runs. An SDK says so in a pulumi-plugin.json.
func (*host) GetRequiredPackages(ctx context.Context, req *pulumirpc.GetRequiredPackagesRequest) (*pulumirpc.GetRequiredPackagesResponse, error) {
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", "all")
	list.Dir = req.GetInfo().GetProgramDirectory()
	list.Env = append(os.Environ(), "GOWORK=off")
	modules, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("modules of the program: %w", err)
	}
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for module := range strings.Lines(string(modules)) {
		version, dir, _ := strings.Cut(strings.TrimSpace(module), " ")
		files, err := filepath.Glob(filepath.Join(dir, "go", "*", "pulumi-plugin.json"))
		if err != nil {
			return nil, fmt.Errorf("plugins of %s: %w", dir, err)
		}
		for _, file := range files {
			required, err := plugin.LoadPulumiPluginJSON(file)
			if err != nil {
				return nil, fmt.Errorf("plugin of %s: %w", dir, err)
			}
			response.Packages = append(response.Packages, &pulumirpc.PackageDependency{
				Name: required.Name, Version: cmp.Or(required.Version, version), Kind: "resource", Server: required.Server,
			})
		}
	}
	return response, nil
}

func (h *host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	program, remove, err := compile(ctx, req.GetInfo().GetProgramDirectory())
	if err != nil {
		return nil, err
	}
	defer remove()
	run := exec.CommandContext(ctx, program)
	run.Dir = req.GetPwd()
	run.Stdout, run.Stderr = os.Stdout, os.Stderr
	if run.Env, err = h.environment(req); err != nil {
		return nil, err
	}
	err = run.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == constant.ExitStatusLoggedError:
		return &pulumirpc.RunResponse{Bail: true}, nil // the program has said why
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program failed: %v", err)}, nil
	}
}

// compile builds the program of a folder; remove deletes it.
func compile(ctx context.Context, folder string) (program string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "pulumi-go-")
	if err != nil {
		return "", nil, fmt.Errorf("folder for the program: %w", err)
	}
	remove = func() { _ = os.RemoveAll(dir) }
	program = filepath.Join(dir, "program")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, folder)
	build.Dir = folder
	if output, err := build.CombinedOutput(); err != nil {
		remove()
		return "", nil, fmt.Errorf("error in compiling Go: %w\n%s", err, output)
	}
	return program, remove, nil
}

// environment is how the SDK's pulumi.Run learns what to do.
func (h *host) environment(req *pulumirpc.RunRequest) ([]string, error) {
	config, err := json.Marshal(req.GetConfig())
	if err != nil {
		return nil, fmt.Errorf("encode the configuration: %w", err)
	}
	secrets, err := json.Marshal(req.GetConfigSecretKeys())
	if err != nil {
		return nil, fmt.Errorf("encode the names of the secrets: %w", err)
	}
	return append(os.Environ(),
		pulumi.EnvOrganization+"="+req.GetOrganization(),
		pulumi.EnvProject+"="+req.GetProject(),
		pulumi.EnvPulumiRootDirectory+"="+req.GetInfo().GetRootDirectory(),
		pulumi.EnvStack+"="+req.GetStack(),
		pulumi.EnvConfig+"="+string(config),
		pulumi.EnvConfigSecretKeys+"="+string(secrets),
		pulumi.EnvDryRun+"="+strconv.FormatBool(req.GetDryRun()),
		pulumi.EnvParallel+"="+strconv.Itoa(int(req.GetParallel())),
		pulumi.EnvMonitor+"="+req.GetMonitorAddress(),
		pulumi.EnvEngine+"="+h.engine,
	), nil
}
