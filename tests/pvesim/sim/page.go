package sim

import (
	"bytes"
	_ "embed" // the page's template
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"size": humanSize, "join": strings.Join,
	"percent": func(used, total int64) string {
		return fmt.Sprintf("%.1f %%", 100*float64(used)/float64(max(1, total)))
	},
}).Parse(pageHTML))

// page is what a person looks for in Proxmox VE's own interface.
type page struct {
	Version  string
	Nodes    []Node
	Guests   []Guest
	Storages []StorageStatus
	Tasks    []Task
	Jobs     []map[string]string
	Requests []Request
	Total    int
	Faults   []Fault
}

// shownTasks and shownRequests bound the lists of the page.
const (
	shownTasks    = 50
	shownRequests = 50
)

func humanSize(sizeBytes int64) string {
	const step = 1024
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(sizeBytes), 0
	for value >= step && unit < len(units)-1 {
		value, unit = value/step, unit+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", value), ".0") + " " + units[unit]
}

func newest[T any](list []T, limit int) []T {
	list = slices.Clone(list[max(0, len(list)-limit):])
	slices.Reverse(list)
	return list
}

func (s *Sim) servePage(w http.ResponseWriter) {
	requests := s.Requests()
	data := page{
		Version: s.opts.Version, Nodes: s.opts.Nodes, Guests: s.Guests(), Storages: s.Storages(), Tasks: newest(s.Tasks(), shownTasks),
		Jobs: s.BackupJobs(), Requests: newest(requests, shownRequests), Total: len(requests), Faults: s.Faults(),
	}
	var html bytes.Buffer
	if err := pageTemplate.Execute(&html, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_, _ = w.Write(html.Bytes()) // a browser that went away is no concern of the server
}
