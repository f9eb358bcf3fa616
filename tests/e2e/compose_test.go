package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/pve-home/pve-home/components"
	"github.com/pve-home/pve-home/components/pvehome"
	"github.com/pve-home/pve-home/tests/lab"
	"github.com/pve-home/pve-home/tests/pvesim/docker"
	"github.com/pve-home/pve-home/tests/pvesim/sim"
)

// application is a Compose project on a VM of its own, as a program deploys it.
type application struct {
	h *harness
	s *lab.Stack
	// files and secretFiles are what the next up delivers.
	files, secretFiles map[string]string
	key                string
	publicKey          string
}

const (
	appVMID   = 1021
	appSecret = "token-of-the-application"
)

func newApplication(t *testing.T) *application {
	h := newHarness(t, lab.Options{AttachProvider: true, Sim: func(o *sim.Options) { o.GuestDocker = sim.DockerInstalled }})
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	require.NoError(t, err)
	key, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	a := &application{
		h: h, key: string(pem.EncodeToMemory(block)), publicKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))),
		files: map[string]string{
			"compose.yaml": `services:
  web:
    image: example.org/web:1.0
    restart: unless-stopped
    ports: ["8080:8080"]
    volumes: ["./web.conf:/etc/web.conf:ro"]
  worker:
    image: example.org/worker:1.0
    restart: unless-stopped
    volumes: ["./worker.conf:/etc/worker.conf:ro", "./token:/run/token:ro", "queue:/var/queue"]
volumes:
  queue: {}
`,
			"web.conf":    "colour = blue\n",
			"worker.conf": "threads = 2\n",
		},
		secretFiles: map[string]string{"token": appSecret},
	}
	a.s = h.stack("lab", "config: {}\n")
	a.s.Workspace().SetProgram(a.program)
	return a
}

// program is one of a user's own, on the components.
func (a *application) program(ctx *pulumi.Context) error {
	proxmox, err := proxmoxOf(ctx, a.h.Lab)
	if err != nil {
		return err
	}
	machine, err := components.NewVM(ctx, "app", proxmox, components.VMArgs{
		Node: "pve1", VMID: appVMID, TemplateID: 9000, TemplateNode: "pve1",
		Address: strings.Replace(a.h.Network.String(), ".0/", ".21/", 1), Bridge: "vmbr0",
		Cores: 1, CPUType: "x86-64-v2-AES", MemoryMiB: 1024, DiskGiB: 20, Datastore: "local-lvm", SnippetDatastore: "local",
		Username: "admin", SSHPublicKeys: []string{a.publicKey},
	})
	if err != nil {
		return err
	}
	files, secretFiles := pvehome.ComposeFileMap{}, pvehome.ComposeSecretFileMap{}
	for name, content := range a.files {
		files[name] = pvehome.ComposeFileArgs{Content: pulumi.String(content)}
	}
	for name, content := range a.secretFiles {
		secretFiles[name] = pvehome.ComposeSecretFileArgs{Content: pulumi.String(content)}
	}
	project, err := pvehome.NewComposeProject(ctx, "app", &pvehome.ComposeProjectArgs{
		Connection: pvehome.ComposeConnectionArgs{
			Host: machine.Address, Port: pulumi.Int(2222), User: pulumi.String("admin"), PrivateKey: pulumi.String(a.key),
		},
		Files: files, SecretFiles: secretFiles,
		HealthChecks: pvehome.ComposeHealthCheckArray{pvehome.ComposeHealthCheckArgs{Url: pulumi.String("http://127.0.0.1:8080/")}},
		Timeouts:     pvehome.ComposeTimeoutsArgs{ConnectSeconds: pulumi.Int(20), UpSeconds: pulumi.Int(20), HealthSeconds: pulumi.Int(5)},
	}, pulumi.DeletedWith(machine))
	if err != nil {
		return err
	}
	ctx.Export("services", project.Services)
	return nil
}

// containers are the ids of the services' containers.
func (a *application) containers() map[string]string {
	projects, err := a.h.Sim.ComposeProjects(appVMID)
	require.NoError(a.h.t, err)
	require.Len(a.h.t, projects, 1)
	require.Equal(a.h.t, "app", projects[0].Name)
	ids := map[string]string{}
	for _, s := range projects[0].Services {
		require.Equal(a.h.t, "running", s.State, s.Name)
		ids[s.Name] = s.ContainerID
	}
	return ids
}

func (a *application) file(name string) string {
	content, err := a.h.Sim.GuestFile(appVMID, "/opt/pve-home/app/current/"+name)
	require.NoError(a.h.t, err)
	return string(content)
}

// changes are the properties of the project that a preview shows.
func (a *application) changes() []string {
	a.h.t.Helper()
	stream := make(chan events.EngineEvent)
	collected := make(chan []string)
	go func() {
		properties := []string{}
		for e := range stream {
			if e.ResourcePreEvent != nil && e.ResourcePreEvent.Metadata.Type == "pvehome:index:ComposeProject" {
				properties = slices.AppendSeq(properties, maps.Keys(e.ResourcePreEvent.Metadata.DetailedDiff))
			}
		}
		slices.Sort(properties)
		collected <- properties
	}()
	_, err := a.s.Preview(a.h.timeout(), optpreview.EventStreams(stream))
	require.NoError(a.h.t, err)
	return <-collected
}

