// Package apischema reads the API schema that Proxmox VE publishes (the JSON
// tree behind its API viewer) and answers what Proxmox VE itself would answer
// from it: which call a request is, whether its parameters are valid, and
// whether a caller's privileges suffice.
//
// The rules and the error texts are those of PVE::JSONSchema, PVE::RESTHandler
// (pve-common) and PVE::RPCEnvironment (pve-access-control). The schema file is
// not part of this repository; `pvesh` and the API viewer of any Proxmox VE
// carry it.
package apischema

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Schema is a loaded API schema. It is immutable and safe for concurrent use.
type Schema struct {
	root    *node
	calls   []*Call
	unknown []string
}

// node is one path segment of the tree.
type node struct {
	literals map[string]*node
	param    *node  // the {param} child, nil when there is none
	name     string // the parameter's name when this node is a {param}
	calls    map[string]*Call
}

// treeNode is a node as it stands in the schema file.
type treeNode struct {
	Path     string                `json:"path"`
	Children []treeNode            `json:"children"`
	Info     map[string]methodInfo `json:"info"`
}

type methodInfo struct {
	AllowToken  flag            `json:"allowtoken"`
	Protected   flag            `json:"protected"`
	Parameters  parameterInfo   `json:"parameters"`
	Permissions *permissionInfo `json:"permissions"`
	Returns     returnInfo      `json:"returns"`
}

// returnInfo is the part of a result's description that names a role's
// privileges.
type returnInfo struct {
	Properties map[string]json.RawMessage `json:"properties"`
}

type parameterInfo struct {
	Properties           map[string]propertyInfo `json:"properties"`
	AdditionalProperties *flag                   `json:"additionalProperties"`
}

// Load reads the schema file at path and compiles all that it defines: path
// tree, properties, patterns and permission checks. It fails on a file that is
// not such a schema, on a pattern that Go's regexp cannot express, and on a
// permission check that is not known.
func Load(path string) (*Schema, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read API schema: %w", err)
	}
	var tree []treeNode
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("parse API schema %s: %w", path, err)
	}
	c, err := newCompiler(tree)
	if err != nil {
		return nil, err
	}
	s := &Schema{root: &node{}}
	for _, n := range tree {
		if err := s.add(n, c); err != nil {
			return nil, fmt.Errorf("API schema %s: %w", path, err)
		}
	}
	if len(s.calls) == 0 {
		return nil, fmt.Errorf("API schema %s defines no calls", path)
	}
	slices.SortFunc(s.calls, func(a, b *Call) int {
		return strings.Compare(a.path+" "+a.method, b.path+" "+b.method)
	})
	s.unknown = c.unknownFormats()
	return s, nil
}

func (s *Schema) add(n treeNode, c *compiler) error {
	place := s.root.descend(splitPath(n.Path))
	for method, info := range n.Info {
		call, err := c.call(n.Path, method, info)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, n.Path, err)
		}
		if place.calls == nil {
			place.calls = map[string]*Call{}
		}
		place.calls[method] = call
		s.calls = append(s.calls, call)
	}
	for _, child := range n.Children {
		if err := s.add(child, c); err != nil {
			return err
		}
	}
	return nil
}

// Calls returns every call of the schema, sorted by path and method.
func (s *Schema) Calls() []*Call { return slices.Clone(s.calls) }

// UnknownFormats returns, sorted, the named formats that the schema uses and
// that this package neither implements nor deliberately leaves free. Values of
// such formats are accepted.
func (s *Schema) UnknownFormats() []string { return slices.Clone(s.unknown) }

// Lookup finds the call for method and the path segments below /api2/json,
// already unescaped. A literal segment wins over a {param}; empty segments are
// skipped, as Proxmox VE does. pathParams holds the values of the {param}
// segments.
func (s *Schema) Lookup(method string, segments []string) (call *Call, pathParams map[string]string, ok bool) {
	place := s.root
	pathParams = map[string]string{}
	for _, segment := range segments {
		if segment == "" {
			continue
		}
		if next, found := place.literals[segment]; found {
			place = next
			continue
		}
		if place.param == nil || !paramSegment.MatchString(segment) {
			return nil, nil, false
		}
		place = place.param
		pathParams[place.name] = segment
	}
	call, ok = place.calls[method]
	if !ok {
		return nil, nil, false
	}
	return call, pathParams, true
}

// paramSegment is what a {param} path segment may hold (PVE::RESTHandler).
var paramSegment = regexp.MustCompile(`^\S+$`)

func (n *node) descend(segments []string) *node {
	for _, segment := range segments {
		n = n.child(segment)
	}
	return n
}

func (n *node) child(segment string) *node {
	if name, isParam := paramName(segment); isParam {
		if n.param == nil {
			n.param = &node{name: name}
		}
		return n.param
	}
	if n.literals == nil {
		n.literals = map[string]*node{}
	}
	if n.literals[segment] == nil {
		n.literals[segment] = &node{}
	}
	return n.literals[segment]
}

func paramName(segment string) (name string, isParam bool) {
	inner, open := strings.CutPrefix(segment, "{")
	name, closed := strings.CutSuffix(inner, "}")
	return name, open && closed
}

func splitPath(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
