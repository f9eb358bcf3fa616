package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// Rules of Proxmox VE for ids of jobs: the format pve-configid, and the length in the path of
// /cluster/backup/{id}.
const maxIDLength = 50

var notInID = regexp.MustCompile(`[^A-Za-z0-9_-]`)

// jobID returns pve-home-<project>-<stack>-<name>. Where that is not an id of Proxmox VE, the id
// ends in a digest of the three instead, so that no two jobs share one.
func jobID(project, stack, name string) string {
	plain := strings.Join([]string{"pve-home", project, stack, name}, "-")
	id := notInID.ReplaceAllString(plain, "-")
	if id == plain && len(id) <= maxIDLength {
		return id
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{project, stack, name}, "\x00")))
	suffix := "-" + hex.EncodeToString(sum[:4])
	return id[:min(len(id), maxIDLength-len(suffix))] + suffix
}
