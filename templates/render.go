package templates

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"

	"gopkg.in/yaml.v3"
)

//go:embed apt cloud-init docker logagent scripts
var files embed.FS

// functions are what templates call on values, so that a value never becomes syntax.
var functions = template.FuncMap{"quote": quote, "list": list, "literal": literal}

func render(name string, data any) (string, error) {
	text, err := files.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("read template %s: %w", name, err)
	}
	t, err := template.New(name).Option("missingkey=error").Funcs(functions).Parse(string(text))
	if err != nil {
		return "", fmt.Errorf("parse template %s: %w", name, err)
	}
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		return "", fmt.Errorf("render template %s: %w", name, err)
	}
	return out.String(), nil
}

// quote writes a string as a JSON string, which is also one of YAML and of Alloy.
func quote(s string) (string, error) { return marshal(s) }

// list writes strings as a JSON array, which is also one of YAML and of Alloy.
func list(s []string) (string, error) { return marshal(s) }

func marshal(value any) (string, error) {
	b, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, r := range string(b) {
		// Plain characters in JSON, but control characters in YAML, and one of them a line break.
		if r >= 0x7f && r <= 0x9f || r == 0xfeff {
			fmt.Fprintf(&out, "\\u%04x", r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String(), nil
}

// literal writes a file's content as the value of a YAML key that stands at the given column: as a
// literal block where YAML can, so that people can read it.
func literal(column int, content string) (string, error) {
	if strings.TrimLeft(content, " \t\r\n") != content {
		return quote(content) // yaml.v3 loses leading empty lines
	}
	b, err := yaml.Marshal(content)
	if err != nil {
		return "", err
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
	for i, line := range lines {
		if i > 0 && strings.TrimSuffix(line, "\n") != "" {
			lines[i] = strings.Repeat(" ", column) + line
		}
	}
	return strings.Join(lines, ""), nil
}
