package compose

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"golang.org/x/crypto/ssh"

	"github.com/pve-home/pve-home/provider/compose/guest"
	"github.com/pve-home/pve-home/provider/compose/release"
)

var (
	// Compose's own rule: https://docs.docker.com/reference/compose-file/version-and-name/
	projectNamePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	modePattern        = regexp.MustCompile(`^0?[0-7]{3}$`)
	ownerPattern       = regexp.MustCompile(`^[0-9]{1,9}:[0-9]{1,9}$`)
)

// Check validates the inputs and fills in the defaults. Values that a preview does not know yet
// are left for later.
func (*Project) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[ProjectArgs], error) {
	args, failures, err := infer.DefaultCheck[ProjectArgs](ctx, req.NewInputs)
	if err != nil || len(failures) > 0 {
		return infer.CheckResponse[ProjectArgs]{Inputs: args, Failures: failures}, err
	}
	c := checker{inputs: property.New(req.NewInputs)}
	if args.ProjectName == "" && c.known("projectName") {
		args.ProjectName = req.Name
	}
	if args.Directory == "" && c.known("directory") && c.known("projectName") {
		args.Directory = path.Join(defaultParent, args.ProjectName)
	}
	if len(args.ComposeFiles) == 0 && c.known("composeFiles") {
		args.ComposeFiles = []string{defaultComposeFile}
	}
	c.connection(args.Connection)
	c.place(args)
	c.files(args)
	c.steps(args)
	return infer.CheckResponse[ProjectArgs]{Inputs: args, Failures: c.failures}, nil
}

type checker struct {
	inputs   property.Value
	failures []p.CheckFailure
}

func (c *checker) fail(property, format string, a ...any) {
	c.failures = append(c.failures, p.CheckFailure{Property: property, Reason: fmt.Sprintf(format, a...)})
}

// known tells whether the value at a path of names and indices, and all that it is part of, is known.
func (c *checker) known(steps ...any) bool {
	value := c.inputs
	for _, step := range steps {
		switch {
		case value.IsComputed():
			return false
		case value.IsMap():
			value = value.AsMap().Get(fmt.Sprint(step))
		case value.IsArray():
			i, ok := step.(int)
			if !ok || i >= value.AsArray().Len() {
				return true
			}
			value = value.AsArray().Get(i)
		default:
			return true
		}
	}
	return !value.IsComputed()
}

func (c *checker) connection(conn Connection) {
	if !c.known("connection") {
		return
	}
	if conn.Host == "" && c.known("connection", "host") {
		c.fail("connection.host", "is empty: give the guest's address or name")
	}
	if conn.User == "" && c.known("connection", "user") {
		c.fail("connection.user", "is empty: give root, or a user with sudo")
	}
	if (conn.Port < 1 || conn.Port > 65535) && c.known("connection", "port") {
		c.fail("connection.port", "%d is no port: give 1 to 65535", conn.Port)
	}
	if conn.HostKey != "" {
		if _, err := guest.ParseHostKey(conn.HostKey); err != nil {
			c.fail("connection.hostKey", "%v", err)
		}
	}
	if conn.PrivateKey != "" {
		// The library's message holds nothing of the key.
		if _, err := ssh.ParsePrivateKey([]byte(conn.PrivateKey)); err != nil {
			c.fail("connection.privateKey", "%v: give a private key in PEM or OpenSSH form without a passphrase", err)
		}
	}
	sources := 0
	for name, given := range map[string]bool{"privateKey": conn.PrivateKey != "", "privateKeyFile": conn.PrivateKeyFile != "", "agent": conn.Agent} {
		if given || !c.known("connection", name) {
			sources++
		}
	}
	if sources != 1 {
		c.fail("connection", "needs exactly one of privateKey, privateKeyFile and agent, has %d", sources)
	}
}

func (c *checker) place(args ProjectArgs) {
	if c.known("projectName") && !projectNamePattern.MatchString(args.ProjectName) {
		c.fail("projectName", "%q is no name of a compose project: use lower case letters, digits, - and _, and begin with a letter or a digit", args.ProjectName)
	}
	if args.Directory == "" {
		return // not known yet
	}
	switch {
	case !path.IsAbs(args.Directory) || path.Clean(args.Directory) != args.Directory:
		c.fail("directory", "%q is no clean absolute path: use something like %s", args.Directory, path.Join(defaultParent, args.ProjectName))
	case strings.Count(args.Directory, "/") < 2:
		c.fail("directory", "%q is too near the root: use a folder of its own below one, like %s", args.Directory, path.Join(defaultParent, args.ProjectName))
	}
}

