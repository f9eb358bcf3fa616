package sim_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

// cluster is a simulator with a client of its API.
type cluster struct {
	*sim.Sim
	t      testing.TB
	client *http.Client
	token  string
}

func options() sim.Options {
	schema := os.Getenv("PVE_API_SCHEMA")
	version := "8.4"
	if strings.Contains(schema, "9.1") {
		version = "9.1"
	}
	return sim.Options{
		Version: version,
		Nodes:   []sim.Node{{Name: "pve1", Address: "127.81.1.11", SSHPort: -1}, {Name: "pve2", Address: "127.81.1.12", SSHPort: -1}},
		Listen:  "127.81.1.11:0", Network: netip.MustParsePrefix("127.81.1.0/24"), GuestSSHPort: 2022,
		SchemaFile: schema, RootPassword: "geheim",
	}
}

func start(t testing.TB, change ...func(*sim.Options)) *cluster {
	t.Helper()
	o := options()
	for _, f := range change {
		f(&o)
	}
	s, err := sim.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CertPool(), MinVersion: tls.VersionTLS13}}
	t.Cleanup(transport.CloseIdleConnections)
	return &cluster{Sim: s, t: t, client: &http.Client{Transport: transport, Timeout: 10 * time.Second}, token: s.RootToken()}
}

// answer is what a call returned.
type answer struct {
	Status int
	Reason string
	Data   any
	Errors map[string]string
}

// do makes a call. Parameters are given as "key=value&key=value", not escaped.
func (c *cluster) do(method, path, params string) answer {
	c.t.Helper()
	form := url.Values{}
	for _, pair := range strings.Split(params, "&") {
		if key, value, found := strings.Cut(pair, "="); found {
			form.Add(key, value)
		}
	}
	target := strings.TrimSuffix(c.Endpoint(), "/") + "/api2/json" + path
	var body io.Reader
	if method == http.MethodPost || method == http.MethodPut {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		target += "?" + form.Encode()
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, target, body)
	require.NoError(c.t, err)
	if body != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "PVEAPIToken="+c.token)
	}
	return c.send(request)
}

func (c *cluster) send(request *http.Request) answer {
	c.t.Helper()
	response, err := c.client.Do(request)
	require.NoError(c.t, err)
	defer func() { _ = response.Body.Close() }()
	var result answer
	require.NoError(c.t, json.NewDecoder(response.Body).Decode(&result))
	result.Status = response.StatusCode
	_, result.Reason, _ = strings.Cut(response.Status, " ")
	return result
}

// ok makes a call that must succeed and returns its data.
func (c *cluster) ok(method, path, params string) any {
	c.t.Helper()
	a := c.do(method, path, params)
	require.Equal(c.t, http.StatusOK, a.Status, "%s %s %s: %s %v", method, path, params, a.Reason, a.Errors)
	return a.Data
}

func (c *cluster) object(path string) map[string]any {
	c.t.Helper()
	return c.ok(http.MethodGet, path, "").(map[string]any)
}

func (c *cluster) list(path string) []any {
	c.t.Helper()
	return c.ok(http.MethodGet, path, "").([]any)
}

// task makes a call that starts a task, waits for its end and returns the exit status.
func (c *cluster) task(method, path, params string) string {
	c.t.Helper()
	return c.exit(c.ok(method, path, params).(string))
}

func (c *cluster) exit(upid string) string {
	c.t.Helper()
	node := strings.Split(upid, ":")[1]
	var status map[string]any
	require.Eventually(c.t, func() bool {
		status = c.object("/nodes/" + node + "/tasks/" + url.PathEscape(upid) + "/status")
		return status["status"] == "stopped"
	}, 10*time.Second, 5*time.Millisecond)
	return fmt.Sprint(status["exitstatus"])
}

// fails makes a call that must be refused with exactly this status and reason.
func (c *cluster) fails(method, path, params string, status int, reason string) answer {
	c.t.Helper()
	a := c.do(method, path, params)
	require.Equal(c.t, status, a.Status, "%s %s %s: %s", method, path, params, a.Reason)
	require.Equal(c.t, reason, a.Reason, "%s %s %s", method, path, params)
	return a
}

// with returns the same simulator for another token.
func (c *cluster) with(token string) *cluster {
	other := *c
	other.token = token
	return &other
}

func (c *cluster) guest(vmid int) sim.Guest {
	c.t.Helper()
	for _, g := range c.Guests() {
		if g.VMID == vmid {
			return g
		}
	}
	require.Fail(c.t, "no such guest", "%d", vmid)
	return sim.Guest{}
}

func (c *cluster) clone(vmid int, name string) {
	c.t.Helper()
	require.Equal(c.t, "OK", c.task("POST", "/nodes/pve1/qemu/9000/clone", fmt.Sprintf("newid=%d&name=%s&full=1&storage=local-lvm", vmid, name)))
}
