package compose

import (
	"cmp"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Defaults of the inputs.
const (
	defaultPort             = 22
	defaultMode             = "0644"
	defaultSecretMode       = "0600"
	defaultComposeFile      = "compose.yaml"
	defaultParent           = "/opt/pve-home"
	defaultConnectSeconds   = 300
	defaultCloudInitSeconds = 900
	defaultUploadSeconds    = 120
	defaultUpSeconds        = 600
	defaultHealthSeconds    = 120
	defaultHookSeconds      = 300
	defaultHealthStatus     = 200
)

// ProjectArgs are the resource's inputs.
type ProjectArgs struct {
	Connection    Connection            `pulumi:"connection"`
	ProjectName   string                `pulumi:"projectName,optional"`
	Directory     string                `pulumi:"directory,optional"`
	Files         map[string]File       `pulumi:"files,optional"`
	SecretFiles   map[string]SecretFile `pulumi:"secretFiles,optional"`
	ComposeFiles  []string              `pulumi:"composeFiles,optional"`
	BeforeUp      []Hook                `pulumi:"beforeUp,optional"`
	HealthChecks  []HealthCheck         `pulumi:"healthChecks,optional"`
	Timeouts      *Timeouts             `pulumi:"timeouts,optional"`
	RemoveVolumes bool                  `pulumi:"removeVolumes,optional"`
}

// Annotate describes the inputs.
func (p *ProjectArgs) Annotate(a infer.Annotator) {
	a.Describe(&p.Connection, "How the guest is reached.")
	a.Describe(&p.ProjectName, "Name of the compose project: lower case letters, digits, `-` and `_`. Default: the resource's name. A change replaces the resource.")
	a.Describe(&p.Directory, "Folder on the guest that keeps the releases, an absolute path. Default: `/opt/pve-home/<projectName>`. A change replaces the resource.")
	a.Describe(&p.Files, "Files by their path below the project's folder. A service that mounts a file is restarted when the file changes, and no other.")
	a.Describe(&p.SecretFiles, "Files whose content is a secret, by their path: encrypted in the state, readable on the guest by their owner only.")
	a.Describe(&p.ComposeFiles, "Which of the files are compose files, later ones over earlier ones. Default: `[\"compose.yaml\"]`.")
	a.Describe(&p.BeforeUp, "Commands to run on the guest as root before the services start, in the project's folder, when a new release is deployed.")
	a.Describe(&p.HealthChecks, "Requests that must succeed before a release counts as good, besides the services' own health checks.")
	a.Describe(&p.Timeouts, "How long each step may take.")
	a.Describe(&p.RemoveVolumes, "Whether deleting the resource deletes the project's named volumes too. Default: they stay.")
}

// Connection says how a guest is reached.
type Connection struct {
	Host           string `pulumi:"host"`
	Port           int    `pulumi:"port,optional"`
	User           string `pulumi:"user"`
	PrivateKey     string `pulumi:"privateKey,optional" provider:"secret"`
	PrivateKeyFile string `pulumi:"privateKeyFile,optional"`
	Agent          bool   `pulumi:"agent,optional"`
	HostKey        string `pulumi:"hostKey,optional"`
}

// Annotate describes the connection.
func (c *Connection) Annotate(a infer.Annotator) {
	a.SetToken("index", "ComposeConnection")
	a.Describe(&c, "An SSH connection to a guest. Give exactly one of `privateKey`, `privateKeyFile` and `agent`.")
	a.Describe(&c.Host, "Address or name of the guest.")
	a.Describe(&c.Port, "Port of its SSH server.")
	a.SetDefault(&c.Port, defaultPort)
	a.Describe(&c.User, "User who logs in: `root`, or one who may use `sudo` without a password.")
	a.Describe(&c.PrivateKey, "Private key, in PEM or OpenSSH form, without a passphrase.")
	a.Describe(&c.PrivateKeyFile, "Path of a private key file on this machine, without a passphrase; `~/` is the home folder.")
	a.Describe(&c.Agent, "Use the keys of the SSH agent at `SSH_AUTH_SOCK`.")
	a.Describe(&c.HostKey, "The guest's host key in authorized_keys form (`ssh-ed25519 AAAA...`). Default: the key shown at first contact, which is kept in the state.")
}

// File is a file of the project.
type File struct {
	Content string `pulumi:"content"`
	Mode    string `pulumi:"mode,optional"`
	Owner   string `pulumi:"owner,optional"`
}

// Annotate describes a file.
func (f *File) Annotate(a infer.Annotator) {
	a.SetToken("index", "ComposeFile")
	a.Describe(&f, "A file of the project.")
	a.Describe(&f.Content, "Content of the file.")
	a.Describe(&f.Mode, "Permissions, octal.")
	a.SetDefault(&f.Mode, defaultMode)
	a.Describe(&f.Owner, "Owner as `uid:gid`, numbers. Default: root.")
}

// SecretFile is a file whose content is a secret.
type SecretFile struct {
	Content string `pulumi:"content" provider:"secret"`
	Mode    string `pulumi:"mode,optional"`
	Owner   string `pulumi:"owner,optional"`
}

// Annotate describes a secret file.
func (f *SecretFile) Annotate(a infer.Annotator) {
	a.SetToken("index", "ComposeSecretFile")
	a.Describe(&f, "A file of the project whose content is a secret.")
	a.Describe(&f.Content, "Content of the file.")
	a.Describe(&f.Mode, "Permissions, octal.")
	a.SetDefault(&f.Mode, defaultSecretMode)
	a.Describe(&f.Owner, "Owner as `uid:gid`, numbers, for instance the user that the container runs as. Default: root.")
}

// Hook is a command to run before the services start.
type Hook struct {
	Command        []string `pulumi:"command"`
	TimeoutSeconds int      `pulumi:"timeoutSeconds,optional"`
}

// Annotate describes a hook.
func (h *Hook) Annotate(a infer.Annotator) {
	a.SetToken("index", "ComposeHook")
	a.Describe(&h, "A command to run before the services start.")
	a.Describe(&h.Command, "Program and arguments; no shell. They show in the guest's process list: no secrets here.")
	a.Describe(&h.TimeoutSeconds, "How many seconds it may run.")
	a.SetDefault(&h.TimeoutSeconds, defaultHookSeconds)
}

// HealthCheck is a request that must succeed.
type HealthCheck struct {
	URL           string `pulumi:"url"`
	Status        int    `pulumi:"status,optional"`
	Insecure      bool   `pulumi:"insecure,optional"`
	CACertificate string `pulumi:"caCertificate,optional"`
	BodyContains  string `pulumi:"bodyContains,optional"`
}

// Annotate describes a health check.
func (h *HealthCheck) Annotate(a infer.Annotator) {
	a.SetToken("index", "ComposeHealthCheck")
	a.Describe(&h, "An HTTP request that must succeed. It is made from the guest's point of view, through the SSH connection, so that a port that only the guest itself can reach will do.")
	a.Describe(&h.URL, "`http` or `https` URL to `127.0.0.1` or `localhost`. Redirects are not followed.")
	a.Describe(&h.Status, "Status that it must answer.")
	a.SetDefault(&h.Status, defaultHealthStatus)
	a.Describe(&h.Insecure, "Accept any certificate.")
	a.Describe(&h.CACertificate, "Certificate authority of the server's certificate, PEM.")
	a.Describe(&h.BodyContains, "Text that the answer must contain.")
}

// Timeouts are the limits of a deployment's steps.
type Timeouts struct {
	ConnectSeconds   int `pulumi:"connectSeconds,optional"`
	CloudInitSeconds int `pulumi:"cloudInitSeconds,optional"`
	UploadSeconds    int `pulumi:"uploadSeconds,optional"`
	UpSeconds        int `pulumi:"upSeconds,optional"`
	HealthSeconds    int `pulumi:"healthSeconds,optional"`
}

// Annotate describes the timeouts.
func (t *Timeouts) Annotate(a infer.Annotator) {
	a.SetToken("index", "ComposeTimeouts")
	a.Describe(&t, "How long each step of a deployment may take.")
	a.Describe(&t.ConnectSeconds, "Seconds until the guest answers SSH.")
	a.SetDefault(&t.ConnectSeconds, defaultConnectSeconds)
	a.Describe(&t.CloudInitSeconds, "Seconds until cloud-init has finished the first boot.")
	a.SetDefault(&t.CloudInitSeconds, defaultCloudInitSeconds)
	a.Describe(&t.UploadSeconds, "Seconds until the files are uploaded.")
	a.SetDefault(&t.UploadSeconds, defaultUploadSeconds)
	a.Describe(&t.UpSeconds, "Seconds until all services run and are healthy; pulling images counts.")
	a.SetDefault(&t.UpSeconds, defaultUpSeconds)
	a.Describe(&t.HealthSeconds, "Seconds until all of `healthChecks` succeed.")
	a.SetDefault(&t.HealthSeconds, defaultHealthSeconds)
}

// limits are the timeouts with their defaults: an input without any has none of them.
func (p ProjectArgs) limits() Timeouts {
	var t Timeouts
	if p.Timeouts != nil {
		t = *p.Timeouts
	}
	return Timeouts{
		ConnectSeconds:   cmp.Or(t.ConnectSeconds, defaultConnectSeconds),
		CloudInitSeconds: cmp.Or(t.CloudInitSeconds, defaultCloudInitSeconds),
		UploadSeconds:    cmp.Or(t.UploadSeconds, defaultUploadSeconds),
		UpSeconds:        cmp.Or(t.UpSeconds, defaultUpSeconds),
		HealthSeconds:    cmp.Or(t.HealthSeconds, defaultHealthSeconds),
	}
}

// ProjectState is what the state keeps: the inputs, and what the guest said.
type ProjectState struct {
	ProjectArgs
	HostKey     string            `pulumi:"hostKey"`
	Release     string            `pulumi:"release"`
	FileDigests map[string]string `pulumi:"fileDigests"`
	Services    map[string]string `pulumi:"services"`
}

// Annotate describes the outputs.
func (s *ProjectState) Annotate(a infer.Annotator) {
	a.Describe(&s.HostKey, "Host key that the guest showed at first contact, or the one that `connection.hostKey` names. A guest with another key is refused.")
	a.Describe(&s.Release, "The release in use; empty after a deployment whose end is unknown.")
	a.Describe(&s.FileDigests, "Digest, mode and owner of each file; of a secret file, mode and owner.")
	a.Describe(&s.Services, "State of each service: `running`, `completed`, `unhealthy`, `exited`, `missing`, `unknown` if nobody could ask, or Docker's own word.")
}
