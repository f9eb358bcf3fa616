package sim

import (
	"slices"
	"sort"
	"strings"
)

// allPrivileges are Proxmox VE 8's privileges; the role Administrator has them all.
var allPrivileges = []string{
	"Datastore.Allocate", "Datastore.AllocateSpace", "Datastore.AllocateTemplate", "Datastore.Audit",
	"Group.Allocate", "Mapping.Audit", "Mapping.Modify", "Mapping.Use", "Permissions.Modify", "Pool.Allocate", "Pool.Audit",
	"Realm.Allocate", "Realm.AllocateUser", "SDN.Allocate", "SDN.Audit", "SDN.Use",
	"Sys.AccessNetwork", "Sys.Audit", "Sys.Console", "Sys.Incoming", "Sys.Modify", "Sys.PowerMgmt", "Sys.Syslog", "User.Modify",
	"VM.Allocate", "VM.Audit", "VM.Backup", "VM.Clone", "VM.Config.CDROM", "VM.Config.CPU", "VM.Config.Cloudinit",
	"VM.Config.Disk", "VM.Config.HWType", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options",
	"VM.Console", "VM.Migrate", "VM.Monitor", "VM.PowerMgmt", "VM.Snapshot", "VM.Snapshot.Rollback",
}

// privilegeNames are the privileges of the simulated version: 9 replaced VM.Monitor by finer ones.
func (o Options) privilegeNames() []string {
	if o.Version != version9 {
		return allPrivileges
	}
	names := slices.DeleteFunc(slices.Clone(allPrivileges), func(name string) bool { return name == "VM.Monitor" })
	names = append(names, "VM.GuestAgent.Audit", "VM.GuestAgent.FileRead", "VM.GuestAgent.FileSystemMgmt",
		"VM.GuestAgent.FileWrite", "VM.GuestAgent.Unrestricted", "VM.Replicate")
	sort.Strings(names)
	return names
}

// builtinRoles are the special roles that cannot be changed.
func (o Options) builtinRoles() map[string][]string {
	pick := func(keep func(string) bool) []string {
		var names []string
		for _, name := range o.privilegeNames() {
			if keep(name) {
				names = append(names, name)
			}
		}
		return names
	}
	audit := func(name string) bool { return strings.HasSuffix(name, ".Audit") }
	return map[string][]string{
		"Administrator": o.privilegeNames(),
		"NoAccess":      nil,
		"PVEAdmin": pick(func(n string) bool {
			return !slices.Contains([]string{"Permissions.Modify", "Realm.Allocate", "Sys.Modify", "Sys.PowerMgmt", "Sys.Incoming", "Sys.AccessNetwork"}, n)
		}),
		"PVEAuditor":        pick(audit),
		"PVEDatastoreAdmin": {"Datastore.Allocate", "Datastore.AllocateSpace", "Datastore.AllocateTemplate", "Datastore.Audit"},
		"PVEDatastoreUser":  {"Datastore.AllocateSpace", "Datastore.Audit"},
		"PVEMappingUser":    {"Mapping.Use"},
		"PVEPoolAdmin":      {"Pool.Allocate", "Pool.Audit"},
		"PVEPoolUser":       {"Pool.Audit"},
		"PVESDNUser":        {"SDN.Audit", "SDN.Use"},
		"PVESysAdmin":       {"Sys.Audit", "Sys.Console", "Sys.Syslog"},
		"PVETemplateUser":   {"VM.Audit", "VM.Clone"},
		"PVEUserAdmin":      {"Group.Allocate", "Realm.AllocateUser", "User.Modify"},
		"PVEVMAdmin":        pick(func(n string) bool { return strings.HasPrefix(n, "VM.") }),
		"PVEVMUser":         {"VM.Audit", "VM.Backup", "VM.Config.CDROM", "VM.Config.Cloudinit", "VM.Console", "VM.PowerMgmt"},
	}
}

// allowed says whether the caller has a privilege on a path.
func (c *call) allowed(path, privilege string) bool {
	owner, _, isToken := strings.Cut(c.user, "!")
	if isToken {
		t := c.state.Tokens[c.user]
		if t == nil || t.PrivSep && !c.grants(c.user, nil, path, privilege) {
			return false
		}
	}
	return owner == rootUser || c.grants(owner, c.groupsOf(owner), path, privilege)
}

func (s *Sim) groupsOf(userid string) []string {
	if u := s.state.Users[userid]; u != nil {
		return u.Groups
	}
	return nil
}

