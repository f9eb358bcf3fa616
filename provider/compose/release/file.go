// Package release keeps a project's files on a guest: a folder for each release, and a symbolic
// link to the one in use, so that a switch is a single rename.
//
//	releases/<id>/          the files of one release; ids sort by time
//	releases/<id>.partial/  an upload under way, or interrupted
//	current -> releases/<id>
//	good    -> releases/<id>  the last one whose services were healthy: where a rollback goes
//	resource                the id of the resource that owns the folder
//	started.json            the release that was in use when a container was started
package release

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
)

// File is a file of a release.
type File struct {
	Content string
	// Mode holds permission bits only.
	Mode fs.FileMode
	// UID and GID own it; 0 is root.
	UID, GID int
}

// Digest identifies content, mode and owner: "sha256:<hex> 0644 0:0".
func (f File) Digest() string {
	sum := sha256.Sum256([]byte(f.Content))
	return fmt.Sprintf("sha256:%s %s", hex.EncodeToString(sum[:]), f.Access())
}

// Access is mode and owner: "0644 0:0".
func (f File) Access() string { return fmt.Sprintf("%04o %d:%d", f.Mode.Perm(), f.UID, f.GID) }

// Files by their path in the release.
type Files map[string]File

// Size is the sum of the contents' lengths.
func (f Files) Size() (bytes uint64) {
	for _, file := range f {
		bytes += uint64(len(file.Content))
	}
	return bytes
}
