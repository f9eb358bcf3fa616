package config

import (
	"reflect"
	"strings"

	"github.com/agext/levenshtein"
)

// hints answers keys that people try and that look like no key of ours.
var hints = map[string]string{
	"ip":          "Use `address`",
	"ipaddress":   "Use `address`",
	"ipv4":        "Use `address`",
	"dhcp":        "Use `address: dhcp`",
	"cpu":         "Use `cores`",
	"cpus":        "Use `cores`",
	"vcpus":       "Use `cores`",
	"ram":         "Use `memoryMiB`",
	"id":          "Use `vmId`",
	"vlanid":      "Use `vlan`",
	"macaddress":  "Use `mac`",
	"hwaddr":      "Use `mac`",
	"storage":     "Use `datastore`",
	"autostart":   "Use `onBoot`",
	"notes":       "Use `description`",
	"nameserver":  "Use `dnsServers`",
	"nameservers": "Use `dnsServers`",
	"dns":         "Use `dnsServers`",
	"user":        "Use `username`",
	"sshkeys":     "Use `sshPublicKeys`",
	"rootfs":      "Use `diskGiB`",
	"disks":       "Use `dataDisks` on a VM, `mountPoints` on a container",
	"volumes":     "Use `dataDisks` on a VM, `mountPoints` on a container",
	"privileged":  "Use `unprivileged`",
	"size":        "Use `sizeGiB`",
	"mp":          "Use `path`",
	"keyctl":      rootOnly,
	"fuse":        rootOnly,
	"mount":       rootOnly + ". For a volume use `mountPoints`",
	"mounts":      rootOnly + ". For volumes use `mountPoints`",
	"mknod":       rootOnly,
	"forcerwsys":  rootOnly,
	"features":    "Use `nesting`. The other features: " + rootOnly,
}

const rootOnly = "Proxmox lets only root@pam with a password set it, not an API token"

// unknownKeyHint says what to write in place of a key that the input type t does not have.
func unknownKeyHint(t reflect.Type, key string) string {
	keys := make([]string, 0, t.NumField())
	for _, f := range fieldsOf(t) {
		keys = append(keys, f.key)
	}
	plain := plainKey(key)
	if hint, ok := hints[plain]; ok && applies(hint, keys) {
		return hint
	}
	if nearest := nearestKey(keys, plain); nearest != "" {
		return "Did you mean `" + nearest + "`?"
	}
	return "Remove it; docs/configuration.md lists the keys"
}

// applies reports whether a hint concerns a type with these keys: it names one of them.
func applies(hint string, keys []string) bool {
	for _, key := range keys {
		if strings.Contains(hint, "`"+key+"`") || strings.Contains(hint, "`"+key+":") {
			return true
		}
	}
	return hint == rootOnly && strings.Contains(strings.Join(keys, " "), "unprivileged")
}

// plainKey drops what people write differently: case, `_` and `-`.
func plainKey(key string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(key))
}

// nearestKey returns the key that a misspelt one most likely stands for, or nothing.
func nearestKey(keys []string, plain string) string {
	nearest, least := "", 3
	for _, key := range keys {
		candidate := plainKey(key)
		if len(plain) >= 3 && strings.HasPrefix(candidate, plain) {
			return key
		}
		if d := levenshtein.Distance(plain, candidate, nil); d < least && d < len(plain) {
			nearest, least = key, d
		}
	}
	return nearest
}
