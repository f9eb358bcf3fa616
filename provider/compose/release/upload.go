package release

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/pkg/sftp"
)

const (
	folderMode = 0o755
	// An upload is nobody's business until its files have their modes.
	partialMode = 0o700
	// reserveBytes stay free on the guest besides the files: links, folders and the journal.
	reserveBytes = 4 << 20
)

// SpaceError says that the files do not fit.
type SpaceError struct {
	Dir                   string
	NeedBytes, AvailBytes uint64
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("no space for the files on the guest: %s needs %d KiB, %d KiB are free: free some (docker image prune, docker system df) or enlarge the disk",
		e.Dir, e.NeedBytes>>10, e.AvailBytes>>10)
}

// Prepare makes the folders and removes what an interrupted deployment left.
func (s *Store) Prepare() error {
	releases := path.Join(s.Dir, releasesFolder)
	if err := s.client.MkdirAll(releases); err != nil {
		return s.wrap("create "+releases, err)
	}
	for _, dir := range []string{s.Dir, releases} {
		if err := s.client.Chmod(dir, folderMode); err != nil {
			return s.wrap("set the mode of "+dir, err)
		}
	}
	entries, err := s.client.ReadDir(releases)
	if err != nil {
		return s.wrap("list "+releases, err)
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), partialSuffix) {
			if err := s.removeTree(path.Join(releases, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckSpace returns a *SpaceError if files do not fit.
func (s *Store) CheckSpace(files Files) error {
	stat, err := s.client.StatVFS(s.Dir)
	if err != nil {
		return s.wrap("ask for the free space of "+s.Dir, err)
	}
	avail := stat.Bavail * stat.Frsize
	if need := files.Size() + reserveBytes; avail < need {
		return &SpaceError{Dir: s.Dir, NeedBytes: need, AvailBytes: avail}
	}
	return nil
}

// Upload writes a release. It appears under its id when all of it is there.
func (s *Store) Upload(id string, files Files) error {
	partial := s.Folder(id) + partialSuffix
	err := s.fill(partial, files)
	if err == nil {
		err = s.client.Rename(partial, s.Folder(id))
	}
	if err != nil {
		err = s.explainSpace(files, s.wrap("upload to "+partial, err))
		_ = s.removeTree(partial)
	}
	return err
}

func (s *Store) fill(folder string, files Files) error {
	if err := s.client.Mkdir(folder); err != nil {
		return s.wrap("create "+folder, err)
	}
	if err := s.client.Chmod(folder, partialMode); err != nil {
		return s.wrap("set the mode of "+folder, err)
	}
	made := map[string]bool{".": true}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := s.makeFolders(folder, path.Dir(name), made); err != nil {
			return err
		}
		if err := s.write(path.Join(folder, name), files[name]); err != nil {
			return err
		}
	}
	if err := s.client.Chmod(folder, folderMode); err != nil {
		return s.wrap("set the mode of "+folder, err)
	}
	return nil
}

func (s *Store) makeFolders(root, name string, made map[string]bool) error {
	if made[name] {
		return nil
	}
	if err := s.makeFolders(root, path.Dir(name), made); err != nil {
		return err
	}
	full := path.Join(root, name)
	if err := s.client.Mkdir(full); err != nil {
		return s.wrap("create "+full, err)
	}
	if err := s.client.Chmod(full, folderMode); err != nil {
		return s.wrap("set the mode of "+full, err)
	}
	made[name] = true
	return nil
}

// write makes a file that only root can read until it has its owner and mode.
func (s *Store) write(name string, file File) error {
	f, err := s.client.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return s.wrap("create "+name, err)
	}
	err = s.writeOpen(f, file)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		if err = s.client.Chown(name, file.UID, file.GID); err == nil {
			err = s.client.Chmod(name, file.Mode.Perm())
		}
	}
	if err != nil {
		return s.wrap("write "+name, err)
	}
	return nil
}

func (s *Store) writeOpen(f *sftp.File, file File) error {
	if err := f.Chmod(0o600); err != nil {
		return err
	}
	if _, err := f.ReadFrom(strings.NewReader(file.Content)); err != nil {
		return err
	}
	if _, ok := s.client.HasExtension("fsync@openssh.com"); ok {
		return f.Sync()
	}
	return nil
}

// explainSpace turns SFTP's bare "failure" into the lack of space that it means when there is none.
func (s *Store) explainSpace(files Files, err error) error {
	status := &sftp.StatusError{}
	if !errors.As(err, &status) || errors.Is(err, fs.ErrPermission) {
		return err
	}
	if space := s.CheckSpace(files); space != nil {
		return fmt.Errorf("%w (%w)", space, err)
	}
	return err
}
