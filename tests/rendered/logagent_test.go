package rendered

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// serviceRules name a service: by its unit before its program, by its Compose service before its container.
var serviceRules = [][3]string{
	{"__journal_syslog_identifier", "", "service"},
	{"__journal__systemd_unit", `(.+)\.service`, "service"},
	{"__journal_container_name", "(.+)", "service"},
	{"__journal_com_docker_compose_service", "(.+)", "service"},
	{"__journal_priority_keyword", "", "level"},
}

// compileAlloy compiles the reader of Alloy's language, a module of its own.
func compileAlloy(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "alloy")
	ctx, cancel := context.WithTimeout(t.Context(), 3*programTimeout)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	build.Dir = "alloy"
	build.Env = append(os.Environ(), "GOWORK=off")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return binary
}

func readAlloy(t *testing.T, binary, config string) (output, problems []byte, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	read := exec.CommandContext(ctx, binary)
	read.Stdin = bytes.NewBufferString(config)
	var stderr bytes.Buffer
	read.Stderr = &stderr
	output, err = read.Output()
	return output, stderr.Bytes(), err
}

func TestAlloyConfiguration(t *testing.T) {
	binary := compileAlloy(t)
	for _, name := range []string{"alloy", "labels that could be syntax"} {
		u := guest(name)
		output, problems, err := readAlloy(t, binary, fileOf(t, u, "/etc/alloy/config.alloy"))
		require.NoError(t, err, "%s", problems)
		var config struct {
			Relabel struct {
				Rules []struct {
					SourceLabels       []string
					Regex, TargetLabel string
				}
			}
			Write struct {
				Endpoint struct {
					URL               string
					MaxBackoffRetries int
				}
				ExternalLabels map[string]string
			}
		}
		require.NoError(t, json.Unmarshal(output, &config))
		host := u.LogAgent.Host
		if host == "" {
			host = u.Hostname
		}
		require.Equal(t, u.LogAgent.LokiURL, config.Write.Endpoint.URL)
		require.Equal(t, map[string]string{"host": host, "stack": u.LogAgent.Stack}, config.Write.ExternalLabels)
		require.Zero(t, config.Write.Endpoint.MaxBackoffRetries)
		var rules [][3]string
		for _, r := range config.Relabel.Rules {
			require.Len(t, r.SourceLabels, 1)
			rules = append(rules, [3]string{r.SourceLabels[0], r.Regex, r.TargetLabel})
		}
		require.Equal(t, serviceRules, rules)
	}
}

// TestAlloyRefusesNonsense proves that the file is read, names of arguments included.
func TestAlloyRefusesNonsense(t *testing.T) {
	binary := compileAlloy(t)
	config := fileOf(t, guest("alloy"), "/etc/alloy/config.alloy")
	for _, change := range [][2]string{{"max_age", "max_aeg"}, {"loki.relabel.journal.rules", "loki.relabel.syslog.rules"}, {"loki.write \"", "loki.rite \""}, {"}\n", "\n"}} {
		_, problems, err := readAlloy(t, binary, string(bytes.Replace([]byte(config), []byte(change[0]), []byte(change[1]), 1)))
		require.Error(t, err, change)
		require.NotEmpty(t, problems)
	}
}

// Promtail takes too long to compile for these tests; its arguments are recorded here from
// https://grafana.com/docs/loki/v3.5.x/send-data/promtail/configuration/, and any other is an error.
func TestPromtailConfiguration(t *testing.T) {
	for _, name := range []string{"promtail", "labels that could be syntax"} {
		u := guest("promtail")
		u.LogAgent.Host, u.LogAgent.Stack = guest(name).LogAgent.Host, guest(name).LogAgent.Stack
		var config struct {
			Server    struct{ Disable bool }
			Positions struct{ Filename string }
			Clients   []struct {
				URL            string
				ExternalLabels map[string]string `yaml:"external_labels"`
				BackoffConfig  struct {
					MaxRetries *int   `yaml:"max_retries"`
					MaxPeriod  string `yaml:"max_period"`
				} `yaml:"backoff_config"`
			}
			ScrapeConfigs []struct {
				JobName string `yaml:"job_name"`
				Journal struct {
					MaxAge string `yaml:"max_age"`
				}
				RelabelConfigs []struct {
					SourceLabels []string `yaml:"source_labels"`
					Regex        string
					TargetLabel  string `yaml:"target_label"`
				} `yaml:"relabel_configs"`
			} `yaml:"scrape_configs"`
		}
		decoder := yaml.NewDecoder(bytes.NewBufferString(fileOf(t, u, "/etc/promtail/config.yml")))
		decoder.KnownFields(true)
		require.NoError(t, decoder.Decode(&config))
		require.True(t, config.Server.Disable)
		require.Equal(t, "/var/lib/promtail/positions.yaml", config.Positions.Filename) // kept by StateDirectory=
		require.Len(t, config.Clients, 1)
		client := config.Clients[0]
		host := u.LogAgent.Host
		if host == "" {
			host = u.Hostname
		}
		require.Equal(t, u.LogAgent.LokiURL, client.URL)
		require.Equal(t, map[string]string{"host": host, "stack": u.LogAgent.Stack}, client.ExternalLabels)
		require.Zero(t, *client.BackoffConfig.MaxRetries)
		var rules [][3]string
		for _, r := range config.ScrapeConfigs[0].RelabelConfigs {
			require.Len(t, r.SourceLabels, 1)
			rules = append(rules, [3]string{r.SourceLabels[0], r.Regex, r.TargetLabel})
		}
		require.Equal(t, serviceRules, rules)
	}
}
