package filetree_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/pvesim/filetree"
)

func fresh() *filetree.Tree {
	t := filetree.New()
	t.CapacityBytes = 1 << 20
	return t
}

func TestReleaseSwitch(t *testing.T) {
	root := fresh().Root()
	for _, release := range []string{"/opt/app/releases/1", "/opt/app/releases/2"} {
		require.NoError(t, root.MkdirAll(release))
		require.NoError(t, root.WriteFile(release+"/name", []byte(filepath.Base(release)), 0o644))
	}
	require.NoError(t, root.Symlink("releases/1", "/opt/app/current"))
	require.NoError(t, root.Symlink("releases/2", "/opt/app/current.next"))
	require.ErrorIs(t, root.Rename("/opt/app/current.next", "/opt/app/current", false), syscall.EEXIST)
	require.NoError(t, root.Rename("/opt/app/current.next", "/opt/app/current", true))
	data, err := root.ReadFile("/opt/app/current/name")
	require.NoError(t, err)
	require.Equal(t, "2", string(data))
	target, err := root.ReadLink("/opt/app/current")
	require.NoError(t, err)
	require.Equal(t, "releases/2", target)
	real, err := root.RealPath("/opt/app/current/name")
	require.NoError(t, err)
	require.Equal(t, "/opt/app/releases/2/name", real)
	info, err := root.Stat("/opt/app/current", false)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSymlink, info.Mode().Type())

	require.ErrorIs(t, root.Remove("/opt/app/releases/1", true), syscall.ENOTEMPTY)
	require.NoError(t, root.Rename("/opt/app/releases", "/opt/app/old", false))
	_, err = root.ReadFile("/opt/app/old/1/name")
	require.NoError(t, err, "a directory moves with what is in it")
	_, err = root.ReadFile("/opt/app/current/name")
	require.ErrorIs(t, err, fs.ErrNotExist, "the link leads nowhere now")
	require.ErrorIs(t, root.Rename("/opt/app", "/opt/app/old/x", true), syscall.EINVAL)
}

func TestLoopsEnd(t *testing.T) {
	root := fresh().Root()
	require.NoError(t, root.Symlink("/tmp/b", "/tmp/a"))
	require.NoError(t, root.Symlink("/tmp/a", "/tmp/b"))
	_, err := root.ReadFile("/tmp/a")
	require.ErrorIs(t, err, syscall.ELOOP)
}

func TestPermissions(t *testing.T) {
	tree := fresh()
	root, ops := tree.Root(), tree.As(1000, 1000)
	require.ErrorIs(t, ops.Mkdir("/opt/app", 0o755), syscall.EACCES)
	require.NoError(t, root.WriteFile("/opt/secret", []byte("x"), 0o600))
	_, err := ops.ReadFile("/opt/secret")
	require.ErrorIs(t, err, syscall.EACCES)
	require.ErrorIs(t, ops.Chmod("/opt/secret", 0o644), syscall.EPERM)
	require.NoError(t, root.Chown("/opt/secret", 1000, 1000))
	data, err := ops.ReadFile("/opt/secret")
	require.NoError(t, err)
	require.Equal(t, "x", string(data))
	require.ErrorIs(t, ops.Chown("/opt/secret", 0, 0), syscall.EPERM)
	require.NoError(t, root.WriteFile("/root/key", nil, 0o644))
	_, err = ops.Stat("/root/key", true)
	require.ErrorIs(t, err, syscall.EACCES, "root's home is closed")
	require.NoError(t, root.Chmod("/opt/secret", 0o640|fs.ModeSetuid))
	info, err := root.Stat("/opt/secret", true)
	require.NoError(t, err)
	require.Equal(t, 0o640|fs.ModeSetuid, info.Mode())
	require.EqualValues(t, 1000, info.Uid())
}

func TestNoSpace(t *testing.T) {
	tree := fresh()
	tree.SetFreeBytes(10)
	require.EqualValues(t, 10, tree.FreeBytes())
	require.ErrorIs(t, tree.Root().WriteFile("/tmp/big", make([]byte, 11), 0o644), syscall.ENOSPC)
	require.NoError(t, tree.Root().WriteFile("/tmp/small", make([]byte, 4), 0o644))
	require.EqualValues(t, 6, tree.FreeBytes())
	require.NoError(t, tree.Root().Remove("/tmp/small", false))
	require.EqualValues(t, 10, tree.FreeBytes())
}

func TestCopiesAreTheirOwn(t *testing.T) {
	tree := fresh()
	require.NoError(t, tree.Root().WriteFile("/etc/hostname", []byte("a"), 0o644))
	data, err := json.Marshal(tree)
	require.NoError(t, err)
	var decoded filetree.Tree
	require.NoError(t, json.Unmarshal(data, &decoded))
	require.Equal(t, tree, &decoded)
	clone := tree.Clone()
	require.NoError(t, clone.Root().WriteFile("/etc/hostname", []byte("b"), 0o644))
	content, err := tree.Root().ReadFile("/etc/hostname")
	require.NoError(t, err)
	require.Equal(t, "a", string(content))
}

func TestExportStaysInItsDirectory(t *testing.T) {
	tree := fresh()
	require.NoError(t, tree.Root().MkdirAll("/opt/app/releases/1"))
	require.NoError(t, tree.Root().WriteFile("/opt/app/releases/1/compose.yaml", []byte("services: {}"), 0o600))
	require.NoError(t, tree.Root().Symlink("/opt/app/releases/1", "/opt/app/current"))
	directory := t.TempDir()
	require.NoError(t, tree.Export(directory))
	data, err := os.ReadFile(filepath.Join(directory, "opt/app/current/compose.yaml"))
	require.NoError(t, err)
	require.Equal(t, "services: {}", string(data))
}
