package sim

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/gliderlabs/ssh"
	"github.com/pkg/sftp"

	"github.com/pve-home/pve-home/tests/pvesim/filetree"
)

// sftpServer is OpenSSH's SFTP server on Debian, which a client may also run itself to be root.
const sftpServer = "/usr/lib/openssh/sftp-server"

// serveFiles speaks SFTP over a session as a user of the guest.
func (h *guestShell) serveFiles(session ssh.Session, user string) {
	uid := h.login.uid(user)
	files := &guestFiles{shell: h, ctx: session.Context(), user: h.disk.Files.As(uid, uid)}
	h.sim.serveSFTP(session, "guest "+vmidText(h.vmid),
		sftp.Handlers{FileGet: files, FilePut: files, FileCmd: files, FileList: files}, sftp.WithStartDirectory(home(session.User())))
}

// guestFiles shows a guest's files over SFTP.
type guestFiles struct {
	shell *guestShell
	ctx   ssh.Context
	user  *filetree.User
}

// locked runs an operation under the mutex and turns its error into the status that OpenSSH sends: it has no text
// for most of them.
func (f *guestFiles) locked(operation func() error) error {
	f.shell.sim.mu.Lock()
	defer f.shell.sim.mu.Unlock()
	return sftpStatus(operation())
}

func sftpStatus(err error) error {
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return sftp.ErrSSHFxNoSuchFile
	case errors.Is(err, fs.ErrPermission):
		return sftp.ErrSSHFxPermissionDenied
	}
	return sftp.ErrSSHFxFailure
}

// Fileread opens a file.
func (f *guestFiles) Fileread(r *sftp.Request) (io.ReaderAt, error) { return f.OpenFile(r) }

// Filewrite creates or opens a file.
func (f *guestFiles) Filewrite(r *sftp.Request) (io.WriterAt, error) { return f.OpenFile(r) }

// OpenFile opens a file as the request's flags say.
func (f *guestFiles) OpenFile(r *sftp.Request) (sftp.WriterAtReaderAt, error) {
	given := r.Pflags()
	flags := filetree.Flags{
		Read: given.Read, Write: given.Write || given.Append, Create: given.Creat, Exclusive: given.Excl, Truncate: given.Trunc, Perm: 0o644,
	}
	if r.AttrFlags().Permissions {
		flags.Perm = r.Attributes().FileMode().Perm() &^ umask
	}
	opened := &guestFile{files: f}
	return opened, f.locked(func() (err error) {
		opened.file, err = f.user.Open(r.Filepath, flags)
		return err
	})
}

const umask = 0o022

// guestFile is an open file of a guest.
type guestFile struct {
	files *guestFiles
	file  *filetree.File
}

// ReadAt reads a part of the file.
func (g *guestFile) ReadAt(p []byte, offset int64) (n int, err error) {
	err = g.files.locked(func() (err error) {
		n, err = g.file.ReadAt(p, offset)
		return err
	})
	return n, err
}

// WriteAt writes a part of the file, unless a fault strikes.
func (g *guestFile) WriteAt(p []byte, offset int64) (n int, err error) {
	h := g.files.shell
	h.sim.mu.Lock()
	f := h.sim.strike(FaultGuestUpload, "", vmidText(h.vmid)+":"+g.file.Name())
	h.sim.mu.Unlock()
	if f != nil {
		h.sim.wait(g.files.ctx, f.Delay)
		switch {
		case f.Drop:
			dropConnection(g.files.ctx)
			return 0, sftp.ErrSSHFxConnectionLost
		case f.Status != 0 || f.Delay == 0:
			return 0, sftp.ErrSSHFxFailure
		}
	}
	if offset+int64(len(p)) > maxFileBytes {
		return 0, fmt.Errorf("%s: more than %d bytes", g.file.Name(), maxFileBytes)
	}
	err = g.files.locked(func() (err error) {
		n, err = g.file.WriteAt(p, offset)
		return err
	})
	return n, err
}

