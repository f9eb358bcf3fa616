package compose_test

import (
	"path/filepath"
	"testing"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi-go-provider/integration"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/provider/compose"
	"github.com/pve-home/pve-home/provider/compose/guesttest"
)

const urn = resource.URN("urn:pulumi:test::test::pvehome:index:ComposeProject::app")

func server(t *testing.T) integration.Server {
	t.Helper()
	provider, err := infer.NewProviderBuilder().WithResources(infer.Resource(&compose.Project{})).Build()
	require.NoError(t, err)
	s, err := integration.NewServer(t.Context(), "pvehome", semver.MustParse("1.0.0"), integration.WithProvider(provider))
	require.NoError(t, err)
	return s
}

const (
	webFile   = "services:\n  db:\n    image: db\n    volumes: ['data:/data']\n  web:\n    image: web\n    volumes: ['./web.conf:/etc/web.conf']\nvolumes:\n  data:\n"
	secretKey = "s3cr3t-token-value"
)

type inputs map[string]property.Value

func text(s string) property.Value { return property.New(s) }

func object(fields map[string]property.Value) property.Value {
	return property.New(property.NewMap(fields))
}

func file(content string, more ...string) property.Value {
	fields := map[string]property.Value{"content": text(content)}
	for i := 0; i+1 < len(more); i += 2 {
		fields[more[i]] = text(more[i+1])
	}
	return object(fields)
}

// app is a project with a file that web mounts, and a secret.
func app(g *guesttest.Guest) inputs {
	return inputs{
		"connection": object(map[string]property.Value{
			"host": text(g.Host), "port": property.New(float64(g.Port)), "user": text("debian"), "privateKey": text(g.PrivateKey),
		}),
		"directory": text(filepath.Join(g.Dir, "app")),
		"files":     object(map[string]property.Value{"compose.yaml": file(webFile), "web.conf": file("one")}),
		"secretFiles": object(map[string]property.Value{
			"token": object(map[string]property.Value{"content": text("KEY=" + secretKey)}),
		}),
		"timeouts": object(map[string]property.Value{"connectSeconds": property.New(2.0), "healthSeconds": property.New(2.0)}),
	}
}

func (i inputs) with(key string, value property.Value) inputs {
	changed := inputs{}
	for k, v := range i {
		changed[k] = v
	}
	changed[key] = value
	return changed
}

func (i inputs) withFile(name string, value property.Value) inputs {
	return i.with("files", property.New(i["files"].AsMap().Set(name, value)))
}

func check(t *testing.T, s integration.Server, in inputs) p.CheckResponse {
	t.Helper()
	response, err := s.Check(p.CheckRequest{Urn: urn, Inputs: property.NewMap(in)})
	require.NoError(t, err)
	return response
}

func checked(t *testing.T, s integration.Server, in inputs) property.Map {
	t.Helper()
	response := check(t, s, in)
	require.Empty(t, response.Failures)
	return response.Inputs
}

// deployed is a resource as the engine keeps it.
type deployed struct {
	id            string
	inputs, state property.Map
}

func create(t *testing.T, s integration.Server, in inputs) deployed {
	t.Helper()
	d, err := tryCreate(t, s, in)
	require.NoError(t, err)
	return d
}

func tryCreate(t *testing.T, s integration.Server, in inputs) (deployed, error) {
	t.Helper()
	properties := checked(t, s, in)
	response, err := s.Create(p.CreateRequest{Urn: urn, Properties: properties})
	return deployed{response.ID, properties, response.Properties}, initError(err, response.PartialState)
}

func (d deployed) diff(t *testing.T, s integration.Server, in inputs) p.DiffResponse {
	t.Helper()
	response, err := s.Diff(p.DiffRequest{ID: d.id, Urn: urn, State: d.state, OldInputs: d.inputs, Inputs: checked(t, s, in)})
	require.NoError(t, err)
	return response
}

func (d deployed) update(t *testing.T, s integration.Server, in inputs) deployed {
	t.Helper()
	d, err := d.tryUpdate(t, s, in)
	require.NoError(t, err)
	return d
}

func (d deployed) tryUpdate(t *testing.T, s integration.Server, in inputs) (deployed, error) {
	t.Helper()
	properties := checked(t, s, in)
	response, err := s.Update(p.UpdateRequest{ID: d.id, Urn: urn, State: d.state, OldInputs: d.inputs, Inputs: properties})
	if err != nil && response.PartialState == nil {
		return d, err
	}
	return deployed{d.id, properties, response.Properties}, initError(err, response.PartialState)
}

func (d deployed) refresh(t *testing.T, s integration.Server) (deployed, bool) {
	t.Helper()
	response, err := s.Read(p.ReadRequest{ID: d.id, Urn: urn, Properties: d.state, Inputs: d.inputs})
	require.NoError(t, err)
	return deployed{d.id, response.Inputs, response.Properties}, response.ID != ""
}

func keys(d p.DiffResponse) map[string]p.DiffKind {
	kinds := map[string]p.DiffKind{}
	for key, change := range d.DetailedDiff {
		kinds[key] = change.Kind
	}
	return kinds
}

type initFailed struct{ reasons []string }

func (e initFailed) Error() string { return e.reasons[0] }

func initError(err error, partial *p.InitializationFailed) error {
	if partial != nil {
		return initFailed{partial.Reasons}
	}
	return err
}
