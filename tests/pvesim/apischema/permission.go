package apischema

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Requirement is a privilege on an access control path.
type Requirement struct {
	Path      string
	Privilege string // alternatives are joined by |
}

// String returns what Proxmox VE puts into "Permission check failed (...)".
func (r Requirement) String() string { return r.Path + ", " + r.Privilege }

// rootUser may do everything.
const rootUser = "root@pam"

// permissionInfo is what a call needs, as it stands in the schema file.
type permissionInfo struct {
	User  string          `json:"user"`
	Check json.RawMessage `json:"check"`
}

// permissions is a compiled permissionInfo. Without user and check a call is for
// root alone.
type permissions struct {
	user  string // "all", "world" or empty
	check check  // nil when there is none
}

// check is one test of a permission expression. It returns the requirements
// that made it pass, or those that are missing.
type check interface {
	eval(q *query) (ok bool, requirements []Requirement)
}

// query is the request that a check is evaluated for.
type query struct {
	pathParams map[string]string
	form       url.Values
	has        func(path, priv string) bool
	user       string
}

func (q *query) param(name string) (string, bool) {
	if value, found := q.pathParams[name]; found {
		return value, true
	}
	if list := q.form[name]; len(list) > 0 {
		return strings.Join(list, ","), true
	}
	return "", false
}

// Allowed evaluates the permissions of the call for user, who holds priv on
// path when has says so. user is "user@realm" or "user@realm!token", empty for
// a request without credentials; root@pam itself may do everything.
//
// When ok, required holds the requirements that were needed; of alternatives
// those that the caller holds. When not, it holds those that are missing, the
// first of which is what Proxmox VE names in its answer 403; it is empty when no
// privilege would do, as the call is for root@pam or for known users only.
//
// Two things that Proxmox VE looks up in its user database are out of reach
// here: whether a user exists, which is taken for granted, and who is in which
// group, so that privileges on a group do not extend to its members.
func (c *Call) Allowed(pathParams map[string]string, form url.Values, has func(path, priv string) bool, user string) (ok bool, required []Requirement) {
	p := c.permissions
	switch {
	case user == "":
		return p.user == "world", nil
	case user == rootUser, p.user == "all", p.user == "world":
		return true, nil
	case p.check == nil:
		return false, nil
	}
	return p.check.eval(&query{pathParams: pathParams, form: form, has: has, user: user})
}

func compilePermissions(info *permissionInfo) (permissions, error) {
	if info == nil {
		return permissions{}, nil
	}
	p := permissions{user: info.User}
	if info.Check == nil {
		return p, nil
	}
	var err error
	p.check, err = compileCheck(info.Check)
	return p, err
}

func compileCheck(raw json.RawMessage) (check, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	if len(parts) == 0 {
		return nil, errors.New("check: no permission test specified")
	}
	var test string
	if err := json.Unmarshal(parts[0], &test); err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	arguments := parts[1:]
	switch test {
	case "and", "or":
		return compileJunction(test == "and", arguments)
	case "perm":
		return compilePerm(arguments)
	case "userid-group":
		return compileUseridGroup(arguments)
	case "userid-param":
		return compileUseridParam(arguments)
	case "perm-modify":
		var template string
		err := unmarshalArguments(arguments, &template)
		return permModify{template: template}, err
	}
	return nil, fmt.Errorf("check: unknown permission test %q", test)
}

func compileJunction(all bool, arguments []json.RawMessage) (check, error) {
	j := junction{all: all}
	for _, argument := range arguments {
		sub, err := compileCheck(argument)
		if err != nil {
			return nil, err
		}
		j.checks = append(j.checks, sub)
	}
	return j, nil
}

func compilePerm(arguments []json.RawMessage) (check, error) {
	p := perm{}
	if len(arguments) < 2 {
		return nil, errors.New("check perm: missing parameters")
	}
	if err := unmarshalArguments(arguments[:2], &p.template, &p.privileges); err != nil {
		return nil, err
	}
	options, err := compileOptions(arguments[2:])
	p.any = options["any"] == "1"
	p.requireParam = options["require_param"]
	return p, err
}

func compileUseridGroup(arguments []json.RawMessage) (check, error) {
	u := useridGroup{}
	if len(arguments) < 1 {
		return nil, errors.New("check userid-group: missing parameters")
	}
	if err := unmarshalArguments(arguments[:1], &u.privileges); err != nil {
		return nil, err
	}
	options, err := compileOptions(arguments[1:])
	u.groupsParam = options["groups_param"]
	return u, err
}

func compileUseridParam(arguments []json.RawMessage) (check, error) {
	u := useridParam{}
	if err := unmarshalArguments(arguments, &u.test); err != nil {
		return nil, err
	}
	if u.test != "self" && u.test != realmAllocateUser {
		return nil, fmt.Errorf("check userid-param: unknown test %q", u.test)
	}
	return u, nil
}

