// Command pulumi-resource-minio serves the Pulumi provider "minio" from the Terraform provider
// aminueza/minio, under the resource tokens of github.com/pulumi/pulumi-minio/sdk.
//
// The official plugin is downloaded by `pulumi up`; this one is compiled from the Go module
// proxy alone, so that tests and the demo run the same provider code without it.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aminueza/terraform-provider-minio/v3/minio"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
)

// version is stamped by the linker; the bridge refuses a provider without one.
var version string

func main() {
	info, schema, err := bridge()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-minio:", err)
		os.Exit(1)
	}
	go endWithEngine(os.Getppid())
	tfbridge.Main(info.Name, version, info, schema)
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
func bridge() (tfbridge.ProviderInfo, []byte, error) {
	provider := minio.Provider()
	if err := serveExpirationDays(provider); err != nil {
		return tfbridge.ProviderInfo{}, nil, err
	}
	info := tfbridge.ProviderInfo{
		P:            shimv2.NewProvider(provider),
		Name:         "minio",
		Version:      version,
		MetadataInfo: tfbridge.NewProviderMetadata(nil),
		Resources: map[string]*tfbridge.ResourceInfo{
			// The SDK declares the quota as a number, because a size in bytes outgrows 32 bits.
			"minio_s3_bucket": {Fields: map[string]*tfbridge.SchemaInfo{"quota": {Type: "number"}}},
		},
	}
	if err := info.ComputeTokens(tokens.SingleModule("minio_", "index", tokens.MakeStandard(info.Name))); err != nil {
		return info, nil, fmt.Errorf("name the resources: %w", err)
	}
	info.SetAutonaming(255, "-")

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
