// Command docs writes docs/configuration.md from Pulumi.yaml and the types that read it. Run it
// in the root of the repository: `go run ./scripts/docs`. With -check it writes nothing and fails
// when the file is not up to date.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const reference = "docs/configuration.md"

func main() {
	check := flag.Bool("check", false, "only check that "+reference+" is up to date")
	flag.Parse()
	if err := run(".", *check); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	text, err := render(root)
	if err != nil {
		return err
	}
	file := filepath.Join(root, reference)
	if !check {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return fmt.Errorf("write the reference: %w", err)
		}
		return nil
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the reference: %w", err)
	}
	if string(committed) != string(text) {
		return errors.New(reference + " is not up to date: run `go run ./scripts/docs`, then look at `git diff " + reference + "`")
	}
	return nil
}
