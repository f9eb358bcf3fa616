package config

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Value is a setting as `pulumi config --json --show-secrets` tells it: of the stack's file, over
// the defaults of Pulumi.yaml.
type Value struct {
	Text   string `json:"value"`
	Secret bool   `json:"secret"`
}

// SSHLogin holds in clear what Config holds as secrets of Pulumi. Each is empty when it is not set.
type SSHLogin struct{ PrivateKey, Password string }

// Resolve is Load for a program that the engine does not run. The keys of values carry the
// project's name, as in `pve-home:network`.
func Resolve(project, stack string, values map[string]Value) (*Config, SSHLogin, error) {
	cfg, err := resolve(settings{
		namespace: project,
		stack:     stack,
		keys:      sortedKeys(values),
		get: func(key string) (string, bool) {
			v, ok := values[key]
			return v.Text, ok
		},
		isSecret: func(key string) bool { return values[key].Secret },
	})
	if err != nil {
		return nil, SSHLogin{}, err
	}
	secret := func(key string) (string, pulumi.StringPtrInput) {
		text := values[project+":"+key].Text
		if text == "" {
			return "", nil
		}
		return text, pulumi.ToSecret(pulumi.StringPtr(text)).(pulumi.StringPtrOutput)
	}
	var login SSHLogin
	login.PrivateKey, cfg.Proxmox.SSHPrivateKey = secret(privateKeyKey)
	login.Password, cfg.Proxmox.SSHPassword = secret(passwordKey)
	return cfg, login, nil
}
