package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// setting is a key of Pulumi.yaml.
type setting struct {
	Key         string
	Type        string `yaml:"type"`
	Secret      bool   `yaml:"secret"`
	Default     any    `yaml:"default"`
	Description string `yaml:"description"`
}

// readSettings returns the keys of Pulumi.yaml in their order.
func readSettings(root string) ([]setting, error) {
	text, err := os.ReadFile(filepath.Join(root, "Pulumi.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	var project struct {
		Config yaml.Node `yaml:"config"`
	}
	if err := yaml.Unmarshal(text, &project); err != nil {
		return nil, fmt.Errorf("parse Pulumi.yaml: %w", err)
	}
	var settings []setting
	for i := 0; i+1 < len(project.Config.Content); i += 2 {
		s := setting{Key: project.Config.Content[i].Value}
		if err := project.Config.Content[i+1].Decode(&s); err != nil {
			return nil, fmt.Errorf("parse %s in Pulumi.yaml: %w", s.Key, err)
		}
		settings = append(settings, s)
	}
	return settings, nil
}

// object is a type of package stacks/config that a part of the configuration is decoded into.
type object struct {
	Doc    string
	Fields []field
}

type field struct {
	Key  string
	Type string
	Doc  string
	Tag  reflect.StructTag
}

// source is what the reference takes from the code.
type source struct {
	objects map[string]object
	// rules are the rules of the formats by name.
	rules map[string]string
}

func readSource(root string) (source, error) {
	s := source{objects: map[string]object{}, rules: map[string]string{}}
	for _, name := range []string{"input.go", "formats.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "stacks/config", name), nil, parser.ParseComments)
		if err != nil {
			return source{}, fmt.Errorf("parse the types of the configuration: %w", err)
		}
		for _, decl := range file.Decls {
			general, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if err := s.addObject(spec, general.Doc.Text()); err != nil {
						return source{}, err
					}
				case *ast.ValueSpec:
					if err := s.addRules(spec); err != nil {
						return source{}, err
					}
				}
			}
		}
	}
	return s, nil
}

func (s source) addObject(spec *ast.TypeSpec, doc string) error {
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return nil
	}
	o := object{Doc: strings.TrimPrefix(oneLine(doc), spec.Name.Name+" is ")}
	for _, f := range structure.Fields.List {
		if f.Tag == nil {
			continue
		}
		tag, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return fmt.Errorf("tag of a field of %s: %w", spec.Name.Name, err)
		}
		t := reflect.StructTag(tag)
		o.Fields = append(o.Fields, field{Key: t.Get("config"), Type: typeName(f.Type), Doc: oneLine(f.Doc.Text()), Tag: t})
	}
	s.objects[spec.Name.Name] = o
	return nil
}

// addRules reads the literal of the variable formats.
func (s source) addRules(spec *ast.ValueSpec) error {
	if spec.Names[0].Name != "formats" {
		return nil
	}
	literal, ok := spec.Values[0].(*ast.CompositeLit)
	if !ok {
		return fmt.Errorf("formats is not a literal")
	}
	for _, element := range literal.Elts {
		entry, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return fmt.Errorf("formats has an element without key")
		}
		name, err := text(entry.Key)
		if err != nil {
			return err
		}
		format, ok := entry.Value.(*ast.CompositeLit)
		if !ok {
			return fmt.Errorf("format %s is not a literal", name)
		}
		for _, member := range format.Elts {
			pair, ok := member.(*ast.KeyValueExpr)
			if !ok {
				return fmt.Errorf("format %s has a member without key", name)
			}
			if ident, ok := pair.Key.(*ast.Ident); ok && ident.Name == "rule" {
				if s.rules[name], err = text(pair.Value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// text returns the value of a string literal.
func text(e ast.Expr) (string, error) {
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		return "", fmt.Errorf("%T is not a string literal", e)
	}
	s, err := strconv.Unquote(literal.Value)
	if err != nil {
		return "", fmt.Errorf("unquote %s: %w", literal.Value, err)
	}
	return s, nil
}

// typeName returns the name that Pulumi's schema has for a type.
func typeName(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.Ident:
		switch t.Name {
		case "int":
			return "integer"
		case "bool":
			return "boolean"
		}
		return t.Name
	case *ast.ArrayType:
		return "array"
	}
	return "object"
}

func oneLine(doc string) string {
	return strings.Join(strings.Fields(doc), " ")
}
