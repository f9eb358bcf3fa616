package backup

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pve-home/pve-home/components/pve"
)

// explain names the inputs that Proxmox refuses, each with what Proxmox says of it.
func explain(err error) error {
	var refused *pve.Error
	if !errors.As(err, &refused) {
		return err
	}
	if refused.Code == 403 {
		return fmt.Errorf("%w: the API token lacks a privilege, see docs/proxmox-role.md", err)
	}
	var reasons []string
	for _, field := range slices.Sorted(maps.Keys(refused.Fields)) {
		reasons = append(reasons, fmt.Sprintf("%s: %s", propertyOf(field), refused.Fields[field]))
	}
	if len(reasons) == 0 {
		return err
	}
	return fmt.Errorf("Proxmox VE refuses the backup job: %s (%w)", strings.Join(reasons, "; "), err) //nolint:staticcheck // a name
}

func propertyOf(field string) string {
	for _, o := range options {
		if o.name == field {
			return o.property
		}
	}
	return field
}
