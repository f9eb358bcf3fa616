package pve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// FirewallOn says whether the datacenter's firewall is on. While it is off no rule of any guest has
// an effect (privilege Sys.Audit; https://pve.proxmox.com/pve-docs/chapter-pve-firewall.html).
func (c *Client) FirewallOn(ctx context.Context) (bool, error) {
	var answer struct {
		Enable json.Number `json:"enable"`
	}
	if err := c.do(ctx, http.MethodGet, "/cluster/firewall/options", nil, &answer); err != nil {
		return false, fmt.Errorf("read the options of the datacenter's firewall: %w", err)
	}
	return answer.Enable != "" && answer.Enable != "0", nil
}