// TestComposeProjectLifecycle: an application comes up, one changed file shows alone and restarts the
// service that mounts it alone, what somebody edits on the guest is found and repaired.
func TestComposeProjectLifecycle(t *testing.T) {
	a := newApplication(t)
	h, s := a.h, a.s
	result, err := s.Up(h.timeout())
	require.NoError(t, err)
	require.Equal(t, map[string]any{"web": "running", "worker": "running"}, result.Outputs["services"].Value)
	h.clean(s)
	h.refreshFindsNothing(s)
	first := a.containers()
	require.Equal(t, appSecret, a.file("token"))
	for _, command := range h.Sim.GuestCommands(appVMID) {
		require.NotContains(t, command, appSecret)
	}

	a.files["web.conf"] = "colour = green\n"
	require.Equal(t, []string{`files["web.conf"].content`}, a.changes())
	require.Equal(t, 1, h.up(s)["update"])
	second := a.containers()
	require.NotEqual(t, first["web"], second["web"], "the service that mounts the file is restarted")
	require.Equal(t, first["worker"], second["worker"], "the other is not")
	require.Equal(t, "colour = green\n", a.file("web.conf"))
	h.clean(s)

	require.NoError(t, h.Sim.WriteGuestFile(appVMID, "/opt/pve-home/app/current/worker.conf", []byte("threads = 99\n")))
	require.Equal(t, 1, (*h.refresh(s).Summary.ResourceChanges)["update"], "an edit on the guest is found")
	require.Equal(t, []string{`files["worker.conf"].content`}, a.changes())
	h.up(s)
	require.Equal(t, "threads = 2\n", a.file("worker.conf"))
	h.clean(s)

	require.NoError(t, h.Sim.SetServiceState(appVMID, "app", "web", "exited", ""))
	require.Equal(t, 1, (*h.refresh(s).Summary.ResourceChanges)["update"], "a stopped service is found")
	h.up(s)
	a.containers()
	h.clean(s)
	h.refreshFindsNothing(s)

	_, err = s.Destroy(h.timeout(), optdestroy.ProgressStreams(h.out))
	require.NoError(t, err)
	require.Empty(t, h.guestNames())
	a.noSecretInState()
}

// noSecretInState looks through every version of every object of the state.
func (a *application) noSecretInState() {
	objects, err := a.h.StateObjects(a.h.ctx)
	require.NoError(a.h.t, err)
	require.NotEmpty(a.h.t, objects)
	for name, content := range objects {
		require.NotContains(a.h.t, string(content), appSecret, name)
		require.NotContains(a.h.t, string(content), "OPENSSH PRIVATE KEY", name)
	}
}

// TestComposeProjectRollsBack: a release that does not come up is taken back, and the error has the
// last lines of the service that failed; the mended one then comes up.
func TestComposeProjectRollsBack(t *testing.T) {
	a := newApplication(t)
	h, s := a.h, a.s
	h.up(s)
	good := a.file("web.conf")

	require.NoError(t, h.Sim.SetServiceBehavior(appVMID, docker.Behavior{
		Project: "app", Service: "web", MountContains: "colour = red", Exits: true, ExitCode: 3,
		Log: []string{"reading /etc/web.conf", "red is not allowed"},
	}))
	a.files["web.conf"] = "colour = red\n"
	diagnostics := diagnosticsOf(t, h.upFails(s))
	require.Contains(t, diagnostics, "red is not allowed")
	require.Contains(t, diagnostics, "web")
	require.NotContains(t, diagnostics, appSecret)
	require.Equal(t, good, a.file("web.conf"), "the previous release")
	a.containers()

	a.files["web.conf"] = "colour = green\n"
	h.up(s)
	require.Equal(t, "colour = green\n", a.file("web.conf"))
	h.clean(s)
	h.refreshFindsNothing(s)
}

