package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"text/template"
)

//go:embed configuration.md.tmpl
var page string

// row is a line of a table. Its texts are Markdown.
type row struct {
	Key, Type, Default, Description, Rule string
}

// section is the table of one object of the configuration.
type section struct {
	Title string
	Intro string
	Names string
	Rows  []row
}

// sections are the objects in the order of the reference, and the setting whose names are theirs.
var sections = []struct{ title, object, names string }{
	{"`nodes`", "nodeInput", "nodes"},
	{"`vms` and `containers`", "guestInput", "vms"},
	{"`vms`", "vmInput", "vms"},
	{"`vms.<name>.dataDisks`", "dataDiskInput", ""},
	{"`containers`", "containerInput", "containers"},
	{"`containers.<name>.mountPoints`", "mountPointInput", ""},
	{"`backups`", "backupInput", "backups"},
}

// render returns the reference of the repository in root.
func render(root string) ([]byte, error) {
	settings, err := readSettings(root)
	if err != nil {
		return nil, err
	}
	s, err := readSource(root)
	if err != nil {
		return nil, err
	}
	data := struct {
		Settings []row
		Sections []section
	}{}
	tags := map[string]reflect.StructTag{}
	for _, f := range s.objects["input"].Fields {
		tags[f.Key] = f.Tag
	}
	for _, setting := range settings {
		r, err := s.settingRow(setting, tags[setting.Key])
		if err != nil {
			return nil, err
		}
		data.Settings = append(data.Settings, r)
	}
	for _, entry := range sections {
		o, ok := s.objects[entry.object]
		if !ok {
			return nil, fmt.Errorf("package stacks/config has no type %s", entry.object)
		}
		sec := section{Title: entry.title, Intro: sentence(o.Doc), Names: s.rules[tags[entry.names].Get("keys")]}
		for _, f := range o.Fields {
			sec.Rows = append(sec.Rows, s.fieldRow(f))
		}
		data.Sections = append(data.Sections, sec)
	}
	t, err := template.New("page").Funcs(template.FuncMap{"cell": cell}).Parse(page)
	if err != nil {
		return nil, fmt.Errorf("parse the template: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("render the reference: %w", err)
	}
	return out.Bytes(), nil
}

func (s source) settingRow(set setting, tag reflect.StructTag) (row, error) {
	r := row{Key: set.Key, Type: set.Type, Description: set.Description, Rule: s.rule(set.Type, tag)}
	if set.Secret {
		r.Description = "Secret. " + r.Description
	}
	if set.Default == nil || set.Default == "" {
		return r, nil
	}
	text, isText := set.Default.(string)
	if !isText {
		b, err := json.Marshal(set.Default)
		if err != nil {
			return row{}, fmt.Errorf("default of %s: %w", set.Key, err)
		}
		text = string(b)
	}
	r.Default = code(text)
	return r, nil
}

func (s source) fieldRow(f field) row {
	r := row{Key: f.Key, Type: f.Type, Description: f.Doc, Rule: s.rule(f.Type, f.Tag)}
	if text := f.Tag.Get("default"); text != "" {
		r.Default = code(text)
	}
	if fallback := f.Tag.Get("fallback"); fallback != "" {
		r.Default = "that of the stack: " + code(fallback)
		if strings.Contains(fallback, " ") {
			r.Default = fallback
		}
	}
	if f.Tag.Get("required") != "" {
		r.Default = "required"
	}
	return r
}

// rule says what values are valid, as far as the type leaves that open.
func (s source) rule(typ string, tag reflect.StructTag) string {
	rule := s.rules[tag.Get("format")]
	switch {
	case tag.Get("enum") != "":
		rule = code(strings.Join(strings.Fields(tag.Get("enum")), "`, `"))
	case tag.Get("max") != "":
		rule = tag.Get("min") + " to " + tag.Get("max")
	case rule != "" && typ == "array":
		rule = "each: " + rule
	case tag.Get("maxItems") != "":
		rule = "at most " + tag.Get("maxItems") + " entries"
	}
	return rule
}

func code(text string) string { return "`" + text + "`" }

func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// cell keeps a text from ending the cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(text, "|", `\|`)
}
