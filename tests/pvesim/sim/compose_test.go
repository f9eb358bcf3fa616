package sim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/pve-home/pve-home/tests/pvesim/docker"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

const (
	guestAddress = "127.81.1.20"
	project      = "/opt/pve-home/app"
	projectFile  = `
services:
  web:
    image: web:1
    restart: unless-stopped
    ports: ["8080:80"]
    volumes: ["./web.conf:/etc/web.conf:ro"]
  db: {image: db:1, restart: unless-stopped, healthcheck: {test: [CMD, "true"]}, volumes: ["data:/data"]}
volumes: {data: {}}
`
	upWait = "up --detach --remove-orphans --wait --wait-timeout 5"
)

// deployer is a client of a guest with Docker, as a deployment tool has it.
type deployer struct {
	*cluster
	signer ssh.Signer
	client *ssh.Client
}

func dockerGuest(t *testing.T, change ...func(*sim.Options)) *deployer {
	t.Helper()
	d := &deployer{cluster: start(t, change...)}
	var key string
	d.signer, key = newKey(t)
	d.vm(100, "app", guestAddress, dockerUserData(key))
	d.dial("ops")
	return d
}

func dockerUserData(key string) string {
	return "#cloud-config\nhostname: app\nusers:\n  - {name: ops, sudo: \"ALL=(ALL) NOPASSWD:ALL\", ssh_authorized_keys: [\"" + key + "\"]}\n" +
		"  - {name: guest, ssh_authorized_keys: [\"" + key + "\"]}\npackages: [docker.io, docker-compose, qemu-guest-agent]\n"
}

func (d *deployer) dial(user string) {
	d.t.Helper()
	var err error
	d.client, err = dial(guestAddress+":2022", user, d.signer)
	require.NoError(d.t, err)
	client := d.client
	d.t.Cleanup(func() { _ = client.Close() })
}

// rootFiles is SFTP as root: the server runs with sudo.
func (d *deployer) rootFiles() *sftp.Client {
	d.t.Helper()
	session, err := d.client.NewSession()
	require.NoError(d.t, err)
	stdin, err := session.StdinPipe()
	require.NoError(d.t, err)
	stdout, err := session.StdoutPipe()
	require.NoError(d.t, err)
	require.NoError(d.t, session.Start("sudo -n /usr/lib/openssh/sftp-server"))
	files, err := sftp.NewClientPipe(stdout, stdin)
	require.NoError(d.t, err)
	d.t.Cleanup(func() { _ = session.Close() })
	return files
}

// release uploads files to a folder of their own and switches to it.
func (d *deployer) release(id string, contents map[string]string) {
	d.t.Helper()
	files := d.rootFiles()
	directory := project + "/releases/" + id
	require.NoError(d.t, files.MkdirAll(directory))
	for name, content := range contents {
		d.upload(files, directory+"/"+name, content)
	}
	require.NoError(d.t, files.Symlink("releases/"+id, project+"/current.next"))
	require.NoError(d.t, files.PosixRename(project+"/current.next", project+"/current"))
}

func (d *deployer) upload(files *sftp.Client, name, content string) {
	d.t.Helper()
	f, err := files.Create(name)
	require.NoError(d.t, err)
	_, err = io.WriteString(f, content)
	require.NoError(d.t, err)
	require.NoError(d.t, f.Close())
}

func (d *deployer) command(command string) (string, int) {
	d.t.Helper()
	return run(d.t, d.client, command, "")
}

func (d *deployer) compose(verb string) (string, int) {
	d.t.Helper()
	return d.command("sudo -n docker compose --project-name app --project-directory " + project + "/current --file " + project + "/current/compose.yaml " + verb)
}

func (d *deployer) deployed() *deployer {
	d.t.Helper()
	d.release("1", map[string]string{"compose.yaml": projectFile, "web.conf": "one"})
	output, exit := d.compose(upWait)
	require.Zero(d.t, exit, output)
	return d
}

func (d *deployer) service(name string) sim.ComposeService {
	d.t.Helper()
	projects, err := d.ComposeProjects(100)
	require.NoError(d.t, err)
	require.Len(d.t, projects, 1)
	for _, s := range projects[0].Services {
		if s.Name == name {
			return s
		}
	}
	require.Fail(d.t, "no such service", name)
	return sim.ComposeService{}
}

