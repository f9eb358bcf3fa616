package compose

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	healthEvery   = time.Second
	healthRequest = 10 * time.Second
	// maxBodyBytes of an answer are searched.
	maxBodyBytes = 1 << 20
	// shownBodyBytes of an answer appear in an error.
	shownBodyBytes = 200
)

// checkHealth asks until every health check succeeds.
func (d *deployment) checkHealth(ctx context.Context) error {
	limit := seconds(d.args.limits().HealthSeconds)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for _, check := range d.args.HealthChecks {
		d.log.InfoStatusf("waiting for %s to answer %d", check.URL, check.Status)
		client := d.HTTPClient(check.tlsConfig(), healthRequest)
		for last := error(nil); ; {
			err := check.ask(ctx, client)
			if err == nil {
				break
			}
			if ctx.Err() == nil || last == nil {
				last = err
			}
			select {
			case <-ctx.Done():
				if errors.Is(context.Cause(ctx), context.Canceled) {
					return fmt.Errorf("health check %s: %w", check.URL, context.Canceled)
				}
				return fmt.Errorf("health check %s did not succeed within %s: %w", check.URL, limit, last)
			case <-tick.C:
			}
		}
	}
	return nil
}

func (h HealthCheck) tlsConfig() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: h.Insecure} //nolint:gosec // the user's choice, documented
	if h.CACertificate != "" {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM([]byte(h.CACertificate))
	}
	return config
}

func (h HealthCheck) ask(ctx context.Context, client *http.Client) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBodyBytes))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	shown := strings.ToValidUTF8(string(body[:min(len(body), shownBodyBytes)]), "?")
	if response.StatusCode != h.Status {
		return fmt.Errorf("it answers %s, not %d: %s", response.Status, h.Status, shown)
	}
	if !strings.Contains(string(body), h.BodyContains) {
		return fmt.Errorf("its answer does not contain %q: %s", h.BodyContains, shown)
	}
	return nil
}
