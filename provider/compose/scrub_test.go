package compose

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScrubberKnowsTheWaysInWhichASecretAppears(t *testing.T) {
	t.Parallel()
	s := newScrubber(ProjectArgs{
		Connection: Connection{PrivateKey: "-----BEGIN-----\nb3BlbnNzaC1rZXk\n"},
		SecretFiles: map[string]SecretFile{
			"env":   {Content: "# comment\nPASSWORD=\"hunter22\"\nENABLED=true\n"},
			"yaml":  {Content: "user:\n  token: abc-def-ghi\n"},
			"plain": {Content: "top-secret\n"},
		},
	})
	for text, want := range map[string]string{
		`invalid value hunter22 here`:   `invalid value [secret] here`,
		`line 2: PASSWORD="hunter22"`:   `line 2: [secret]"`,
		`cannot unmarshal abc-def-ghi`:  `cannot unmarshal [secret]`,
		`top-secret is not an integer`:  `[secret] is not an integer`,
		`key b3BlbnNzaC1rZXk is bad`:    `key [secret] is bad`,
		`enabled: true, nothing secret`: `enabled: true, nothing secret`,
	} {
		require.Equal(t, want, s.text(text))
	}
	cause := &unfinishedError{errors.New("it said hunter22")}
	var unfinished *unfinishedError
	require.ErrorAs(t, s.error(cause), &unfinished, "the kind of an error survives")
	require.NotContains(t, s.error(cause).Error(), "hunter22")
}
