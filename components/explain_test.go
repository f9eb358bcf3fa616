package components

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAdvice: the texts are what the provider and Proxmox VE really say.
func TestAdvice(t *testing.T) {
	const sshFailed = `failed to open SSH client: unable to authenticate user "root" over SSH to "192.168.1.11:22". Please verify that ssh-agent is correctly loaded with an authorized key via 'ssh-add -L' (NOTE: configurations in ~/.ssh/config are not considered by the provider): failed to dial 192.168.1.11:22: `
	cloning := func(exit string) string {
		return `error waiting for VM clone: All attempts fail:
#1: task "UPID:pve1:00005F4E:00000007:6B049809:qmclone:9000:pve-home@pve!pulumi:" failed to complete with exit code: ` + exit
	}
	used := map[string]bool{}
	for _, tc := range []struct{ message, want string }{
		{sshFailed + "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password], no supported methods remain", "the node refused the SSH login"},
		{sshFailed + "ssh: handshake failed: REMOTE HOST IDENTIFICATION HAS CHANGED for host 192.168.1.11:22! This may indicate a MitM attack", "ssh-keygen -R"},
		{sshFailed + "dial tcp 192.168.1.11:22: connect: connection refused", "Check nodes.<name>.address and sshPort"},
		{sshFailed + "ssh: handshake failed: EOF", "Check nodes.<name>.address and sshPort"},
		{"GET /nodes/pve1/storage/local/status: HTTP 401 invalid token value!", "proxmoxApiToken"},
		{"received an HTTP 401 response - Reason: permission denied - invalid API token", "proxmoxApiToken"},
		{"error waiting for VM clone: All attempts fail:\n#1: error cloning VM: received an HTTP 403 response - Reason: Permission check failed (/vms/9000, VM.Clone)", "docs/proxmox-role.md"},
		{cloning("can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout"), "pulumi up --refresh --parallel 4"},
		{"error creating container: the requested resource does not exist", "lxcTemplate"},
		{"GET /nodes/pve1/storage/tank/status: HTTP 500 storage 'tank' does not exist", "datastore tank is not there"},
		{"GET /nodes/pve1/storage/tank/status: HTTP 500 storage 'tank' is not available on node 'pve1'", "datastore tank is not there"},
		{`error waiting for VM start: task "UPID:pve1:00005F83:0000017A:6B04985E:qmstart:1021:pve-home@pve!pulumi:" failed to complete with exit code: bridge 'vmbr9' does not exist`, "the node has no bridge vmbr9"},
		{cloning("clone failed: unable to create image: No space left on device"), "the datastore is full"},
		{cloning("clone failed: zfs error: cannot create 'rpool/data/vm-1021-disk-0': out of space"), "the datastore is full"},
		{cloning("clone failed: lvcreate 'pve/vm-1021-disk-0' error: Cannot create new thin volume, free space in thin pool pve/data reached threshold."), "the datastore is full"},
		{cloning(`clone failed: lvcreate 'pve/vm-1021-disk-0' error: Volume group "pve" has insufficient free space (100 extents): 5120 required.`), "the datastore is full"},
		{"error updating VM: received an HTTP 500 response - Reason: Internal Server Error", "proxmoxEndpoint"},
		{`Get "https://192.168.1.11:8006/api2/json/cluster/resources?type=vm": tls: failed to verify certificate: x509: certificate signed by unknown authority`, "proxmoxInsecure"},
		{`failed to perform HTTP PUT request (path: nodes/pve1/qemu/1021/config) - Reason: Put "https://192.168.1.11:8006/api2/json/nodes/pve1/qemu/1021/config": EOF`, "proxmoxEndpoint"},
		{cloning("clone failed: unable to read the image"), "under pve1 > Task History, or on the node: pvenode task log 'UPID:pve1:00005F4E:00000007:6B049809:qmclone:9000:pve-home@pve!pulumi:'"},
		{"something that nobody has seen before", ""},
	} {
		got := adviceFor(tc.message)
		require.Contains(t, got, tc.want, tc.message)
		require.Equal(t, tc.want == "", got == "", tc.message)
		for _, a := range advice {
			if a.when.MatchString(tc.message) {
				used[a.do] = true
				break
			}
		}
	}
	for _, a := range advice {
		require.True(t, used[a.do], "no known message leads to this advice: %s", a.do)
	}
}
