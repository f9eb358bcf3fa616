package guest

import (
	"io"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Answers of cloud-init 25.1 and of 22.4.2.
const (
	newStatus = `status: error
extended_status: error - done
boot_status_code: enabled-by-generator
last_update: Thu, 01 Jan 1970 00:00:15 +0000
detail: DataSourceNoCloud [seed=/dev/sr0]
errors:
	- ('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))
recoverable_errors:
WARNING:
	- Running module scripts_user failed
`
	oldStatus = `status: error
boot_status_code: enabled-by-generator
last_update: Fri, 24 Nov 2026 20:00:00 +0000
detail:
('scripts-user', RuntimeError('Runparts: 1 failures'))
`
)

func TestParseCloudInitStatus(t *testing.T) {
	t.Parallel()
	require.Equal(t, CloudInit{Status: "error", Messages: []string{
		"('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))", "Running module scripts_user failed",
	}}, ParseCloudInitStatus(newStatus))
	require.Equal(t, CloudInit{Status: "error", Messages: []string{"('scripts-user', RuntimeError('Runparts: 1 failures'))"}},
		ParseCloudInitStatus(oldStatus))
}

func FuzzParseCloudInitStatus(f *testing.F) {
	f.Add(newStatus)
	f.Add(oldStatus)
	f.Fuzz(func(t *testing.T, text string) {
		for _, message := range ParseCloudInitStatus(text).Messages {
			require.NotEmpty(t, message)
		}
	})
}

// A shell gets the arguments that went in.
func FuzzQuote(f *testing.F) {
	f.Add("it's", "$(reboot) `x` \"y\"")
	f.Add("plain", "a\nb *")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, s := range []string{a, b} {
			for _, r := range s {
				if r == 0 {
					t.Skip("no argument holds a zero byte")
				}
			}
		}
		line := Quote([]string{"printf", `%s\0%s`, a, b})
		output, err := exec.CommandContext(t.Context(), "sh", "-c", line).Output()
		require.NoError(t, err)
		require.Equal(t, a+"\x00"+b, string(output))
	})
}

func TestQuoteLeavesPlainArgumentsAlone(t *testing.T) {
	t.Parallel()
	require.Equal(t, `docker compose --file=/opt/a_b-c.d/e:f@1%2+3,4 '' 'a b' 'it'\''s'`,
		Quote([]string{"docker", "compose", "--file=/opt/a_b-c.d/e:f@1%2+3,4", "", "a b", "it's"}))
}

func TestAGuestCannotFillOurMemory(t *testing.T) {
	t.Parallel()
	b := &limitedBuffer{}
	n, err := io.Copy(b, io.LimitReader(zeros{}, 3*maxOutputBytes))
	require.NoError(t, err)
	require.EqualValues(t, 3*maxOutputBytes, n)
	require.Len(t, b.String(), maxOutputBytes)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
