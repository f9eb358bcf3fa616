// Package pve asks the Proxmox VE API the few questions that the provider does not answer
// before it changes something. The API is described at https://pve.proxmox.com/pve-docs/api-viewer/.
package pve

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Limits of one conversation with the API.
const (
	requestTimeout   = 15 * time.Second
	taskPollInterval = 500 * time.Millisecond
	maxAnswerBytes   = 16 << 20
)

// Client talks to the API of one cluster with an API token.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient makes a client for an endpoint such as https://192.168.1.11:8006/ and a token of the
// form user@realm!id=uuid. With insecure, any certificate is accepted.
func NewClient(endpoint, token string, insecure bool) *Client {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       &tls.Config{InsecureSkipVerify: insecure, MinVersion: tls.VersionTLS12}, // #nosec G402 -- the user's own choice
		TLSHandshakeTimeout:   requestTimeout,
		ResponseHeaderTimeout: requestTimeout,
	}
	return &Client{
		base:  strings.TrimRight(endpoint, "/") + "/api2/json",
		token: token,
		http:  &http.Client{Transport: transport, Timeout: requestTimeout},
	}
}

// Guest is a virtual machine or a container as the cluster lists it.
type Guest struct {
	VMID     int    `json:"vmid"`
	Name     string `json:"name"`
	Node     string `json:"node"`
	Type     string `json:"type"` // qemu or lxc
	Status   string `json:"status"`
	Template int    `json:"template"`
	// Tags are separated by semicolons.
	Tags string `json:"tags"`
}

func (g Guest) String() string {
	kind := map[string]string{"qemu": "VM", "lxc": "container"}[g.Type]
	return fmt.Sprintf("%s %q (%s on node %s)", kind, g.Name, g.Status, g.Node)
}

// Guests lists the guests that the token may see (privilege VM.Audit), by VMID.
func (c *Client) Guests(ctx context.Context) (map[int]Guest, error) {
	var list []Guest
	if err := c.do(ctx, http.MethodGet, "/cluster/resources", url.Values{"type": {"vm"}}, &list); err != nil {
		return nil, fmt.Errorf("list the guests of the cluster: %w", err)
	}
	guests := make(map[int]Guest, len(list))
	for _, g := range list {
		guests[g.VMID] = g
	}
	return guests, nil
}

// Datastore is a datastore as a node sees it.
type Datastore struct {
	Content string `json:"content"`
	Enabled int    `json:"enabled"`
	Active  int    `json:"active"`
	// Type is Proxmox' storage plugin, such as dir, nfs or pbs.
	Type string `json:"type"`
	// Shared datastores are the same on every node.
	Shared     int   `json:"shared"`
	TotalBytes int64 `json:"total"`
}

// Contents are the content types that the datastore may hold.
func (d Datastore) Contents() []string { return strings.Split(d.Content, ",") }

// Datastore asks a node about one of its datastores (privilege Datastore.AllocateSpace or Datastore.Audit).
func (c *Client) Datastore(ctx context.Context, node, name string) (Datastore, error) {
	var d Datastore
	if err := c.do(ctx, http.MethodGet, "/nodes/"+node+"/storage/"+url.PathEscape(name)+"/status", nil, &d); err != nil {
		return Datastore{}, fmt.Errorf("ask node %s for datastore %s: %w", node, name, err)
	}
	return d, nil
}

// Config returns a guest's configuration as Proxmox stores it.
func (c *Client) Config(ctx context.Context, g Guest) (map[string]any, error) {
	var config map[string]any
	if err := c.do(ctx, http.MethodGet, guestPath(g)+"/config", nil, &config); err != nil {
		return nil, fmt.Errorf("read the configuration of %s: %w", g, err)
	}
	return config, nil
}

// Starts is what a node's task log knows of starts of a guest.
type Starts struct{ Tried, Succeeded bool }

// Starts reads it. Without Sys.Audit on the node a token sees its own tasks only.
func (c *Client) Starts(ctx context.Context, g Guest) (Starts, error) {
	var list []struct {
		Type   string `json:"type"`
		Status string `json:"status"` // of an ended task: OK, WARNINGS: n, or its error
	}
	query := url.Values{"vmid": {fmt.Sprint(g.VMID)}, "source": {"all"}, "limit": {"500"}}
	if err := c.do(ctx, http.MethodGet, "/nodes/"+g.Node+"/tasks", query, &list); err != nil {
		return Starts{}, fmt.Errorf("read the tasks of %s: %w", g, err)
	}
	var s Starts
	for _, t := range list {
		if t.Type == "qmstart" || t.Type == "vzstart" {
			s.Tried = true
			s.Succeeded = s.Succeeded || t.Status == "OK" || strings.HasPrefix(t.Status, "WARNINGS")
		}
	}
	return s, nil
}

// Destroy removes a stopped guest with its disks and waits until it is gone.
func (c *Client) Destroy(ctx context.Context, g Guest) error {
	query := url.Values{"purge": {"1"}, "destroy-unreferenced-disks": {"1"}}
	var upid string
	if err := c.do(ctx, http.MethodDelete, guestPath(g), query, &upid); err != nil {
		return fmt.Errorf("remove %s: %w", g, err)
	}
	if err := c.waitTask(ctx, g.Node, upid); err != nil {
		return fmt.Errorf("remove %s: %w", g, err)
	}
	return nil
}

// WaitUnlocked waits until no task holds the guest's lock (a clone, a migration, a backup).
func (c *Client) WaitUnlocked(ctx context.Context, g Guest) error {
	return poll(ctx, func() (bool, error) {
		config, err := c.Config(ctx, g)
		if err != nil {
			return false, err
		}
		_, locked := config["lock"]
		return !locked, nil
	})
}

func (c *Client) waitTask(ctx context.Context, node, upid string) error {
	return poll(ctx, func() (bool, error) {
		var status struct {
			Status     string `json:"status"`
			ExitStatus string `json:"exitstatus"`
		}
		if err := c.do(ctx, http.MethodGet, "/nodes/"+node+"/tasks/"+url.PathEscape(upid)+"/status", nil, &status); err != nil {
			return false, err
		}
		if status.Status == "stopped" && status.ExitStatus != "OK" {
			return false, fmt.Errorf("task %s: %s", upid, status.ExitStatus)
		}
		return status.Status == "stopped", nil
	})
}

func poll(ctx context.Context, done func() (bool, error)) error {
	tick := time.NewTicker(taskPollInterval)
	defer tick.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func guestPath(g Guest) string {
	return fmt.Sprintf("/nodes/%s/%s/%d", g.Node, g.Type, g.VMID)
}

// do sends values in the query, or in the body where Proxmox expects a form. Result may be nil.
func (c *Client) do(ctx context.Context, method, path string, values url.Values, result any) error {
	target, body := c.base+path, io.Reader(http.NoBody)
	form := method == http.MethodPost || method == http.MethodPut
	switch {
	case len(values) == 0:
	case form:
		body = strings.NewReader(values.Encode())
	default:
		target += "?" + values.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return fmt.Errorf("build the request: %w", err)
	}
	req.Header.Set("Authorization", "PVEAPIToken="+c.token)
	if form {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		return newError(method, path, resp, content)
	}
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return fmt.Errorf("%s %s: not an answer of Proxmox VE: %w", method, path, err)
	}
	if result == nil {
		return nil
	}
	if len(answer.Data) == 0 {
		return errors.New(method + " " + path + ": the answer has no data")
	}
	if err := json.Unmarshal(answer.Data, result); err != nil {
		return fmt.Errorf("%s %s: decode the answer: %w", method, path, err)
	}
	return nil
}
