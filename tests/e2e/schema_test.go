package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pve-home/pve-home/tests/pvesim/apischema"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

// schemas loads Proxmox's API schemas: the one that PVE_API_SCHEMA names, which the simulator
// enforces while it answers, and those of other versions beside it.
var schemas = sync.OnceValues(func() (map[string]*apischema.Schema, error) {
	named := os.Getenv("PVE_API_SCHEMA")
	files, err := filepath.Glob(filepath.Join(filepath.Dir(named), "pve-api-*.json"))
	if named == "" || err != nil {
		return nil, err
	}
	loaded := map[string]*apischema.Schema{}
	for _, file := range files {
		if loaded[filepath.Base(file)], err = apischema.Load(file); err != nil {
			return nil, err
		}
	}
	return loaded, nil
})

// checkRequests fails the test for a request that any version of Proxmox VE would refuse.
func checkRequests(t *testing.T, requests []sim.Request) {
	t.Helper()
	versions, err := schemas()
	if err != nil {
		t.Fatalf("Proxmox's API schemas: %v", err)
	}
	if len(versions) == 0 && os.Getenv("CI") == "true" {
		t.Fatal("PVE_API_SCHEMA names no schema: requests are not checked")
	}
	for _, r := range requests {
		segments := pathSegments(t, r.Path)
		for version, schema := range versions {
			call, params, ok := schema.Lookup(r.Method, segments)
			if !ok {
				t.Errorf("%s has no %s %s", version, r.Method, r.Path)
				continue
			}
			for _, e := range call.Validate(params, r.Params) {
				t.Errorf("%s refuses %s %s: %s: %s (%v)", version, r.Method, r.Path, e.Param, e.Reason, r.Params)
			}
		}
	}
}

func pathSegments(t *testing.T, path string) []string {
	t.Helper()
	var segments []string
	for _, escaped := range strings.Split(path, "/") {
		if escaped == "" {
			continue // the provider sends empty segments; Proxmox skips them
		}
		segment, err := url.PathUnescape(escaped)
		if err != nil {
			t.Fatalf("path %s: %v", path, err)
		}
		segments = append(segments, segment)
	}
	return segments
}
