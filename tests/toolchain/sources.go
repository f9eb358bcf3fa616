package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const listTimeout = time.Minute

// Packages of the repository among the dependencies, with their files. What comes from the module
// proxy is fixed by go.mod.
const localSources = `{{if .Module}}{{if or .Module.Main .Module.Replace}}{{$dir := .Dir}}` +
	`{{range .GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}`

// sources lists the files that a tool is compiled from, in order.
func (t Tool) sources(ctx context.Context, root string) ([]string, error) {
	if t.module == "" { // the folder holds nothing else
		files, err := filepath.Glob(filepath.Join(t.dir(root), "*"))
		slices.Sort(files)
		return files, err
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list := exec.CommandContext(ctx, "go", "list", "-deps", "-f", localSources, t.pkg)
	list.Dir = t.dir(root)
	list.Env = append(os.Environ(), "GOWORK=off")
	list.WaitDelay = time.Second
	out, err := list.Output()
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return nil, fmt.Errorf("list the packages: %w", err)
	}
	files := strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
	for _, name := range []string{"go.mod", "go.sum"} {
		files = append(files, filepath.Join(t.dir(root), name))
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}
