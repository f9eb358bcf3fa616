package pve

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGrant(t *testing.T) {
	p := Permissions{
		"/":        {"Sys.Audit": 0, "VM.Audit": 0},
		"/vms":     {"VM.Clone": 1, "VM.PowerMgmt": 0},
		"/storage": {"Datastore.Allocate": 1},
		"/sdn":     {"SDN.Use": 1},
	}
	for privilege, want := range map[string]bool{
		"Sys.Audit": true, "Sys.Modify": false,
		"VM.Clone": true, "Datastore.Allocate": true, "SDN.Use": true,
		"VM.PowerMgmt": false, // on /vms itself, not on the guests
		"VM.Audit":     false, // on / itself only
		"VM.Migrate":   false,
	} {
		require.Equal(t, want, p.Grant(privilege), privilege)
	}
}

// TestNumbersInQuotes: Proxmox writes numbers that it read from a file as text in places.
func TestNumbersInQuotes(t *testing.T) {
	for body, want := range map[string]bool{
		`{"data":{"enable":1}}`: true, `{"data":{"enable":"1"}}`: true, `{"data":{"enable":0}}`: false, `{"data":{}}`: false,
	} {
		c, _ := serve(t, map[string]string{"GET /cluster/firewall/options": "200 " + body})
		on, err := c.FirewallOn(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, on, body)
	}
	c, _ := serve(t, map[string]string{"GET /nodes/pve1/network": `200 {"data":[{"iface":"vmbr0","active":"1"},{"iface":"vmbr1"},{"iface":"vnet1","active":1}]}`})
	bridges, err := c.Bridges(t.Context(), "pve1")
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"vmbr0": true, "vmbr1": false, "vnet1": true}, bridges)
}

func TestQueries(t *testing.T) {
	c, _ := serve(t, map[string]string{
		"GET /version":                          `200 {"data":{"version":"8.4.14","release":"8.4"}}`,
		"GET /nodes":                            `200 {"data":[{"node":"pve1","status":"online"},{"node":"pve2","status":"offline"}]}`,
		"GET /nodes/pve1/time":                  `200 {"data":{"time":1800000000,"localtime":1800003600}}`,
		"GET /nodes/pve1/storage":               `200 {"data":[{"storage":"local","content":"iso,snippets","enabled":1,"active":1,"used":5,"total":9}]}`,
		"GET /nodes/pve1/storage/local/content": `200 {"data":[{"volid":"local:vztmpl/a.tar.zst"}]}`,
		"GET /storage/local":                    `200 {"data":{"path":"/var/lib/vz/"}}`,
	})
	version, err := c.Version(t.Context())
	require.NoError(t, err)
	require.Equal(t, "8.4.14", version)
	nodes, err := c.Nodes(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]string{"pve1": "online", "pve2": "offline"}, nodes)
	now, err := c.Time(t.Context(), "pve1")
	require.NoError(t, err)
	require.Equal(t, time.Unix(1800000000, 0), now)
	stores, err := c.Datastores(t.Context(), "pve1")
	require.NoError(t, err)
	require.Equal(t, map[string]NodeDatastore{"local": {
		Name: "local", UsedBytes: 5, Datastore: Datastore{Content: "iso,snippets", Enabled: 1, Active: 1, TotalBytes: 9},
	}}, stores)
	volumes, err := c.Volumes(t.Context(), "pve1", "local", "vztmpl")
	require.NoError(t, err)
	require.Equal(t, []string{"local:vztmpl/a.tar.zst"}, volumes)
	path, err := c.DatastorePath(t.Context(), "local")
	require.NoError(t, err)
	require.Equal(t, "/var/lib/vz", path)
}

// TestCertificates sees a certificate that nobody trusts.
func TestCertificates(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	chain, err := Certificates(t.Context(), server.URL+"/")
	require.NoError(t, err)
	require.Equal(t, server.Certificate().Raw, chain[0].Raw)
	require.ErrorContains(t, Trusted(server.URL+"/", chain), "unknown authority")

	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	_, err = Certificates(t.Context(), plain.URL+"/")
	require.ErrorContains(t, err, "no certificate")
}
