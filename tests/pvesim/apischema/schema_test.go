package apischema

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func fixture(t testing.TB) *Schema {
	t.Helper()
	s, err := Load("testdata/schema.json")
	require.NoError(t, err)
	return s
}

func lookup(t testing.TB, s *Schema, request string) (*Call, map[string]string) {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	call, pathParams, ok := s.Lookup(method, strings.Split(path, "/"))
	require.True(t, ok, request)
	return call, pathParams
}

func TestLookup(t *testing.T) {
	s := fixture(t)
	for _, test := range []struct {
		name     string
		method   string
		segments []string
		path     string // "" = not found
		params   map[string]string
	}{
		{"literal", "GET", []string{"version"}, "/version", map[string]string{}},
		{"parameters", "PUT", []string{"nodes", "pve1", "qemu", "100", "config"}, "/nodes/{node}/qemu/{vmid}/config", map[string]string{"node": "pve1", "vmid": "100"}},
		{"slash inside a segment", "DELETE", []string{"nodes", "pve1", "storage", "local", "content", "local:snippets/a.yaml"}, "/nodes/{node}/storage/{storage}/content/{volume}", map[string]string{"node": "pve1", "storage": "local", "volume": "local:snippets/a.yaml"}},
		{"empty segments", "GET", []string{"", "version", ""}, "/version", map[string]string{}},
		{"literal wins", "GET", []string{"cluster", "backup", "special"}, "/cluster/backup/special", map[string]string{}},
		{"parameter beside literal", "GET", []string{"cluster", "backup", "job-1"}, "/cluster/backup/{id}", map[string]string{"id": "job-1"}},
		{"other method", "DELETE", []string{"version"}, "", nil},
		{"unknown path", "GET", []string{"versions"}, "", nil},
		{"too long", "GET", []string{"version", "more"}, "", nil},
		{"folder", "GET", []string{"nodes", "pve1"}, "", nil},
		{"space in parameter", "GET", []string{"cluster", "backup", "a b"}, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			call, params, ok := s.Lookup(test.method, test.segments)
			require.Equal(t, test.path != "", ok)
			require.Equal(t, test.params, params)
			if ok {
				require.Equal(t, test.path, call.Path())
				require.Equal(t, test.method, call.Method())
			}
		})
	}
}

func TestCallAttributes(t *testing.T) {
	s := fixture(t)
	create, _ := lookup(t, s, "POST nodes/pve1/qemu")
	require.True(t, create.AllowToken())
	require.True(t, create.Protected())
	login, _ := lookup(t, s, "POST access/ticket")
	require.False(t, login.AllowToken())
	version, _ := lookup(t, s, "GET version")
	require.False(t, version.Protected())
	require.Len(t, s.Calls(), 16)
}

func TestUnknownFormats(t *testing.T) {
	require.Equal(t, []string{"pve-not-yet-invented"}, fixture(t).UnknownFormats())
}

func TestLoadRefuses(t *testing.T) {
	call := func(parameter, check string) string {
		return `[{"path": "/a", "info": {"GET": {"parameters": {"properties": {"p": ` + parameter + `}}, "permissions": {"check": ` + check + `}}}}]`
	}
	const good = `["perm", "/", ["Sys.Audit"]]`
	for _, test := range []struct{ name, content, message string }{
		{"no JSON", `{`, "parse API schema"},
		{"no calls", `[]`, "defines no calls"},
		{"bad pattern", call(`{"pattern": "("}`, good), "GET /a: property p: pattern"},
		{"bad limit", call(`{"minimum": "many"}`, good), "limit"},
		{"bad flag", call(`{"optional": "perhaps"}`, good), "is not a boolean"},
		{"unknown test", call(`{}`, `["magic"]`), `unknown permission test "magic"`},
		{"empty test", call(`{}`, `[]`), "no permission test specified"},
		{"incomplete perm", call(`{}`, `["perm", "/"]`), "missing parameters"},
		{"incomplete option", call(`{}`, `["perm", "/", ["Sys.Audit"], "any"]`), "1 arguments instead of 2"},
		{"unknown userid test", call(`{}`, `["userid-param", "other"]`), `unknown test "other"`},
		{"incomplete userid-group", call(`{}`, `["userid-group"]`), "missing parameters"},
		{"nested", call(`{}`, `["and", ["or", ["magic"]]]`), `unknown permission test "magic"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "schema.json")
			require.NoError(t, os.WriteFile(file, []byte(test.content), 0o600))
			_, err := Load(file)
			require.ErrorContains(t, err, test.message)
		})
	}
	_, err := Load(filepath.Join(t.TempDir(), "absent.json"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