func (c *checker) files(args ProjectArgs) {
	if !c.known("files") || !c.known("secretFiles") {
		return
	}
	all := map[string]string{} // path -> property
	for _, name := range slices.Sorted(maps.Keys(args.Files)) {
		f := args.Files[name]
		c.file("files", name, f.Mode, f.Owner, all)
	}
	for _, name := range slices.Sorted(maps.Keys(args.SecretFiles)) {
		f := args.SecretFiles[name]
		c.file("secretFiles", name, f.Mode, f.Owner, all)
		if mode, err := strconv.ParseUint(f.Mode, 8, 32); err == nil && mode&0o007 != 0 {
			c.fail(fileKey("secretFiles", name)+".mode", "%s lets everybody on the guest read a secret: use %s, or 0640 with an owner", f.Mode, defaultSecretMode)
		}
	}
	for name := range all {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if owner, ok := all[dir]; ok {
				c.fail(owner, "is a file, and %q needs a folder of that name", name)
			}
		}
	}
	if !c.known("composeFiles") {
		return
	}
	for i, name := range args.ComposeFiles {
		if c.known("composeFiles", i) && all[name] == "" {
			c.fail(fmt.Sprintf("composeFiles[%d]", i), "%q is not among files or secretFiles: add it there", name)
		}
	}
}

func (c *checker) file(property, name, mode, owner string, all map[string]string) {
	key := fileKey(property, name)
	before := len(c.failures)
	switch {
	case name == "" || path.IsAbs(name) || path.Clean(name) != name || name == "." || name == ".." || strings.HasPrefix(name, "../"):
		c.fail(key, "%q is no clean path below the project's folder: use something like config/app.yml", name)
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		c.fail(key, "%q holds control characters", name)
	case name == release.ManifestFile, name == release.OverrideFile:
		c.fail(key, "%s is where a release describes itself: use another name", name)
	}
	if all[name] != "" {
		c.fail(key, "stands in files too: keep one of them")
	}
	if len(c.failures) == before {
		all[name] = key
	}
	if c.known(property, name, "mode") && !modePattern.MatchString(mode) {
		c.fail(key+".mode", "%q are no permissions: use octal digits like %s", mode, defaultMode)
	}
	if owner != "" && !ownerPattern.MatchString(owner) {
		c.fail(key+".owner", `%q is no owner: use numbers as in "1000:1000"`, owner)
	}
}

func (c *checker) steps(args ProjectArgs) {
	for i, hook := range args.BeforeUp {
		key := fmt.Sprintf("beforeUp[%d]", i)
		if !c.known("beforeUp", i) {
			continue
		}
		if (len(hook.Command) == 0 || hook.Command[0] == "" && c.known("beforeUp", i, "command", 0)) && c.known("beforeUp", i, "command") {
			c.fail(key+".command", "is empty: give a program and its arguments")
		}
		c.positive(key+".timeoutSeconds", hook.TimeoutSeconds)
	}
	for i, check := range args.HealthChecks {
		c.healthCheck(i, check)
	}
	t := args.limits()
	for name, seconds := range map[string]int{
		"connectSeconds": t.ConnectSeconds, "cloudInitSeconds": t.CloudInitSeconds, "uploadSeconds": t.UploadSeconds,
		"upSeconds": t.UpSeconds, "healthSeconds": t.HealthSeconds,
	} {
		if c.known("timeouts", name) {
			c.positive("timeouts."+name, seconds)
		}
	}
	slices.SortStableFunc(c.failures, func(a, b p.CheckFailure) int { return cmp.Compare(a.Property, b.Property) })
}

func (c *checker) positive(key string, seconds int) {
	if seconds < 1 {
		c.fail(key, "%d is too short: give at least 1 second", seconds)
	}
}

func (c *checker) healthCheck(i int, check HealthCheck) {
	key := fmt.Sprintf("healthChecks[%d]", i)
	if c.known("healthChecks", i, "url") {
		u, err := url.Parse(check.URL)
		switch {
		case err != nil || u.Scheme != "http" && u.Scheme != "https":
			c.fail(key+".url", "%q is no http or https URL: use something like http://127.0.0.1:9090/-/ready", check.URL)
		case u.Hostname() != "localhost" && !isLoopback(u.Hostname()):
			c.fail(key+".url", "%q is not on the guest: use 127.0.0.1 or localhost, which mean the guest here", check.URL)
		case u.User != nil:
			c.fail(key+".url", "holds a password, which would show in logs: check a page that needs none")
		}
	}
	if (check.Status < 100 || check.Status > 599) && c.known("healthChecks", i, "status") {
		c.fail(key+".status", "%d is no HTTP status", check.Status)
	}
	if check.CACertificate != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(check.CACertificate)) {
		c.fail(key+".caCertificate", "holds no certificate in PEM form")
	}
	if check.Insecure && check.CACertificate != "" {
		c.fail(key+".insecure", "accepts any certificate, so caCertificate is of no use: remove one of them")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// fileKey is the property path of a file, as Pulumi writes it.
func fileKey(property, name string) string {
	return property + `["` + strings.ReplaceAll(name, `"`, `\"`) + `"]`
}
