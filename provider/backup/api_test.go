package backup_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/provider/pvehome"
)

const (
	nightly   = urn.URN("urn:pulumi:prod::pve-home::pve-home:index:Backup$pvehome:index:BackupJob::nightly")
	nightlyID = "pve-home-pve-home-prod-nightly"
	token     = "pve-home@pve!pulumi=s3cr3t"
)

// api answers for /cluster/backup as Proxmox VE does, as far as these tests need it.
type api struct {
	mu   sync.Mutex
	jobs map[string]url.Values
	// writes are the requests that change something.
	writes []string
	// refuse answers the next write with an error.
	refuse func(w http.ResponseWriter)
	tokens []string
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens = append(a.tokens, r.Header.Get("Authorization"))
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id := strings.Trim(strings.TrimPrefix(r.URL.Path, "/api2/json/cluster/backup"), "/")
	if r.Method != http.MethodGet {
		a.writes = append(a.writes, r.Method+" "+id)
		if a.refuse != nil {
			a.refuse(w)
			a.refuse = nil
			return
		}
	}
	var data any
	switch {
	case r.Method == http.MethodPost:
		job := r.PostForm
		id = job.Get("id")
		job.Del("id")
		a.jobs[id] = job
	case id == "":
		list := []map[string]any{}
		for id := range a.jobs {
			list = append(list, map[string]any{"id": id})
		}
		data = list
	case a.jobs[id] == nil:
		refuse(http.StatusBadRequest, `{"data":null,"errors":{"id":"No such job '`+id+`'"}}`)(w)
		return
	case r.Method == http.MethodGet:
		job := map[string]any{"id": id, "type": "vzdump"}
		for name, values := range a.jobs[id] {
			if job[name] = values[0]; name == "exclude-path" {
				job[name] = values
			}
		}
		data = job
	case r.Method == http.MethodPut:
		for name, values := range r.PostForm {
			if name != "delete" {
				a.jobs[id][name] = values
			}
		}
		for name := range strings.SplitSeq(r.PostForm.Get("delete"), ",") {
			a.jobs[id].Del(name)
		}
	case r.Method == http.MethodDelete:
		delete(a.jobs, id)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
}

func refuse(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}
}

// provider is the whole provider, above gRPC, connected to the fake.
type provider struct {
	integration.Server
	*api
	t *testing.T
}

func start(t *testing.T) *provider {
	t.Helper()
	a := &api{jobs: map[string]url.Values{}}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	s := &provider{Server: unconfigured(t), api: a, t: t}
	require.NoError(t, s.Configure(p.ConfigureRequest{Args: property.NewMap(map[string]property.Value{
		"endpoint": property.New(server.URL), "apiToken": property.New(token).WithSecret(true),
	})}))
	return s
}

func unconfigured(t *testing.T) integration.Server {
	t.Helper()
	home, err := pvehome.New()
	require.NoError(t, err)
	server, err := integration.NewServer(t.Context(), pvehome.Name, semver.MustParse(pvehome.Version), integration.WithProvider(home))
	require.NoError(t, err)
	return server
}

// inputs are decoded from JSON, which is how a test reads best.
func inputs(t *testing.T, text string) property.Map {
	t.Helper()
	var decoded any
	require.NoError(t, json.Unmarshal([]byte(text), &decoded))
	return value(decoded).AsMap()
}

func value(v any) property.Value {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]property.Value{}
		for name, item := range v {
			m[name] = value(item)
		}
		return property.New(m)
	case []any:
		var list []property.Value
		for _, item := range v {
			list = append(list, value(item))
		}
		return property.New(list)
	case string:
		return property.New(v)
	case float64:
		return property.New(v)
	case bool:
		return property.New(v)
	default:
		return property.New(property.Null)
	}
}

func (s *provider) check(text string) property.Map {
	s.t.Helper()
	answer, err := s.Check(p.CheckRequest{Urn: nightly, Inputs: inputs(s.t, text)})
	require.NoError(s.t, err)
	require.Empty(s.t, answer.Failures)
	return answer.Inputs
}

func (s *provider) create(text string) p.CreateResponse {
	s.t.Helper()
	answer, err := s.Create(p.CreateRequest{Urn: nightly, Properties: s.check(text)})
	require.NoError(s.t, err)
	return answer
}

func (s *provider) diff(old p.ReadResponse, text string) []string {
	s.t.Helper()
	answer, err := s.Diff(p.DiffRequest{ID: old.ID, Urn: nightly, State: old.Properties, OldInputs: old.Inputs, Inputs: s.check(text)})
	require.NoError(s.t, err)
	require.Equal(s.t, len(answer.DetailedDiff) > 0, answer.HasChanges)
	require.False(s.t, answer.DeleteBeforeReplace)
	var changes []string
	for property, change := range answer.DetailedDiff {
		require.Contains(s.t, []p.DiffKind{p.Add, p.Update, p.Delete}, change.Kind, property)
		changes = append(changes, property+" "+string(change.Kind))
	}
	slices.Sort(changes)
	return changes
}

func (s *provider) read(id string) p.ReadResponse {
	s.t.Helper()
	answer, err := s.Read(p.ReadRequest{ID: id, Urn: nightly})
	require.NoError(s.t, err)
	return answer
}
