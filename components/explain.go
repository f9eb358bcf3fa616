package components

import "regexp"

// advice tells what to do about an error, by what its message says. The first entry that matches
// counts: causes stand before what they make fail. ${name} repeats a group of the expression.
var advice = []struct {
	when *regexp.Regexp
	do   string
}{
	{regexp.MustCompile(`ssh: unable to authenticate|no supported methods remain`),
		"the node refused the SSH login. Check proxmoxSshUsername and proxmoxSshPrivateKey, proxmoxSshPassword or proxmoxSshAgent"},
	{regexp.MustCompile(`REMOTE HOST IDENTIFICATION HAS CHANGED`),
		"the node has another SSH host key than before. If it was installed anew, remove its old key from known_hosts: ssh-keygen -R <address>"},
	// The provider says "unable to authenticate user" for every failure of SSH.
	{regexp.MustCompile(`failed to open SSH client|failed to create SFTP client|failed to dial`),
		"the node could not be reached by SSH. Check nodes.<name>.address and sshPort, and that sshd runs there"},
	{regexp.MustCompile(`HTTP 401`),
		"the API token is not accepted. Check proxmoxApiToken (user@realm!id=uuid) and that the token has not expired"},
	{regexp.MustCompile(`HTTP 403`),
		"the API token lacks a privilege. Compare its role with docs/proxmox-role.md, and if the token has privilege separation, give the role to the token itself"},
	{regexp.MustCompile(`can't lock file|got lock request timeout|got lock timeout|got timeout`),
		"Proxmox was busy with another task on the same guest or storage. Run pulumi up --refresh --parallel 4, with fewer operations at once. If nothing runs and the lock stays, remove it on the node: qm unlock <vmid>"},
	// The provider replaces what Proxmox says with "the requested resource does not exist".
	{regexp.MustCompile(`error creating container: the requested resource does not exist`),
		"the container template is not on that node. Download it (pveam download local <template>), or set lxcTemplate to one that pveam list local shows"},
	{regexp.MustCompile(`storage '(?P<datastore>[^']*)' (does not exist|is not available on node)`),
		"datastore ${datastore} is not there on that node. Check datastore and snippetDatastore against Datacenter > Storage"},
	{regexp.MustCompile(`bridge '(?P<bridge>[^']*)' does not exist`),
		"the node has no bridge ${bridge}. Check bridge, or make it under <node> > Network"},
	{regexp.MustCompile(`(?i)no space left|not enough (free )?space|out of space|insufficient free space|free space in thin pool`),
		"the datastore is full. Free space on it, or set datastore to another one"},
	{regexp.MustCompile(`connection refused|no such host|i/o timeout|EOF|connection reset|TLS handshake|x509:|HTTP 5\d\d`),
		"the Proxmox API did not answer as it should. Check proxmoxEndpoint, proxmoxInsecure and the node's pveproxy service; nothing is lost: run pulumi up --refresh, which makes what is missing"},
	{regexp.MustCompile(`"(?P<upid>UPID:(?P<node>[^:]+):[^"]*)" failed to complete`),
		"a task of Proxmox failed. Its log says why: in Proxmox under ${node} > Task History, or on the node: pvenode task log '${upid}'. Then run pulumi up --refresh, which makes what is missing"},
}

// adviceFor returns the advice for an error message, or nothing.
func adviceFor(message string) string {
	for _, a := range advice {
		if found := a.when.FindStringSubmatchIndex(message); found != nil {
			return string(a.when.ExpandString(nil, a.do, message, found))
		}
	}
	return ""
}
