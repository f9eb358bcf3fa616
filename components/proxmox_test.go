package components

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

func TestProxmoxProvider(t *testing.T) {
	got := run(t, func(*pulumi.Context, *Proxmox) error { return nil })

	inputs := got[provider+" proxmox"].Inputs
	require.Equal(t, "https://192.168.1.11:8006/", inputs["endpoint"].StringValue())
	require.True(t, inputs["apiToken"].IsSecret(), "the token must be a secret")
	require.Equal(t, "pve-home@pve!pulumi=token-in-clear", inputs["apiToken"].SecretValue().Element.StringValue())
	require.False(t, inputs["insecure"].BoolValue())

	require.True(t, inputs["ssh"].IsSecret() || inputs["ssh"].ContainsSecrets(), "the SSH password must be a secret")
	require.Len(t, got, 1)
}
