package components

import (
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// recorder is a Pulumi engine that records what is registered.
type recorder struct {
	mu        sync.Mutex
	resources map[string]pulumi.MockResourceArgs // by type and name
}

func (r *recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resources[args.TypeToken+" "+args.Name] = args
	outputs := args.Inputs.Copy()
	if args.TypeToken == virtualMachine {
		outputs["ipv4Addresses"] = resource.NewProperty([]resource.PropertyValue{
			resource.NewProperty([]resource.PropertyValue{resource.NewProperty("127.0.0.1")}),
			resource.NewProperty([]resource.PropertyValue{resource.NewProperty("192.168.1.200")}),
		})
	}
	return args.Name, outputs, nil
}

func (r *recorder) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{}, nil
}

const (
	virtualMachine = "proxmoxve:VM/virtualMachine:VirtualMachine"
	container      = "proxmoxve:CT/container:Container"
	file           = "proxmoxve:Storage/file:File"
	provider       = "pulumi:providers:proxmoxve"
)

// run runs a program against the recorder and returns what it registered.
func run(t *testing.T, program func(ctx *pulumi.Context, proxmox *Proxmox) error) map[string]pulumi.MockResourceArgs {
	t.Helper()
	r := &recorder{resources: map[string]pulumi.MockResourceArgs{}}
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		proxmox, err := NewProxmox(ctx, "proxmox", ProxmoxArgs{
			Endpoint: "https://192.168.1.11:8006/", APIToken: "pve-home@pve!pulumi=token-in-clear",
			SSHUsername: "root", SSHPassword: pulumi.ToSecret(pulumi.String("password-in-clear")).(pulumi.StringOutput).ToStringPtrOutput(),
			Nodes: map[string]ProxmoxNode{"pve2": {"192.168.1.12", 2222}, "pve1": {"192.168.1.11", 22}},
		})
		if err != nil {
			return err
		}
		return program(ctx, proxmox)
	}, pulumi.WithMocks("pve-home", "prod", r))
	require.NoError(t, err)
	return r.resources
}

// await returns the value of an output. Assertions inside ApplyT that nobody waits for would pass
// without ever running.
func await[T any](t *testing.T, ctx *pulumi.Context, output pulumi.Output) T {
	t.Helper()
	done := make(chan T, 1)
	ctx.Export(t.Name(), output.ApplyT(func(v any) any {
		value, ok := v.(T)
		if ok {
			done <- value
		}
		return v
	}))
	select {
	case v := <-done:
		return v
	case <-t.Context().Done():
		require.Fail(t, "the output never resolved")
	}
	var none T
	return none
}
