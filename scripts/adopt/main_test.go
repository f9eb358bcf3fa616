package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const exported = `{"version":3,"deployment":{"resources":[{"urn":"urn:a"}],"pending_operations":[
	{"type":"updating","resource":{"urn":"urn:web"}},
	{"type":"creating","resource":{"urn":"urn:web","inputs":{"vmId":1021,"cores":2}}},
	{"type":"creating","resource":{"urn":"urn:api"}}]}}`

func TestAdopt(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run([]string{"urn:web", "1021"}, strings.NewReader(exported), &out))
	require.JSONEq(t, `{"version":3,"deployment":{"resources":[{"urn":"urn:a"},
		{"urn":"urn:web","id":"1021","inputs":{"vmId":1021,"cores":2},"outputs":{"vmId":1021,"cores":2}}],
		"pending_operations":[{"type":"updating","resource":{"urn":"urn:web"}},{"type":"creating","resource":{"urn":"urn:api"}}]}}`, out.String())
}

func TestAdoptRefuses(t *testing.T) {
	for _, tc := range []struct{ name, input, args, err string }{
		{"unknown resource", exported, "urn:other 1021", "no interrupted creation of urn:other"},
		{"no creation", `{"deployment":{"resources":[]}}`, "urn:web 1021", "no interrupted creation of urn:web"},
		{"no export", `{}`, "urn:web 1021", "pipe pulumi stack export"},
		{"nothing", ``, "urn:web 1021", "EOF"},
		{"arguments", exported, "urn:web", "usage"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			require.ErrorContains(t, run(strings.Fields(tc.args), strings.NewReader(tc.input), &out), tc.err)
			require.Empty(t, out.String())
		})
	}
}
