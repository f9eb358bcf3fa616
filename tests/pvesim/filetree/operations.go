package filetree

import (
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"time"
)

func failed(operation, name string, err error) error {
	return &fs.PathError{Op: operation, Path: name, Err: err}
}

// Stat describes what is at a path; symbolic links are followed when follow is set.
func (u *User) Stat(name string, follow bool) (*Info, error) {
	at, n, err := u.find(name, follow)
	if err != nil {
		return nil, failed("stat", name, err)
	}
	return &Info{name: path.Base(at), node: n}, nil
}

// RealPath is the path without symbolic links.
func (u *User) RealPath(name string) (string, error) {
	at, err := u.resolve(name, true)
	if err != nil {
		return "", failed("realpath", name, err)
	}
	return at, nil
}

// ReadDir lists a directory by name.
func (u *User) ReadDir(name string) ([]*Info, error) {
	at, n, err := u.find(name, true)
	switch {
	case err != nil:
	case !n.Mode.IsDir():
		err = syscall.ENOTDIR
	case !u.may(n, read):
		err = syscall.EACCES
	}
	if err != nil {
		return nil, failed("readdir", name, err)
	}
	var list []*Info
	for _, child := range u.tree.children(at) {
		list = append(list, &Info{name: path.Base(child), node: u.tree.Nodes[child]})
	}
	return list, nil
}

// ReadLink returns the target of a symbolic link.
func (u *User) ReadLink(name string) (string, error) {
	_, n, err := u.find(name, false)
	if err == nil && n.Mode.Type() != fs.ModeSymlink {
		err = syscall.EINVAL
	}
	if err != nil {
		return "", failed("readlink", name, err)
	}
	return n.Target, nil
}

// Mkdir makes a directory.
func (u *User) Mkdir(name string, mode fs.FileMode) error {
	if _, err := u.add("mkdir", name, newNode(fs.ModeDir|mode.Perm(), u.UID, u.GID)); err != nil {
		return err
	}
	return nil
}

// MkdirAll makes a directory and those above it, 0755.
func (u *User) MkdirAll(name string) error {
	name = path.Clean("/" + name)
	if info, err := u.Stat(name, true); err == nil {
		if !info.IsDir() {
			return failed("mkdir", name, syscall.ENOTDIR)
		}
		return nil
	}
	if err := u.MkdirAll(path.Dir(name)); err != nil {
		return err
	}
	return u.Mkdir(name, 0o755)
}

// Symlink makes a symbolic link.
func (u *User) Symlink(target, name string) error {
	link := newNode(fs.ModeSymlink|0o777, u.UID, u.GID)
	link.Target = target
	if _, err := u.add("symlink", name, link); err != nil {
		return err
	}
	return nil
}

func (u *User) add(operation, name string, n *Node) (*Node, error) {
	at, err := u.resolve(name, false)
	if err == nil {
		err = u.parent(at)
	}
	if err == nil && u.tree.Nodes[at] != nil {
		err = syscall.EEXIST
	}
	if err != nil {
		return nil, failed(operation, name, err)
	}
	u.tree.Nodes[at] = n
	return n, nil
}

// Chmod changes the permissions.
func (u *User) Chmod(name string, mode fs.FileMode) error {
	return u.change("chmod", name, func(n *Node) { n.Mode = n.Mode.Type() | mode&^fs.ModeType })
}

// Chown changes the owner, which only root may do.
func (u *User) Chown(name string, uid, gid uint32) error {
	if u.UID != 0 {
		return failed("chown", name, syscall.EPERM)
	}
	return u.change("chown", name, func(n *Node) { n.UID, n.GID = uid, gid })
}

// Chtimes changes the time of the last change.
func (u *User) Chtimes(name string, modified time.Time) error {
	return u.change("chtimes", name, func(n *Node) { n.ModifiedUnix = modified.Unix() })
}

func (u *User) change(operation, name string, apply func(n *Node)) error {
	_, n, err := u.find(name, true)
	if err == nil && u.UID != 0 && u.UID != n.UID {
		err = syscall.EPERM
	}
	if err != nil {
		return failed(operation, name, err)
	}
	apply(n)
	return nil
}

// Remove removes a file, a symbolic link or an empty directory; directory says which of the two is meant.
func (u *User) Remove(name string, directory bool) error {
	at, n, err := u.find(name, false)
	if err == nil {
		err = u.parent(at)
	}
	switch {
	case err != nil:
	case directory && !n.Mode.IsDir():
		err = syscall.ENOTDIR
	case !directory && n.Mode.IsDir():
		err = syscall.EISDIR
	case directory && len(u.tree.children(at)) > 0:
		err = syscall.ENOTEMPTY
	}
	if err != nil {
		return failed("remove", name, err)
	}
	delete(u.tree.Nodes, at)
	return nil
}

