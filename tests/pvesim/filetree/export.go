package filetree

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// Export writes the tree below a directory of the real file system, for programs that read real files. Absolute
// symbolic links lead into that directory; modes and owners are not kept.
func (t *Tree) Export(directory string) error {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return fmt.Errorf("export files: %w", err)
	}
	// The parts of a path sort before the path, so a directory is made before what is in it.
	for _, name := range slices.Sorted(maps.Keys(t.Nodes)) {
		if err = t.export(root, name); err != nil {
			err = fmt.Errorf("export %s: %w", name, err)
			break
		}
	}
	return errors.Join(err, root.Close())
}

func (t *Tree) export(root *os.Root, name string) error {
	n, relative := t.Nodes[name], "."+name
	switch {
	case name == "/":
		return nil
	case n.Mode.IsDir():
		return root.Mkdir(relative, 0o700)
	case n.Mode.Type() == fs.ModeSymlink:
		target := n.Target
		if path.IsAbs(target) {
			target = filepath.Join(root.Name(), target)
		}
		return root.Symlink(target, relative)
	default:
		return root.WriteFile(relative, n.Data, 0o600)
	}
}
