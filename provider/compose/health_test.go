package compose_test

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/provider/compose/guesttest"
)

func TestHealthChecks(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/late": // comes up at the second request
			if requests.Add(1) == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		case "/login":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/down":
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = fmt.Fprint(w, "all is well")
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	ca := text(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	for name, test := range map[string]struct {
		check map[string]property.Value
		want  string // error, "" for none
	}{
		"fine":         {map[string]property.Value{"url": text(plain.URL), "bodyContains": text("is well")}, ""},
		"late":         {map[string]property.Value{"url": text(plain.URL + "/late")}, ""},
		"redirect":     {map[string]property.Value{"url": text(plain.URL + "/login"), "status": property.New(302.0)}, ""},
		"insecure":     {map[string]property.Value{"url": text(secure.URL), "insecure": property.New(true)}, ""},
		"ca":           {map[string]property.Value{"url": text(secure.URL), "caCertificate": ca}, ""},
		"wrong status": {map[string]property.Value{"url": text(plain.URL + "/down")}, "it answers 502 Bad Gateway, not 200: all is well"},
		"wrong body":   {map[string]property.Value{"url": text(plain.URL), "bodyContains": text("ready")}, `does not contain "ready"`},
		"unknown ca":   {map[string]property.Value{"url": text(secure.URL)}, "certificate signed by unknown authority"},
		"nobody":       {map[string]property.Value{"url": text("http://127.0.0.1:1/")}, "tunnel to 127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, g := server(t), guesttest.New(t)
			_, err := tryCreate(t, s, app(g).with("healthChecks", property.New(property.NewArray([]property.Value{object(test.check)}))))
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.want)
			}
		})
	}
}
