package sim_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// needsSchema marks tests of rules that only Proxmox's schema states.
func needsSchema(t *testing.T) {
	t.Helper()
	if os.Getenv("PVE_API_SCHEMA") == "" {
		require.Empty(t, os.Getenv("CI"), "CI sets PVE_API_SCHEMA")
		t.Skip("PVE_API_SCHEMA names no schema file")
	}
}

func TestTokensAndTickets(t *testing.T) {
	c := start(t)
	c.with("").fails("GET", "/version", "", 401, "No ticket")
	id, _, _ := strings.Cut(c.token, "=")
	c.with(id+"=wrong").fails("GET", "/version", "", 401, "invalid token value!")
	c.with("root@pam!none=x").fails("GET", "/version", "", 401, "no such token 'none' for user 'root@pam'")

	anonymous := c.with("")
	anonymous.fails("POST", "/access/ticket", "username=root@pam&password=falsch", 401, "authentication failure")
	ticket := anonymous.ok("POST", "/access/ticket", "username=root@pam&password=geheim").(map[string]any)
	request := func(method, path, csrf string) answer {
		r, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(c.Endpoint(), "/")+"/api2/json"+path, nil)
		require.NoError(t, err)
		r.AddCookie(&http.Cookie{Name: "PVEAuthCookie", Value: strings.ReplaceAll(ticket["ticket"].(string), "+", "%2B")})
		r.Header.Set("CSRFPreventionToken", csrf)
		return c.send(r)
	}
	require.Equal(t, 200, request("GET", "/version", "").Status)
	require.Equal(t, "Permission denied - invalid csrf token", request("DELETE", "/pools/none", "").Reason)
	require.Equal(t, 500, request("DELETE", "/pools/none", ticket["CSRFPreventionToken"].(string)).Status)
	for _, r := range c.Requests() {
		require.NotContains(t, r.Params["password"], "geheim")
	}
}

func TestRolesUsersTokensAndACL(t *testing.T) {
	c := start(t)
	c.ok("POST", "/access/roles", "roleid=Operator&privs=VM.PowerMgmt,VM.Audit")
	require.Equal(t, map[string]any{"VM.Audit": 1.0, "VM.PowerMgmt": 1.0}, c.object("/access/roles/Operator"))
	bad := c.do("POST", "/access/roles", "roleid=Bad&privs=VM.Nothing")
	require.Contains(t, bad.Reason+bad.Errors["privs"], "invalid")
	c.fails("DELETE", "/access/roles/Administrator", "", 500, "auto-generated role 'Administrator' cannot be deleted")
	c.ok("POST", "/access/groups", "groupid=admins&comment=all")
	c.ok("POST", "/access/users", "userid=ops@pve&enable=1&comment=ops&email=&expire=0&firstname=&keys=&lastname=&password=s3cretpw&groups=admins")
	require.Equal(t, []any{"ops@pve"}, c.object("/access/groups/admins")["members"])
	user := c.object("/access/users/ops@pve")
	require.Equal(t, 1.0, user["enable"])
	require.Equal(t, 0.0, user["expire"])
	c.ok("PUT", "/access/acl", "delete=0&path=/vms&propagate=1&roles=Operator&users=ops@pve")
	require.Contains(t, c.list("/access/acl"), map[string]any{"path": "/vms", "propagate": 1.0, "roleid": "Operator", "type": "user", "ugid": "ops@pve"})
	made := c.ok("POST", "/access/users/ops@pve/token/ci", "comment=ci&privsep=1").(map[string]any)
	require.Equal(t, "ops@pve!ci", made["full-tokenid"])
	ci := c.with("ops@pve!ci=" + made["value"].(string))
	require.Empty(t, ci.list("/cluster/resources?type=vm"), "a separated token has no privileges of its own")
	c.ok("PUT", "/access/acl", "path=/vms/9000&roles=Operator&tokens=ops@pve!ci")
	require.Len(t, ci.list("/cluster/resources?type=vm"), 1)
	require.Equal(t, map[string]any{"/vms/9000": map[string]any{"VM.Audit": 1.0, "VM.PowerMgmt": 1.0}}, ci.object("/access/permissions"))
	c.ok("DELETE", "/access/users/ops@pve", "")
	ci.fails("GET", "/version", "", 401, "no such token 'ci' for user 'ops@pve'")
}

// Every privilege that the life of a cloned VM needs, and nothing else.
var vmPrivileges = []string{
	"Datastore.Allocate", "Datastore.AllocateSpace", "SDN.Use", "VM.Allocate", "VM.Audit", "VM.Clone",
	"VM.Config.CDROM", "VM.Config.CPU", "VM.Config.Cloudinit", "VM.Config.Disk", "VM.Config.HWType", "VM.Config.Memory",
	"VM.Config.Network", "VM.Config.Options", "VM.PowerMgmt",
}

