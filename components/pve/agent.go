package pve

import (
	"context"
	"net/http"
)

// AgentAnswers asks the guest agent of a running VM whether it is there (privilege VM.Monitor on
// Proxmox VE 8, VM.GuestAgent.Audit on 9). The error is Proxmox' reason why it is not.
func (c *Client) AgentAnswers(ctx context.Context, g Guest) error {
	var pong any
	return c.do(ctx, http.MethodPost, guestPath(g)+"/agent/ping", nil, &pong)
}
