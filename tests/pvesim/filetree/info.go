package filetree

import (
	"io/fs"
	"time"
)

// Info describes a node. It keeps showing the node as it is.
type Info struct {
	name string
	node *Node
}

// Name is the last part of the path.
func (i *Info) Name() string { return i.name }

// Size is a file's length, or that of a symbolic link's target.
func (i *Info) Size() int64 { return int64(len(i.node.Data) + len(i.node.Target)) }

// Mode has the type and the permissions.
func (i *Info) Mode() fs.FileMode { return i.node.Mode }

// ModTime is when the content changed.
func (i *Info) ModTime() time.Time { return time.Unix(i.node.ModifiedUnix, 0) }

// IsDir says whether it is a directory.
func (i *Info) IsDir() bool { return i.node.Mode.IsDir() }

// Sys is nil: owners come from Uid and Gid.
func (i *Info) Sys() any { return nil }

// Uid is the owner.
func (i *Info) Uid() uint32 { return i.node.UID }

// Gid is the group.
func (i *Info) Gid() uint32 { return i.node.GID }
