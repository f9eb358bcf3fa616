package config

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// proxmox sets how to reach the cluster and checks the secrets without showing them.
func (r *resolver) proxmox(s settings) {
	in := r.in
	if in.ProxmoxEndpoint == "" && r.ok("proxmoxEndpoint") {
		r.add("proxmoxEndpoint", nil, "is not set", "Run `pulumi config set proxmoxEndpoint https://<node>:8006/`")
	}
	r.cfg.Proxmox.Endpoint = strings.TrimSuffix(in.ProxmoxEndpoint, "/") + "/"
	if in.ProxmoxAPIToken == "" && r.ok(apiTokenKey) {
		r.add(apiTokenKey, nil, "is not set", "Run `pulumi config set --secret "+apiTokenKey+" 'user@realm!tokenid=secret'`")
	}
	r.cfg.Proxmox.APIToken = in.ProxmoxAPIToken
	for _, key := range secretKeys {
		full := s.namespace + ":" + key
		if text, ok := s.get(full); ok && text != "" && !s.isSecret(full) {
			r.note(key, nil, fmt.Sprintf("is stored in clear in Pulumi.%s.yaml", s.stack), "Replace it, and run `pulumi config set --secret "+key+"`")
		}
	}
	if in.ProxmoxSSHPrivateKey != "" {
		if rule, fix := privateKeyProblem(in.ProxmoxSSHPrivateKey); rule != "" {
			r.add(privateKeyKey, in.ProxmoxSSHPrivateKey, rule, fix)
		}
	}
	if in.ProxmoxSSHPrivateKey == "" && in.ProxmoxSSHPassword == "" && !in.ProxmoxSSHAgent &&
		r.ok(privateKeyKey) && r.ok(passwordKey) && r.ok("proxmoxSshAgent") {
		r.add("proxmoxSshAgent", nil, "is off, and there is neither "+privateKeyKey+" nor "+passwordKey+": nothing to log in to the nodes with", "Set one of the three, such as `pulumi config set proxmoxSshAgent true`")
	}
}

func privateKeyProblem(text string) (rule, fix string) {
	_, err := ssh.ParseRawPrivateKey([]byte(text))
	var encrypted *ssh.PassphraseMissingError
	switch _, _, _, _, publicErr := ssh.ParseAuthorizedKey([]byte(text)); {
	case err == nil:
		return "", ""
	case errors.As(err, &encrypted):
		return "is a private key with a passphrase, which the provider cannot ask for", "Use a key without one, or load it into an agent and set proxmoxSshAgent"
	case publicErr == nil:
		return "is a public key", "Give the private key, the file without .pub"
	}
	return "is not a private key in PEM or OpenSSH format", "Run `pulumi config set --secret " + privateKeyKey + " < <file>`, so that the line breaks stay"
}

// sshPublicKeys checks lines of authorized_keys.
func (r *resolver) sshPublicKeys(key string, lines []string) {
	if !r.ok(key) {
		return
	}
	for i, line := range lines {
		path := fmt.Sprintf("%s[%d]", key, i)
		if strings.Contains(line, "PRIVATE KEY") {
			r.add(path, nil, "holds a private key", "Remove it, and make a new pair when others could read this. Give the public key, the file with .pub")
			continue
		}
		_, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			r.add(path, line, "is not an SSH public key", "Give a line such as `ssh-ed25519 AAAA... name`, the content of a .pub file")
		} else if strings.TrimSpace(string(rest)) != "" {
			r.add(path, line, "holds more than one line", "Give each public key an entry of its own")
		}
	}
}
