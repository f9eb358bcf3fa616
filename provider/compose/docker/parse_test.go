package docker

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What docker compose 2.40.3 answers, shortened.
const (
	psLines = `{"Command":"\"/service\"","ExitCode":0,"Health":"healthy","ID":"2f5e","Name":"app-web-1","Service":"web","State":"running"}
{"ExitCode":0,"Health":"","ID":"77aa","Name":"app-init-1","Service":"init","State":"exited"}
{"ExitCode":137,"Health":"","ID":"b0b0","Name":"app-job-1","Service":"job","State":"exited"}
{"ExitCode":0,"Health":"unhealthy","ID":"1","Name":"app-many-2","Service":"many","State":"running"}
{"ExitCode":0,"Health":"healthy","ID":"2","Name":"app-many-1","Service":"many","State":"running"}
`
	configAnswer = `{"name":"app","services":{
 "web":{"configs":[{"source":"c","target":"/c"},{"source":"inline","target":"/i"}],"secrets":[{"source":"s"}],
  "volumes":[{"type":"bind","source":"/opt/app/releases/1/web.conf","target":"/w"},{"type":"bind","source":"/opt/app/releases/1","target":"/all"},
             {"type":"bind","source":"/opt/app/releases/10/x","target":"/x"},{"type":"volume","source":"data","target":"/d"},{"type":"bind","source":"/srv","target":"/s"}]},
 "db":{}},
 "configs":{"c":{"file":"/opt/app/releases/1/c.conf"},"inline":{"content":"a"}},"secrets":{"s":{"file":"/opt/app/releases/1/web.conf"}}}`
)

func TestParsePs(t *testing.T) {
	t.Parallel()
	containers, err := ParsePs([]byte(psLines))
	require.NoError(t, err)
	require.Equal(t, Container{ID: "2f5e", Service: "web", Name: "app-web-1", State: "running", Health: "healthy"}, containers[0])
	require.Equal(t, map[string]string{"web": Running, "init": Completed, "job": Exited, "many": Unhealthy}, ServiceStates(containers))
	// Compose before 2.21 wrote a list.
	list, err := ParsePs([]byte("[" + strings.ReplaceAll(strings.TrimSpace(psLines), "\n", ",") + "]"))
	require.NoError(t, err)
	require.Equal(t, containers, list)
	for _, none := range []string{"", "[]", "\n"} {
		containers, err = ParsePs([]byte(none))
		require.NoError(t, err)
		require.Empty(t, containers)
	}
	_, err = ParsePs([]byte(`{"Service":`))
	require.ErrorContains(t, err, "docker compose ps")
}

func TestParseConfig(t *testing.T) {
	t.Parallel()
	config, err := ParseConfig([]byte(configAnswer), "/opt/app/releases/1")
	require.NoError(t, err)
	require.Equal(t, []string{".", "c.conf", "web.conf"}, config.Mounts["web"])
	require.Empty(t, config.Mounts["db"])
	other, err := ParseConfig([]byte(strings.Replace(configAnswer, `"content":"a"`, `"content":"b"`, 1)), "/opt/app/releases/1")
	require.NoError(t, err)
	require.Len(t, config.Attachments["web"], 1)
	require.NotEqual(t, config.Attachments, other.Attachments)
}

func FuzzParsePs(f *testing.F) {
	f.Add([]byte(psLines))
	f.Add([]byte("[]"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		containers, err := ParsePs(answer)
		if err != nil {
			require.ErrorContains(t, err, "docker compose ps")
			return
		}
		require.LessOrEqual(t, len(ServiceStates(containers)), len(containers))
	})
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(configAnswer), "/opt/app/releases/1")
	f.Fuzz(func(t *testing.T, answer []byte, folder string) {
		config, err := ParseConfig(answer, folder)
		if err != nil {
			return
		}
		for _, mounts := range config.Mounts {
			for _, source := range mounts {
				require.NotEmpty(t, source)
				require.False(t, source == ".." || strings.HasPrefix(source, "../"), source)
			}
		}
	})
}
