package sim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/pve-home/pve-home/tests/pvesim/apischema"
)

// requestSchema is Proxmox's own description of its API.
type requestSchema struct{ *apischema.Schema }

func loadSchema(file string) (*requestSchema, error) {
	loaded, err := apischema.Load(file)
	if err != nil {
		return nil, fmt.Errorf("API schema %s: %w", file, err)
	}
	return &requestSchema{loaded}, nil
}

// Violation is a request that the schema rejects.
type Violation struct {
	Method, Path string
	Parameter    string
	Reason       string
	// Tolerated says why it was let through; empty means that it was answered with 400.
	Tolerated string
}

// validate checks the parameters and the permission that the schema states. Calls that the schema does not know
// are not checked: they belong to another version, and the router decides about them.
func (s *Sim) validate(c *call, segments []string, escaped string) error {
	if s.schema == nil {
		return nil
	}
	described, pathParams, found := s.schema.Lookup(c.http.Method, segments)
	if !found {
		s.violations = append(s.violations, Violation{Method: c.http.Method, Path: escaped, Reason: "not in the schema"})
		return &apiError{
			status: http.StatusNotImplemented,
			reason: fmt.Sprintf("Method '%s %s' not implemented", c.http.Method, escaped),
		}
	}
	form, violations := tolerate(c.http.Method, described.Path(), escaped, c.form)
	params := map[string]string{}
	var wrong []apischema.ParamError
	if !strings.HasPrefix(c.http.Header.Get("Content-Type"), "multipart/") {
		// An upload's parameters are in its body, which its handler reads.
		wrong = described.Validate(pathParams, form)
	}
	for _, e := range wrong {
		params[e.Param] = e.Reason
		violations = append(violations, Violation{Method: c.http.Method, Path: described.Path(), Parameter: e.Param, Reason: e.Reason})
	}
	s.violations = append(s.violations, violations...)
	if len(params) > 0 {
		return &apiError{status: http.StatusBadRequest, reason: "Parameter verification failed.", params: params}
	}
	if c.user == "" {
		return nil
	}
	ok, required := described.Allowed(pathParams, form, c.allowed, c.user)
	if !ok {
		if len(required) == 0 {
			return forbidden("user != root@pam")
		}
		return forbidden(required[0].String())
	}
	c.needs = func(used map[string]bool) {
		for _, r := range leastOf(required, used, func(has func(path, privilege string) bool) bool {
			enough, _ := described.Allowed(pathParams, form, has, c.user)
			return enough
		}) {
			used[r.Privilege] = true
		}
	}
	return nil
}

// leastOf drops the requirements without which the call would be allowed too: of alternatives one remains, if
// possible one that the call used for something else.
func leastOf(required []apischema.Requirement, used map[string]bool, allowed func(has func(path, privilege string) bool) bool) []apischema.Requirement {
	kept := slices.Clone(required)
	slices.SortStableFunc(kept, func(a, b apischema.Requirement) int { return bit(used[a.Privilege]) - bit(used[b.Privilege]) })
	for _, candidate := range slices.Clone(kept) {
		rest := slices.DeleteFunc(slices.Clone(kept), func(r apischema.Requirement) bool { return r == candidate })
		if allowed(func(path, privilege string) bool {
			return slices.Contains(rest, apischema.Requirement{Path: path, Privilege: privilege})
		}) {
			kept = rest
		}
	}
	return kept
}

func cloneValues(form url.Values) url.Values {
	clone := make(url.Values, len(form))
	for key, values := range form {
		clone[key] = append([]string(nil), values...)
	}
	return clone
}

// Violations returns the requests that the schema rejects, those that were tolerated among them.
func (s *Sim) Violations() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Violation(nil), s.violations...)
}
