package e2e

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/components/pve"
	"github.com/pve-home/pve-home/tests/lab"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

// TestRoleIsMinimal runs a whole life with a token of exactly the documented role, and finds each
// of its privileges needed.
func TestRoleIsMinimal(t *testing.T) {
	if os.Getenv("PVE_API_SCHEMA") == "" {
		require.NotEqual(t, "true", os.Getenv("CI"), "PVE_API_SCHEMA is not set")
		t.Skip("Proxmox's API schema says which call needs which privilege; PVE_API_SCHEMA does not name it")
	}
	for _, version := range []string{"8.4", "9.1"} {
		t.Run(version, func(t *testing.T) {
			h := newHarness(t, lab.Options{AttachProvider: true, Sim: func(o *sim.Options) { o.Version = version }})
			file := vmAndContainer + jobs("nightly", "schedule: daily", "storage: local", "keepLast: 2")
			s := h.stack("prod", file)
			h.up(s)
			h.clean(s)
			h.refreshFindsNothing(s)
			h.edit(s, with(with(file, "cores: 2", "cores: 4"), "tags: [web]", "tags: [web]\n      node: pve2\n      migrate: true\n      vlan: 7"))
			h.up(s)
			_, err := s.Destroy(h.timeout(), optdestroy.ProgressStreams(h.out))
			require.NoError(t, err)

			// A guest that somebody else made, ran and stopped: only Sys.Audit shows that it ran.
			h.asRoot("POST", "/nodes/pve1/qemu/9000/clone", url.Values{"newid": {"1021"}, "name": {"web"}, "full": {"1"}})
			h.asRoot("POST", "/nodes/pve1/qemu/1021/status/start", nil)
			h.asRoot("POST", "/nodes/pve1/qemu/1021/status/stop", nil)
			require.Contains(t, h.upFails(s), "would replace a guest and lose its data")
			require.Equal(t, "stopped", h.guest("web").Status)

			require.Equal(t, pve.Privileges(version), h.Sim.PrivilegesUsed())
		})
	}
}

// asRoot does what an administrator does in Proxmox's own interface.
func (h *harness) asRoot(method, path string, form url.Values) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.ctx, method, h.Sim.Endpoint()+"api2/json"+path, strings.NewReader(form.Encode()))
	require.NoError(h.t, err)
	req.Header.Set("Authorization", "PVEAPIToken="+h.Sim.RootToken())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.Sim.CertPool()}}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	require.NoError(h.t, err)
	require.NoError(h.t, resp.Body.Close())
	require.Equal(h.t, http.StatusOK, resp.StatusCode, resp.Status)
}
