package pve

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Version returns the version of Proxmox VE, such as 8.4.14 (any token).
func (c *Client) Version(ctx context.Context) (string, error) {
	var answer struct {
		Version string `json:"version"`
	}
	if err := c.do(ctx, http.MethodGet, "/version", nil, &answer); err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	return answer.Version, nil
}

// Permissions are the privileges of a token: 1 or 0, for whether they hold below too, by path and
// privilege.
type Permissions map[string]map[string]int

// Permissions returns what the token may do (any token).
func (c *Client) Permissions(ctx context.Context) (Permissions, error) {
	var p Permissions
	if err := c.do(ctx, http.MethodGet, "/access/permissions", nil, &p); err != nil {
		return nil, fmt.Errorf("ask for the privileges of the token: %w", err)
	}
	return p, nil
}

// Grant says whether a privilege holds where pve-home uses it: at / for Sys.*, in the whole of
// /vms, /storage or /sdn for the others.
func (p Permissions) Grant(privilege string) bool {
	area, _, _ := strings.Cut(privilege, ".")
	path := map[string]string{"VM": "/vms", "Datastore": "/storage", "SDN": "/sdn"}[area]
	if path == "" {
		_, has := p["/"][privilege]
		return has
	}
	return p[path][privilege] == 1
}
