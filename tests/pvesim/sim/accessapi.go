package sim

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

func (u *user) answer() map[string]any {
	return map[string]any{
		"enable": bit(u.Enable), "expire": u.ExpireUnix, "comment": u.Comment, "email": u.Email, "firstname": u.FirstName,
		"lastname": u.LastName, "keys": u.Keys,
	}
}

func (s *Sim) tokensOf(userid string) []map[string]any {
	list := []map[string]any{}
	for _, full := range sortedKeys(s.state.Tokens) {
		if id, found := strings.CutPrefix(full, userid+"!"); found {
			entry := s.state.Tokens[full].answer()
			entry["tokenid"] = id
			list = append(list, entry)
		}
	}
	return list
}

func (t *token) answer() map[string]any {
	return map[string]any{"comment": t.Comment, "expire": t.ExpireUnix, "privsep": bit(t.PrivSep)}
}

func userList(c *call) (any, error) {
	list := []map[string]any{}
	for _, id := range sortedKeys(c.state.Users) {
		if id != c.user && !strings.HasPrefix(c.user, id+"!") && !c.allowed("/access/users", "Sys.Audit") && !c.allowed("/access", "User.Modify") {
			continue
		}
		entry := c.state.Users[id].answer()
		entry["userid"] = id
		entry["realm-type"] = id[strings.LastIndex(id, "@")+1:]
		if c.boolean("full") {
			entry["groups"], entry["tokens"] = strings.Join(c.state.Users[id].Groups, ","), c.tokensOf(id)
		}
		list = append(list, entry)
	}
	return list, nil
}

func (c *call) userOf() (*user, error) {
	u := c.state.Users[c.vars["userid"]]
	if u == nil {
		return nil, fail("no such user ('%s')", c.vars["userid"])
	}
	return u, nil
}

func userGet(c *call) (any, error) {
	u, err := c.userOf()
	if err != nil {
		return nil, err
	}
	answer := u.answer()
	answer["groups"] = append([]string{}, u.Groups...)
	tokens := map[string]any{}
	for _, t := range c.tokensOf(c.vars["userid"]) {
		id := t["tokenid"].(string)
		delete(t, "tokenid")
		tokens[id] = t
	}
	answer["tokens"] = tokens
	return answer, nil
}

func (c *call) fill(u *user) {
	for name, target := range map[string]*string{
		"comment": &u.Comment, "email": &u.Email, "firstname": &u.FirstName, "lastname": &u.LastName, "keys": &u.Keys, "password": &u.Password,
	} {
		if c.has(name) {
			*target = c.param(name)
		}
	}
	if c.has("enable") {
		u.Enable = c.boolean("enable")
	}
	if c.has("expire") {
		u.ExpireUnix = int64(c.integer("expire", 0))
	}
	if c.has("groups") {
		groups := splitList(c.param("groups"))
		if c.boolean("append") {
			groups = append(u.Groups, groups...)
		}
		u.Groups = groups
	}
	c.changed()
}

func userCreate(c *call) (any, error) {
	id := c.param("userid")
	realm := id[strings.LastIndex(id, "@")+1:]
	switch {
	case c.state.Users[id] != nil:
		return nil, fail("create user failed: user '%s' already exists", id)
	case c.state.Domains[realm] == nil:
		return nil, fail("create user failed: domain '%s' does not exist", realm)
	}
	u := &user{Enable: true}
	c.state.Users[id] = u
	c.fill(u)
	return nil, nil
}

func userUpdate(c *call) (any, error) {
	u, err := c.userOf()
	if err != nil {
		return nil, err
	}
	c.fill(u)
	return nil, nil
}

func userDelete(c *call) (any, error) {
	if _, err := c.userOf(); err != nil {
		return nil, err
	}
	id := c.vars["userid"]
	delete(c.state.Users, id)
	for full := range c.state.Tokens {
		if strings.HasPrefix(full, id+"!") {
			delete(c.state.Tokens, full)
		}
	}
	c.state.ACL = slices.DeleteFunc(c.state.ACL, func(e aclEntry) bool { return e.UGID == id || strings.HasPrefix(e.UGID, id+"!") })
	c.changed()
	return nil, nil
}

