package backup

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var job map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &job))
	return job
}

func TestDecodeForms(t *testing.T) {
	yes, no, three, one := true, false, 3, 1
	for text, want := range map[string]JobArgs{
		`{}`: {Enabled: &yes, Compress: "0"},
		`{"id": "x", "type": "vzdump", "next-run": 1790000000, "enabled": 0, "unheard-of": {"a": [1]}}`: {Enabled: &no, Compress: "0"},
		`{"enabled": "yes", "repeat-missed": true, "protected": "1", "stdexcludes": "off"}`:             {Enabled: &yes, RepeatMissed: true, Protected: true, StdExcludes: &no, Compress: "0"},
		`{"compress": 1, "vmid": 100}`:                                          {Enabled: &yes, Compress: "lzo", VMIDs: []int{100}},
		`{"compress": "zstd", "vmid": "102;100 101,100", "zstd": "3"}`:          {Enabled: &yes, Compress: "zstd", VMIDs: []int{100, 101, 102}, ZstdThreads: &three},
		`{"prune-backups": "keep-last=3,keep-all=0", "comment": null}`:          {Enabled: &yes, Compress: "0", Retention: &Retention{KeepLast: &three}},
		`{"prune-backups": {"keep-last": "3", "keep-daily": 1}, "comment": ""}`: {Enabled: &yes, Compress: "0", Retention: &Retention{KeepLast: &three, KeepDaily: &one}},
		`{"prune-backups": {"keep-all": 1}}`:                                    {Enabled: &yes, Compress: "0", Retention: &Retention{KeepAll: &yes}},
		`{"prune-backups": ""}`:                                                 {Enabled: &yes, Compress: "0"},
		`{"fleecing": "1,storage=fast"}`:                                        {Enabled: &yes, Compress: "0", Fleecing: &Fleecing{Storage: "fast"}},
		`{"fleecing": {"enabled": "1", "storage": "fast"}}`:                     {Enabled: &yes, Compress: "0", Fleecing: &Fleecing{Storage: "fast"}},
		`{"fleecing": {"enabled": 0, "storage": "fast"}}`:                       {Enabled: &yes, Compress: "0"},
		`{"performance": "max-workers=3"}`:                                      {Enabled: &yes, Compress: "0", Performance: &Performance{MaxWorkers: &three}},
		`{"performance": {"unheard-of": 1}}`:                                    {Enabled: &yes, Compress: "0"},
		`{"exclude-path": ["/a b", "c,d"]}`:                                     {Enabled: &yes, Compress: "0", ExcludePaths: []string{"/a b", "c,d"}},
		`{"exclude-path": "/a b\u0000c,d"}`:                                     {Enabled: &yes, Compress: "0", ExcludePaths: []string{"/a b", "c,d"}},
		`{"exclude-path": "/a;/b"}`:                                             {Enabled: &yes, Compress: "0", ExcludePaths: []string{"/a", "/b"}},
		`{"all": "0", "exclude": ""}`:                                           {Enabled: &yes, Compress: "0"},
		`{"exclude": "100"}`:                                                    {Enabled: &yes, Compress: "0", All: &yes, ExcludeVMIDs: []int{100}},
	} {
		want.Mode, want.NotificationMode = "snapshot", "auto"
		args, err := decode(parse(t, text))
		require.NoError(t, err, text)
		require.Equal(t, want, args, text)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"vmid": "100,x"}`:                    `option vmid: not a number: "x"`,
		`{"vmid": 1e300}`:                      "option vmid: not a number",
		`{"zstd": 1.5}`:                        "option zstd: not a number in the range of an option: 1.5",
		`{"zstd": 99999999999}`:                "option zstd: not a number in the range",
		`{"enabled": "perhaps"}`:               `option enabled: neither true nor false: "perhaps"`,
		`{"schedule": {"a": 1}}`:               "option schedule: neither text nor a number",
		`{"prune-backups": {"keep-last": {}}}`: "option prune-backups: keep-last: neither text",
		`{"prune-backups": [1]}`:               "option prune-backups: neither text",
		`{"fleecing": "1"}`:                    `option fleecing: "" is no id of a storage`,
		`{"exclude-path": [[]]}`:               "option exclude-path: neither text",
	} {
		_, err := decode(parse(t, text))
		require.ErrorContains(t, err, want, text)
	}
}

// FuzzDecode: no answer is fatal, and what was understood reads the same after it was sent back.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"all":1,"exclude":"100,101","prune-backups":{"keep-last":"3"},"fleecing":"1,storage=fast"}`,
		`{"vmid":"100 101","notes-template":"a\\\\b\\nc\\","mailto":"a@b, c","exclude-path":["a","b c"],"compress":1}`,
		`{"performance":"max-workers=3,,=","stdexcludes":"","zstd":"-1","prune-backups":"keep-all=1,keep-last"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var job map[string]any
		if json.Unmarshal([]byte(text), &job) != nil {
			return
		}
		args, err := decode(job)
		if err != nil {
			return
		}
		sent, _ := encode(&args)
		again := map[string]any{}
		for name, values := range sent {
			if again[name] = values[0]; name == "exclude-path" {
				list := []any{}
				for _, value := range values {
					list = append(list, value)
				}
				again[name] = list
			}
		}
		second, err := decode(again)
		require.NoError(t, err)
		require.True(t, equal(args, second), "%+v\n%+v", args, second)
	})
}