func lifeOfAVM(c *cluster) []answer {
	c.writeSnippet("vm0.yaml", "#cloud-config\n")
	return []answer{
		c.do("GET", "/nodes/pve1/storage/local/content", ""),
		c.do("GET", "/storage/local", ""),
		c.do("POST", "/nodes/pve1/qemu/9000/clone", "newid=100&name=vm0&full=1&storage=local-lvm"),
		c.do("GET", "/nodes/pve1/qemu/100/status/current", ""),
		c.do("PUT", "/nodes/pve1/qemu/100/config", providerConfig+"&cicustom=user=local:snippets/vm0.yaml"),
		c.do("PUT", "/nodes/pve1/qemu/100/resize", "disk=scsi0&size=21474836480"),
		c.do("POST", "/nodes/pve1/qemu/100/status/start", "timeout=1800"),
		c.do("GET", "/nodes/pve1/storage/local-lvm/content/local-lvm:vm-100-disk-0", ""),
		c.do("PUT", "/nodes/pve1/qemu/100/config", providerUpdate),
		c.do("POST", "/nodes/pve1/qemu/100/status/stop", ""),
		c.do("DELETE", "/nodes/pve1/qemu/100", "purge=1"),
		c.do("DELETE", "/nodes/pve1/storage/local/content/local:snippets%2Fvm0.yaml", ""),
	}
}

func TestPrivilegesAreMinimal(t *testing.T) {
	needsSchema(t)
	for _, missing := range append([]string{""}, vmPrivileges...) {
		c := start(t)
		var privileges []string
		for _, name := range vmPrivileges {
			if name != missing {
				privileges = append(privileges, name)
			}
		}
		token, err := c.CreateToken("pulumi@pve", "iac", privileges)
		require.NoError(t, err)
		c.ResetRequests()
		refused := ""
		for _, a := range lifeOfAVM(c.with(token)) {
			if a.Status == http.StatusForbidden && refused == "" {
				refused = a.Reason
			}
		}
		if missing == "" {
			require.Empty(t, refused)
			require.Equal(t, vmPrivileges, c.PrivilegesUsed())
			continue
		}
		if missing == "VM.Config.Cloudinit" {
			require.Empty(t, refused, "VM.Config.Network may set cloud-init options too")
			continue
		}
		require.Contains(t, refused, missing)
	}
}

func TestAlternativesCountOnce(t *testing.T) {
	needsSchema(t)
	c := start(t)
	c.clone(100, "vm0")
	c.ResetRequests()
	c.ok("PUT", "/nodes/pve1/qemu/100/config", "tags=a")
	require.Equal(t, []string{"VM.Config.Options"}, c.PrivilegesUsed(), "any VM.Config privilege opens the call, the option needs one")
}

func TestPermissionTexts(t *testing.T) {
	c := start(t)
	token, err := c.CreateToken("pulumi@pve", "iac", []string{"VM.Audit"})
	require.NoError(t, err)
	weak := c.with(token)
	weak.fails("POST", "/nodes/pve1/qemu", "vmid=100", 403, "Permission check failed (/vms/100, VM.Allocate)")
	weak.fails("DELETE", "/nodes/pve1/storage/local/content/local:vztmpl%2Fdebian-13-standard_13.1-2_amd64.tar.zst", "", 403,
		"Permission check failed (/storage/local, Datastore.Allocate)")
	_, err = c.CreateToken("pulumi@pve", "iac", []string{"VM.Fly"})
	require.ErrorContains(t, err, "no privilege VM.Fly in Proxmox VE")
}

func TestPoolsGiveTheirMembersPrivileges(t *testing.T) {
	c := start(t)
	c.ok("POST", "/pools", "poolid=dev&comment=dev pool")
	require.Equal(t, map[string]any{"comment": "dev pool", "members": []any{}}, c.object("/pools/dev"))
	token, err := c.CreateToken("dev@pve", "ci", nil)
	require.NoError(t, err)
	c.ok("POST", "/access/roles", "roleid=Dev&privs=VM.Allocate,VM.Audit,VM.Config.Options")
	c.ok("PUT", "/access/acl", "path=/pool/dev&roles=Dev&users=dev@pve&tokens=dev@pve!ci")
	dev := c.with(token)
	dev.fails("POST", "/nodes/pve1/qemu", "vmid=100&name=a", 403, "Permission check failed (/vms/100, VM.Allocate)")
	require.Equal(t, "OK", dev.task("POST", "/nodes/pve1/qemu", "vmid=100&name=a&pool=dev"))
	require.Len(t, dev.list("/nodes/pve1/qemu"), 1)
	c.fails("DELETE", "/pools/dev", "", 500, "delete pool failed: pool 'dev' is not empty")
	require.Equal(t, "OK", c.task("DELETE", "/nodes/pve1/qemu/100", ""))
	c.ok("DELETE", "/pools/dev", "")
}
