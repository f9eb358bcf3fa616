// Command alloy reads a configuration of Grafana Alloy with Alloy's own language and prints what it says
// as JSON. Alloy itself does not compile from what the Go proxy has; the arguments that its components
// take are recorded here from their reference, and any other is an error:
// https://grafana.com/docs/alloy/v1.16/reference/components/loki/
//
// It is a module of its own because Alloy's language asks for newer modules than the tests do.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/vm"
)

// Config is what a guest's configuration may hold.
type Config struct {
	Logging struct {
		Level string `alloy:"level,attr"`
	} `alloy:"logging,block"`
	Journal struct {
		Label        string        `alloy:",label"`
		MaxAge       time.Duration `alloy:"max_age,attr,optional"`
		RelabelRules string        `alloy:"relabel_rules,attr,optional"`
		ForwardTo    []string      `alloy:"forward_to,attr"`
	} `alloy:"loki.source.journal,block"`
	Relabel struct {
		Label     string   `alloy:",label"`
		ForwardTo []string `alloy:"forward_to,attr"`
		Rules     []Rule   `alloy:"rule,block,optional"`
	} `alloy:"loki.relabel,block"`
	Write struct {
		Label    string `alloy:",label"`
		Endpoint struct {
			URL               string        `alloy:"url,attr"`
			MaxBackoffRetries int           `alloy:"max_backoff_retries,attr,optional"`
			MaxBackoffPeriod  time.Duration `alloy:"max_backoff_period,attr,optional"`
		} `alloy:"endpoint,block"`
		ExternalLabels map[string]string `alloy:"external_labels,attr,optional"`
	} `alloy:"loki.write,block"`
}

// Rule is a relabeling rule.
type Rule struct {
	SourceLabels []string `alloy:"source_labels,attr,optional"`
	Regex        string   `alloy:"regex,attr,optional"`
	TargetLabel  string   `alloy:"target_label,attr,optional"`
}

// What components export to each other, by the labels that the configuration gives them.
var exports = map[string]any{
	"loki": map[string]any{
		"relabel": map[string]any{"journal": map[string]any{"rules": "rules of loki.relabel.journal"}},
		"write":   map[string]any{"loki": map[string]any{"receiver": "receiver of loki.write.loki"}},
	},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile("config.alloy", text)
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	var config Config
	if err := vm.New(file).Evaluate(vm.NewScope(exports), &config); err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(config)
}
