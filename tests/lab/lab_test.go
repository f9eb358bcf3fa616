package lab

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	CleanEnvironment()
	os.Exit(m.Run())
}

// start starts a lab for a test and shows what it printed when the test fails.
func start(t *testing.T, o Options) *Lab {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out bytes.Buffer
	o.Out = &out
	l, err := Start(ctx, o)
	require.NoError(t, err, "%s", &out)
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		if t.Failed() {
			t.Logf("the lab printed:\n%s", &out)
		}
	})
	return l
}

// guestNames lists the guests that are no templates.
func guestNames(l *Lab) []string {
	names := []string{}
	for _, g := range l.Sim.Guests() {
		if !g.Template {
			names = append(names, g.Name)
		}
	}
	slices.Sort(names)
	return names
}
