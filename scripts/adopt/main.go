// Command adopt puts a guest that an interrupted update left behind into the state, where it was
// only about to be created:
//
//	pulumi stack export | go run github.com/pve-home/pve-home/scripts/adopt URN VMID | pulumi stack import
//	pulumi up --refresh
//
// The engine has recorded what it had asked for. `pulumi refresh --import-pending-creates` (3.259)
// forgets that record, and the provider cannot import guests that match their configuration.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "adopt:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: pulumi stack export | adopt URN VMID | pulumi stack import")
	}
	decoder := json.NewDecoder(in)
	decoder.UseNumber()
	var export map[string]any
	if err := decoder.Decode(&export); err != nil {
		return fmt.Errorf("read what pulumi stack export says: %w", err)
	}
	deployment, ok := export["deployment"].(map[string]any)
	if !ok {
		return fmt.Errorf("the input has no deployment: pipe pulumi stack export into this command")
	}
	if err := adopt(deployment, args[0], args[1]); err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(export); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	return nil
}

// adopt turns the pending creation of a resource into the resource. Until the next refresh its
// outputs are what was asked for.
func adopt(deployment map[string]any, urn, id string) error {
	pending, _ := deployment["pending_operations"].([]any)
	for i, p := range pending {
		operation, _ := p.(map[string]any)
		resource, _ := operation["resource"].(map[string]any)
		if operation["type"] != "creating" || resource["urn"] != urn {
			continue
		}
		resource["id"], resource["outputs"] = id, resource["inputs"]
		resources, _ := deployment["resources"].([]any)
		deployment["resources"] = append(resources, resource)
		deployment["pending_operations"] = append(pending[:i:i], pending[i+1:]...)
		return nil
	}
	return fmt.Errorf("the state has no interrupted creation of %s", urn)
}
