// Package sdk generates what is checked in about the provider: its schema and the Go SDK by which
// the components use it.
package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"
	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/pve-home/pve-home/provider/pvehome"
)

// Folders of the repository that hold generated files.
const (
	SchemaFile = "provider/schema.json"
	Folder     = "components/pvehome"
)

// Files returns the generated files by their paths in the repository.
func Files(ctx context.Context) (map[string][]byte, error) {
	spec, err := providerSchema(ctx)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, spec, "", "  "); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	text.WriteByte('\n')
	files := map[string][]byte{SchemaFile: text.Bytes()}

	var decoded schema.PackageSpec
	if err := json.Unmarshal(spec, &decoded); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	pkg, diagnostics, err := schema.BindSpecWithContext(ctx, decoded, alone{}, schema.ValidationOptions{})
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if diagnostics.HasErrors() {
		return nil, fmt.Errorf("schema: %w", diagnostics)
	}
	generated, err := gogen.GeneratePackage("pve-home", pkg, nil)
	if err != nil {
		return nil, fmt.Errorf("generate the Go SDK: %w", err)
	}
	for name, content := range generated {
		files[path.Join(Folder, strings.TrimPrefix(name, "pvehome/"))] = content
	}
	return files, nil
}

func providerSchema(ctx context.Context) ([]byte, error) {
	provider, err := pvehome.New()
	if err != nil {
		return nil, err
	}
	server, err := integration.NewServer(ctx, pvehome.Name, semver.MustParse(pvehome.Version), integration.WithProvider(provider))
	if err != nil {
		return nil, fmt.Errorf("serve the provider: %w", err)
	}
	answer, err := server.GetSchema(p.GetSchemaRequest{})
	if err != nil {
		return nil, fmt.Errorf("schema of the provider: %w", err)
	}
	return []byte(answer.Schema), nil
}

// alone is the loader of a schema that refers to no other.
type alone struct{}

func (alone) LoadPackage(name string, _ *semver.Version) (*schema.Package, error) {
	return nil, fmt.Errorf("the schema refers to the package %s", name)
}

func (alone) LoadPackageV2(_ context.Context, d *schema.PackageDescriptor) (*schema.Package, error) {
	return nil, fmt.Errorf("the schema refers to the package %s", d.Name)
}
