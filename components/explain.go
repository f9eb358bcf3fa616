package components

import "regexp"

// advice tells what to do about an error of the provider, by what its message says.
var advice = []struct {
	when *regexp.Regexp
	do   string
}{
	{regexp.MustCompile(`does not support content.?type 'snippets'|datastore .* does not support content type "snippets"`),
		"the datastore of snippetDatastore does not hold snippets. Allow it under Datacenter > Storage > Edit > Content, or on a node: pvesm set <datastore> --content <what it has>,snippets"},
	{regexp.MustCompile(`unable to authenticate|ssh: handshake failed|no supported methods remain`),
		"the node refused the SSH login. Check proxmoxSshUsername and proxmoxSshPrivateKey, proxmoxSshPassword or proxmoxSshAgent"},
	{regexp.MustCompile(`failed to (dial|open SSH client|connect)|unable to (dial|create new ssh client)|connect: connection refused.*:22|SSH`),
		"the node could not be reached by SSH. Check nodes.<name>.address and sshPort, and that sshd runs there"},
	{regexp.MustCompile(`(?i)permission check failed|HTTP 403`),
		"the API token lacks a privilege. Compare its role with docs/proxmox-role.md, and if the token has privilege separation, give the role to the token itself"},
	{regexp.MustCompile(`HTTP 401|authentication failure|invalid token|no such token`),
		"the API token is not accepted. Check proxmoxApiToken (user@realm!id=uuid) and that the token has not expired"},
	{regexp.MustCompile(`can't lock file|got lock request timeout|got lock timeout|got timeout`),
		"Proxmox was busy with another task on the same guest or storage. Run again, with fewer operations at once: pulumi up --parallel 4"},
	{regexp.MustCompile(`storage '.*' does not exist|no such storage|storage .* is not available on node`),
		"the storage is not there on that node. Check datastore and snippetDatastore against Datacenter > Storage"},
	{regexp.MustCompile(`bridge '.*' does not exist`),
		"the node has no such bridge. Check bridge, or make it under <node> > Network"},
	{regexp.MustCompile(`no space|not enough space|out of space`),
		"the storage is full. Free space, or choose another datastore"},
	{regexp.MustCompile(`protection mode|protected`),
		"the guest is protected. Set protection: false, run pulumi up, then try again"},
	{regexp.MustCompile(`unable to find (a )?(configuration file|VM|template)|Configuration file '.*' does not exist`),
		"a VM that is needed is not there. Check nodes.<name>.templateId: it must be the VMID of a cloud-init template"},
	{regexp.MustCompile(`volume '.*vztmpl.*' does not exist|no such volume`),
		"the container template is not on that node. Download it (pveam download local <template>), or set lxcTemplate to one that pveam list local shows"},
	{regexp.MustCompile(`connection refused|no such host|i/o timeout|EOF|connection reset|TLS handshake|HTTP 5\d\d|HTTP 59\d`),
		"the Proxmox API did not answer as it should. Check proxmoxEndpoint and the node's pveproxy service; nothing is lost: run pulumi up again"},
}

// adviceFor returns the advice for an error message, or nothing.
func adviceFor(message string) string {
	for _, a := range advice {
		if a.when.MatchString(message) {
			return a.do
		}
	}
	return ""
}