func passwordUpdate(c *call) (any, error) {
	u := c.state.Users[c.param("userid")]
	if u == nil {
		return nil, fail("no such user ('%s')", c.param("userid"))
	}
	u.Password = c.param("password")
	c.changed()
	return nil, nil
}

func tokenList(c *call) (any, error) {
	if _, err := c.userOf(); err != nil {
		return nil, err
	}
	return c.tokensOf(c.vars["userid"]), nil
}

func (c *call) tokenOf() (string, *token, error) {
	full := c.vars["userid"] + "!" + c.vars["tokenid"]
	t := c.state.Tokens[full]
	if t == nil {
		return full, nil, fail("no such token '%s' for user '%s'", c.vars["tokenid"], c.vars["userid"])
	}
	return full, t, nil
}

func tokenGet(c *call) (any, error) {
	_, t, err := c.tokenOf()
	if err != nil {
		return nil, err
	}
	return t.answer(), nil
}

func (c *call) fillToken(t *token) {
	if c.has("comment") {
		t.Comment = c.param("comment")
	}
	if c.has("privsep") {
		t.PrivSep = c.boolean("privsep")
	}
	if c.has("expire") {
		t.ExpireUnix = int64(c.integer("expire", 0))
	}
	c.changed()
}

func tokenCreate(c *call) (any, error) {
	if _, err := c.userOf(); err != nil {
		return nil, err
	}
	full, t, _ := c.tokenOf()
	if t != nil {
		return nil, badParam("tokenid", "Token already exists.")
	}
	t = &token{Secret: uuid.NewString(), PrivSep: true}
	c.state.Tokens[full] = t
	c.fillToken(t)
	return map[string]any{"full-tokenid": full, "info": t.answer(), "value": t.Secret}, nil
}

func tokenUpdate(c *call) (any, error) {
	_, t, err := c.tokenOf()
	if err != nil {
		return nil, err
	}
	c.fillToken(t)
	return t.answer(), nil
}

func tokenDelete(c *call) (any, error) {
	full, _, err := c.tokenOf()
	if err != nil {
		return nil, err
	}
	delete(c.state.Tokens, full)
	c.state.ACL = slices.DeleteFunc(c.state.ACL, func(e aclEntry) bool { return e.UGID == full })
	c.changed()
	return nil, nil
}

func (c *call) members(id string) []string {
	members := []string{}
	for _, userid := range sortedKeys(c.state.Users) {
		if slices.Contains(c.state.Users[userid].Groups, id) {
			members = append(members, userid)
		}
	}
	return members
}

func groupList(c *call) (any, error) {
	list := []map[string]any{}
	for _, id := range sortedKeys(c.state.Groups) {
		list = append(list, map[string]any{"groupid": id, "comment": c.state.Groups[id].Comment, "users": strings.Join(c.members(id), ",")})
	}
	return list, nil
}

func (c *call) groupOf() (*group, error) {
	g := c.state.Groups[c.param("groupid")]
	if g == nil {
		return nil, fail("group '%s' does not exist", c.param("groupid"))
	}
	return g, nil
}

func groupGet(c *call) (any, error) {
	g, err := c.groupOf()
	if err != nil {
		return nil, err
	}
	return map[string]any{"comment": g.Comment, "members": c.members(c.vars["groupid"])}, nil
}

func groupCreate(c *call) (any, error) {
	id := c.param("groupid")
	if c.state.Groups[id] != nil {
		return nil, fail("create group failed: group '%s' already exists", id)
	}
	c.state.Groups[id] = &group{Comment: c.param("comment")}
	c.changed()
	return nil, nil
}

func groupUpdate(c *call) (any, error) {
	g, err := c.groupOf()
	if err != nil {
		return nil, err
	}
	g.Comment = c.param("comment")
	c.changed()
	return nil, nil
}

func groupDelete(c *call) (any, error) {
	if _, err := c.groupOf(); err != nil {
		return nil, err
	}
	id := c.vars["groupid"]
	delete(c.state.Groups, id)
	for _, u := range c.state.Users {
		u.Groups = slices.DeleteFunc(u.Groups, func(name string) bool { return name == id })
	}
	c.state.ACL = slices.DeleteFunc(c.state.ACL, func(e aclEntry) bool { return e.Type == "group" && e.UGID == id })
	c.changed()
	return nil, nil
}

