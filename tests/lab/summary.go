package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Summary is the result of a demo.
type Summary struct {
	Stacks []StackSummary `json:"stacks"`
}

// StackSummary is what one stack made.
type StackSummary struct {
	Name   string  `json:"name"`
	Guests []Guest `json:"guests"`
	// Resources counts the resources in the state.
	Resources int `json:"resources"`
	// PreviewChanges counts what a second preview would change.
	PreviewChanges int       `json:"previewChanges"`
	StateObject    string    `json:"stateObject"`
	StateVersions  []Version `json:"stateVersions"`
	// BackupJobs are the ids of the stack's backup jobs in Proxmox VE.
	BackupJobs []string `json:"backupJobs"`
}

// Guest is a guest of a stack as Proxmox VE has it.
type Guest struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	VMID    int    `json:"vmid"`
	Node    string `json:"node"`
	Address string `json:"address"`
	Status  string `json:"status"`
}

// Summarize runs a second preview and collects what the stack made.
func (s *Stack) Summarize(ctx context.Context) (StackSummary, error) {
	r := StackSummary{Name: s.Name(), StateObject: s.StateObject(), BackupJobs: []string{}}
	var err error
	if r.PreviewChanges, err = s.PreviewChanges(ctx); err != nil {
		return r, err
	}
	if r.StateVersions, err = s.StateVersions(ctx); err != nil {
		return r, err
	}
	deployment, err := s.Export(ctx)
	if err != nil {
		return r, fmt.Errorf("state of %s: %w", s.Name(), err)
	}
	var state struct {
		Resources []json.RawMessage `json:"resources"`
	}
	if err := json.Unmarshal(deployment.Deployment, &state); err != nil {
		return r, fmt.Errorf("state of %s: %w", s.Name(), err)
	}
	r.Resources = len(state.Resources)
	if r.Guests, err = s.guests(ctx); err != nil {
		return r, err
	}
	r.BackupJobs, err = s.backupJobs(ctx)
	return r, err
}

// backupJobs lists the ids of the stack's jobs that Proxmox VE has.
func (s *Stack) backupJobs(ctx context.Context) ([]string, error) {
	exported := map[string]string{}
	if err := s.output(ctx, "backupJobs", &exported); err != nil {
		return nil, err
	}
	ids := []string{}
	for _, id := range exported {
		if slices.ContainsFunc(s.lab.Sim.BackupJobs(), func(job map[string]string) bool { return job["id"] == id }) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// output decodes an output of the stack.
func (s *Stack) output(ctx context.Context, name string, into any) error {
	outputs, err := s.Outputs(ctx)
	if err != nil {
		return fmt.Errorf("outputs of %s: %w", s.Name(), err)
	}
	encoded, err := json.Marshal(outputs[name].Value)
	if err != nil {
		return fmt.Errorf("output %s of %s: %w", name, s.Name(), err)
	}
	if err := json.Unmarshal(encoded, into); err != nil {
		return fmt.Errorf("output %s of %s: %w", name, s.Name(), err)
	}
	return nil
}

// guests joins the stack's outputs with what runs in the simulator.
func (s *Stack) guests(ctx context.Context) ([]Guest, error) {
	var exported map[string]struct {
		Kind    string `json:"kind"`
		VMID    int    `json:"vmId"`
		Node    string `json:"node"`
		Address string `json:"address"`
	}
	if err := s.output(ctx, "guests", &exported); err != nil {
		return nil, err
	}
	status := map[int]string{}
	for _, g := range s.lab.Sim.Guests() {
		status[g.VMID] = g.Status
	}
	guests := []Guest{}
	for name, g := range exported {
		guests = append(guests, Guest{Name: name, Kind: g.Kind, VMID: g.VMID, Node: g.Node, Address: g.Address, Status: status[g.VMID]})
	}
	slices.SortFunc(guests, func(a, b Guest) int { return a.VMID - b.VMID })
	return guests, nil
}

// Print writes the summary as tables.
func (s Summary) Print(out io.Writer) {
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "\nSTACK\tGUEST\tKIND\tVMID\tNODE\tADDRESS\tSTATE")
	for _, stack := range s.Stacks {
		for _, g := range stack.Guests {
			_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", stack.Name, g.Name, g.Kind, g.VMID, g.Node, g.Address, g.Status)
		}
	}
	_, _ = fmt.Fprintln(t, "\nSTACK\tRESOURCES\tSECOND PREVIEW\tSTATE OBJECT\tVERSIONS\tLATEST VERSION\tBACKUP JOBS")
	for _, stack := range s.Stacks {
		latest := ""
		if len(stack.StateVersions) > 0 {
			latest = stack.StateVersions[0].ID
		}
		jobs := strings.Join(stack.BackupJobs, ", ")
		if jobs == "" {
			jobs = "none"
		}
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d changes\ts3://%s/%s\t%d\t%s\t%s\n",
			stack.Name, stack.Resources, stack.PreviewChanges, stateBucket, stack.StateObject, len(stack.StateVersions), latest, jobs)
	}
	_ = t.Flush()
}

// Write writes the summary as JSON.
func (s Summary) Write(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	return nil
}
