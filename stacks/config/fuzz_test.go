package config

import (
	"strings"
	"testing"
)

// FuzzResolve feeds one setting with any text. It must neither panic nor forget the other problems,
// here the token that is not marked as a secret.
func FuzzResolve(f *testing.F) {
	for _, key := range topLevelKeys() {
		for _, text := range []string{"", "null", "{}", "[]", "1", `{"a":{"address":"192.168.1.9","dataDisks":[{"sizeGiB":1}],"tags":["x"]}}`, `{"a":{"address":"dhcp","vmId":5}}`} {
			f.Add(key, text)
		}
	}
	f.Add("network", "0.0.0.0/8")
	f.Add("vmIdBase", "1e9")
	defaults := wire(f, base())
	f.Fuzz(func(t *testing.T, key, text string) {
		_, err := resolve(settings{
			namespace: project,
			stack:     "prod",
			keys:      []string{project + ":" + key},
			get: func(full string) (string, bool) {
				if full == project+":"+key {
					return text, true
				}
				value, ok := defaults[full]
				return value, ok
			},
			isSecret: func(string) bool { return false },
		})
		if err == nil || !strings.Contains(err.Error(), apiTokenKey) {
			t.Fatalf("the check of secrets is gone: %v", err)
		}
	})
}
