package toolchain

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSourcesOfTheProvider: a change of any of its packages, also those of the program, compiles it again.
func TestSourcesOfTheProvider(t *testing.T) {
	root, err := Root()
	require.NoError(t, err)
	files, err := ProviderHome.sources(t.Context(), root)
	require.NoError(t, err)
	for _, name := range []string{"provider/main.go", "provider/go.mod", "provider/go.sum", "provider/backup/job.go", "components/pve/backupjob.go"} {
		require.Contains(t, files, filepath.Join(root, name))
	}
	for _, file := range files {
		inside, err := filepath.Rel(root, file)
		require.NoError(t, err)
		require.True(t, filepath.IsLocal(inside), "%s comes from the module proxy", file)
		require.NotContains(t, file, "_test.go")
	}
}