// get asks over HTTP through the SSH connection.
func (d *deployer) get(port int) (int, string, error) {
	d.t.Helper()
	transport := &http.Transport{Dial: func(network, address string) (net.Conn, error) { return d.client.Dial(network, address) }} //nolint:staticcheck // the SSH client's Dial has no context
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/health", port))
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func TestDeployToGuest(t *testing.T) {
	d := dockerGuest(t)
	output, exit := d.command("cloud-init status --wait")
	require.Zero(t, exit)
	require.Equal(t, "status: done\n", output)
	output, exit = d.command("sudo -n docker compose version --short")
	require.Zero(t, exit)
	require.Equal(t, docker.ComposeVersion+"\n", output)
	d.deployed()
	require.Equal(t, sim.ComposeService{
		Name: "web", Image: "web:1", State: "running", Starts: 1,
		ConfigHash: d.service("web").ConfigHash, ContainerID: d.service("web").ContainerID,
	}, d.service("web"))
	require.Equal(t, "healthy", d.service("db").Health)

	output, exit = d.compose("ps --all --format json")
	require.Zero(t, exit)
	lines := strings.Split(strings.TrimSpace(output), "\n")
	require.Len(t, lines, 2)
	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &line))
	require.Equal(t, "db", line["Service"])
	require.Equal(t, "healthy", line["Health"])

	status, body, err := d.get(8080)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Equal(t, "web web:1\n", body)
	_, _, err = d.get(8081)
	require.ErrorContains(t, err, "Connection refused")

	output, exit = d.command("sudo -n env --chdir=" + project + "/current true")
	require.Zero(t, exit, output)
	output, exit = d.command("sudo -n env --chdir=" + project + "/current docker compose run --rm web migrate 'a b'")
	require.Zero(t, exit, output)
	_, exit = d.command("sudo -n env --chdir=" + project + "/current ./prepare.sh")
	require.Equal(t, 127, exit)
	for command, want := range map[string]int{"0.05 sleep 5": 124, "5 sleep 0.01": 0, "5 false": 1, "5 ./prepare.sh": 127, "x true": 125} {
		_, exit = d.command("sudo -n env --chdir=" + project + "/current timeout --kill-after=10 " + command)
		require.Equal(t, want, exit, command)
	}
	_, exit = d.command("sudo -n env --chdir=/nowhere true")
	require.Equal(t, 125, exit)
	require.Contains(t, d.GuestCommands(100), "sudo -n env --chdir=/nowhere true")

	require.NoError(t, d.SetServiceState(100, "app", "web", "exited", ""))
	require.Equal(t, "exited", d.service("web").State)
	_, _, err = d.get(8080)
	require.Error(t, err)

	output, exit = d.compose("down --remove-orphans --volumes")
	require.Zero(t, exit, output)
	projects, err := d.ComposeProjects(100)
	require.NoError(t, err)
	require.Empty(t, projects)
}

func TestFailingRelease(t *testing.T) {
	d := dockerGuest(t).deployed()
	require.NoError(t, d.SetServiceBehavior(100, docker.Behavior{
		Project: "app", Service: "db", Image: "db:2", Health: docker.HealthUnhealthy, Log: []string{"no such table"},
	}))
	require.NoError(t, d.SetServiceBehavior(100, docker.Behavior{Project: "app", Service: "web", HTTPStatus: 503, HTTPBody: "starting"}))
	d.release("2", map[string]string{"compose.yaml": strings.ReplaceAll(projectFile, ":1", ":2"), "web.conf": "one"})
	output, exit := d.compose(upWait)
	require.Equal(t, 1, exit)
	require.Contains(t, output, "container app-db-1 is unhealthy")
	output, _ = d.compose("logs --no-color --no-log-prefix --tail 5 db")
	require.Equal(t, "no such table\n", output)
	status, body, err := d.get(8080)
	require.NoError(t, err)
	require.Equal(t, "503 starting", fmt.Sprint(status, " ", body))
	d.release("1", map[string]string{"compose.yaml": projectFile, "web.conf": "one"})
	output, exit = d.compose(upWait)
	require.Zero(t, exit, output)
}

