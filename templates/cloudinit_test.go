package templates

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUserData(t *testing.T) {
	text, err := UserData{
		Hostname: "web", FQDN: "web.home.arpa", Username: "admin", SSHPublicKeys: []string{"ssh-ed25519 AAAA me"}, GuestAgent: true,
	}.Render()
	require.NoError(t, err)
	require.Equal(t, `#cloud-config
hostname: "web"
fqdn: "web.home.arpa"
manage_etc_hosts: true
users:
  - name: "admin"
    groups: [sudo]
    sudo: "ALL=(ALL) NOPASSWD:ALL"
    shell: /bin/bash
    lock_passwd: true
    ssh_authorized_keys:
      - "ssh-ed25519 AAAA me"
ssh_pwauth: false
disable_root: true
# The instance id never changes, so a new address has to be looked for at every boot.
updates:
  network:
    when: [boot-new-instance, boot]
package_update: true
packages:
  - qemu-guest-agent
runcmd:
  - [systemctl, enable, --now, qemu-guest-agent.service]
`, text)
}

func TestUserDataWithoutAgentAndDomain(t *testing.T) {
	text, err := UserData{Hostname: "web", Username: "admin"}.Render()
	require.NoError(t, err)
	require.NotContains(t, text, "fqdn")
	require.NotContains(t, text, "qemu-guest-agent")
}

func TestRenderNamesTheTemplate(t *testing.T) {
	_, err := render("cloud-init/missing.tmpl", nil)
	require.ErrorContains(t, err, "cloud-init/missing.tmpl")
	_, err = render("cloud-init/user-data.yaml.tmpl", struct{}{})
	require.ErrorContains(t, err, "cloud-init/user-data.yaml.tmpl")
}