func roleList(c *call) (any, error) {
	list := []map[string]any{}
	builtin := c.opts.builtinRoles()
	for _, id := range sortedKeys(c.state.Roles) {
		_, special := builtin[id]
		list = append(list, map[string]any{"roleid": id, "privs": strings.Join(c.state.Roles[id], ","), "special": bit(special)})
	}
	return list, nil
}

func (c *call) roleOf() ([]string, error) {
	privileges, found := c.state.Roles[c.param("roleid")]
	if !found {
		return nil, fail("role '%s' does not exist", c.param("roleid"))
	}
	return privileges, nil
}

func roleGet(c *call) (any, error) {
	privileges, err := c.roleOf()
	if err != nil {
		return nil, err
	}
	answer := map[string]int{}
	for _, name := range privileges {
		answer[name] = 1
	}
	return answer, nil
}

func (c *call) readPrivileges() ([]string, error) {
	known := c.opts.privilegeNames()
	privileges := splitList(c.param("privs"))
	for _, name := range privileges {
		if !slices.Contains(known, name) {
			return nil, fail("invalid privilege '%s'", name)
		}
	}
	return privileges, nil
}

func roleCreate(c *call) (any, error) {
	id := c.param("roleid")
	if _, found := c.state.Roles[id]; found {
		return nil, fail("create role failed: role '%s' already exists", id)
	}
	privileges, err := c.readPrivileges()
	if err != nil {
		return nil, fail("create role failed: %s", err)
	}
	c.state.Roles[id] = privileges
	c.changed()
	return nil, nil
}

// checkRole refuses to change the roles that are built in.
func (c *call) checkRole(doing string) error {
	if _, err := c.roleOf(); err != nil {
		return err
	}
	if _, special := c.opts.builtinRoles()[c.param("roleid")]; special {
		return fail("auto-generated role '%s' cannot be %s", c.param("roleid"), doing)
	}
	return nil
}

func roleUpdate(c *call) (any, error) {
	if err := c.checkRole("modified"); err != nil {
		return nil, err
	}
	privileges, err := c.readPrivileges()
	if err != nil {
		return nil, fail("modify role failed: %s", err)
	}
	id := c.vars["roleid"]
	if c.boolean("append") {
		for _, name := range c.state.Roles[id] {
			if !slices.Contains(privileges, name) {
				privileges = append(privileges, name)
			}
		}
	}
	c.state.Roles[id] = privileges
	c.changed()
	return nil, nil
}

func roleDelete(c *call) (any, error) {
	if err := c.checkRole("deleted"); err != nil {
		return nil, err
	}
	id := c.vars["roleid"]
	delete(c.state.Roles, id)
	c.state.ACL = slices.DeleteFunc(c.state.ACL, func(e aclEntry) bool { return e.RoleID == id })
	c.changed()
	return nil, nil
}

func aclList(c *call) (any, error) {
	list := []map[string]any{}
	all := c.allowed("/access", "Sys.Audit")
	for _, e := range c.state.ACL {
		if (all || c.allowed(e.Path, "Permissions.Modify")) && (!c.boolean("exact") || e.Path == c.param("path")) {
			list = append(list, map[string]any{"path": e.Path, "type": e.Type, "ugid": e.UGID, "roleid": e.RoleID, "propagate": bit(e.Propagate)})
		}
	}
	return list, nil
}

