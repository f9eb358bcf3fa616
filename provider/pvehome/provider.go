// Package pvehome puts the resources together into the Pulumi provider of that name.
package pvehome

import (
	"fmt"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/pve-home/pve-home/provider/backup"
	"github.com/pve-home/pve-home/provider/compose"
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
		WithGoImportPath("github.com/pve-home/pve-home/components/pvehome").
		WithResources(
			infer.Resource(&backup.Job{}),
			infer.Resource(&compose.Project{}),
		).
		Build()
	if err != nil {
		return p.Provider{}, fmt.Errorf("build the provider %s: %w", Name, err)
	}
	return provider, nil
}
