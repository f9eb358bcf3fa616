package sim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

const rootUser = "root@pam"

type user struct {
	Comment, Email, FirstName, LastName, Keys, Password string
	Enable                                              bool
	ExpireUnix                                          int64
	Groups                                              []string
}

type group struct{ Comment string }

type token struct {
	Comment, Secret string
	PrivSep         bool
	ExpireUnix      int64
}

type aclEntry struct {
	Path, Type, UGID, RoleID string
	Propagate                bool
}

// rootTokenID is the token that RootToken returns.
const rootTokenID = rootUser + "!pvesim"

func (st *state) seedAccess(o Options) {
	st.Users[rootUser] = &user{Enable: true, Password: o.RootPassword}
	for name, privileges := range o.builtinRoles() {
		st.Roles[name] = privileges
	}
	st.Tokens[rootTokenID] = &token{Secret: uuid.NewString()}
	st.Domains["pam"] = map[string]string{"type": "pam", "comment": "Linux PAM standard authentication"}
	st.Domains["pve"] = map[string]string{"type": "pve", "comment": "Proxmox VE authentication server"}
	st.Secrets["ticket"] = rand.Text()
}

// RootToken returns root@pam's token, which has every privilege but is not root@pam itself: as in Proxmox VE
// it is refused what is kept for the user.
func (s *Sim) RootToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return rootTokenID + "=" + s.state.Tokens[rootTokenID].Secret
}

// CreateToken makes a token whose role on "/" has exactly the privileges, and returns it as user!id=secret. The
// user (for example pulumi@pve) is created when it does not exist, an existing token gets a new secret.
func (s *Sim) CreateToken(userid, tokenID string, privileges []string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.Contains(userid, "@") || tokenID == "" {
		return "", fmt.Errorf("token %q of user %q: the user needs a realm and the token a name", tokenID, userid)
	}
	known := s.opts.privilegeNames()
	for _, name := range privileges {
		if !slices.Contains(known, name) {
			return "", fmt.Errorf("there is no privilege %s in Proxmox VE %s", name, s.opts.Version)
		}
	}
	if s.state.Users[userid] == nil {
		s.state.Users[userid] = &user{Enable: true}
	}
	full, role := userid+"!"+tokenID, "token-"+strings.NewReplacer("@", "-", "!", "-").Replace(userid+"-"+tokenID)
	s.state.Roles[role] = slices.Clone(privileges)
	t := &token{Secret: uuid.NewString(), PrivSep: true}
	s.state.Tokens[full] = t
	s.setACL(aclEntry{Path: "/", Type: "token", UGID: full, RoleID: role, Propagate: true})
	// A separated token has at most its user's privileges.
	s.setACL(aclEntry{Path: "/", Type: "user", UGID: userid, RoleID: role, Propagate: true})
	s.changed()
	return full + "=" + t.Secret, nil
}

func (s *Sim) setACL(entry aclEntry) {
	s.deleteACL(entry)
	s.state.ACL = append(s.state.ACL, entry)
}

func (s *Sim) deleteACL(entry aclEntry) {
	s.state.ACL = slices.DeleteFunc(s.state.ACL, func(e aclEntry) bool {
		return e.Path == entry.Path && e.Type == entry.Type && e.UGID == entry.UGID && e.RoleID == entry.RoleID
	})
}

func unauthorized(reason string) error {
	return &apiError{status: http.StatusUnauthorized, reason: reason}
}