// Close keeps the state.
func (g *guestFile) Close() error {
	return g.files.locked(func() error {
		g.files.shell.sim.changed()
		return nil
	})
}

// Filecmd changes the tree.
func (f *guestFiles) Filecmd(r *sftp.Request) error {
	return f.locked(func() error {
		defer f.shell.sim.changed()
		switch r.Method {
		case "Setstat":
			return f.setstat(r)
		case "Rename":
			return f.user.Rename(r.Filepath, r.Target, false)
		case "Rmdir":
			return f.user.Remove(r.Filepath, true)
		case "Remove":
			return f.user.Remove(r.Filepath, false)
		case "Mkdir":
			return f.user.Mkdir(r.Filepath, 0o755)
		case "Symlink":
			return f.user.Symlink(r.Filepath, r.Target)
		}
		return syscall.EOPNOTSUPP
	})
}

func (f *guestFiles) setstat(r *sftp.Request) error {
	flags, attributes := r.AttrFlags(), r.Attributes()
	var err error
	if flags.Size {
		err = f.user.Truncate(r.Filepath, int64(attributes.Size)) //nolint:gosec // a negative size is refused
	}
	if flags.UidGid && err == nil {
		err = f.user.Chown(r.Filepath, attributes.UID, attributes.GID)
	}
	if flags.Permissions && err == nil {
		err = f.user.Chmod(r.Filepath, attributes.FileMode())
	}
	if flags.Acmodtime && err == nil {
		err = f.user.Chtimes(r.Filepath, time.Unix(int64(attributes.Mtime), 0))
	}
	return err
}

// PosixRename replaces what is there.
func (f *guestFiles) PosixRename(r *sftp.Request) error {
	return f.locked(func() error {
		defer f.shell.sim.changed()
		return f.user.Rename(r.Filepath, r.Target, true)
	})
}

// blockBytes is the unit of StatVFS.
const blockBytes = 4096

// StatVFS tells the disk's size and what is free.
func (f *guestFiles) StatVFS(*sftp.Request) (*sftp.StatVFS, error) {
	f.shell.sim.mu.Lock()
	defer f.shell.sim.mu.Unlock()
	files := f.shell.disk.Files
	free := uint64(files.FreeBytes()) / blockBytes //nolint:gosec // not negative
	return &sftp.StatVFS{
		Bsize: blockBytes, Frsize: blockBytes, Blocks: uint64(max(0, files.CapacityBytes)) / blockBytes, Bfree: free, Bavail: free, //nolint:gosec // not negative
		Files: 1 << 20, Ffree: 1 << 19, Favail: 1 << 19, Namemax: 255,
	}, nil
}

// Filelist stats what is at a path, or lists a directory.
func (f *guestFiles) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method != "List" {
		return f.stat(r, true)
	}
	list := fileList{}
	return list, f.locked(func() error {
		entries, err := f.user.ReadDir(r.Filepath)
		for _, entry := range entries {
			list = append(list, entry)
		}
		return err
	})
}

// Lstat stats a symbolic link itself.
func (f *guestFiles) Lstat(r *sftp.Request) (sftp.ListerAt, error) { return f.stat(r, false) }

func (f *guestFiles) stat(r *sftp.Request, follow bool) (sftp.ListerAt, error) {
	list := fileList{}
	err := f.locked(func() error {
		info, err := f.user.Stat(r.Filepath, follow)
		list = append(list, info)
		return err
	})
	return list, err
}

// Readlink returns the target of a symbolic link.
func (f *guestFiles) Readlink(name string) (target string, err error) {
	err = f.locked(func() (err error) {
		target, err = f.user.ReadLink(name)
		return err
	})
	return target, err
}

// RealPath resolves symbolic links; a path of which nothing exists stays as it is.
func (f *guestFiles) RealPath(name string) (resolved string, err error) {
	err = f.locked(func() (err error) {
		resolved, err = f.user.RealPath(name)
		return err
	})
	return resolved, err
}