// Rename moves a file, link or directory. It replaces a file, a link or an empty directory only with replace, as
// rename(2) does; SFTP's plain rename does not.
func (u *User) Rename(from, to string, replace bool) error {
	source, n, err := u.find(from, false)
	target := ""
	if err == nil {
		target, err = u.resolve(to, false)
	}
	if err == nil {
		err = u.parent(source)
	}
	if err == nil {
		err = u.parent(target)
	}
	if err == nil {
		err = u.replaceable(source, target, n, replace)
	}
	if err != nil {
		return failed("rename", from, err)
	}
	if source == target {
		return nil
	}
	for _, child := range u.tree.below(source) {
		u.tree.Nodes[target+strings.TrimPrefix(child, source)] = u.tree.Nodes[child]
		delete(u.tree.Nodes, child)
	}
	delete(u.tree.Nodes, source)
	u.tree.Nodes[target] = n
	return nil
}

func (u *User) replaceable(source, target string, n *Node, replace bool) error {
	existing := u.tree.Nodes[target]
	switch {
	case strings.HasPrefix(target, source+"/"):
		return syscall.EINVAL
	case existing == nil:
		return nil
	case !replace:
		return syscall.EEXIST
	case source == target:
		return nil
	case n.Mode.IsDir() && !existing.Mode.IsDir():
		return syscall.ENOTDIR
	case !n.Mode.IsDir() && existing.Mode.IsDir():
		return syscall.EISDIR
	case len(u.tree.children(target)) > 0:
		return syscall.ENOTEMPTY
	}
	return nil
}

// Flags say how Open opens a file.
type Flags struct {
	Read, Write, Create, Exclusive, Truncate bool
	// Perm are the permissions of a file that is created.
	Perm fs.FileMode
}

// Open opens a file.
func (u *User) Open(name string, flags Flags) (*File, error) {
	at, err := u.resolve(name, true)
	if err != nil {
		return nil, failed("open", name, err)
	}
	n := u.tree.Nodes[at]
	switch {
	case n == nil && !flags.Create:
		err = syscall.ENOENT
	case n == nil:
		if n, err = u.add("open", at, newNode(flags.Perm.Perm(), u.UID, u.GID)); err != nil {
			return nil, err
		}
	case flags.Create && flags.Exclusive:
		err = syscall.EEXIST
	case n.Mode.IsDir():
		err = syscall.EISDIR
	case flags.Read && !u.may(n, read), flags.Write && !u.may(n, write):
		err = syscall.EACCES
	}
	if err != nil {
		return nil, failed("open", name, err)
	}
	if flags.Truncate {
		n.Data = nil
	}
	return &File{tree: u.tree, node: n, name: at}, nil
}

// ReadFile returns a file's content.
func (u *User) ReadFile(name string) ([]byte, error) {
	f, err := u.Open(name, Flags{Read: true})
	if err != nil {
		return nil, err
	}
	return append([]byte{}, f.node.Data...), nil
}

// WriteFile replaces a file's content; perm counts only for a file that did not exist.
func (u *User) WriteFile(name string, data []byte, perm fs.FileMode) error {
	f, err := u.Open(name, Flags{Write: true, Create: true, Truncate: true, Perm: perm})
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	return err
}

// Truncate changes a file's size.
func (u *User) Truncate(name string, sizeBytes int64) error {
	f, err := u.Open(name, Flags{Write: true})
	if err != nil {
		return err
	}
	return f.grow(sizeBytes, true)
}

// File is an open file. It stays usable when the file is renamed.
type File struct {
	tree *Tree
	node *Node
	name string
}

// Name is the path under which the file was opened.
func (f *File) Name() string { return f.name }

// ReadAt reads a part of the file.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	if offset >= int64(len(f.node.Data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.Data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes a part of the file.
func (f *File) WriteAt(p []byte, offset int64) (int, error) {
	if err := f.grow(offset+int64(len(p)), false); err != nil {
		return 0, err
	}
	f.node.ModifiedUnix = time.Now().Unix()
	return copy(f.node.Data[offset:], p), nil
}

// grow makes the file at least so long, or exactly so long.
func (f *File) grow(sizeBytes int64, exactly bool) error {
	added := sizeBytes - int64(len(f.node.Data))
	switch {
	case sizeBytes < 0:
		return failed("write", f.name, syscall.EINVAL)
	case added > 0:
		if added > f.tree.FreeBytes() {
			return failed("write", f.name, syscall.ENOSPC)
		}
		f.node.Data = append(f.node.Data, make([]byte, added)...)
	case exactly:
		f.node.Data = f.node.Data[:sizeBytes]
	}
	return nil
}
