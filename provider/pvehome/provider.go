// Package pvehome puts the resources together into the Pulumi provider of that name.
package pvehome

import (
	"context"
	"fmt"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"github.com/pve-home/pve-home/provider/backup"
	"github.com/pve-home/pve-home/provider/compose"
	"github.com/pve-home/pve-home/provider/proxmox"
)

// Name is the name of the provider's package: its resources are pvehome:index:<resource>.
const Name = "pvehome"

// Version of the provider and of its SDK.
const Version = "0.1.0"

// New builds the provider.
func New() (p.Provider, error) {
	provider, err := infer.NewProviderBuilder().
		WithDisplayName("pve-home").
		WithDescription("Backup schedules of Proxmox VE and Docker Compose projects on its guests").
		// Go is the one language of pve-home, and its SDK one package.
		WithLanguageMap(map[string]any{"go": map[string]any{"respectSchemaVersion": true}}).
		WithModuleMap(map[tokens.ModuleName]tokens.ModuleName{"backup": "index", "compose": "index"}).
		WithGoImportPath("github.com/pve-home/pve-home/components/pvehome").
		WithConfig(infer.Config(&proxmox.Config{})).
		WithResources(
			infer.Resource(&backup.Job{}),
			infer.Resource(&compose.Project{}),
		).
		Build()
	if err != nil {
		return p.Provider{}, fmt.Errorf("build the provider %s: %w", Name, err)
	}
	create := provider.Create
	provider.Create = func(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
		return create(backup.WithURN(ctx, req.Urn), req)
	}
	return provider, nil
}
