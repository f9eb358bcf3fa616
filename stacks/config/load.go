package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
	"gopkg.in/yaml.v3"
)

// secretKeys are the settings that must be encrypted in the stack's file.
var secretKeys = []string{apiTokenKey, privateKeyKey, passwordKey}

const (
	apiTokenKey   = "proxmoxApiToken"
	privateKeyKey = "proxmoxSshPrivateKey"
	passwordKey   = "proxmoxSshPassword"
)

// Load reads the configuration of the stack, fills in the defaults and checks everything. When
// something is wrong the error is a *ProblemsError that holds all of it.
func Load(ctx *pulumi.Context) (*Config, error) {
	keys, err := configuredKeys(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := resolve(settings{
		namespace: ctx.Project(),
		stack:     ctx.Stack(),
		keys:      keys,
		get:       ctx.GetConfig,
		isSecret:  ctx.IsConfigSecret,
	})
	if err != nil {
		return nil, err
	}
	cfg.Proxmox.SSHPrivateKey = optionalSecret(ctx, privateKeyKey)
	cfg.Proxmox.SSHPassword = optionalSecret(ctx, passwordKey)
	return cfg, nil
}

// optionalSecret returns nil for a secret that is not set.
func optionalSecret(ctx *pulumi.Context, key string) pulumi.StringPtrInput {
	if text, _ := ctx.GetConfig(ctx.Project() + ":" + key); text == "" {
		return nil
	}
	return config.New(ctx, "").GetSecret(key)
}

// settings is the configuration as the engine hands it over.
type settings struct {
	namespace, stack string
	// keys are the keys that are set, with their namespaces, as far as that can be known.
	keys     []string
	get      func(key string) (string, bool)
	isSecret func(key string) bool
}

// decode reads all settings into an input.
func decode(s settings, p *problems) *input {
	in := &input{}
	out := reflect.ValueOf(in).Elem()
	d := decoder{problems: p}
	for _, f := range fieldsOf(out.Type()) {
		fullKey := s.namespace + ":" + f.key
		if s.isSecret(fullKey) || slices.Contains(secretKeys, f.key) {
			p.hidden[f.key] = true
		}
		target := out.FieldByIndex(f.index)
		var raw any
		if text, ok := s.get(fullKey); ok && (text != "" || target.Kind() == reflect.String) {
			raw = parseText(text, target.Type())
		}
		d.field(f.key, raw, target, f.tag)
	}
	return in
}

// checkKeys reports settings that nobody reads.
func checkKeys(s settings, p *problems) {
	for _, full := range s.keys {
		namespace, key, _ := strings.Cut(full, ":")
		switch namespace {
		case s.namespace:
			if !slices.Contains(topLevelKeys(), key) {
				p.note(key, nil, "is an unknown key", unknownKeyHint(reflect.TypeFor[input](), key))
			}
		case "proxmoxve":
			fix := "Remove it"
			if ours := nearestKey(topLevelKeys(), plainKey("proxmox"+key)); ours != "" {
				fix = "Use `" + ours + "`"
			}
			p.note(full, nil, "has no effect, as the program configures the provider itself", fix)
		}
	}
}

func topLevelKeys() []string {
	var keys []string
	for _, f := range fieldsOf(reflect.TypeFor[input]()) {
		keys = append(keys, f.key)
	}
	return keys
}

// configuredKeys lists the keys that are set. The SDK only looks keys up by name, but the language
// host passes them all in the environment. A program inside the Automation API has no such
// environment; there the stack's file tells them, when it lies in the project or working directory.
func configuredKeys(ctx *pulumi.Context) ([]string, error) {
	values := map[string]any{}
	if text := os.Getenv(pulumi.EnvConfig); text != "" {
		if err := json.Unmarshal([]byte(text), &values); err != nil {
			return nil, fmt.Errorf("parse the environment variable %s: %w", pulumi.EnvConfig, err)
		}
		return sortedKeys(values), nil
	}
	file := filepath.Join(ctx.RootDirectory(), "Pulumi."+ctx.Stack()+".yaml")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the stack's file: %w", err)
	}
	var stack struct {
		Config map[string]any `yaml:"config"`
	}
	if err := yaml.Unmarshal(text, &stack); err != nil {
		return nil, fmt.Errorf("parse %s: %w", file, err)
	}
	return sortedKeys(stack.Config), nil
}
