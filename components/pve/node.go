package pve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Nodes returns the status of each node of the cluster, such as online or offline (any token).
func (c *Client) Nodes(ctx context.Context) (map[string]string, error) {
	var list []struct {
		Node   string `json:"node"`
		Status string `json:"status"`
	}
	if err := c.do(ctx, http.MethodGet, "/nodes", nil, &list); err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	nodes := make(map[string]string, len(list))
	for _, n := range list {
		nodes[n.Node] = n.Status
	}
	return nodes, nil
}

// Time returns what a node's clock shows (privilege Sys.Audit).
func (c *Client) Time(ctx context.Context, node string) (time.Time, error) {
	var answer struct {
		Time int64 `json:"time"`
	}
	if err := c.do(ctx, http.MethodGet, "/nodes/"+node+"/time", nil, &answer); err != nil {
		return time.Time{}, fmt.Errorf("ask node %s for its time: %w", node, err)
	}
	return time.Unix(answer.Time, 0), nil
}

// Bridges says of each bridge and virtual network of a node whether it is active. The token sees
// those that it may use (privilege SDN.Use).
func (c *Client) Bridges(ctx context.Context, node string) (map[string]bool, error) {
	var list []struct {
		Iface  string      `json:"iface"`
		Active json.Number `json:"active"`
	}
	if err := c.do(ctx, http.MethodGet, "/nodes/"+node+"/network", url.Values{"type": {"any_bridge"}}, &list); err != nil {
		return nil, fmt.Errorf("list the bridges of node %s: %w", node, err)
	}
	bridges := make(map[string]bool, len(list))
	for _, b := range list {
		bridges[b.Iface] = b.Active == "1"
	}
	return bridges, nil
}

// NodeDatastore is a datastore of a node with what it holds.
type NodeDatastore struct {
	Datastore
	Name      string `json:"storage"`
	UsedBytes int64  `json:"used"`
}

// Datastores lists a node's datastores by name, disabled ones too. The token sees those on which it
// has Datastore.AllocateSpace or Datastore.Audit.
func (c *Client) Datastores(ctx context.Context, node string) (map[string]NodeDatastore, error) {
	var list []NodeDatastore
	if err := c.do(ctx, http.MethodGet, "/nodes/"+node+"/storage", nil, &list); err != nil {
		return nil, fmt.Errorf("list the datastores of node %s: %w", node, err)
	}
	datastores := make(map[string]NodeDatastore, len(list))
	for _, d := range list {
		datastores[d.Name] = d
	}
	return datastores, nil
}

// Volumes lists the ids of a datastore's volumes of one content type (privilege
// Datastore.AllocateSpace or Datastore.Audit).
func (c *Client) Volumes(ctx context.Context, node, datastore, content string) ([]string, error) {
	var list []struct {
		ID string `json:"volid"`
	}
	path := "/nodes/" + node + "/storage/" + url.PathEscape(datastore) + "/content"
	if err := c.do(ctx, http.MethodGet, path, url.Values{"content": {content}}, &list); err != nil {
		return nil, fmt.Errorf("list the content of datastore %s on node %s: %w", datastore, node, err)
	}
	var ids []string
	for _, v := range list {
		ids = append(ids, v.ID)
	}
	return ids, nil
}

// DatastorePath returns the folder in which a datastore keeps its files, empty when it keeps none
// (privilege Datastore.Allocate).
func (c *Client) DatastorePath(ctx context.Context, name string) (string, error) {
	var answer struct {
		Path string `json:"path"`
	}
	if err := c.do(ctx, http.MethodGet, "/storage/"+url.PathEscape(name), nil, &answer); err != nil {
		return "", fmt.Errorf("ask for datastore %s: %w", name, err)
	}
	return strings.TrimSuffix(answer.Path, "/"), nil
}
