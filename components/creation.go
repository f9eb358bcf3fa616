package components

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/components/pve"
)

// clonesAtOnce bounds the clones of one template: each locks the template and its storage for
// moments, and Proxmox gives up on a lock after seconds
// (https://github.com/bpg/terraform-provider-proxmox/issues/995). More would not be faster either:
// they copy the same disk.
const clonesAtOnce = 4

// creations is what the guard knows of the guests that this update makes.
type creations struct {
	// begun and failed hold URNs: of guests whose creation began, and of those where it failed
	// when the guest was already there.
	begun, failed sync.Map
	// turns holds by template how many may clone it now.
	turns sync.Map
}

// creationBegins is the last check before a guest is made: the VMID was free.
func (g *guard) creationBegins(args *pulumi.ResourceHookArgs) error {
	g.creations.begun.Store(args.URN, true)
	turn := g.creations.turn(args.NewInputs)
	if turn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(g.ctx.Context(), copyTimeoutSeconds*time.Second)
	defer cancel()
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: waited for other clones of its template: %w", args.Name, context.Cause(ctx))
	}
}

// creationEnds lets the next clone begin.
func (g *guard) creationEnds(args *pulumi.ResourceHookArgs) error {
	g.creations.endTurn(args.NewInputs)
	return nil
}

func (c *creations) turn(inputs resource.PropertyMap) chan struct{} {
	clone, ok := property(inputs, "clone")
	if !ok || !clone.IsObject() {
		return nil
	}
	key := fmt.Sprint(stringProperty(clone.ObjectValue(), "nodeName"), "/", intProperty(clone.ObjectValue(), "vmId"))
	turn, _ := c.turns.LoadOrStore(key, make(chan struct{}, clonesAtOnce))
	return turn.(chan struct{})
}

func (c *creations) endTurn(inputs resource.PropertyMap) {
	if turn := c.turn(inputs); turn != nil {
		select {
		case <-turn:
		default: // it never began
		}
	}
}

// creationFailed says whether to try a creation again, and removes what a failed one left.
//
// Of a creation that failed behind the clone the engine would keep a resource that looks complete,
// so that the next update had nothing to do. Of one that fails before anything was made it keeps
// nothing. So while the guest still holds its VMID the creation is tried once more, which Proxmox
// refuses, and then the guest is removed: the next update makes it anew.
func (g *guard) creationFailed(args *pulumi.ErrorHookArgs) (again bool) {
	message := args.Errors[0]
	if len(args.Errors) <= cloneRetries && busyTemplate(message) {
		if len(args.Errors) == 1 {
			_ = g.ctx.Log.Warn(fmt.Sprintf("%s: the template is busy with another task; trying again up to %d times", args.Name, cloneRetries), nil)
		}
		select {
		case <-g.ctx.Context().Done():
		case <-time.After(cloneRetryDelay):
			return true
		}
	}
	_, failed := g.creations.failed.LoadOrStore(args.URN, true)
	if !failed {
		g.advise(args.Name, message)
	}
	ctx, cancel := context.WithTimeout(g.ctx.Context(), guardTimeout)
	defer cancel()
	left, err := g.leftBehind(ctx, args)
	if err == nil && left != nil {
		if !failed {
			_ = g.ctx.Log.Error(fmt.Sprintf("%s: its creation failed: %s\nWhat was made of it is removed, and the next pulumi up makes it anew. That its VMID exists, as Proxmox says next, is part of this.",
				args.Name, strings.TrimSpace(message)), nil)
			return true
		}
		err = g.remove(ctx, *left)
	}
	if err != nil {
		_ = g.ctx.Log.Warn(fmt.Sprintf("%s: what its failed creation left could not be removed: %s", args.Name, err), nil)
	}
	g.creations.endTurn(args.NewInputs)
	return false
}

// leftBehind finds the guest that a creation of this update has made and not brought to run.
func (g *guard) leftBehind(ctx context.Context, args *pulumi.ErrorHookArgs) (*pve.Guest, error) {
	if _, begun := g.creations.begun.Load(args.URN); !begun {
		return nil, nil
	}
	guests, err := g.client.Guests(ctx)
	if err != nil {
		return nil, err
	}
	there, ok := guests[intProperty(args.NewInputs, "vmId")]
	if !ok || there.Name != args.Name || there.Status != "stopped" {
		return nil, nil
	}
	return &there, nil
}

// remove destroys a guest once no task holds it.
func (g *guard) remove(ctx context.Context, there pve.Guest) error {
	if err := g.client.WaitUnlocked(ctx, there); err != nil {
		return fmt.Errorf("wait for the lock of %s: %w", there, err)
	}
	return g.client.Destroy(ctx, there)
}