func TestFilesOfAGuest(t *testing.T) {
	d := dockerGuest(t)
	files := d.rootFiles()
	require.NoError(t, files.MkdirAll(project+"/releases/1"))
	d.upload(files, project+"/releases/1/secret", "geheim")
	require.NoError(t, files.Chmod(project+"/releases/1/secret", 0o640))
	require.NoError(t, files.Chown(project+"/releases/1/secret", 0, 999))
	info, err := files.Stat(project + "/releases/1/secret")
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o640), info.Mode())
	require.EqualValues(t, 999, info.Sys().(*sftp.FileStat).GID)
	require.NoError(t, files.Symlink("releases/1", project+"/current"))
	target, err := files.ReadLink(project + "/current")
	require.NoError(t, err)
	require.Equal(t, "releases/1", target)
	real, err := files.RealPath(project + "/current/secret")
	require.NoError(t, err)
	require.Equal(t, project+"/releases/1/secret", real)
	link, err := files.Lstat(project + "/current")
	require.NoError(t, err)
	require.Equal(t, fs.ModeSymlink, link.Mode().Type())
	d.upload(files, project+"/releases/1/other", "")
	require.Error(t, files.Rename(project+"/releases/1/other", project+"/releases/1/secret"), "SFTP's rename replaces nothing")
	list, err := files.ReadDir(project)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Error(t, files.RemoveDirectory(project))
	_, err = files.Open(project + "/none")
	require.ErrorIs(t, err, fs.ErrNotExist)

	usage, err := files.StatVFS(project)
	require.NoError(t, err)
	require.Greater(t, usage.FreeSpace(), uint64(1<<30))
	require.NoError(t, d.SetFreeBytes(100, 4096))
	usage, err = files.StatVFS(project)
	require.NoError(t, err)
	require.EqualValues(t, 4096, usage.FreeSpace())
	f, err := files.Create(project + "/big")
	require.NoError(t, err)
	_, err = f.Write(make([]byte, 5000))
	require.ErrorContains(t, err, "failure")

	// The subsystem runs as the user who logged in.
	own, err := sftp.NewClient(d.client)
	require.NoError(t, err)
	t.Cleanup(func() { _ = own.Close() })
	require.ErrorIs(t, own.Mkdir("/opt/mine"), fs.ErrPermission)
	_, err = own.Open(project + "/current/secret")
	require.ErrorIs(t, err, fs.ErrPermission)
	require.NoError(t, own.Mkdir("here"))
	_, err = files.Stat("/home/ops/here")
	require.NoError(t, err)

	require.NoError(t, d.WriteGuestFile(100, project+"/current/secret", []byte("edited")))
	data, err := d.GuestFile(100, project+"/releases/1/secret")
	require.NoError(t, err)
	require.Equal(t, "edited", string(data))
	output, exit := d.command("sudo -n cat " + project + "/current/secret")
	require.Zero(t, exit)
	require.Equal(t, "edited", output)
	require.NoError(t, d.RemoveGuestFile(100, project+"/current"))
	_, err = files.Lstat(project + "/current")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestSudoNeedsARule(t *testing.T) {
	d := dockerGuest(t)
	d.dial("guest")
	output, exit := d.command("sudo -n true")
	require.Equal(t, 1, exit)
	require.Equal(t, "sudo: a password is required\n", output)
	output, exit = d.command("docker compose ps")
	require.Equal(t, 1, exit)
	require.Contains(t, output, "permission denied")
}

func TestDockerIsWhatTheUserDataInstalls(t *testing.T) {
	d := dockerGuest(t)
	for setup, want := range map[string]string{
		sim.DockerMissing: "docker: command not found", sim.DockerWithoutCompose: "'compose' is not a docker command", sim.DockerInstalled: docker.ComposeVersion,
	} {
		require.NoError(t, d.SetDocker(100, setup))
		output, exit := d.command("sudo -n docker compose version --short")
		require.Contains(t, output, want)
		require.Equal(t, setup == sim.DockerInstalled, exit == 0)
	}
	require.Error(t, d.SetDocker(100, "maybe"))
	require.ErrorContains(t, d.SetDocker(9000, sim.DockerMissing), "never started")
}

