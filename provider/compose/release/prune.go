package release

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// keepReleases is how many releases stay besides those in use.
const keepReleases = 3

const timeLayout = "20060102T150405Z"

// NewID makes an id that sorts after all releases there are, though a clock went backwards. What
// follows the time is random: a digest would tell of secrets.
func (s *Store) NewID(now time.Time) (string, error) {
	ids, err := s.List()
	if err != nil {
		return "", err
	}
	at := now.UTC().Truncate(time.Second)
	if len(ids) > 0 {
		stamp, _, _ := strings.Cut(ids[len(ids)-1], "-")
		if last, err := time.Parse(timeLayout, stamp); err == nil && !at.After(last) {
			at = last.Add(time.Second)
		}
	}
	suffix := make([]byte, 4)
	if _, err := rand.Read(suffix); err != nil {
		return "", fmt.Errorf("id of a release: %w", err)
	}
	return at.Format(timeLayout) + "-" + hex.EncodeToString(suffix), nil
}

// List returns the complete releases' ids, oldest first.
func (s *Store) List() ([]string, error) {
	entries, err := s.client.ReadDir(path.Join(s.Dir, releasesFolder))
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, s.wrap("list the releases", err)
	}
	var ids []string
	for _, entry := range entries {
		if entry.IsDir() && !strings.HasSuffix(entry.Name(), partialSuffix) {
			ids = append(ids, entry.Name())
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Prune removes all releases but the last three, those that current and good name, and those in use.
func (s *Store) Prune(inUse ...string) error {
	ids, err := s.List()
	if err != nil {
		return err
	}
	keep := slices.Concat(ids[max(0, len(ids)-keepReleases):], inUse)
	for _, link := range []string{currentLink, goodLink} {
		id, err := s.linked(link)
		if err != nil {
			return err
		}
		keep = append(keep, id)
	}
	for _, id := range ids {
		if !slices.Contains(keep, id) {
			if err := s.Remove(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Remove deletes a release.
func (s *Store) Remove(id string) error { return s.removeTree(s.Folder(id)) }

// Clear removes everything that the store made. The folder itself goes if nothing else is in it.
func (s *Store) Clear() error {
	for _, name := range []string{currentLink, goodLink, ownerFile, startedFile} {
		for _, suffix := range []string{"", nextSuffix} {
			if err := s.client.Remove(path.Join(s.Dir, name+suffix)); err != nil && !missing(err) {
				return s.wrap("remove "+name, err)
			}
		}
	}
	if err := s.removeTree(path.Join(s.Dir, releasesFolder)); err != nil {
		return err
	}
	entries, err := s.client.ReadDir(s.Dir)
	if missing(err) || err == nil && len(entries) > 0 {
		return nil
	}
	if err != nil {
		return s.wrap("list "+s.Dir, err)
	}
	if err := s.client.RemoveDirectory(s.Dir); err != nil {
		return s.wrap("remove "+s.Dir, err)
	}
	return nil
}

// removeTree deletes a folder with what is in it, and follows no links. A folder that is not
// there is fine.
func (s *Store) removeTree(dir string) error {
	entries, err := s.client.ReadDir(dir)
	if missing(err) {
		return nil
	}
	if err != nil {
		return s.wrap("list "+dir, err)
	}
	for _, entry := range entries {
		full := path.Join(dir, entry.Name())
		if entry.IsDir() {
			err = s.removeTree(full)
		} else {
			err = s.client.Remove(full)
		}
		if err != nil && !missing(err) {
			return s.wrap("remove "+full, err)
		}
	}
	if err := s.client.RemoveDirectory(dir); err != nil && !missing(err) {
		return s.wrap("remove "+dir, err)
	}
	return nil
}
