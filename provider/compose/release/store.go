package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/pkg/sftp"
)

// Store is a project's folder on a guest.
type Store struct {
	client *sftp.Client
	// Dir is its path.
	Dir string
}

const (
	releasesFolder = "releases"
	currentLink    = "current"
	goodLink       = "good"
	ownerFile      = "resource"
	startedFile    = "started.json"
	partialSuffix  = ".partial"
	nextSuffix     = ".next"
	// maxFileBytes is the most that is read back of a file.
	maxFileBytes = 64 << 20
)

// Open returns the folder's store; the folder need not exist.
func Open(client *sftp.Client, dir string) *Store { return &Store{client: client, Dir: dir} }

// Current is the path through which the project runs: its links follow every switch.
func (s *Store) Current() string { return path.Join(s.Dir, currentLink) }

// Folder of a release.
func (s *Store) Folder(id string) string { return path.Join(s.Dir, releasesFolder, id) }

// CurrentRelease is the id of the release in use, "" if there is none.
func (s *Store) CurrentRelease() (string, error) { return s.linked(currentLink) }

// GoodRelease is the id of the last release that worked, "" if there is none.
func (s *Store) GoodRelease() (string, error) { return s.linked(goodLink) }

// linked is the release that a link names, if that release is there.
func (s *Store) linked(link string) (string, error) {
	target, err := s.client.ReadLink(path.Join(s.Dir, link))
	if missing(err) {
		return "", nil
	}
	if err != nil {
		return "", s.wrap("read the link "+link, err)
	}
	id := path.Base(target)
	if _, err := s.client.Lstat(s.Folder(id)); missing(err) {
		return "", nil
	} else if err != nil {
		return "", s.wrap("look at release "+id, err)
	}
	return id, nil
}

// Switch makes a release the one in use, in one step.
func (s *Store) Switch(id string) error { return s.link(currentLink, id) }

// MarkGood makes a release the one that a rollback goes to.
func (s *Store) MarkGood(id string) error { return s.link(goodLink, id) }

func (s *Store) link(name, id string) error {
	link := path.Join(s.Dir, name)
	next := link + nextSuffix
	if err := s.client.Remove(next); err != nil && !missing(err) {
		return s.wrap("remove "+next, err)
	}
	if err := s.client.Symlink(path.Join(releasesFolder, id), next); err != nil {
		return s.wrap("create "+next, err)
	}
	if err := s.client.PosixRename(next, link); err != nil {
		return s.wrap("switch "+link, err)
	}
	return nil
}

// Started tells which release was in use when a container, by its id, was started. It is empty
// where nothing is known.
func (s *Store) Started() (map[string]string, error) {
	started := map[string]string{}
	content, err := s.read(path.Join(s.Dir, startedFile))
	if missing(err) {
		return started, nil
	}
	if err == nil && json.Unmarshal(content, &started) != nil {
		return map[string]string{}, nil // damaged by hand: it is written anew
	}
	return started, err
}

// SetStarted records it.
func (s *Store) SetStarted(started map[string]string) error {
	return s.writeJSON(path.Join(s.Dir, startedFile), started)
}

// Owner is the id of the resource that owns the folder, "" if nobody does.
func (s *Store) Owner() (string, error) {
	content, err := s.read(path.Join(s.Dir, ownerFile))
	if missing(err) {
		return "", nil
	}
	return strings.TrimSpace(string(content)), err
}

// SetOwner records it.
func (s *Store) SetOwner(id string) error {
	return s.replace(path.Join(s.Dir, ownerFile), []byte(id+"\n"), 0o644)
}

// Exists tells whether there is a project here at all.
func (s *Store) Exists() (bool, error) {
	if _, err := s.client.Lstat(s.Current()); missing(err) {
		return false, nil
	} else if err != nil {
		return false, s.wrap("look at "+s.Current(), err)
	}
	return true, nil
}

// File reads a file of a release. It returns nil if there is none, or something else than a file.
func (s *Store) File(id, name string) (*File, error) {
	full := path.Join(s.Folder(id), name)
	info, err := s.client.Lstat(full)
	if missing(err) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, s.wrap("look at "+full, err)
	}
	file := &File{Mode: info.Mode().Perm()}
	if stat, ok := info.Sys().(*sftp.FileStat); ok {
		file.UID, file.GID = int(stat.UID), int(stat.GID)
	}
	content, err := s.read(full)
	if err != nil {
		return nil, err
	}
	file.Content = string(content)
	return file, nil
}

// Has tells whether a release holds something of that name, an uploaded file or not.
func (s *Store) Has(id, name string) (bool, error) {
	_, err := s.client.Lstat(path.Join(s.Folder(id), name))
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, s.wrap("look at "+name, err)
	}
	return true, nil
}

func (s *Store) read(name string) ([]byte, error) {
	f, err := s.client.Open(name)
	if err != nil {
		return nil, s.wrap("open "+name, err)
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxFileBytes))
	if err != nil {
		return nil, s.wrap("read "+name, err)
	}
	return content, nil
}

// replace writes a small file in one step.
func (s *Store) replace(name string, content []byte, mode fs.FileMode) error {
	next := name + nextSuffix
	if err := s.write(next, File{Content: string(content), Mode: mode}); err != nil {
		return err
	}
	if err := s.client.PosixRename(next, name); err != nil {
		return s.wrap("replace "+name, err)
	}
	return nil
}

func (s *Store) wrap(what string, err error) error { return fmt.Errorf("%s: %w", what, err) }

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
