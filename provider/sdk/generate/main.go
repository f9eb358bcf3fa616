// Command generate writes the provider's schema and Go SDK into the repository: make generate.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pve-home/pve-home/provider/sdk"
)

func main() {
	if err := generate(context.Background(), os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// generate replaces the generated files below root, the repository's folder.
func generate(ctx context.Context, root string) error {
	files, err := sdk.Files(ctx)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(root, sdk.Folder)); err != nil {
		return fmt.Errorf("remove the old SDK: %w", err)
	}
	for name, content := range files {
		target := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("folder of %s: %w", name, err)
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
