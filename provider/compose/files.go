package compose

import (
	"fmt"
	"io/fs"
	"strconv"

	"github.com/pve-home/pve-home/provider/compose/release"
)

// mode is the file's permission bits. Check has validated them.
func (f File) mode() fs.FileMode {
	mode, err := strconv.ParseUint(f.Mode, 8, 32)
	if err != nil {
		return 0
	}
	return fs.FileMode(mode).Perm()
}

// owner is the file's owner as release.File.Access writes it.
func (f File) owner() string {
	if f.Owner == "" {
		return "0:0"
	}
	return f.Owner
}

func (f File) forRelease() release.File {
	file := release.File{Content: f.Content, Mode: f.mode()}
	_, _ = fmt.Sscanf(f.owner(), "%d:%d", &file.UID, &file.GID) // Check has validated it
	return file
}

func asSecretFiles(files map[string]SecretFile) map[string]File {
	plain := make(map[string]File, len(files))
	for name, f := range files {
		plain[name] = File(f)
	}
	return plain
}

// releaseFiles are all files, secret ones too.
func (p ProjectArgs) releaseFiles() release.Files {
	files := release.Files{}
	for name, f := range p.Files {
		files[name] = f.forRelease()
	}
	for name, f := range p.SecretFiles {
		files[name] = File(f).forRelease()
	}
	return files
}

// digests are what the state tells of the files. A digest of a secret could be guessed.
func (p ProjectArgs) digests() map[string]string {
	digests := map[string]string{}
	for name, f := range p.Files {
		digests[name] = f.forRelease().Digest()
	}
	for name, f := range p.SecretFiles {
		digests[name] = "secret " + File(f).forRelease().Access()
	}
	return digests
}
