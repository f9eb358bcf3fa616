package e2e

import (
	"fmt"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/stretchr/testify/require"

	"github.com/pve-home/pve-home/tests/lab"
)

// TestSecondUpIsRefused: while an up runs, the lock refuses another one of the same stack.
func TestSecondUpIsRefused(t *testing.T) {
	h := quick(t)
	first, second := h.stack("lab", vmFile(21)), h.stack("lab", vmFile(21))
	h.Sim.SetTaskDuration("qmclone", longTask)
	done := make(chan error, 1)
	go func() {
		_, err := first.Up(h.timeout())
		done <- err
	}()
	h.await(func() bool { return h.busy("qmclone") })
	_, err := second.Stack.Up(h.timeout())
	require.True(t, auto.IsConcurrentUpdateError(err), "%v", err)
	require.NoError(t, <-done, "the first goes on")

	h.clean(second)
	h.refreshFindsNothing(second)
	deployment, err := second.Export(h.ctx)
	require.NoError(t, err)
	require.NotContains(t, string(deployment.Deployment), "pending_operations\":[{")
	require.Equal(t, []string{"web"}, h.guestNames())
	require.Empty(t, h.orphans())
}

// TestUpsAtOnce: of two ups that start at the same moment at most one goes on, and the stack is whole.
func TestUpsAtOnce(t *testing.T) {
	h := quick(t)
	h.Sim.SetTaskDuration("qmclone", longTask)
	errs := make(chan error, 2)
	for _, s := range []*lab.Stack{h.stack("lab", vmFile(21)), h.stack("lab", vmFile(21))} {
		go func() {
			_, err := s.Stack.Up(h.timeout())
			errs <- err
		}()
	}
	refused := 0
	for range 2 {
		if err := <-errs; err != nil {
			require.True(t, auto.IsConcurrentUpdateError(err), "%v", err)
			refused++
		}
	}
	require.Positive(t, refused)

	s := h.stack("lab", vmFile(21))
	h.up(s)
	h.clean(s)
	h.refreshFindsNothing(s)
	require.Equal(t, []string{"web"}, h.guestNames())
	require.Empty(t, h.orphans())
}

// TestTwoStacksAtOnce: stacks do not lock each other.
func TestTwoStacksAtOnce(t *testing.T) {
	h := quick(t)
	h.Sim.SetTaskDuration("qmclone", longTask)
	stacks := []*lab.Stack{h.stack("lab", vmFile(21)), h.stack("prod", containerFile(22)), h.stack("monitoring", vmFile(23))}
	errs := make(chan error, len(stacks))
	for _, s := range stacks {
		go func() {
			_, err := s.Up(h.timeout())
			errs <- err
		}()
	}
	for range stacks {
		require.NoError(t, <-errs)
	}
	for _, s := range stacks {
		h.clean(s)
	}
	require.Equal(t, []string{"web", "box", "web"}, h.guestNames())
	h.everythingRuns(t)
	require.Empty(t, h.orphans())
}

// TestClonesAreBounded: many VMs of one template are not cloned all at once.
func TestClonesAreBounded(t *testing.T) {
	h := quick(t)
	h.Sim.SetTaskDuration("qmclone", longTask)
	file := vmFile(21, "agent: false")
	for host := 22; host < 33; host++ {
		file += fmt.Sprintf("    web-%d:\n      address: 192.168.1.%d\n      agent: false\n      diskGiB: 20\n", host, host)
	}
	s := h.stack("lab", file)
	done := make(chan error, 1)
	go func() {
		_, err := s.Up(h.timeout())
		done <- err
	}()
	most := 0
	h.await(func() bool {
		clones := 0
		for _, task := range h.Sim.Tasks() {
			if task.Type == "qmclone" && task.Status == "running" {
				clones++
			}
		}
		most = max(most, clones)
		return len(done) > 0
	})
	require.NoError(t, <-done)
	require.Greater(t, most, 1, "clones of the template at the same time")
	require.LessOrEqual(t, most, 4, "clones of the template at the same time")
	require.Len(t, h.guestNames(), 12)
}
