package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCommittedStacks is the life of the example homelab: up, nothing more to do, destroy.
func TestCommittedStacks(t *testing.T) {
	h := quick(t)
	for _, name := range []string{"prod", "lab", "monitoring"} {
		s, err := h.Stack(h.ctx, name)
		require.NoError(t, err)
		h.up(s)
		h.clean(s)
		h.refreshFindsNothing(s)
		h.clean(s)
	}
}
