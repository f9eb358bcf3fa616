package backup

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJobID(t *testing.T) {
	// The format pve-configid, and the length of the id in /cluster/backup/{id}.
	valid := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]+$`)
	require.Equal(t, "pve-home-pve-home-prod-nightly", jobID("pve-home", "prod", "nightly"))
	seen := map[string]string{}
	for _, parts := range [][3]string{
		{"pve-home", "prod", "nightly"},
		{"pve-home", "prod", "nightly.db"}, {"pve-home", "prod", "nightly-db"}, {"pve-home", "prod", "nightly db"},
		{"pve-home", "prod.eu", "nightly"}, {"pve-home", "prod", "nächtlich"}, {"pve-home", "prod", "n/../../x"},
		{"pve-home", "prod", strings.Repeat("x", 26)}, {"pve-home", "prod", strings.Repeat("x", 27)}, {"pve-home", "prod", strings.Repeat("x", 28)},
		{strings.Repeat("p", 100), "prod", "nightly"}, {strings.Repeat("p", 100), "lab", "nightly"},
		{"a", "b.c", "d"}, {"a.b", "c", "d"},
	} {
		id := jobID(parts[0], parts[1], parts[2])
		require.Regexp(t, valid, id)
		require.LessOrEqual(t, len(id), 50)
		require.True(t, strings.HasPrefix(id, "pve-home-"))
		require.Empty(t, seen[id], "%v has the id of another", parts)
		seen[id] = strings.Join(parts[:], "|")
	}
}
