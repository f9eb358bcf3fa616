package pve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Certificates connects to an endpoint, whatever its certificate, and returns what it shows: its own
// certificate first.
func Certificates(ctx context.Context, endpoint string) ([]*x509.Certificate, error) {
	c := NewClient(endpoint, "", true)
	defer c.http.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("build the request: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	if resp.TLS == nil || len(resp.TLS.PeerCertificates) == 0 {
		return nil, errors.New(endpoint + " shows no certificate")
	}
	return resp.TLS.PeerCertificates, nil
}

// Trusted says why this machine does not trust the certificates of an endpoint, nil when it does.
func Trusted(endpoint string, chain []*x509.Certificate) error {
	target, err := url.Parse(endpoint)
	if err != nil {
		return fmt.Errorf("parse the endpoint: %w", err)
	}
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: target.Hostname(), Intermediates: intermediates}); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}