func (s *Sim) grants(identity string, groups []string, path, privilege string) bool {
	in := func(e aclEntry) bool { return slices.Contains(s.state.Roles[e.RoleID], privilege) }
	if slices.ContainsFunc(s.rolesOn(identity, groups, path), in) {
		return true
	}
	pool := s.poolOf(path)
	return pool != "" && slices.ContainsFunc(s.rolesOn(identity, groups, "/pool/"+pool), in)
}

// privilegesOn returns the privileges on a path and whether they propagate.
func (s *Sim) privilegesOn(identity, path string) map[string]bool {
	owner, _, isToken := strings.Cut(identity, "!")
	if !isToken {
		return s.userPrivileges(identity, path)
	}
	t := s.state.Tokens[identity]
	if t == nil {
		return nil
	}
	of := s.userPrivileges(owner, path)
	if !t.PrivSep {
		return of
	}
	own := s.resolve(identity, nil, path)
	for name := range own {
		if _, found := of[name]; !found {
			delete(own, name)
		}
	}
	return own
}

func (s *Sim) userPrivileges(userid, path string) map[string]bool {
	if userid == rootUser {
		all := map[string]bool{}
		for _, name := range s.opts.privilegeNames() {
			all[name] = true
		}
		return all
	}
	return s.resolve(userid, s.groupsOf(userid), path)
}

// resolve walks the ACL from the root to the path: the entries of a deeper level replace those above, a user's
// entries win over groups' on the same level. A guest in a pool has the pool's privileges in addition.
func (s *Sim) resolve(identity string, groups []string, path string) map[string]bool {
	privileges := map[string]bool{}
	for _, role := range s.rolesOn(identity, groups, path) {
		for _, name := range s.state.Roles[role.RoleID] {
			privileges[name] = privileges[name] || role.Propagate
		}
	}
	if pool := s.poolOf(path); pool != "" {
		for _, role := range s.rolesOn(identity, groups, "/pool/"+pool) {
			for _, name := range s.state.Roles[role.RoleID] {
				privileges[name] = privileges[name] || role.Propagate
			}
		}
	}
	return privileges
}

func (s *Sim) rolesOn(identity string, groups []string, path string) []aclEntry {
	var roles []aclEntry
	level := ""
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if path == "/" || path == "" {
		parts = nil
	}
	for i := -1; i < len(parts); i++ {
		if i >= 0 {
			level += "/" + parts[i]
		}
		var own, ofGroups []aclEntry
		for _, entry := range s.state.ACL {
			if strings.TrimSuffix(entry.Path, "/") != level || !entry.Propagate && i < len(parts)-1 {
				continue
			}
			switch {
			case entry.Type != "group" && entry.UGID == identity:
				own = append(own, entry)
			case entry.Type == "group" && slices.Contains(groups, entry.UGID):
				ofGroups = append(ofGroups, entry)
			}
		}
		switch {
		case len(own) > 0:
			roles = own
		case len(ofGroups) > 0:
			roles = ofGroups
		}
	}
	if slices.ContainsFunc(roles, func(e aclEntry) bool { return e.RoleID == "NoAccess" }) {
		return nil
	}
	return roles
}

func (s *Sim) poolOf(path string) string {
	kind, id, found := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !found || kind != "vms" && kind != "storage" {
		return ""
	}
	for name, p := range s.state.Pools {
		if kind == "vms" && slices.ContainsFunc(p.VMIDs, func(v int) bool { return vmidText(v) == id }) ||
			kind == "storage" && slices.Contains(p.Storages, id) {
			return name
		}
	}
	return ""
}

// require checks privileges that Proxmox's code demands beyond the schema and records them as used.
func (c *call) require(path string, privileges ...string) error {
	for _, name := range privileges {
		if !c.allowed(path, name) {
			return forbidden(path + ", " + name)
		}
		c.use(name)
	}
	return nil
}

// requireAny is satisfied by the first of the privileges that the caller has.
func (c *call) requireAny(path string, privileges ...string) error {
	for _, name := range privileges {
		if c.allowed(path, name) {
			c.use(name)
			return nil
		}
	}
	return forbidden(path + ", " + strings.Join(privileges, "|"))
}

// requireGuest checks privileges on a guest, or on the pool that it is created in.
func (c *call) requireGuest(vmid int, pool string, privileges ...string) error {
	err := c.require("/vms/"+vmidText(vmid), privileges...)
	if err != nil && pool != "" {
		return c.require("/pool/"+pool, privileges...)
	}
	return err
}

func (c *call) requireRoot(what string) error {
	if c.user != rootUser {
		return forbidden(what + " is only allowed for root@pam")
	}
	return nil
}

// PrivilegesUsed returns, sorted, the privileges that made the allowed calls pass since the start or the last
// ResetRequests.
func (s *Sim) PrivilegesUsed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.privileges))
	for name := range s.privileges {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