// authenticate returns the user or token of a request.
func (s *Sim) authenticate(r *http.Request) (string, error) {
	if given, found := strings.CutPrefix(r.Header.Get("Authorization"), "PVEAPIToken="); found {
		id, secret, _ := strings.Cut(given, "=")
		owner, _, _ := strings.Cut(id, "!")
		t, u := s.state.Tokens[id], s.state.Users[owner]
		if t == nil || u == nil || !u.Enable {
			return "", unauthorized("no such token '" + id[strings.Index(id, "!")+1:] + "' for user '" + owner + "'")
		}
		if subtle.ConstantTimeCompare([]byte(secret), []byte(t.Secret)) != 1 {
			return "", unauthorized("invalid token value!")
		}
		if t.ExpireUnix != 0 && t.ExpireUnix < time.Now().Unix() {
			return "", unauthorized("token '" + id + "' access expired")
		}
		return id, nil
	}
	cookie, err := r.Cookie("PVEAuthCookie")
	if err != nil {
		return "", unauthorized("No ticket")
	}
	ticket, err := url.QueryUnescape(cookie.Value)
	if err != nil {
		return "", unauthorized("invalid PVE ticket")
	}
	name, valid := s.checkTicket(ticket)
	if u := s.state.Users[name]; !valid || u == nil || !u.Enable {
		return "", unauthorized("invalid PVE ticket")
	}
	if r.Method != http.MethodGet && r.Header.Get("CSRFPreventionToken") != s.csrfToken(name) {
		return "", unauthorized("Permission denied - invalid csrf token")
	}
	return name, nil
}

// ticketLifetime is Proxmox VE's.
const ticketLifetime = 2 * time.Hour

func (s *Sim) sign(text string) string {
	mac := hmac.New(sha256.New, []byte(s.state.Secrets["ticket"]))
	mac.Write([]byte(text))
	return base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}

func (s *Sim) ticket(name string) string {
	body := fmt.Sprintf("PVE:%s:%08X", name, time.Now().Unix())
	return body + "::" + s.sign(body)
}

func (s *Sim) checkTicket(ticket string) (name string, valid bool) {
	body, signature, found := strings.Cut(ticket, "::")
	fields := strings.Split(body, ":")
	if !found || len(fields) != 3 || !hmac.Equal([]byte(signature), []byte(s.sign(body))) {
		return "", false
	}
	issued, err := strconv.ParseInt(fields[2], 16, 64)
	return fields[1], err == nil && time.Since(time.Unix(issued, 0)) < ticketLifetime
}

func (s *Sim) csrfToken(name string) string { return "CSRF:" + s.sign("csrf "+name) }

func createTicket(c *call) (any, error) {
	name := c.param("username")
	if realm := c.param("realm"); realm != "" && !strings.Contains(name, "@") {
		name += "@" + realm
	}
	u := c.state.Users[name]
	password := c.param("password")
	renewed, valid := c.checkTicket(password)
	matches := u != nil && u.Password != "" && subtle.ConstantTimeCompare([]byte(u.Password), []byte(password)) == 1
	if u == nil || !u.Enable || !matches && (!valid || renewed != name) {
		return nil, unauthorized("authentication failure")
	}
	capabilities := map[string]map[string]int{}
	for kind, path := range map[string]string{"vms": "/vms", "storage": "/storage", "nodes": "/nodes", "dc": "/", "access": "/access", "sdn": "/sdn", "mapping": "/mapping"} {
		capabilities[kind] = map[string]int{}
		for privilege := range c.privilegesOn(name, path) {
			capabilities[kind][privilege] = 1
		}
	}
	return map[string]any{"username": name, "ticket": c.ticket(name), "CSRFPreventionToken": c.csrfToken(name), "cap": capabilities}, nil
}

func permissions(c *call) (any, error) {
	who := c.user
	if other := c.param("userid"); other != "" && other != who {
		if !strings.HasPrefix(other, who+"!") {
			if err := c.require("/access", "Sys.Audit"); err != nil {
				return nil, err
			}
		}
		who = other
	}
	paths := []string{"/", "/access", "/nodes", "/pool", "/sdn", "/storage", "/vms", "/mapping"}
	if c.has("path") {
		paths = []string{c.param("path")}
	} else {
		for _, entry := range c.state.ACL {
			if !slices.Contains(paths, entry.Path) {
				paths = append(paths, entry.Path)
			}
		}
	}
	result := map[string]map[string]int{}
	for _, path := range paths {
		found := map[string]int{}
		for name, propagate := range c.privilegesOn(who, path) {
			found[name] = bit(propagate)
		}
		if len(found) > 0 {
			result[path] = found
		}
	}
	return result, nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
