package rendered

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A step that fails keeps no other from running, and is not forgotten: cloud-init looks at the last command alone.
func TestStepsThatFailAreReported(t *testing.T) {
	program(t, "bash", "bash")
	step := script(t, "step")
	report := filepath.Join(filepath.Dir(step), "report-steps")
	environment := []string{"FAILED_STEPS=" + filepath.Join(t.TempDir(), "failed")}

	output, err := run(t, environment, report)
	require.NoError(t, err, output)

	for _, command := range [][]string{{"false", "with", "arguments"}, {"true"}, {"no-such-program"}, {"data-disk", "/dev/none", "/srv", "ext4"}} {
		output, err = run(t, environment, step, command...)
		require.NoError(t, err, output)
	}
	output, err = run(t, environment, report)
	require.Error(t, err)
	require.Contains(t, output, "\nfalse with arguments\nno-such-program\ndata-disk /dev/none /srv ext4\n")
	require.NotContains(t, output, "true")

	// What is mended and run again is no longer reported.
	output, err = run(t, environment, step, "true")
	require.NoError(t, err, output)
	output, err = run(t, environment, report)
	require.NoError(t, err, output)
}
