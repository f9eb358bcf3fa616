package compose_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/provider/compose/guesttest"
)

func TestCheckFillsInDefaults(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	in := app(g)
	delete(in, "directory")
	properties := checked(t, s, in)
	require.Equal(t, "app", properties.Get("projectName").AsString())
	require.Equal(t, "/opt/pve-home/app", properties.Get("directory").AsString())
	require.Equal(t, "compose.yaml", properties.Get("composeFiles").AsArray().Get(0).AsString())
	require.Equal(t, "0644", properties.Get("files").AsMap().Get("web.conf").AsMap().Get("mode").AsString())
	require.Equal(t, "0600", properties.Get("secretFiles").AsMap().Get("token").AsMap().Get("mode").AsString())
	require.InDelta(t, 900, properties.Get("timeouts").AsMap().Get("cloudInitSeconds").AsNumber(), 0)
	// Checking again changes nothing.
	again := checked(t, s, inputs(properties.AsMap()))
	require.Equal(t, properties, again)
}

// Each mistake is refused by its own message, which names the property.
func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	s, g := server(t), guesttest.New(t)
	list := func(values ...property.Value) property.Value { return property.New(property.NewArray(values)) }
	connection := func(key string, value property.Value) inputs {
		return app(g).with("connection", property.New(app(g)["connection"].AsMap().Set(key, value)))
	}
	named := func(name string) inputs { return app(g).withFile(name, file("x")) }
	health := func(fields map[string]property.Value) inputs {
		return app(g).with("healthChecks", list(object(fields)))
	}
	for name, test := range map[string]struct {
		inputs         inputs
		property, want string
	}{
		"no host":         {connection("host", text("")), "connection.host", "is empty"},
		"no user":         {connection("user", text("")), "connection.user", "is empty"},
		"port":            {connection("port", property.New(70000.0)), "connection.port", "1 to 65535"},
		"two keys":        {connection("agent", property.New(true)), "connection", "exactly one of"},
		"no key":          {connection("privateKey", text("")), "connection", "has 0"},
		"bad key":         {connection("privateKey", text("x")), "connection.privateKey", "PEM"},
		"public key":      {connection("hostKey", text("SHA256:abc")), "connection.hostKey", "ssh-ed25519 AAAA"},
		"project name":    {app(g).with("projectName", text("My App")), "projectName", "lower case"},
		"relative folder": {app(g).with("directory", text("app")), "directory", "clean absolute path"},
		"dirty folder":    {app(g).with("directory", text("/opt/../etc")), "directory", "clean absolute path"},
		"root folder":     {app(g).with("directory", text("/opt")), "directory", "too near the root"},
		"absolute":        {named("/etc/passwd"), `files["/etc/passwd"]`, "clean path"},
		"escape":          {named("../x"), `files["../x"]`, "clean path"},
		"inner escape":    {named("a/../../x"), `files["a/../../x"]`, "clean path"},
		"dirty":           {named("a//b"), `files["a//b"]`, "clean path"},
		"dot":             {named("."), `files["."]`, "clean path"},
		"newline":         {named("a\nb"), "files[\"a\nb\"]", "control characters"},
		"our own":         {named(".release.json"), `files[".release.json"]`, "another name"},
		"twice":           {named("token"), `secretFiles["token"]`, "stands in files too"},
		"file and folder": {named("web.conf/x"), `files["web.conf"]`, "needs a folder of that name"},
		"mode":            {app(g).withFile("x", file("x", "mode", "rw")), `files["x"].mode`, "octal"},
		"setuid":          {app(g).withFile("x", file("x", "mode", "4755")), `files["x"].mode`, "octal"},
		"owner":           {app(g).withFile("x", file("x", "owner", "root")), `files["x"].owner`, "1000:1000"},
		"open secret": {app(g).with("secretFiles", object(map[string]property.Value{"s": file("x", "mode", "0644")})),
			`secretFiles["s"].mode`, "lets everybody"},
		"compose file":  {app(g).with("composeFiles", list(text("other.yaml"))), "composeFiles[0]", "not among files"},
		"empty hook":    {app(g).with("beforeUp", list(object(map[string]property.Value{"command": list()}))), "beforeUp[0].command", "is empty"},
		"other machine": {health(map[string]property.Value{"url": text("http://10.0.0.1/")}), "healthChecks[0].url", "is not on the guest"},
		"no url":        {health(map[string]property.Value{"url": text("localhost:80")}), "healthChecks[0].url", "http or https"},
		"password":      {health(map[string]property.Value{"url": text("http://a:b@localhost/")}), "healthChecks[0].url", "password"},
		"status":        {health(map[string]property.Value{"url": text("http://localhost/"), "status": property.New(42.0)}), "healthChecks[0].status", "no HTTP status"},
		"ca":            {health(map[string]property.Value{"url": text("https://localhost/"), "caCertificate": text("x")}), "healthChecks[0].caCertificate", "PEM"},
		"timeout":       {app(g).withTimeout("upSeconds", -1), "timeouts.upSeconds", "at least 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failures := check(t, s, test.inputs).Failures
			require.Len(t, failures, 1)
			require.Equal(t, test.property, failures[0].Property)
			require.Contains(t, failures[0].Reason, test.want)
			require.False(t, strings.Contains(failures[0].Reason, "PRIVATE KEY"))
		})
	}
}