// TestComposeProjectFaults: whatever is wrong with the guest, the error says so within a bounded time,
// the previous release goes on, and the next up completes.
func TestComposeProjectFaults(t *testing.T) {
	a := newApplication(t)
	h, s := a.h, a.s
	h.up(s)
	docker := func(setup string) func() error { return func() error { return h.Sim.SetDocker(appVMID, setup) } }
	free := func(bytes int64) func() error { return func() error { return h.Sim.SetFreeBytes(appVMID, bytes) } }
	strike := func(f sim.Fault) func() error {
		return func() error {
			h.Sim.AddFault(f)
			return nil
		}
	}
	clear := func() error {
		h.Sim.ClearFaults()
		return nil
	}
	for _, fault := range []struct {
		name          string
		breaks, mends func() error
		says          []string
	}{
		{"no Docker", docker(sim.DockerMissing), docker(sim.DockerInstalled), []string{"docker does not run: install Docker Engine with the compose plugin"}},
		{"no compose plugin", docker(sim.DockerWithoutCompose), docker(sim.DockerInstalled), []string{"compose plugin"}},
		{"no space", free(10), free(1 << 30), []string{"no space", "free"}},
		{"SSH closed", strike(sim.Fault{Kind: sim.FaultGuestSSH}), clear, []string{"SSH", "20s"}},
		{"connection lost in the upload", strike(sim.Fault{Kind: sim.FaultGuestUpload, Drop: true}), clear, []string{"connection"}},
		{"write fails", strike(sim.Fault{Kind: sim.FaultGuestUpload, After: 1}), clear, []string{"upload"}},
		{"connection lost while the services start", strike(sim.Fault{Kind: sim.FaultGuestCommand, PathRegexp: " up --detach", Drop: true}), clear, []string{"connection"}},
		{"Docker fails", strike(sim.Fault{Kind: sim.FaultGuestCommand, PathRegexp: " up --detach", Status: 1, Reason: "Cannot connect to the Docker daemon", Times: 1}), clear, []string{"Cannot connect to the Docker daemon"}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			h := h.in(t)
			before := a.file("web.conf")
			a.files["web.conf"] = "colour = " + fault.name + "\n"
			require.NoError(t, fault.breaks())
			started := time.Now()
			diagnostics := diagnosticsOf(t, h.upFails(s))
			require.Less(t, time.Since(started), faultTimeout)
			for _, text := range fault.says {
				require.Contains(t, diagnostics, text)
			}
			require.NotContains(t, diagnostics, appSecret)
			require.NoError(t, fault.mends())
			if !strings.HasPrefix(fault.name, "connection lost while") { // nobody could switch back
				require.Equal(t, before, a.file("web.conf"))
			}
			a.containers()

			h.up(s)
			require.Equal(t, a.files["web.conf"], a.file("web.conf"))
			a.containers()
			h.clean(s)
			h.refreshFindsNothing(s)
		})
	}
}

// TestComposeProjectNeverUp: where the first release fails nothing stays behind, and cloud-init's own
// error is shown.
func TestComposeProjectNeverUp(t *testing.T) {
	a := newApplication(t)
	h, s := a.h, a.s
	h.Sim.AddFault(sim.Fault{Kind: sim.FaultCloudInit, ExitStatus: "Failed to install packages: ['nonesuch']"})
	diagnostics := diagnosticsOf(t, h.upFails(s))
	require.Contains(t, diagnostics, "Failed to install packages: ['nonesuch']")
	require.Contains(t, diagnostics, "cloud-init")
	projects, err := h.Sim.ComposeProjects(appVMID)
	require.NoError(t, err)
	require.Empty(t, projects)

	// A first boot that failed is mended by another one.
	h.Sim.ClearFaults()
	require.NoError(t, h.Sim.Remove(appVMID))
	a.files["compose.yaml"] = strings.Replace(a.files["compose.yaml"], "image: example.org/web:1.0", "imagine: example.org/web:1.0", 1)
	diagnostics = refreshAndFail(h, s)
	require.Contains(t, diagnostics, "imagine")
	projects, err = h.Sim.ComposeProjects(appVMID)
	require.NoError(t, err)
	require.Empty(t, projects)

	a.files["compose.yaml"] = strings.Replace(a.files["compose.yaml"], "imagine:", "image:", 1)
	h.up(s)
	a.containers()
	h.clean(s)
}

func refreshAndFail(h *harness, s *lab.Stack) string {
	_, err := s.Up(h.timeout(), optup.Refresh())
	require.Error(h.t, err)
	return diagnosticsOf(h.t, err.Error())
}

// TestComposeProjectOnStoppedGuest: a refresh does not end because a guest is down, and the update
// that follows it starts the guest and looks after the project.
func TestComposeProjectOnStoppedGuest(t *testing.T) {
	a := newApplication(t)
	h, s := a.h, a.s
	h.up(s)
	require.NoError(t, h.Sim.SetPower(appVMID, false))
	_, err := s.Up(h.timeout(), optup.Refresh())
	require.NoError(t, err)
	a.containers()
	h.clean(s)
	h.refreshFindsNothing(s)
}

// TestComposeProjectOnRebuiltGuest: another machine under the address is not trusted by itself; the
// error has the command for one that was rebuilt.
func TestComposeProjectOnRebuiltGuest(t *testing.T) {
	a := newApplication(t)
	h, s := a.h, a.s
	h.up(s)
	require.NoError(t, h.Sim.Remove(appVMID))
	diagnostics := refreshAndFail(h, s)
	require.Contains(t, diagnostics, "is not the known one")
	require.Contains(t, diagnostics, "pulumi up --replace")
	for _, r := range h.resources(s) {
		if r.Type == "pvehome:index:ComposeProject" {
			_, err := s.Up(h.timeout(), optup.Replace([]string{string(r.URN)}))
			require.NoError(t, err)
		}
	}
	a.containers()
	h.clean(s)
	h.refreshFindsNothing(s)
}
