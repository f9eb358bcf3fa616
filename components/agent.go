package components

import (
	"context"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// agentPatience is how long a first boot may take to bring up the guest agent, which it may
	// have to install.
	agentPatience     = 2 * time.Minute
	agentPollInterval = time.Second

	agentFix = "Install and start the package qemu-guest-agent in the guest, or set agent: false for it"
)

// guestAgentAnswers runs after a VM was created. The provider gives up on a silent agent without a
// word, and from then on every read of the VM waits for it. The VM stays as it is; the next update
// has nothing to do.
func (g *guard) guestAgentAnswers(args *pulumi.ResourceHookArgs) error {
	if silent, _ := silentAgent(args.NewInputs, args.NewOutputs); !silent || dhcp(args.NewInputs) {
		return nil // without its agent a DHCP address is an error of its own
	}
	ctx, cancel := context.WithTimeout(g.ctx.Context(), g.agentPatience)
	defer cancel()
	guests, err := g.client.Guests(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", args.Name, err)
	}
	there, ok := guests[intProperty(args.NewOutputs, "vmId")]
	if !ok {
		return fmt.Errorf("%s: VMID %d was removed while its guest agent was awaited", args.Name, intProperty(args.NewOutputs, "vmId"))
	}
	tick := time.NewTicker(agentPollInterval)
	defer tick.Stop()
	var silence error
	for {
		err := g.client.AgentAnswers(ctx, there)
		if err == nil {
			return nil
		}
		if silence == nil || ctx.Err() == nil { // not that the time is over
			silence = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: it runs, but its guest agent did not answer within %s: %w. %s", args.Name, g.agentPatience, silence, agentFix)
		}
	}
}

// guestAgentAnswered runs after a VM was updated.
func (g *guard) guestAgentAnswered(args *pulumi.ResourceHookArgs) error {
	silent, timeout := silentAgent(args.NewInputs, args.NewOutputs)
	if !silent {
		return nil
	}
	return g.ctx.Log.Warn(fmt.Sprintf("%s: its guest agent did not answer within %s. %s", args.Name, timeout, agentFix), nil)
}

// silentAgent says whether the provider has waited in vain for the agent, and how long.
func silentAgent(inputs, outputs resource.PropertyMap) (silent bool, timeout string) {
	agent, _ := property(inputs, "agent")
	if !agent.IsObject() || !boolProperty(agent.ObjectValue(), "enabled") {
		return false, ""
	}
	nics, ok := property(outputs, "ipv4Addresses")
	return !ok || !nics.IsArray() || len(nics.ArrayValue()) == 0, stringProperty(agent.ObjectValue(), "timeout")
}

func dhcp(inputs resource.PropertyMap) bool {
	initialization, _ := property(inputs, "initialization")
	if !initialization.IsObject() {
		return false
	}
	for _, config := range objects(initialization.ObjectValue(), "ipConfigs") {
		if ipv4, ok := property(config, "ipv4"); ok && ipv4.IsObject() && stringProperty(ipv4.ObjectValue(), "address") == "dhcp" {
			return true
		}
	}
	return false
}
