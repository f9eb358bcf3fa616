package guest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

// HTTPClient requests as if it ran on the guest: every connection goes through the SSH tunnel.
// It follows no redirects, so that a check sees the status that it asked for.
func (g *Guest) HTTPClient(tlsConfig *tls.Config, timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			TLSClientConfig:   tlsConfig,
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := g.client.DialContext(ctx, network, address)
				if err != nil {
					return nil, fmt.Errorf("tunnel to %s on %s: %w", address, g.address, err)
				}
				return conn, nil
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