func TestDockerOfTheImage(t *testing.T) {
	c := start(t, func(o *sim.Options) { o.GuestDocker = sim.DockerInstalled })
	signer, key := newKey(t)
	c.vm(100, "app", guestAddress, "#cloud-config\nusers:\n  - {name: ops, ssh_authorized_keys: [\""+key+"\"]}\n")
	d := &deployer{cluster: c, signer: signer}
	d.dial("ops")
	_, exit := d.command("docker compose version")
	require.Zero(t, exit)
	_, err := sim.Start(t.Context(), sim.Options{Nodes: options().Nodes, Listen: "127.81.1.11:0", GuestDocker: "maybe"})
	require.ErrorContains(t, err, "maybe")
}

func TestContainersFollowTheirGuest(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	keep := func(o *sim.Options) { o.StateFile = state }
	d := dockerGuest(t, keep).deployed()
	require.Equal(t, "OK", d.task("POST", "/nodes/pve1/qemu/100/status/stop", ""))
	require.Equal(t, "exited", d.service("web").State)
	require.Equal(t, "OK", d.task("POST", "/nodes/pve1/qemu/100/status/start", ""))
	require.Equal(t, "running", d.service("web").State)
	require.Equal(t, 2, d.service("web").Starts)
	require.NoError(t, d.Close())

	again := start(t, keep)
	d.cluster = again
	require.Equal(t, "running", d.service("db").State, "the state file keeps files and containers")
	d.dial("ops")
	output, exit := d.compose("ps --format json")
	require.Zero(t, exit, output)

	require.Equal(t, "OK", d.task("POST", "/nodes/pve1/qemu/100/snapshot", "snapname=before"))
	require.NoError(t, d.WriteGuestFile(100, project+"/current/web.conf", []byte("broken")))
	require.Equal(t, "OK", d.task("POST", "/nodes/pve1/qemu/100/snapshot/before/rollback", "start=1"))
	data, err := d.GuestFile(100, project+"/current/web.conf")
	require.NoError(t, err)
	require.Equal(t, "one", string(data), "a snapshot has the files")

	archive := d.backup(100)
	d.ok("POST", "/nodes/pve1/qemu/100/status/stop", "")
	require.Equal(t, "OK", d.task("DELETE", "/nodes/pve1/qemu/100", ""))
	_, err = d.ComposeProjects(100)
	require.Error(t, err)
	require.Equal(t, "OK", d.task("POST", "/nodes/pve1/qemu", "vmid=100&archive="+archive+"&start=1"))
	require.Equal(t, "running", d.service("web").State, "a restored guest has what it had")
}

// backup makes a backup and returns its volume.
func (d *deployer) backup(vmid int) string {
	d.t.Helper()
	require.Equal(d.t, "OK", d.task("POST", "/nodes/pve1/vzdump", fmt.Sprintf("vmid=%d&storage=nas&mode=snapshot", vmid)))
	for _, entry := range d.list("/nodes/pve1/storage/nas/content") {
		if volid := entry.(map[string]any)["volid"].(string); strings.Contains(volid, "vzdump") {
			return volid
		}
	}
	require.Fail(d.t, "no backup")
	return ""
}