func unmarshalArguments(arguments []json.RawMessage, targets ...any) error {
	if len(arguments) != len(targets) {
		return fmt.Errorf("check: %d arguments instead of %d", len(arguments), len(targets))
	}
	for i, target := range targets {
		if err := json.Unmarshal(arguments[i], target); err != nil {
			return fmt.Errorf("check: %w", err)
		}
	}
	return nil
}

// compileOptions reads the name, value, name, value... tail of a check.
func compileOptions(tail []json.RawMessage) (map[string]string, error) {
	options := map[string]string{}
	for pair := range slices.Chunk(tail, 2) {
		var name string
		var value scalar
		if err := unmarshalArguments(pair, &name, &value); err != nil {
			return nil, err
		}
		options[name] = string(value)
	}
	return options, nil
}

// junction is "and" or "or".
type junction struct {
	all    bool
	checks []check
}

func (j junction) eval(q *query) (bool, []Requirement) {
	var collected []Requirement
	for _, sub := range j.checks {
		ok, requirements := sub.eval(q)
		if ok != j.all {
			return ok, requirements
		}
		collected = append(collected, requirements...)
	}
	return j.all, collected
}

// perm is privileges on a path: all of them, or any.
type perm struct {
	template     string
	privileges   []string
	any          bool
	requireParam string
}

func (p perm) eval(q *query) (bool, []Requirement) {
	if p.requireParam != "" {
		if _, found := q.param(p.requireParam); !found {
			return false, nil
		}
	}
	path := normalizePath(q.expand(p.template))
	if p.any {
		return q.hasAny(path, p.privileges)
	}
	return q.hasAll(path, p.privileges)
}

func (q *query) hasAll(path string, privileges []string) (bool, []Requirement) {
	var held, missing []Requirement
	for _, privilege := range privileges {
		r := Requirement{Path: path, Privilege: privilege}
		if q.has(path, privilege) {
			held = append(held, r)
		} else {
			missing = append(missing, r)
		}
	}
	if missing != nil {
		return false, missing
	}
	return true, held
}

func (q *query) hasAny(path string, privileges []string) (bool, []Requirement) {
	var held []Requirement
	for _, privilege := range privileges {
		if q.has(path, privilege) {
			held = append(held, Requirement{Path: path, Privilege: privilege})
		}
	}
	if held != nil {
		return true, held
	}
	return false, []Requirement{{Path: path, Privilege: strings.Join(privileges, "|")}}
}

const groupsPath = "/access/groups"

// useridGroup is privileges on all groups, or on the groups that the request
// puts the user in.
type useridGroup struct {
	privileges  []string
	groupsParam string // "create", "update" or empty
}

func (u useridGroup) eval(q *query) (bool, []Requirement) {
	ok, requirements := q.hasAny(groupsPath, u.privileges)
	if ok || u.groupsParam != "create" {
		return ok, requirements
	}
	groups, _ := q.param("groups")
	if groups == "" {
		return false, requirements
	}
	var held []Requirement
	for _, group := range splitList(groups) {
		ok, requirements := q.hasAny(groupsPath+"/"+group, u.privileges)
		if !ok {
			return false, requirements
		}
		held = append(held, requirements...)
	}
	return true, held
}

const realmAllocateUser = "Realm.AllocateUser"

// useridParam is about the user that the request names: the caller, or one of
// a realm that the caller may allocate users in.
type useridParam struct{ test string }

func (u useridParam) eval(q *query) (bool, []Requirement) {
	userid, _ := q.param("userid")
	if u.test == "self" {
		return q.user == userid, nil
	}
	realm := userid[strings.LastIndex(userid, "@")+1:]
	return q.hasAll("/access/realm/"+realm, []string{realmAllocateUser})
}

// permModify is the right to change the access control list of a path.
type permModify struct{ template string }

func (p permModify) eval(q *query) (bool, []Requirement) {
	path := normalizePath(q.expand(p.template))
	privileges := []string{"Permissions.Modify"}
	for prefix, privilege := range map[string]string{
		"/storage/": "Datastore.Allocate",
		"/vms/":     "VM.Allocate",
		"/pool/":    "Pool.Allocate",
	} {
		if strings.HasPrefix(path, prefix) {
			privileges = append(privileges, privilege)
		}
	}
	return q.hasAny(path, privileges)
}

var templateParam = regexp.MustCompile(`\{([^}]+)\}`)

// expand fills the {name}s of a path template from the request; a missing or
// false one becomes a dash (PVE::Tools::template_replace).
func (q *query) expand(template string) string {
	if !strings.Contains(template, "{") {
		return template
	}
	return templateParam.ReplaceAllStringFunc(template, func(match string) string {
		value, _ := q.param(match[1 : len(match)-1])
		if value == "" || value == "0" {
			return "-"
		}
		return value
	})
}

// normalizePath gives an access control path one leading slash, no trailing one
// and no double ones.
func normalizePath(path string) string {
	return "/" + strings.Join(splitPath(path), "/")
}
