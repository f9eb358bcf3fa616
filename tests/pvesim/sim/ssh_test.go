package sim_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

func (c *cluster) dialNode(node string) *ssh.Client {
	c.t.Helper()
	signer, err := ssh.ParsePrivateKey(c.SSHPrivateKeyPEM())
	require.NoError(c.t, err)
	client, err := dial(c.SSHAddress(node), "ops", signer)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = client.Close() })
	return client
}

func dial(address, user string, signer ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", address, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 5 * time.Second, //nolint:gosec // loopback
	})
}

// run executes a command and returns its output and exit status.
func run(t testing.TB, client *ssh.Client, command, stdin string) (string, int) {
	t.Helper()
	session, err := client.NewSession()
	require.NoError(t, err)
	defer func() { _ = session.Close() }()
	session.Stdin = strings.NewReader(stdin)
	output, err := session.CombinedOutput(command)
	if err == nil {
		return string(output), 0
	}
	var exit *ssh.ExitError
	require.ErrorAs(t, err, &exit)
	return string(output), exit.ExitStatus()
}

const trySudo = `try_sudo(){ if [ $(sudo -n pvesm apiinfo 2>&1 | grep "APIVER" | wc -l) -gt 0 ]; then sudo $1; else $1; fi }; try_sudo `

func (c *cluster) writeSnippet(name, text string) {
	c.t.Helper()
	_, exit := run(c.t, c.dialNode("pve1"), trySudo+`"/usr/bin/tee /var/lib/vz/snippets/`+name+`"`, text)
	require.Zero(c.t, exit)
}

func TestSnippetOverSSH(t *testing.T) {
	c := start(t)
	c.writeSnippet("vm0.yaml", "#cloud-config\n")
	content := c.list("/nodes/pve1/storage/local/content")
	require.Len(t, content, 2)
	entry := content[0].(map[string]any)
	require.Equal(t, "local:snippets/vm0.yaml", entry["volid"])
	require.Equal(t, "snippet", entry["format"])
	require.Equal(t, 14.0, entry["size"])
	require.Len(t, c.list("/nodes/pve2/storage/local/content"), 1, "local storages are the node's own")

	files, err := sftp.NewClient(c.dialNode("pve1"))
	require.NoError(t, err)
	defer func() { _ = files.Close() }()
	f, err := files.Open("/var/lib/vz/snippets/vm0.yaml")
	require.NoError(t, err)
	data, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, "#cloud-config\n", string(data))
	info, err := f.Stat()
	require.NoError(t, err)
	require.EqualValues(t, 14, info.Size())
	_, err = files.Open("/var/lib/vz/snippets/none.yaml")
	require.ErrorContains(t, err, "not exist")

	require.NoError(t, c.SetStorageContent("pve1", "local", []string{"iso", "vztmpl"}))
	require.Len(t, c.list("/nodes/pve1/storage/local/content"), 1, "the file is there, but the storage does not list snippets")
	require.NoError(t, c.SetStorageContent("pve1", "local", []string{"iso", "vztmpl", "snippets"}))
	c.ok("DELETE", "/nodes/pve1/storage/local/content/local:snippets%2Fvm0.yaml", "")
	_, found := c.StorageFile("pve1", "local:snippets/vm0.yaml")
	require.False(t, found)
}

func TestNodeShell(t *testing.T) {
	c := start(t, func(o *sim.Options) { o.SSHUser = "ops" })
	client := c.dialNode("pve1")
	output, exit := run(t, client, "sudo pvesm apiinfo", "")
	require.Zero(t, exit)
	require.Contains(t, output, "APIVER")
	_, exit = run(t, client, "rm -rf /", "")
	require.Equal(t, 127, exit)
	output, exit = run(t, client, trySudo+`"/usr/bin/tee /etc/passwd"`, "x")
	require.Equal(t, 1, exit)
	require.Contains(t, output, "No such file or directory")
	require.Equal(t, 3, c.SSHSessions())
	signer, err := ssh.ParsePrivateKey(c.SSHPrivateKeyPEM())
	require.NoError(t, err)
	_, err = dial(c.SSHAddress("pve1"), "root", signer)
	require.ErrorContains(t, err, "unable to authenticate")
}

func newKey(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	return signer, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

// vm makes a running VM with user-data at an address.
func (c *cluster) vm(vmid int, name, address, userData string) {
	c.t.Helper()
	c.writeSnippet(name+".yaml", userData)
	c.clone(vmid, name)
	path := fmt.Sprintf("/nodes/pve1/qemu/%d", vmid)
	c.ok("PUT", path+"/config", "ide2=local-lvm:cloudinit&agent=1&ipconfig0=ip="+address+"/24&cicustom=user=local:snippets/"+name+".yaml")
	require.Equal(c.t, "OK", c.task("POST", path+"/status/start", ""))
}

func TestGuestsAnswerOverSSH(t *testing.T) {
	c := start(t)
	signer, key := newKey(t)
	userData := "#cloud-config\nhostname: web\nusers:\n  - name: ops\n    ssh_authorized_keys: [\"" + key + "\"]\npackages: [qemu-guest-agent]\n"
	c.vm(100, "web", "127.81.1.20", userData)
	client, err := dial("127.81.1.20:2022", "ops", signer)
	require.NoError(t, err)
	for command, want := range map[string]string{"hostname": "web\n", "cloud-init status --wait": "status: done\n", "true": ""} {
		output, exit := run(t, client, command, "")
		require.Zero(t, exit, command)
		require.Equal(t, want, output, command)
	}
	output, exit := run(t, client, "docker ps", "")
	require.Equal(t, 127, exit)
	require.Contains(t, output, "docker: command not found")
	_, err = dial("127.81.1.20:2022", "root", signer)
	require.Error(t, err, "user-data names only ops")

	result := c.object("/nodes/pve1/qemu/100/agent/network-get-interfaces")["result"].([]any)
	require.Contains(t, result[1].(map[string]any)["ip-addresses"], map[string]any{"ip-address": "127.81.1.20", "ip-address-type": "ipv4", "prefix": 24.0})

	c.vm(101, "twin", "127.81.1.20", userData)
	require.Equal(t, "running", c.guest(101).Status, "a duplicate address does not prevent the start")
	require.False(t, c.guest(101).SSH)

	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/100/status/reboot", ""))
	require.True(t, c.guest(100).SSH, "a reboot listens again")
	c.ok("POST", "/nodes/pve1/qemu/100/status/stop", "")
	require.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", "127.81.1.20:2022", time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 5*time.Second, 10*time.Millisecond, "a stopped guest listens no more")
	c.fails("GET", "/nodes/pve1/qemu/100/agent/network-get-interfaces", "", 500, "VM 100 is not running")
}

func TestAgentNeedsThePackage(t *testing.T) {
	c := start(t)
	c.vm(100, "plain", "127.81.1.20", "#cloud-config\nhostname: plain\n")
	c.fails("GET", "/nodes/pve1/qemu/100/agent/network-get-interfaces", "", 500, "QEMU guest agent is not running")
	c.ok("PUT", "/nodes/pve1/qemu/100/config", "agent=0")
	c.fails("GET", "/nodes/pve1/qemu/100/agent/network-get-interfaces", "", 500, "No QEMU guest agent configured")
}