func aclUpdate(c *call) (any, error) {
	path := c.param("path")
	if path != "/" {
		path = "/" + strings.Trim(path, "/")
	}
	remove, propagate := c.boolean("delete"), !c.has("propagate") || c.boolean("propagate")
	var entries []aclEntry
	for _, role := range splitList(c.param("roles")) {
		if _, found := c.state.Roles[role]; !found && !remove {
			return nil, fail("ACL update failed: role '%s' does not exist", role)
		}
		for _, name := range splitList(c.param("users")) {
			if c.state.Users[name] == nil && !remove {
				return nil, fail("ACL update failed: user '%s' does not exist", name)
			}
			entries = append(entries, aclEntry{path, "user", name, role, propagate})
		}
		for _, name := range splitList(c.param("groups")) {
			if c.state.Groups[name] == nil && !remove {
				return nil, fail("ACL update failed: group '%s' does not exist", name)
			}
			entries = append(entries, aclEntry{path, "group", name, role, propagate})
		}
		for _, name := range splitList(c.param("tokens")) {
			if c.state.Tokens[name] == nil && !remove {
				return nil, fail("ACL update failed: no such token '%s'", name)
			}
			entries = append(entries, aclEntry{path, "token", name, role, propagate})
		}
	}
	for _, e := range entries {
		if remove {
			c.deleteACL(e)
		} else {
			c.setACL(e)
		}
	}
	c.changed()
	return nil, nil
}

func domainList(c *call) (any, error) {
	list := []map[string]string{}
	for _, realm := range sortedKeys(c.state.Domains) {
		entry := map[string]string{"realm": realm}
		for key, value := range c.state.Domains[realm] {
			entry[key] = value
		}
		list = append(list, entry)
	}
	return list, nil
}

func (c *call) domainOf() (map[string]string, error) {
	domain := c.state.Domains[c.vars["realm"]]
	if domain == nil {
		return nil, fail("domain '%s' does not exist", c.vars["realm"])
	}
	return domain, nil
}

func domainGet(c *call) (any, error) { return c.domainOf() }

func domainCreate(c *call) (any, error) {
	realm := c.param("realm")
	if c.state.Domains[realm] != nil {
		return nil, fail("add auth server failed: domain '%s' already exists", realm)
	}
	c.state.Domains[realm] = c.values("realm", "password", "delete")
	c.changed()
	return nil, nil
}

func domainUpdate(c *call) (any, error) {
	domain, err := c.domainOf()
	if err != nil {
		return nil, err
	}
	c.update(domain)
	return nil, nil
}

func domainDelete(c *call) (any, error) {
	domain, err := c.domainOf()
	if err != nil {
		return nil, err
	}
	if kind := domain["type"]; kind == "pam" || kind == "pve" {
		return nil, &apiError{status: http.StatusInternalServerError, reason: "delete auth server failed: can't delete built-in realm"}
	}
	delete(c.state.Domains, c.vars["realm"])
	c.changed()
	return nil, nil
}

// accessRoutes are the calls below /access.
func accessRoutes() map[string]func(*call) (any, error) {
	return map[string]func(*call) (any, error){
		"GET /access/permissions":                       permissions,
		"PUT /access/password":                          passwordUpdate,
		"GET /access/users":                             userList,
		"POST /access/users":                            userCreate,
		"GET /access/users/{userid}":                    userGet,
		"PUT /access/users/{userid}":                    userUpdate,
		"DELETE /access/users/{userid}":                 userDelete,
		"GET /access/users/{userid}/token":              tokenList,
		"GET /access/users/{userid}/token/{tokenid}":    tokenGet,
		"POST /access/users/{userid}/token/{tokenid}":   tokenCreate,
		"PUT /access/users/{userid}/token/{tokenid}":    tokenUpdate,
		"DELETE /access/users/{userid}/token/{tokenid}": tokenDelete,
		"GET /access/groups":                            groupList,
		"POST /access/groups":                           groupCreate,
		"GET /access/groups/{groupid}":                  groupGet,
		"PUT /access/groups/{groupid}":                  groupUpdate,
		"DELETE /access/groups/{groupid}":               groupDelete,
		"GET /access/roles":                             roleList,
		"POST /access/roles":                            roleCreate,
		"GET /access/roles/{roleid}":                    roleGet,
		"PUT /access/roles/{roleid}":                    roleUpdate,
		"DELETE /access/roles/{roleid}":                 roleDelete,
		"GET /access/acl":                               aclList,
		"PUT /access/acl":                               aclUpdate,
		"POST /access/domains":                          domainCreate,
		"GET /access/domains/{realm}":                   domainGet,
		"PUT /access/domains/{realm}":                   domainUpdate,
		"DELETE /access/domains/{realm}":                domainDelete,
	}
}
