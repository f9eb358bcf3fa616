// Package components holds the building blocks of a homelab as Pulumi ComponentResources.
//
// Each component stands in one file: its Args, its struct, its constructor. Arguments that
// decide what is created are plain Go values; what may come from another resource is an Input.
package components

import (
	"fmt"
	"maps"
	"slices"

	"github.com/muhlba91/pulumi-proxmoxve/sdk/v6/go/proxmoxve"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/components/pve"
)

// ProxmoxArgs says how to reach a Proxmox VE cluster.
type ProxmoxArgs struct {
	// Endpoint is the API of any node, such as https://192.168.1.11:8006/.
	Endpoint string
	// APIToken has the form user@realm!id=uuid. It becomes a secret of the provider.
	APIToken string
	// Insecure accepts any certificate of the API.
	Insecure bool
	// SSHUsername logs in to the nodes with SSHPrivateKey, SSHPassword or the SSH agent, to
	// upload snippets: Proxmox VE has no API for that (https://bugzilla.proxmox.com/show_bug.cgi?id=2208).
	SSHUsername   string
	SSHPrivateKey pulumi.StringPtrInput
	SSHPassword   pulumi.StringPtrInput
	SSHAgent      bool
	// Nodes are the SSH addresses of the nodes by name.
	Nodes map[string]ProxmoxNode
}

// ProxmoxNode is where a node answers SSH.
type ProxmoxNode struct {
	Address string
	SSHPort int
}

// Proxmox is the connection that all guests of a stack share: the provider, and the checks that
// run before a guest is created or changed.
type Proxmox struct {
	Provider *proxmoxve.Provider
	guard    *guard

	endpoint string
	apiToken pulumi.StringOutput
	insecure bool
}

// NewProxmox makes the provider explicitly, so that nothing depends on the environment of
// whoever runs Pulumi.
func NewProxmox(ctx *pulumi.Context, name string, args ProxmoxArgs, opts ...pulumi.ResourceOption) (*Proxmox, error) {
	nodes := proxmoxve.ProviderSshNodeArray{}
	for _, node := range slices.Sorted(maps.Keys(args.Nodes)) {
		nodes = append(nodes, proxmoxve.ProviderSshNodeArgs{
			Name:    pulumi.String(node),
			Address: pulumi.String(args.Nodes[node].Address),
			Port:    pulumi.Int(args.Nodes[node].SSHPort),
		})
	}
	apiToken := pulumi.ToSecret(pulumi.String(args.APIToken)).(pulumi.StringOutput)
	provider, err := proxmoxve.NewProvider(ctx, name, &proxmoxve.ProviderArgs{
		Endpoint: pulumi.String(args.Endpoint),
		ApiToken: apiToken,
		Insecure: pulumi.Bool(args.Insecure),
		Ssh: proxmoxve.ProviderSshArgs{
			Agent:      pulumi.Bool(args.SSHAgent),
			Username:   pulumi.String(args.SSHUsername),
			Password:   args.SSHPassword,
			PrivateKey: args.SSHPrivateKey,
			Nodes:      nodes,
		},
	}, append(opts, pulumi.AdditionalSecretOutputs([]string{"apiToken", "ssh"}))...)
	if err != nil {
		return nil, fmt.Errorf("provider for %s: %w", args.Endpoint, err)
	}
	guard, err := newGuard(ctx, pve.NewClient(args.Endpoint, args.APIToken, args.Insecure))
	if err != nil {
		return nil, err
	}
	return &Proxmox{Provider: provider, guard: guard, endpoint: args.Endpoint, apiToken: apiToken, insecure: args.Insecure}, nil
}
