package apischema

import (
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllowed(t *testing.T) {
	const (
		nobody = ""
		user   = "ops@pve"
		token  = "root@pam!iac"
	)
	s := fixture(t)
	for _, test := range []struct {
		name     string
		request  string
		form     string
		user     string
		held     []string // "path privilege"
		ok       bool
		required []string // as Requirement prints them
	}{
		{"world", "POST access/ticket", "", nobody, nil, true, nil},
		{"no credentials", "GET version", "", nobody, nil, false, nil},
		{"all", "GET version", "", user, nil, true, nil},
		{"root without permissions", "POST cluster/config", "", rootUser, nil, true, nil},
		{"root's token without permissions", "POST cluster/config", "", token, nil, false, nil},
		{"words only", "GET cluster/backup/special", "", user, nil, false, nil},
		{"words and all", "DELETE nodes/pve1/storage/local/content/x", "", user, nil, true, nil},
		{"perm", "GET cluster/backup/j", "", token, []string{"/ Sys.Audit"}, true, []string{"/, Sys.Audit"}},
		{"perm missing", "GET cluster/backup/j", "", token, nil, false, []string{"/, Sys.Audit"}},
		{"path from URL", "PUT nodes/pve1/qemu/100/config", "", token, []string{"/vms/100 VM.Config.CPU"}, true, []string{"/vms/100, VM.Config.CPU"}},
		{"any held", "PUT nodes/pve1/qemu/100/config", "", token, []string{"/vms/100 VM.Config.CPU", "/vms/100 VM.Config.Options"}, true, []string{"/vms/100, VM.Config.CPU", "/vms/100, VM.Config.Options"}},
		{"any missing", "PUT nodes/pve1/qemu/100/config", "", token, []string{"/vms/101 VM.Config.CPU"}, false, []string{"/vms/100, VM.Config.Disk|VM.Config.CPU|VM.Config.Options"}},
		{"path from form", "POST nodes/pve1/qemu", "vmid=1010", token, []string{"/vms/1010 VM.Allocate"}, true, []string{"/vms/1010, VM.Allocate"}},
		{"path parameter absent", "POST nodes/pve1/qemu", "", token, nil, false, []string{"/vms/-, VM.Allocate"}},
		{"or first", "POST nodes/pve1/qemu", "vmid=1010&pool=lab", token, []string{"/vms/1010 VM.Allocate", "/pool/lab VM.Allocate"}, true, []string{"/vms/1010, VM.Allocate"}},
		{"or second", "POST nodes/pve1/qemu", "vmid=1010&pool=lab", token, []string{"/pool/lab VM.Allocate"}, true, []string{"/pool/lab, VM.Allocate"}},
		{"or none", "POST nodes/pve1/qemu", "vmid=1010&pool=lab", token, nil, false, []string{"/vms/1010, VM.Allocate", "/pool/lab, VM.Allocate"}},
		{"required parameter absent", "POST nodes/pve1/qemu", "vmid=1010", token, []string{"/pool/- VM.Allocate"}, false, []string{"/vms/1010, VM.Allocate"}},
		{"and", "POST nodes/pve1/qemu/9000/clone", "newid=1010", token, []string{"/vms/9000 VM.Clone", "/vms/1010 VM.Allocate"}, true, []string{"/vms/9000, VM.Clone", "/vms/1010, VM.Allocate"}},
		{"and first missing", "POST nodes/pve1/qemu/9000/clone", "newid=1010", token, []string{"/vms/1010 VM.Allocate"}, false, []string{"/vms/9000, VM.Clone"}},
		{"and second missing", "POST nodes/pve1/qemu/9000/clone", "newid=1010", token, []string{"/vms/9000 VM.Clone"}, false, []string{"/vms/1010, VM.Allocate"}},
		{"self", "GET access/users/ops@pve", "", user, nil, true, nil},
		{"token is not self", "GET access/users/root@pam", "", token, nil, false, []string{"/access/groups, User.Modify|Sys.Audit"}},
		{"user in all groups", "GET access/users/a@pve", "", user, []string{"/access/groups Sys.Audit"}, true, []string{"/access/groups, Sys.Audit"}},
		{"create user", "POST access/users", "userid=a@pve", user, []string{"/access/realm/pve Realm.AllocateUser", "/access/groups User.Modify"}, true, []string{"/access/realm/pve, Realm.AllocateUser", "/access/groups, User.Modify"}},
		{"create user in own group", "POST access/users", "userid=a@pve&groups=dev,ops", user, []string{"/access/realm/pve Realm.AllocateUser", "/access/groups/dev User.Modify", "/access/groups/ops User.Modify"}, true, []string{"/access/realm/pve, Realm.AllocateUser", "/access/groups/dev, User.Modify", "/access/groups/ops, User.Modify"}},
		{"create user in other group", "POST access/users", "userid=a@pve&groups=dev,ops", user, []string{"/access/realm/pve Realm.AllocateUser", "/access/groups/dev User.Modify"}, false, []string{"/access/groups/ops, User.Modify"}},
		{"create user without group", "POST access/users", "userid=a@pve", user, []string{"/access/realm/pve Realm.AllocateUser"}, false, []string{"/access/groups, User.Modify"}},
		{"create user in other realm", "POST access/users", "userid=a@pam", user, []string{"/access/realm/pve Realm.AllocateUser"}, false, []string{"/access/realm/pam, Realm.AllocateUser"}},
		{"change access of a guest", "PUT access/acl", "path=vms/100/", user, []string{"/vms/100 VM.Allocate"}, true, []string{"/vms/100, VM.Allocate"}},
		{"change access of a storage", "PUT access/acl", "path=/storage/nas", user, []string{"/storage/nas Datastore.Allocate"}, true, []string{"/storage/nas, Datastore.Allocate"}},
		{"change access of a pool", "PUT access/acl", "path=/pool/lab", user, nil, false, []string{"/pool/lab, Permissions.Modify|Pool.Allocate"}},
		{"change access of all", "PUT access/acl", "path=/", user, []string{"/ Permissions.Modify"}, true, []string{"/, Permissions.Modify"}},
		{"change access of a node", "PUT access/acl", "path=//nodes//pve1", user, nil, false, []string{"/nodes/pve1, Permissions.Modify"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			call, pathParams := lookup(t, s, test.request)
			form, err := url.ParseQuery(test.form)
			require.NoError(t, err)
			has := func(path, privilege string) bool { return slices.Contains(test.held, path+" "+privilege) }
			ok, required := call.Allowed(pathParams, form, has, test.user)
			var printed []string
			for _, r := range required {
				printed = append(printed, r.String())
			}
			require.Equal(t, test.ok, ok)
			require.Equal(t, test.required, printed)
		})
	}
}
