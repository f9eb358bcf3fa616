package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gliderlabs/ssh"
	"github.com/pkg/sftp"
)

// serveSFTP speaks SFTP over a session until its end.
func (s *Sim) serveSFTP(session ssh.Session, who string, handlers sftp.Handlers, options ...sftp.RequestServerOption) {
	server := sftp.NewRequestServer(session, handlers, options...)
	if err := server.Serve(); err != nil && !errors.Is(err, io.EOF) {
		s.log.Error("sftp", "server", who, "error", err)
	}
	_ = server.Close() // the session is over
}

// nodeFiles shows the file based storages of a node over SFTP.
type nodeFiles struct{ shell *nodeShell }

func (f *nodeFiles) find(path string) (*volume, *storage, string, string) {
	return f.shell.sim.state.fileAt(f.shell.node.Name, path)
}

// Fileread opens a file.
func (f *nodeFiles) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	s := f.shell.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	v, _, _, _ := f.find(r.Filepath)
	if v == nil {
		return nil, os.ErrNotExist
	}
	return bytes.NewReader(v.Data), nil
}

// Filewrite creates or replaces a file when it is closed.
func (f *nodeFiles) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	s := f.shell.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, def, _, _ := f.find(r.Filepath); def == nil {
		return nil, os.ErrNotExist
	}
	return &fileWriter{shell: f.shell, path: r.Filepath}, nil
}

// fileWriter collects a file's parts, which SFTP sends in any order.
type fileWriter struct {
	shell *nodeShell
	path  string
	mu    sync.Mutex
	data  []byte
}

// WriteAt keeps a part of the file.
func (w *fileWriter) WriteAt(p []byte, offset int64) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	end := offset + int64(len(p))
	if end > maxFileBytes {
		return 0, fmt.Errorf("%s: more than %d bytes", w.path, maxFileBytes)
	}
	if end > int64(len(w.data)) {
		w.data = append(w.data, make([]byte, end-int64(len(w.data)))...)
	}
	return copy(w.data[offset:], p), nil
}

// Close stores the file.
func (w *fileWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shell.write(w.path, w.data)
}

// Filecmd removes and renames; other commands (chmod, mkdir) have nothing to change here and succeed.
func (f *nodeFiles) Filecmd(r *sftp.Request) error {
	s := f.shell.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	v, _, _, _ := f.find(r.Filepath)
	switch r.Method {
	case "Remove", "Rename", "PosixRename":
		if v == nil {
			return os.ErrNotExist
		}
	}
	if r.Method == "Rename" || r.Method == "PosixRename" {
		_, def, content, name := f.find(r.Target)
		if def == nil {
			return os.ErrNotExist
		}
		s.state.writeFile(f.shell.node.Name, def, content, name, v.Data)
	}
	if r.Method != "Setstat" && v != nil {
		s.state.deleteVolume(v)
	}
	s.changed()
	return nil
}

// Filelist stats a file or lists a directory.
func (f *nodeFiles) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	s := f.shell.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, _, _, name := f.find(r.Filepath); v != nil {
		return fileList{fileInfo{name: name, size: v.SizeBytes, modified: time.Unix(v.CreatedUnix, 0)}}, nil
	}
	directory := strings.TrimSuffix(r.Filepath, "/") + "/"
	_, def, content, _ := f.find(directory + "any")
	if def == nil {
		return nil, os.ErrNotExist
	}
	if r.Method != "List" {
		return fileList{fileInfo{name: content, directory: true}}, nil
	}
	list := fileList{}
	for _, v := range s.state.volumesOf(f.shell.node.Name, def) {
		if name, found := strings.CutPrefix(def.filePath(v), directory); found {
			list = append(list, fileInfo{name: name, size: v.SizeBytes, modified: time.Unix(v.CreatedUnix, 0)})
		}
	}
	return list, nil
}

type fileList []fs.FileInfo

// ListAt hands out the list in parts.
func (l fileList) ListAt(target []fs.FileInfo, offset int64) (int, error) {
	if offset >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(target, l[offset:])
	if n < len(target) {
		return n, io.EOF
	}
	return n, nil
}

type fileInfo struct {
	name      string
	size      int64
	modified  time.Time
	directory bool
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) ModTime() time.Time { return i.modified }
func (i fileInfo) IsDir() bool        { return i.directory }
func (i fileInfo) Sys() any           { return nil }

// Mode is that of files that root writes.
func (i fileInfo) Mode() fs.FileMode {
	if i.directory {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
