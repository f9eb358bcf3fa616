package release

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

const (
	// ManifestFile and OverrideFile lie in every release; no uploaded file may have their names.
	ManifestFile = ".release.json"
	OverrideFile = ".release.compose.json"
	// sinceLabel is part of a service's configuration, so that compose recreates the container,
	// in its order and with its waiting, when what the service mounts has changed. Compose itself
	// looks at paths only, and every release has the same ones.
	sinceLabel = "pve-home.release"
	// The manifest may tell of secrets by digests.
	manifestMode fs.FileMode = 0o600
)

// Manifest is what a release says of itself. A release without one was never validated.
type Manifest struct {
	// ComposeFiles are the compose files, in order.
	ComposeFiles []string `json:"composeFiles"`
	// Paths are the uploaded files, sorted. A release may hold others, which hooks made.
	Paths []string `json:"paths"`
	// Services are those that mount something of the release.
	Services map[string]Service `json:"services"`
}

// Service is what a service has of a release.
type Service struct {
	// Since is the release that last changed what the service mounts.
	Since string `json:"since"`
	// Mounts are files and folders of the release; "." is all of it.
	Mounts []string `json:"mounts"`
	// Attachments are digests of configs and secrets that stand in the compose file itself.
	Attachments map[string]string `json:"attachments,omitempty"`
}

// Files returns the names of the files for compose: the user's and the override.
func (m Manifest) Files() []string {
	if len(m.Services) == 0 {
		return m.ComposeFiles
	}
	return append(slices.Clone(m.ComposeFiles), OverrideFile)
}

// MountsFolders tells whether a service mounts more than single uploaded files, so that its
// container needs the folder of its release as long as it runs.
func (m Manifest) MountsFolders(service string) bool {
	for _, source := range m.Services[service].Mounts {
		if !slices.Contains(m.Paths, source) {
			return true
		}
	}
	return false
}

// NewManifest describes release id with these files. A service counts as unchanged if it mounts
// the same, with the same content, as in the release before; before is the zero Manifest if there
// is none.
func NewManifest(id string, composeFiles []string, files Files, mounts map[string][]string,
	attachments map[string]map[string]string, before Manifest, beforeFiles Files) Manifest {
	manifest := Manifest{
		ComposeFiles: composeFiles, Paths: slices.Sorted(maps.Keys(files)), Services: map[string]Service{},
	}
	for name, sources := range mounts {
		if len(sources) == 0 && len(attachments[name]) == 0 {
			continue
		}
		service := Service{Since: id, Mounts: sources, Attachments: attachments[name]}
		old, known := before.Services[name]
		if known && slices.Equal(old.Mounts, service.Mounts) && maps.Equal(old.Attachments, service.Attachments) &&
			sameContent(sources, files, beforeFiles) {
			service.Since = old.Since
		}
		manifest.Services[name] = service
	}
	return manifest
}

// sameContent compares what lies at and below each source. What was not uploaded, a hook makes
// anew for each release: nobody knows whether it is the same.
func sameContent(sources []string, a, b Files) bool {
	for _, source := range sources {
		inA, inB := a.below(source), b.below(source)
		if len(inA) == 0 || !maps.Equal(inA, inB) {
			return false
		}
	}
	return true
}

// below are the files at and below a path.
func (f Files) below(source string) Files {
	found := Files{}
	for name, file := range f {
		if source == "." || name == source || strings.HasPrefix(name, source+"/") {
			found[name] = file
		}
	}
	return found
}

// Holds tells whether there is a file at or below a path.
func (f Files) Holds(source string) bool { return len(f.below(source)) > 0 }

// SetManifest completes a release.
func (s *Store) SetManifest(id string, manifest Manifest) error {
	type labelled struct {
		Labels map[string]string `json:"labels"`
	}
	services := map[string]labelled{}
	for name, service := range manifest.Services {
		services[name] = labelled{Labels: map[string]string{sinceLabel: service.Since}}
	}
	// The manifest comes last: what has one is complete.
	if err := s.writeJSON(path.Join(s.Folder(id), OverrideFile), map[string]any{"services": services}); err != nil {
		return err
	}
	return s.writeJSON(path.Join(s.Folder(id), ManifestFile), manifest)
}

// Manifest reads a release's manifest; nil if it has none that can be read.
func (s *Store) Manifest(id string) (*Manifest, error) {
	manifest := &Manifest{}
	content, err := s.read(path.Join(s.Folder(id), ManifestFile))
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(content, manifest) != nil {
		return nil, nil // damaged by hand: the next release replaces it
	}
	return manifest, nil
}

// ReadFiles reads files of a release; those that are not there are left out.
func (s *Store) ReadFiles(id string, names []string) (Files, error) {
	files := Files{}
	for _, name := range names {
		file, err := s.File(id, name)
		if err != nil {
			return nil, err
		}
		if file != nil {
			files[name] = *file
		}
	}
	return files, nil
}

func (s *Store) writeJSON(name string, value any) error {
	content, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return s.replace(name, content, manifestMode)
}
