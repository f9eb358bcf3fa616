// Package templates holds every file that reaches a guest, rendered with text/template.
package templates

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
)

//go:embed cloud-init
var files embed.FS

// UserData is what a VM's first boot needs to know. Custom user-data replaces all that Proxmox
// would otherwise generate, so the host name, the user and its keys are here too
// (https://pve.proxmox.com/wiki/Cloud-Init_Support#_custom_cloud_init_configuration).
type UserData struct {
	Hostname string
	// FQDN is optional; without it the host has no domain.
	FQDN string
	// Username is created with passwordless sudo, a locked password and SSHPublicKeys.
	Username      string
	SSHPublicKeys []string
	// GuestAgent installs and starts qemu-guest-agent, through which Proxmox shuts the guest
	// down, freezes its file systems for a backup and learns its addresses.
	GuestAgent bool
}

// Render returns the cloud-config document.
func (u UserData) Render() (string, error) {
	return render("cloud-init/user-data.yaml.tmpl", u)
}

func render(name string, data any) (string, error) {
	text, err := files.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("read template %s: %w", name, err)
	}
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"quote": quote}).Parse(string(text))
	if err != nil {
		return "", fmt.Errorf("parse template %s: %w", name, err)
	}
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		return "", fmt.Errorf("render template %s: %w", name, err)
	}
	return out.String(), nil
}

// quote writes a string as a JSON string, which is also a YAML string.
func quote(s string) (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}
