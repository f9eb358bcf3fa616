package sim_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// plain makes a request outside of the API.
func (c *cluster) plain(method, path, body string) (int, string) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, strings.TrimSuffix(c.Endpoint(), "/")+path, strings.NewReader(body))
	require.NoError(c.t, err)
	response, err := c.client.Do(request)
	require.NoError(c.t, err)
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	return response.StatusCode, string(data)
}

func TestPage(t *testing.T) {
	c := start(t)
	c.clone(100, "vm0")
	require.NoError(t, c.Edit(100, func(config map[string]string) { config["name"] = "<script>alert(1)</script>" }))
	c.do("GET", "/nodes/pve1/qemu/777/config", "")
	status, html := c.plain("GET", "/", "")
	require.Equal(t, 200, status)
	for _, want := range []string{"pve2", "debian-13-cloudinit", "qmclone 9000", "local-lvm:vm-100-disk-0", "777.conf&#39; does not exist", "&lt;script&gt;"} {
		require.Contains(t, html, want)
	}
	require.NotContains(t, html, "<script>")
}

func TestControls(t *testing.T) {
	c := start(t)
	status, body := c.plain("POST", "/sim/faults", `{"kind":"task","pathRegexp":"^qmclone:","exitStatus":"broken","times":1}`)
	require.Equal(t, 200, status, body)
	require.Contains(t, body, `"exitStatus":"broken"`)
	require.Equal(t, "broken", c.task("POST", "/nodes/pve1/qemu/9000/clone", "newid=100"))
	for _, wrong := range []string{`{"kind":"moon"}`, `{"pathRegexp":"("}`, `{"unknown":1}`, `{"delay":"x"}`} {
		status, _ = c.plain("POST", "/sim/faults", wrong)
		require.Equal(t, 400, status, wrong)
	}
	status, body = c.plain("POST", "/sim/durations", `{"qmstart":"5s"}`)
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"qmstart":"5s"}`, body)
	_, body = c.plain("DELETE", "/sim/durations", "")
	require.JSONEq(t, `{}`, body)
	_, body = c.plain("GET", "/sim/requests", "")
	require.Contains(t, body, "/nodes/pve1/qemu/9000/clone")
	status, body = c.plain("GET", "/sim/other", "")
	require.Equal(t, 404, status)
	require.Contains(t, body, "/sim/durations")
}
