package apischema

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// format checks a value beyond its type; path names the value in messages.
type format interface {
	check(path, value string) error
}

// violation is the reason for which Proxmox VE refuses a value, in its own
// words and punctuation.
type violation string

func (v violation) Error() string { return string(v) }

func violationf(format string, args ...any) error { return violation(fmt.Sprintf(format, args...)) }

// formatFunc is a named format without parts.
type formatFunc func(value string) error

func (f formatFunc) check(_, value string) error { return f(value) }

// listFormat applies a format to each entry of a list; empty lists are valid.
type listFormat struct{ entry format }

func (f listFormat) check(path, value string) error {
	for _, entry := range splitList(value) {
		if err := f.entry.check(path, entry); err != nil {
			return err
		}
	}
	return nil
}

// optionalFormat applies a format unless the value is empty or 0.
type optionalFormat struct{ value format }

func (f optionalFormat) check(path, value string) error {
	if value == "" || value == "0" {
		return nil
	}
	return f.value.check(path, value)
}

// splitList splits at NUL when there is one, else at commas, semicolons and
// white space, as PVE::Tools::split_list does.
func splitList(text string) []string {
	if strings.Contains(text, "\x00") {
		return strings.Split(strings.TrimRight(text, "\x00"), "\x00")
	}
	return strings.FieldsFunc(text, func(r rune) bool {
		return strings.ContainsRune(",; \t\n\v\f\r", r)
	})
}

// propertyFormatsJSON defines the property strings which the schema file
// mentions by name only, in the schema's own terms.
//
//go:embed propertyformats.json
var propertyFormatsJSON []byte

// propertyValidators are the checks that named property strings have beyond
// those of their keys.
var propertyValidators = map[string]func(map[string]string) error{
	"prune-backups":   validateRetention,
	"pve-vm-cpu-conf": validateCPU,
}

func newCompiler(tree []treeNode) (*compiler, error) {
	c := &compiler{
		patterns: map[string]*regexp.Regexp{},
		named:    map[string]format{},
		unknown:  map[string]bool{},
	}
	if err := json.Unmarshal(propertyFormatsJSON, &c.strings); err != nil {
		return nil, fmt.Errorf("propertyformats.json: %w", err)
	}
	if ide := findKeys(tree, "ide[n]"); ide != nil {
		c.strings["pve-qm-ide"] = ide
	}
	for name, f := range namedFormats {
		c.named[name] = f
	}
	if privileges := findPrivileges(tree); privileges != nil {
		c.named["pve-priv"] = privilegeFormat(privileges)
	}
	return c, nil
}

// findPrivileges returns the privileges of the schema's Proxmox VE: the
// properties of a role.
func findPrivileges(tree []treeNode) map[string]json.RawMessage {
	for _, n := range tree {
		if n.Path == "/access/roles/{roleid}" {
			return n.Info["GET"].Returns.Properties
		}
		if privileges := findPrivileges(n.Children); privileges != nil {
			return privileges
		}
	}
	return nil
}

func privilegeFormat(privileges map[string]json.RawMessage) formatFunc {
	return func(value string) error {
		if _, found := privileges[value]; !found {
			return violationf("invalid privilege '%s'", value)
		}
		return nil
	}
}

// findKeys returns the keys of the first property string parameter of a name.
func findKeys(tree []treeNode, name string) map[string]propertyInfo {
	for _, n := range tree {
		for _, info := range n.Info {
			if keys := info.Parameters.Properties[name].Format.keys; keys != nil {
				return keys
			}
		}
		if keys := findKeys(n.Children, name); keys != nil {
			return keys
		}
	}
	return nil
}

func (c *compiler) format(info formatInfo) (format, error) {
	switch {
	case info.keys != nil:
		return c.propertyString(info.keys)
	case info.name == "":
		return nil, nil
	}
	if known, found := c.named[info.name]; found {
		return known, nil
	}
	compiled, err := c.namedFormat(info.name)
	if err != nil {
		return nil, fmt.Errorf("format %s: %w", info.name, err)
	}
	c.named[info.name] = compiled
	return compiled, nil
}

func (c *compiler) propertyString(keys map[string]propertyInfo) (format, error) {
	o, err := c.object(keys)
	if err != nil {
		return nil, err
	}
	return propertyString{keys: o}, nil
}

// namedFormat compiles a format that is not in c.named; nil is a free one.
func (c *compiler) namedFormat(name string) (format, error) {
	if base, isList := strings.CutSuffix(name, "-list"); isList {
		entry, err := c.format(formatInfo{name: base})
		if err != nil || entry == nil {
			return nil, err
		}
		return listFormat{entry: entry}, nil
	}
	if base, isOptional := strings.CutSuffix(name, "-opt"); isOptional {
		value, err := c.format(formatInfo{name: base})
		if err != nil || value == nil {
			return nil, err
		}
		return optionalFormat{value: value}, nil
	}
	if keys, found := c.strings[name]; found {
		o, err := c.object(keys)
		return propertyString{keys: o, validate: propertyValidators[name]}, err
	}
	if _, free := freeFormats[name]; !free {
		c.unknown[name] = true
	}
	return nil, nil
}

func (c *compiler) unknownFormats() []string {
	return slices.Sorted(maps.Keys(c.unknown))
}
