package sdk

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGeneratedFilesAreCurrent fails when the resources changed without `make generate`.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	const root = "../.."
	files, err := Files(t.Context())
	require.NoError(t, err)
	for name, want := range files {
		have, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err, "run make generate")
		require.Equal(t, string(want), string(have), "%s: run make generate", name)
	}
	require.NoError(t, filepath.WalkDir(filepath.Join(root, Folder), func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		if !entry.IsDir() {
			require.Contains(t, files, filepath.ToSlash(name), "no longer generated: run make generate")
		}
		return nil
	}))
}
