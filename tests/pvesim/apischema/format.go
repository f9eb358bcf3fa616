package apischema

import (
	_ "embed"
	"encoding/json"
	"errors"
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

func newCompiler(tree []treeNode) *compiler {
	return &compiler{
		patterns: map[string]*regexp.Regexp{},
		named:    map[string]format{},
		unknown:  map[string]bool{},
		ide:      findKeys(tree, "ide[n]"),
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
	if info.keys != nil {
		return c.propertyString(info.keys)
	}
	if info.name == "" {
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
	if f, found := namedFormats[name]; found {
		return f, nil
	}
	if name == "pve-qm-ide" && c.ide != nil {
		return c.propertyString(c.ide)
	}
	definitions, err := propertyFormats()
	if err != nil {
		return nil, err
	}
	if keys, found := definitions[name]; found {
		return c.propertyString(keys)
	}
	if _, free := freeFormats[name]; !free {
		c.unknown[name] = true
	}
	return nil, nil
}

func propertyFormats() (map[string]map[string]propertyInfo, error) {
	var definitions map[string]map[string]propertyInfo
	if err := json.Unmarshal(propertyFormatsJSON, &definitions); err != nil {
		return nil, fmt.Errorf("propertyformats.json: %w", err)
	}
	return definitions, nil
}

func (c *compiler) unknownFormats() []string {
	return slices.Sorted(maps.Keys(c.unknown))
}

// matches returns a format that accepts what pattern matches and else fails
// with reason, in which %s stands for the value.
func matches(pattern, reason string) formatFunc {
	compiled := regexp.MustCompile(pattern)
	return func(value string) error {
		if compiled.MatchString(value) {
			return nil
		}
		return errors.New(strings.ReplaceAll(reason, "%s", value))
	}
}
