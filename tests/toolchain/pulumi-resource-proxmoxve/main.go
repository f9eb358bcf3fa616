// Command pulumi-resource-proxmoxve serves the Pulumi provider "proxmoxve" from the
// Terraform provider bpg/proxmox, under the resource tokens of
// github.com/muhlba91/pulumi-proxmoxve/sdk/v6.
//
// The official plugin is downloaded from GitHub by `pulumi up`; this one is compiled from
// the Go module proxy alone, so that tests and the demo run the same provider code without it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/bpg/terraform-provider-proxmox/fwprovider"
	"github.com/bpg/terraform-provider-proxmox/proxmoxtf/provider"
	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/x/muxer"
	"github.com/pulumi/pulumi-terraform-bridge/v3/unstable/metadata"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
)

// version is stamped by the linker; the bridge refuses a provider without one.
var version string

func main() {
	ctx := context.Background()
	info, schema, err := bridge(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-proxmoxve:", err)
		os.Exit(1)
	}
	go endWithEngine(os.Getppid())
	pf.MainWithMuxer(ctx, info.Name, info, schema)
}

// endWithEngine ends the provider soon after an engine that was killed; the SDK looks for the
// engine only every five minutes.
func endWithEngine(engine int) {
	for range time.Tick(time.Second) {
		if os.Getppid() != engine {
			os.Exit(1)
		}
	}
}

// bridge returns the provider and its Pulumi schema, generated in memory.
func bridge(ctx context.Context) (tfbridge.ProviderInfo, []byte, error) {
	p := pf.MuxShimWithPF(ctx, shimv2.NewProvider(provider.ProxmoxVirtualEnvironment()), fwprovider.New(version)())
	info := tfbridge.ProviderInfo{
		P:              p,
		Name:           "proxmoxve",
		ResourcePrefix: "proxmox_virtual_environment",
		Version:        version,
		MetadataInfo:   tfbridge.NewProviderMetadata(nil),
		Resources:      map[string]*tfbridge.ResourceInfo{},
		DataSources:    map[string]*tfbridge.DataSourceInfo{},
	}
	for name, t := range resources {
		info.Resources["proxmox_virtual_environment_"+name] = &tfbridge.ResourceInfo{
			Tok: tfbridge.MakeResource(info.Name, t.module, t.name),
		}
	}
	for name, t := range dataSources {
		info.DataSources["proxmox_virtual_environment_"+name] = &tfbridge.DataSourceInfo{
			Tok: tfbridge.MakeDataSource(info.Name, t.module, t.name),
		}
	}
	p.ResourcesMap().Range(func(name string, _ shim.Resource) bool {
		if info.Resources[name] == nil {
			info.IgnoreMappings = append(info.IgnoreMappings, name)
		}
		return true
	})
	p.DataSourcesMap().Range(func(name string, _ shim.Resource) bool {
		if info.DataSources[name] == nil {
			info.IgnoreMappings = append(info.IgnoreMappings, name)
		}
		return true
	})
	info.SetAutonaming(255, "-")

	muxed, ok := p.(interface {
		ResolveDispatch(*tfbridge.ProviderInfo) (muxer.DispatchTable, error)
	})
	if !ok {
		return info, nil, fmt.Errorf("%T cannot dispatch between the two halves of the provider", p)
	}
	dispatch, err := muxed.ResolveDispatch(&info)
	if err != nil {
		return info, nil, fmt.Errorf("assign resources to the halves of the provider: %w", err)
	}
	if err := metadata.Set(info.GetMetadata(), "mux", dispatch); err != nil {
		return info, nil, fmt.Errorf("store the dispatch table: %w", err)
	}
	generated, err := tfgen.GenerateSchemaWithOptions(tfgen.GenerateSchemaOptions{
		ProviderInfo: info,
		DiagnosticsSink: diag.DefaultSink(io.Discard, os.Stderr, diag.FormatOptions{
			Color: colors.Never,
		}),
		XInMemoryDocs: true,
	})
	if err != nil {
		return info, nil, fmt.Errorf("generate the schema: %w", err)
	}
	schema, err := json.Marshal(generated.PackageSpec)
	if err != nil {
		return info, nil, fmt.Errorf("encode the schema: %w", err)
	}
	return info, schema, nil
}
