package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReferenceIsUpToDate(t *testing.T) {
	require.NoError(t, run("../..", true))
}

func TestCheckRefusesAnOldReference(t *testing.T) {
	root := t.TempDir()
	for _, file := range []string{"Pulumi.yaml", "stacks/config/input.go", "stacks/config/formats.go"} {
		text, err := os.ReadFile(filepath.Join("../..", file))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(file)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, file), text, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(root, "docs"), 0o755))
	require.NoError(t, run(root, false))
	require.NoError(t, run(root, true))
	file := filepath.Join(root, reference)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(text, "edited by hand\n"...), 0o600))
	require.ErrorContains(t, run(root, true), "is not up to date: run `go run ./scripts/docs`")
}

// Nothing that a user can set may lack a description.
func TestEverySettingIsDescribed(t *testing.T) {
	settings, err := readSettings("../..")
	require.NoError(t, err)
	for _, s := range settings {
		require.NotEmpty(t, s.Description, s.Key)
	}
	s, err := readSource("../..")
	require.NoError(t, err)
	require.Len(t, s.objects["input"].Fields, len(settings))
	require.NotEmpty(t, s.rules["address"])
	for _, entry := range sections {
		require.NotEmpty(t, s.objects[entry.object].Fields, entry.object)
		for _, f := range s.objects[entry.object].Fields {
			require.NotEmpty(t, f.Doc, entry.object+"."+f.Key)
		}
	}
}
