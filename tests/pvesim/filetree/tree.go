package filetree

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Tree is a file system. Its nodes are keyed by their absolute, clean path; a directory is a node of its own.
type Tree struct {
	Nodes map[string]*Node
	// CapacityBytes is the size of the file system.
	CapacityBytes int64
	// OtherBytes is what files take that the tree does not have: those of the operating system.
	OtherBytes int64
}

// Node is a directory, a file or a symbolic link.
type Node struct {
	// Mode has the type and the permissions.
	Mode     fs.FileMode
	UID, GID uint32
	// Data is a file's content.
	Data []byte `json:",omitempty"`
	// Target is where a symbolic link points to, as it was given.
	Target       string `json:",omitempty"`
	ModifiedUnix int64
}

// Clone copies a node.
func (n *Node) clone() *Node {
	c := *n
	c.Data = slices.Clone(n.Data)
	return &c
}

// New makes the file system of a fresh installation.
func New() *Tree {
	t := &Tree{Nodes: map[string]*Node{}}
	for _, name := range []string{"/", "/etc", "/home", "/opt", "/run", "/srv", "/usr", "/usr/lib", "/var", "/var/lib"} {
		t.Nodes[name] = newNode(fs.ModeDir|0o755, 0, 0)
	}
	t.Nodes["/root"] = newNode(fs.ModeDir|0o700, 0, 0)
	t.Nodes["/tmp"] = newNode(fs.ModeDir|fs.ModeSticky|0o777, 0, 0)
	return t
}

func newNode(mode fs.FileMode, uid, gid uint32) *Node {
	return &Node{Mode: mode, UID: uid, GID: gid, ModifiedUnix: time.Now().Unix()}
}

// Clone copies the tree.
func (t *Tree) Clone() *Tree {
	c := *t
	c.Nodes = make(map[string]*Node, len(t.Nodes))
	for name, n := range t.Nodes {
		c.Nodes[name] = n.clone()
	}
	return &c
}

// FreeBytes is what can still be written.
func (t *Tree) FreeBytes() int64 {
	free := t.CapacityBytes - t.OtherBytes
	for _, n := range t.Nodes {
		free -= int64(len(n.Data))
	}
	return max(0, free)
}

// SetFreeBytes lets files outside the tree take so much that this is free.
func (t *Tree) SetFreeBytes(free int64) {
	t.OtherBytes = 0
	used := int64(0)
	for _, n := range t.Nodes {
		used += int64(len(n.Data))
	}
	t.OtherBytes = t.CapacityBytes - used - free
}

// User is the tree as a user sees it. UID 0 may do everything.
type User struct {
	tree     *Tree
	UID, GID uint32
}

// As returns the tree as a user sees it.
func (t *Tree) As(uid, gid uint32) *User { return &User{tree: t, UID: uid, GID: gid} }

// Root is the tree as root sees it.
func (t *Tree) Root() *User { return t.As(0, 0) }

// What a permission check asks for.
const (
	read    = 4
	write   = 2
	execute = 1
)

func (u *User) may(n *Node, what fs.FileMode) bool {
	switch {
	case u.UID == 0:
		return true
	case n.UID == u.UID:
		what <<= 6
	case n.GID == u.GID:
		what <<= 3
	}
	return n.Mode.Perm()&what == what
}

// maxLinks is how many symbolic links a path may go through, as on Linux.
const maxLinks = 40

// resolve returns the path without symbolic links; the last part stays a link unless follow is set. The last part
// need not exist.
func (u *User) resolve(name string, follow bool) (string, error) {
	rest := strings.Split(strings.TrimPrefix(path.Clean("/"+name), "/"), "/")
	current, links := "/", 0
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if part == "" || part == "." {
			continue
		}
		directory := u.tree.Nodes[current]
		switch {
		case directory == nil:
			return "", syscall.ENOENT
		case !directory.Mode.IsDir():
			return "", syscall.ENOTDIR
		case !u.may(directory, execute):
			return "", syscall.EACCES
		}
		next := path.Join(current, part)
		n := u.tree.Nodes[next]
		if n == nil || n.Mode.Type() != fs.ModeSymlink || len(rest) == 0 && !follow {
			current = next
			continue
		}
		if links++; links > maxLinks {
			return "", syscall.ELOOP
		}
		if path.IsAbs(n.Target) {
			current = "/"
		}
		rest = append(strings.Split(n.Target, "/"), rest...)
	}
	return current, nil
}

// find returns the node at a path.
func (u *User) find(name string, follow bool) (string, *Node, error) {
	at, err := u.resolve(name, follow)
	if err != nil {
		return "", nil, err
	}
	n := u.tree.Nodes[at]
	if n == nil {
		return at, nil, syscall.ENOENT
	}
	return at, n, nil
}

// parent checks that the user may add or remove entries where the path is.
func (u *User) parent(at string) error {
	directory := u.tree.Nodes[path.Dir(at)]
	switch {
	case directory == nil:
		return syscall.ENOENT
	case !directory.Mode.IsDir():
		return syscall.ENOTDIR
	case !u.may(directory, write|execute):
		return syscall.EACCES
	}
	return nil
}

// children are the paths directly below a directory, sorted.
func (t *Tree) children(at string) []string {
	prefix := strings.TrimSuffix(at, "/") + "/"
	var names []string
	for name := range t.Nodes {
		if rest, found := strings.CutPrefix(name, prefix); found && rest != "" && !strings.Contains(rest, "/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// below are all paths below a directory, sorted.
func (t *Tree) below(at string) []string {
	prefix := strings.TrimSuffix(at, "/") + "/"
	return slices.DeleteFunc(slices.Sorted(maps.Keys(t.Nodes)), func(name string) bool {
		return name == "/" || !strings.HasPrefix(name, prefix)
	})
}