func TestDisksKeepTheirContents(t *testing.T) {
	d := dockerGuest(t).deployed()
	require.Equal(t, "OK", d.task("POST", "/nodes/pve1/qemu/100/move_disk", "disk=scsi0&storage=nas&delete=1"))
	require.Equal(t, "web web:1", strings.TrimSpace(func() string { _, body, err := d.get(8080); require.NoError(t, err); return body }()))
	require.NoError(t, d.WriteGuestFile(100, "/etc/moved", []byte("yes")))
	data, exit := d.command("cat /etc/moved")
	require.Zero(t, exit, data)
	require.Equal(t, "OK", d.task("POST", "/nodes/pve1/qemu/100/clone", "newid=101&name=copy&full=1&storage=local-lvm"))
	copied, err := d.GuestFile(101, project+"/current/web.conf")
	require.NoError(t, err)
	require.Equal(t, "one", string(copied))
	require.NoError(t, d.WriteGuestFile(101, project+"/current/web.conf", []byte("other")))
	own, err := d.GuestFile(100, project+"/current/web.conf")
	require.NoError(t, err)
	require.Equal(t, "one", string(own), "a clone's files are its own")

	require.NoError(t, d.Remove(100))
	d.vm(100, "app2", guestAddress, dockerUserData(strings.TrimSpace(string(ssh.MarshalAuthorizedKey(d.signer.PublicKey())))))
	projects, err := d.ComposeProjects(100)
	require.NoError(t, err)
	require.Empty(t, projects, "a new disk is empty")
	_, err = d.GuestFile(100, project+"/current/web.conf")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestFirstBoot(t *testing.T) {
	c := start(t)
	signer, key := newKey(t)
	c.SetTaskDuration("ssh", 100*time.Millisecond)
	c.SetTaskDuration("cloud-init", 300*time.Millisecond)
	began := time.Now()
	c.vm(100, "app", guestAddress, dockerUserData(key))
	require.False(t, c.guest(100).SSH)
	require.Eventually(t, func() bool { return c.guest(100).SSH }, 5*time.Second, 5*time.Millisecond)
	d := &deployer{cluster: c, signer: signer}
	d.dial("ops")
	output, exit := d.command("cloud-init status")
	require.Zero(t, exit)
	require.Equal(t, "status: running\n", output)
	_, exit = d.command("sudo -n docker compose version")
	require.Equal(t, 127, exit, "cloud-init has not installed it yet")
	output, exit = d.command("cloud-init status --wait")
	require.Zero(t, exit)
	require.Equal(t, "status: done\n", output)
	require.GreaterOrEqual(t, time.Since(began), 300*time.Millisecond)
	_, exit = d.command("sudo -n docker compose version")
	require.Zero(t, exit)

	c.SetTaskDuration("ssh", 0)
	c.SetTaskDuration("cloud-init", time.Hour)
	require.Equal(t, "OK", c.task("POST", "/nodes/pve1/qemu/100/status/reboot", ""))
	d.dial("ops")
	output, _ = d.command("cloud-init status")
	require.Equal(t, "status: done\n", output, "only the first boot takes long")
}

func TestCloudInitFails(t *testing.T) {
	c := start(t)
	signer, key := newKey(t)
	c.AddFault(sim.Fault{Kind: sim.FaultCloudInit, PathRegexp: "^100$", ExitStatus: "package install failed"})
	c.AddFault(sim.Fault{Kind: sim.FaultCloudInit, PathRegexp: "^101$", Reason: "deprecated key"})
	c.vm(100, "bad", guestAddress, dockerUserData(key))
	d := &deployer{cluster: c, signer: signer}
	d.dial("ops")
	output, exit := d.command("cloud-init status --wait")
	require.Equal(t, 1, exit)
	require.Equal(t, "status: error\n", output)
	output, exit = d.command("cloud-init status --long")
	require.Equal(t, 1, exit)
	require.Contains(t, output, "errors:\n\t- package install failed\n")
	require.NoError(t, c.Remove(100))
	c.vm(101, "degraded", guestAddress, dockerUserData(key))
	d.dial("ops")
	output, exit = d.command("cloud-init status --long")
	require.Equal(t, 2, exit)
	require.Contains(t, output, "status: done\n")
	require.Contains(t, output, "deprecated key")
}

func TestBrokenConnections(t *testing.T) {
	d := dockerGuest(t)
	remove := d.AddFault(sim.Fault{Kind: sim.FaultGuestSSH, PathRegexp: "^100$"})
	_, err := dial(guestAddress+":2022", "ops", d.signer)
	require.Error(t, err)
	remove()

	d.AddFault(sim.Fault{Kind: sim.FaultGuestCommand, PathRegexp: "^100:", Drop: true, After: 2, Times: 1})
	for range 2 {
		_, exit := d.command("true")
		require.Zero(t, exit)
	}
	session, err := d.client.NewSession()
	require.NoError(t, err)
	require.Error(t, session.Run("true"), "the third command loses the connection")
	_, err = d.client.NewSession()
	require.Error(t, err)
	d.dial("ops")

	d.AddFault(sim.Fault{Kind: sim.FaultGuestCommand, PathRegexp: "docker compose .* up", Status: 17, Reason: "disk on fire", Times: 1})
	d.release("1", map[string]string{"compose.yaml": projectFile, "web.conf": "one"})
	output, exit := d.compose(upWait)
	require.Equal(t, 17, exit)
	require.Equal(t, "disk on fire\n", output)

	d.AddFault(sim.Fault{Kind: sim.FaultGuestUpload, PathRegexp: "^100:" + project + "/releases/2/big$", Drop: true, After: 1, Times: 1})
	files := d.rootFiles()
	require.NoError(t, files.MkdirAll(project+"/releases/2"))
	f, err := files.Create(project + "/releases/2/big")
	require.NoError(t, err)
	_, err = f.ReadFrom(strings.NewReader(strings.Repeat("x", 200_000)))
	require.Error(t, err)
	data, err := d.GuestFile(100, project+"/releases/2/big")
	require.NoError(t, err)
	require.Less(t, len(data), 200_000, "what came before the connection broke is there")
	d.dial("ops")
	output, exit = d.compose(upWait)
	require.Zero(t, exit, output)

	// A command outlives its connection.
	require.NoError(t, d.SetServiceBehavior(100, docker.Behavior{Project: "app", Service: "db", DelayMilliseconds: 300, Times: 1}))
	d.AddFault(sim.Fault{Kind: sim.FaultGuestCommand, PathRegexp: "force-recreate", Drop: true, Delay: 50 * time.Millisecond, Times: 1})
	session, err = d.client.NewSession()
	require.NoError(t, err)
	require.Error(t, session.Run("sudo -n timeout --kill-after=30 60 docker compose -p app -f "+project+"/current/compose.yaml up --wait --force-recreate"))
	require.Equal(t, docker.HealthStarting, d.service("db").Health)
	require.Eventually(t, func() bool { return d.service("db").Health == docker.HealthHealthy }, 5*time.Second, 5*time.Millisecond)
	d.dial("ops")

	require.NoError(t, d.SetServiceBehavior(100, docker.Behavior{Project: "app", Service: "db", Health: docker.HealthStarting}))
	session, err = d.client.NewSession()
	require.NoError(t, err)
	require.NoError(t, session.Start("sudo -n docker compose -p app -f "+project+"/current/compose.yaml up --wait --force-recreate"))
	require.Eventually(t, func() bool { return d.service("db").Health == docker.HealthStarting }, 5*time.Second, 5*time.Millisecond)
	require.NoError(t, d.SetPower(100, false))
	require.Error(t, session.Wait(), "the end of the guest ends its commands")
}

func TestControlOfGuests(t *testing.T) {
	d := dockerGuest(t).deployed()
	for _, call := range [][3]string{
		{"GET", "compose", ""}, {"GET", "commands", ""},
		{"POST", "behavior", `{"project":"app","service":"web","exits":true,"exitCode":3}`},
		{"POST", "service", `{"project":"app","service":"web","state":"exited"}`},
		{"POST", "docker", `{"setup":"without-compose"}`}, {"POST", "disk", `{"freeBytes":1000}`},
		{"POST", "file", `{"path":"/etc/motd","content":"hello"}`}, {"GET", "file?path=/etc/motd", ""},
	} {
		status, body := d.plain(call[0], "/sim/guests/100/"+call[1], call[2])
		require.Equal(t, 200, status, "%v: %s", call, body)
	}
	_, body := d.plain("GET", "/sim/guests/100/compose", "")
	require.Contains(t, body, `"state":"exited"`)
	_, body = d.plain("GET", "/sim/guests/100/file?path=/etc/motd", "")
	require.Contains(t, body, "hello")
	for _, wrong := range [][3]string{
		{"POST", "behavior", `{"project":"app"}`}, {"POST", "service", `{"project":"none","service":"web"}`}, {"POST", "docker", `{}`}, {"POST", "disk", `{}`},
		{"GET", "file?path=/none", ""},
	} {
		status, _ := d.plain(wrong[0], "/sim/guests/100/"+wrong[1], wrong[2])
		require.Equal(t, 400, status, "%v", wrong)
	}
	status, _ := d.plain("GET", "/sim/guests/100/other", "")
	require.Equal(t, 404, status)
}
