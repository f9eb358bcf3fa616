package release

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"github.com/stretchr/testify/require"
)

type pipe struct {
	io.Reader
	io.WriteCloser
}

// newStore works on a temporary folder through SFTP.
func newStore(t *testing.T) *Store {
	t.Helper()
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	server, err := sftp.NewServer(pipe{fromClient, toClient})
	require.NoError(t, err)
	go func() { _ = server.Serve() }()
	client, err := sftp.NewClientPipe(fromServer, toServer)
	require.NoError(t, err)
	t.Cleanup(func() { _ = toClient.Close(); _ = toServer.Close() })
	s := Open(client, filepath.Join(t.TempDir(), "a", "app"))
	require.NoError(t, s.Prepare())
	return s
}

func own(content string, mode os.FileMode) File {
	return File{Content: content, Mode: mode, UID: os.Getuid(), GID: os.Getgid()}
}

func TestUploadReadsBackTheSame(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	files := Files{"a": own("1", 0o644), "b/c/d": own("2", 0o600), "b/e": own("", 0o755), "big": own(strings.Repeat("x", 1<<20), 0o640)}
	require.NoError(t, s.Upload("one", files))
	read, err := s.ReadFiles("one", []string{"a", "b/c/d", "b/e", "big", "missing", "b"})
	require.NoError(t, err)
	require.Equal(t, files, read)
	info, err := os.Stat(s.Folder("one"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode().Perm())
}

func TestSwitchReplacesTheLinkAndWhatAnInterruptedSwitchLeft(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	require.NoError(t, s.Upload("one", Files{}))
	require.NoError(t, s.Upload("two", Files{}))
	none, err := s.CurrentRelease()
	require.NoError(t, err)
	require.Empty(t, none)
	require.NoError(t, os.Symlink("releases/one", filepath.Join(s.Dir, "current.next")))
	for _, id := range []string{"one", "two", "two"} {
		require.NoError(t, s.Switch(id))
		current, err := s.CurrentRelease()
		require.NoError(t, err)
		require.Equal(t, id, current)
	}
	require.NoError(t, s.Remove("two"))
	gone, err := s.CurrentRelease()
	require.NoError(t, err)
	require.Empty(t, gone, "a link to nothing is no release")
}

func TestIDsSortByTimeThoughTheClockGoesBack(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	now := time.Date(2026, 11, 24, 20, 15, 0, 0, time.UTC)
	last := ""
	for _, at := range []time.Time{now, now, now.Add(-time.Hour), now.Add(time.Hour)} {
		id, err := s.NewID(at)
		require.NoError(t, err)
		require.Regexp(t, `^\d{8}T\d{6}Z-[0-9a-f]{8}$`, id)
		require.Greater(t, id, last)
		require.NoError(t, s.Upload(id, Files{}))
		last = id
	}
}

func TestPruneKeepsThreeAndWhatIsInUse(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, id := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		require.NoError(t, s.Upload(id, Files{"d/f": own("x", 0o644)}))
	}
	require.NoError(t, s.Switch("7"))
	require.NoError(t, s.MarkGood("2"))
	require.NoError(t, s.Prune("1", ""))
	ids, err := s.List()
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2", "5", "6", "7"}, ids)
}

func TestClearFollowsNoLinks(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	outside := filepath.Join(t.TempDir(), "precious")
	require.NoError(t, os.Mkdir(outside, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "data"), nil, 0o600))
	require.NoError(t, s.Upload("one", Files{}))
	require.NoError(t, os.Symlink(outside, filepath.Join(s.Folder("one"), "link")))
	require.NoError(t, s.Switch("one"))
	require.NoError(t, s.SetOwner("me"))
	require.NoError(t, s.Clear())
	require.NoDirExists(t, s.Dir)
	require.FileExists(t, filepath.Join(outside, "data"))
	require.NoError(t, s.Clear(), "again")
}

func TestManifestTellsWhoseMountsChanged(t *testing.T) {
	t.Parallel()
	mounts := map[string][]string{"file": {"a"}, "folder": {"d"}, "made": {"hook"}, "all": {"."}, "none": {}, "inline": {}}
	attachments := map[string]map[string]string{"inline": {"config c /c": "1"}}
	files := Files{"a": own("1", 0o644), "d/x": own("1", 0o644)}
	since := func(m Manifest) map[string]string {
		all := map[string]string{}
		for name, service := range m.Services {
			all[name] = service.Since
		}
		return all
	}
	first := NewManifest("1", nil, files, mounts, attachments, Manifest{}, nil)
	require.Equal(t, map[string]string{"file": "1", "folder": "1", "made": "1", "all": "1", "inline": "1"}, since(first))
	require.False(t, first.MountsFolders("file"))
	require.True(t, first.MountsFolders("folder"))
	same := NewManifest("2", nil, files, mounts, attachments, first, files)
	require.Equal(t, map[string]string{"file": "1", "folder": "1", "made": "2", "all": "1", "inline": "1"}, since(same))
	mode := Files{"a": own("1", 0o600), "d/x": own("1", 0o644)}
	require.Equal(t, map[string]string{"file": "3", "folder": "1", "made": "3", "all": "3", "inline": "1"},
		since(NewManifest("3", nil, mode, mounts, attachments, first, files)))
	added := Files{"a": own("1", 0o644), "d/x": own("1", 0o644), "d/y": own("", 0o644)}
	require.Equal(t, map[string]string{"file": "1", "folder": "4", "made": "4", "all": "4", "inline": "4"},
		since(NewManifest("4", nil, added, mounts, map[string]map[string]string{"inline": {"config c /c": "2"}}, first, files)))
}

func TestDamagedRecordsAreNoObstacle(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	require.NoError(t, s.Upload("one", Files{}))
	require.NoError(t, os.WriteFile(filepath.Join(s.Folder("one"), ManifestFile), []byte("{"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "started.json"), []byte("[]"), 0o600))
	manifest, err := s.Manifest("one")
	require.NoError(t, err)
	require.Nil(t, manifest)
	started, err := s.Started()
	require.NoError(t, err)
	require.Empty(t, started)
}
