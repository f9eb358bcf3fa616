package preflight

import (
	"context"
	"time"

	"github.com/pve-home/pve-home/components/pve"
)

// certificateWarningDays is how long before its end a certificate is worth a warning. Proxmox renews
// its own two weeks before.
const certificateWarningDays = 30

// endpoint connects to the API.
func (s *state) endpoint(ctx context.Context) []Finding {
	var err error
	if s.certificates, err = pve.Certificates(ctx, s.cfg.Proxmox.Endpoint); err != nil {
		return []Finding{fail("Check proxmoxEndpoint, that the node is up, and that this machine reaches port 8006 of it", "the API does not answer: %s", err)}
	}
	return []Finding{ok("%s answers", s.cfg.Proxmox.Endpoint)}
}

// certificate asks whether this machine trusts the API, and for how long it can.
func (s *state) certificate(context.Context) []Finding {
	own := s.certificates[0]
	left := time.Until(own.NotAfter)
	const renew = "Renew it: System > Certificates of the node, or there `pvecm updatecerts --force && systemctl restart pveproxy`"
	if err := pve.Trusted(s.cfg.Proxmox.Endpoint, s.certificates); err != nil && !s.cfg.Proxmox.Insecure {
		if left < 0 {
			return []Finding{fail(renew, "the certificate ended on %s", own.NotAfter.Format(time.DateOnly))}
		}
		return []Finding{fail("Trust the cluster's authority, /etc/pve/pve-root-ca.pem of any node (SSL_CERT_FILE, or update-ca-certificates), "+
			"use a name or an address that the certificate holds, or set proxmoxInsecure: true", "%s", err)}
	}
	if left < certificateWarningDays*24*time.Hour {
		return []Finding{warn(renew, "the certificate ends on %s", own.NotAfter.Format(time.DateOnly))}
	}
	if s.cfg.Proxmox.Insecure {
		return []Finding{ok("any certificate is accepted (proxmoxInsecure)")}
	}
	return []Finding{ok("trusted until %s", own.NotAfter.Format(time.DateOnly))}
}
