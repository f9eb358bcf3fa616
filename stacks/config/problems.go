package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing wrong with the configuration.
type Problem struct {
	// Key is the path of the setting, such as `vms.web.dataDisks[1].sizeGiB`.
	Key string
	// Value is what the setting holds, empty when that is beside the point or secret.
	Value string
	// Rule says what is wrong: a predicate of Value, or of Key when there is no Value.
	Rule string
	// Fix says what to do.
	Fix string
}

// String returns the problem in one line.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Key + ": ")
	if p.Value != "" {
		b.WriteString(p.Value + " ")
	}
	b.WriteString(p.Rule + ".")
	if p.Fix != "" {
		b.WriteString(" " + strings.TrimSuffix(p.Fix, "."))
		if !strings.HasSuffix(p.Fix, "?") {
			b.WriteString(".")
		}
	}
	return b.String()
}

// ProblemsError holds everything wrong with the configuration of a stack, sorted by key.
type ProblemsError struct {
	Stack    string
	Problems []Problem
}

func (e *ProblemsError) Error() string {
	noun := "problems"
	if len(e.Problems) == 1 {
		noun = "problem"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s in the configuration of stack %q (Pulumi.%s.yaml, Pulumi.yaml):", len(e.Problems), noun, e.Stack, e.Stack)
	for _, p := range e.Problems {
		b.WriteString("\n  - " + p.String())
	}
	return b.String()
}

// problems collects what is wrong, and knows which settings later checks must not rely on.
type problems struct {
	list []Problem
	// bad are the paths whose values are unusable.
	bad []string
	// hidden are the top-level keys whose values no message may show.
	hidden map[string]bool
}

// add reports a setting whose value is unusable. value is nil when there is none to show.
func (p *problems) add(key string, value any, rule, fix string) {
	p.bad = append(p.bad, key)
	p.note(key, value, rule, fix)
}

// note reports something about a setting that does not make what lies in it unusable.
func (p *problems) note(key string, value any, rule, fix string) {
	problem := Problem{Key: key, Rule: rule, Fix: fix}
	if value != nil {
		problem.Value = show(value)
		if p.hidden[topLevel(key)] {
			problem.Value = "the value"
			if !slices.Contains(secretKeys, key) {
				// The fix may repeat the value, as it knows of no secret there.
				problem.Fix = ""
			}
		}
	}
	p.list = append(p.list, problem)
}

// ok reports whether the setting, all around it and all in it is usable.
func (p *problems) ok(key string) bool {
	return !slices.ContainsFunc(p.bad, func(bad string) bool {
		return contains(bad, key) || contains(key, bad)
	})
}

// err returns nil when nothing is wrong.
func (p *problems) err(stack string) error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int { return strings.Compare(a.Key, b.Key) })
	return &ProblemsError{Stack: stack, Problems: p.list}
}

// contains reports whether the path inner is outer or lies in it.
func contains(outer, inner string) bool {
	rest, ok := strings.CutPrefix(inner, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// urlPassword is what a URL may hold of a user and a password.
var urlPassword = regexp.MustCompile(`://[^/\s]*@`)

func topLevel(key string) string {
	if i := strings.IndexAny(key, ".["); i >= 0 {
		return key[:i]
	}
	return key
}

// child appends a map key to a path.
func child(path, key string) string {
	if key == "" || strings.ContainsAny(key, ".[]\" ") {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// show writes a value as a message quotes it: short, on one line, its ends visible.
func show(value any) string {
	const limit = 80
	s, isString := value.(string)
	if !isString {
		s = fmt.Sprint(value)
	}
	s = urlPassword.ReplaceAllString(s, "://...@")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	if isString && (s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || !strconv.IsPrint(r) })) {
		return strconv.Quote(s)
	}
	return s
}
