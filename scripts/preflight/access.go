package preflight

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/pve-home/pve-home/components/pve"
)

// token asks the first question that needs a valid token.
func (s *state) token(ctx context.Context) []Finding {
	var err error
	s.version, err = s.client.Version(ctx)
	var answer *pve.Error
	switch {
	case errors.As(err, &answer) && answer.Code == http.StatusUnauthorized:
		return []Finding{fail("Make a token on a node (scripts/host/prepare.sh) and run `pulumi config set --secret proxmoxApiToken`; it has the form user@realm!id=uuid, and neither it nor its user may have expired",
			"Proxmox does not accept the API token: HTTP %s", answer.Status)}
	case err != nil:
		return []Finding{s.failed(err)}
	}
	return []Finding{ok("accepted")}
}

// supportedVersion compares with the versions that pve-home is tested with.
func (s *state) supportedVersion(context.Context) []Finding {
	major, minor := majorMinor(s.version)
	switch {
	case major == 8 && minor >= 4:
		return []Finding{ok("Proxmox VE %s", s.version)}
	case major == 9:
		return []Finding{warn("Try the stack lab first", "Proxmox VE %s is newer than the provider proxmoxve v6, which was made for version 8", s.version)}
	case major < 8 || major == 8:
		return []Finding{fail("Upgrade the nodes to Proxmox VE 8.4: https://pve.proxmox.com/wiki/Downloads", "Proxmox VE %s is too old", s.version)}
	}
	return []Finding{fail("Use Proxmox VE 8.4 or 9", "Proxmox VE %s is not supported", s.version)}
}

func majorMinor(version string) (major, minor int) {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, _ = strconv.Atoi(first)
	minor, _ = strconv.Atoi(second)
	return major, minor
}

// privileges compares what the token may do with what the program needs.
func (s *state) privileges(ctx context.Context) []Finding {
	has, err := s.client.Permissions(ctx)
	if err != nil {
		return []Finding{s.failed(err)}
	}
	needed := pve.Privileges(s.version)
	var missing []string
	for _, privilege := range needed {
		if !has.Grant(privilege) {
			missing = append(missing, privilege)
		}
	}
	user, _, _ := strings.Cut(s.cfg.Proxmox.APIToken, "!")
	token, _, _ := strings.Cut(s.cfg.Proxmox.APIToken, "=")
	switch len(missing) {
	case 0:
		return []Finding{ok("the token has all %d", len(needed))}
	case len(needed):
		return []Finding{fail("On a node: pveum acl modify / --users "+user+" --roles PveHome; a token with privilege separation also needs: pveum acl modify / --tokens '"+token+"' --roles PveHome",
			"the token has none of the %d privileges", len(needed))}
	}
	return []Finding{fail(`On a node: pveum role modify PveHome --append 1 --privs "`+strings.Join(missing, " ")+`" (docs/proxmox-role.md)`,
		"the token lacks %s", strings.Join(missing, ", "))}
}
