package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pve-home/pve-home/stacks/config/calendar"
)

// format is the way in which a text must be written. The reference shows is and rule.
type format struct {
	// is names a valid value, with its article.
	is string
	// rule says how it is written.
	rule string
	// pattern must match the whole value, when there is one.
	pattern *regexp.Regexp
	// check looks at a value that fits the pattern.
	check func(value string) bool
	// advice gives a better fix than the rule for some wrong values, and otherwise nothing.
	advice func(value string) string
}

// examine returns what is wrong with a value and how to mend it.
func (f format) examine(value string) (rule, fix string, ok bool) {
	if (f.pattern == nil || f.pattern.MatchString(value)) && (f.check == nil || f.check(value)) {
		return "", "", true
	}
	if f.advice != nil {
		fix = f.advice(value)
	}
	if fix == "" {
		fix = "It must be " + f.rule
	}
	return "is not " + f.is, fix, false
}

// formats are Proxmox's where its API has one of that purpose.
var formats = map[string]format{
	"endpoint": {
		is:     "the URL of a Proxmox VE API",
		rule:   "`https://<host>:8006/`, without user, path or query",
		check:  isEndpoint,
		advice: endpointAdvice,
	},
	"apiToken": {
		is:      "an API token",
		rule:    "`user@realm!tokenid=secret`, as Proxmox shows it once when the token is made",
		pattern: regexp.MustCompile(`^\S+@\S+!\S+=[a-zA-Z0-9-]+$`),
	},
	"login": {
		is:      "a user name",
		rule:    "1 to 32 of `A-Z a-z 0-9 _ . -`, the first a letter or `_`",
		pattern: regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.-]{0,31}$`),
	},
	"guestLogin": {
		is:      "a user name for guests",
		rule:    "1 to 32 of `a-z 0-9 _ -`, the first a letter or `_`, and not root",
		pattern: regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`),
		check:   func(v string) bool { return v != "root" },
	},
	"host": {
		is:   "an IP address or DNS name",
		rule: "an IP address or DNS name, without port",
		check: func(v string) bool {
			return isIP(v) || isDomain(v) && strings.Trim(v, "0123456789.") != ""
		},
	},
	"nodeName": {
		is:      "a node name",
		rule:    "letters, digits and `-`, as under Datacenter in Proxmox",
		pattern: labelPattern,
	},
	"guestName": {
		is:      "a host name",
		rule:    "1 to 63 of `a-z 0-9 -`, neither first nor last a `-`",
		pattern: guestNamePattern,
		advice:  guestNameAdvice,
	},
	"datastore": {
		is:      "a storage name",
		rule:    "at least 2 of `A-Z a-z 0-9 . _ -`, the first a letter, the last a letter or digit, as under Datacenter, Storage in Proxmox",
		pattern: regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9._-]*[a-zA-Z0-9]$`),
	},
	"template": {
		is:      "the volume id of a container template",
		rule:    "`<storage>:vztmpl/<file>`, the file ending in .tar.gz, .tar.xz, .tar.zst or .tar.bz2, as `pveam list <storage>` prints it",
		pattern: regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9._-]*[a-zA-Z0-9]:vztmpl/[a-zA-Z0-9][a-zA-Z0-9._+~-]*\.tar\.(gz|xz|zst|bz2)$`),
	},
	"network": {
		is:     "an IPv4 network",
		rule:   "an address with a prefix length of 8 to 30 and no host bits, such as `192.168.1.0/24`",
		check:  isNetwork,
		advice: networkAdvice,
	},
	"ipv4": {
		is:     "an IPv4 address",
		rule:   "an IPv4 address without prefix length, such as `192.168.1.1`",
		check:  isIPv4,
		advice: withoutPrefixLength,
	},
	"address": {
		is:     "an IPv4 address",
		rule:   "an IPv4 address without prefix length, or `dhcp`",
		check:  func(v string) bool { return v == dhcp || isIPv4(v) },
		advice: withoutPrefixLength,
	},
	"ip": {
		is:    "an IP address",
		rule:  "an IPv4 or IPv6 address",
		check: isIP,
	},
	"bridge": {
		is:      "a bridge name",
		rule:    "1 to 15 of `A-Z a-z 0-9 . _ -`, the first a letter, such as `vmbr0`",
		pattern: regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9._-]{0,14}$`),
	},
	"domain": {
		is:    "a DNS domain",
		rule:  "labels of `a-z 0-9 -` joined by dots, such as `home.arpa`",
		check: isDomain,
	},
	"mac": {
		is:    "a MAC address of one interface",
		rule:  "six pairs of hexadecimal digits joined by colons, the first byte even, such as `BC:24:11:00:00:21`",
		check: isUnicastMAC,
	},
	"tag": {
		is:      "a tag",
		rule:    "`a-z 0-9 _ + . -`, the first a letter, digit or `_`",
		pattern: tagPattern,
		advice:  tagAdvice,
	},
	"description": {
		is:    "a description that Proxmox can hold",
		rule:  "at most 8192 bytes",
		check: func(v string) bool { return len(v) <= 8192 },
	},
	"date": {
		is:    "a date",
		rule:  "a day that exists, written YYYY-MM-DD",
		check: func(v string) bool { _, err := parseDate(v); return err == nil },
	},
	"cpuType": {
		is:      "a CPU model",
		rule:    "`host`, a model such as `x86-64-v3`, or `custom-<name>`",
		pattern: regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`),
	},
	"mountPath": {
		is:    "a path to mount a volume at",
		rule:  "absolute, of `A-Z a-z 0-9 / . _ @ -`, without `..`, doubled or trailing slashes, and neither `/` nor a directory of the system",
		check: isMountPath,
	},
	"schedule": {
		is:     "a schedule",
		rule:   "a Proxmox calendar event, such as `sun 02:30` or `mon..fri 22:00`",
		check:  func(v string) bool { return calendar.Validate(v) == nil },
		advice: scheduleAdvice,
	},
	"backupName": {
		is:      "a name for a backup job",
		rule:    "2 to 32 of `A-Z a-z 0-9 _ -`, the first a letter",
		pattern: regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_-]{1,31}$`),
	},
	"backupComment": {
		is:    "a remark on a backup job",
		rule:  "one line of at most 512 bytes",
		check: func(v string) bool { return len(v) <= 512 && !strings.Contains(v, "\n") },
	},
	"notesTemplate": {
		is:    "a template for the notes of a backup",
		rule:  "one line of at most 1024 bytes, with none but the variables `{{cluster}}`, `{{guestname}}`, `{{node}}` and `{{vmid}}`",
		check: isNotesTemplate,
	},
	"pool": {
		is:      "the name of a pool",
		rule:    "of `A-Z a-z 0-9 . _ -`, in up to three parts joined by slashes",
		pattern: regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$`),
	},
	"mail": {
		is:      "a mail address",
		rule:    "an address such as `admin@example.org`, or the name of a Proxmox user such as `root@pam`",
		pattern: regexp.MustCompile(`^[^\s@,;]+@[^\s@,;]+$`),
	},
}

const dhcp = "dhcp"

var (
	guestNamePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	tagPattern       = regexp.MustCompile(`^[a-z0-9_][a-z0-9_+.-]*$`)
	labelPattern     = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$`)
	pathPattern      = regexp.MustCompile(`^(/[a-zA-Z0-9._@-]+)+$`)
)

func isEndpoint(v string) bool {
	u, err := url.Parse(v)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.Port() != "" && u.User == nil &&
		(u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == "" && !u.ForceQuery
}

func endpointAdvice(v string) string {
	u, err := url.Parse(v)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return ""
	}
	if u.Scheme == "https" && u.Port() == "" {
		return "Proxmox listens on port 8006: write `https://" + u.Hostname() + ":8006/`, or name port 443 when a proxy stands in front of it"
	}
	if u.Scheme == "http" {
		return "Proxmox speaks https only"
	}
	return ""
}

func isIP(v string) bool {
	a, err := netip.ParseAddr(v)
	return err == nil && a.Zone() == ""
}

func isIPv4(v string) bool {
	a, err := netip.ParseAddr(v)
	return err == nil && a.Is4()
}

func withoutPrefixLength(v string) string {
	p, err := netip.ParsePrefix(v)
	if err != nil || !p.Addr().Is4() {
		return ""
	}
	return "Write `" + p.Addr().String() + "`: the prefix length is that of `network`"
}

func isNetwork(v string) bool {
	p, err := netip.ParsePrefix(v)
	return err == nil && p.Addr().Is4() && p.Bits() >= 8 && p.Bits() <= 30 && p == p.Masked()
}

func networkAdvice(v string) string {
	p, err := netip.ParsePrefix(v)
	if err != nil || p == p.Masked() || !isNetwork(p.Masked().String()) {
		return ""
	}
	return "Write `" + p.Masked().String() + "`, the network that the address lies in"
}

func isDomain(v string) bool {
	return len(v) <= 253 && !slices.ContainsFunc(strings.Split(v, "."), func(label string) bool {
		return !labelPattern.MatchString(label)
	})
}

func isUnicastMAC(v string) bool {
	m, err := net.ParseMAC(v)
	return err == nil && len(m) == 6 && strings.Count(v, ":") == 5 && m[0]&1 == 0 && slices.Max(m) > 0
}

func guestNameAdvice(v string) string {
	if lower := strings.ReplaceAll(strings.ToLower(v), "_", "-"); lower != v && guestNamePattern.MatchString(lower) {
		return "Write `" + lower + "`"
	}
	return ""
}

func tagAdvice(v string) string {
	better := strings.NewReplacer(":", "-", "=", "-", " ", "-").Replace(strings.ToLower(v))
	if better == v || !tagPattern.MatchString(better) {
		return ""
	}
	if strings.Contains(v, ":") {
		return "Proxmox allows no colon in a tag: write `" + better + "`"
	}
	return "Write `" + better + "`"
}

// scheduleAdvice passes on what the parser found wrong, without the value that its error repeats.
func scheduleAdvice(v string) string {
	reason := errors.Unwrap(calendar.Validate(v))
	if reason == nil {
		return ""
	}
	return fmt.Sprintf("Mind that %s; write for example `sun 02:30` or `mon..fri 22:00`", reason)
}

// parseDate reads a day. YAML takes an unquoted date for a time, which reaches the program as
// midnight UTC, in the notation of either JSON or Go.
func parseDate(v string) (time.Time, error) {
	for _, midnight := range []string{"T00:00:00Z", " 00:00:00 +0000 UTC"} {
		v = strings.TrimSuffix(v, midnight)
	}
	return time.Parse(time.DateOnly, v)
}

var noteVariable = regexp.MustCompile(`\{\{(cluster|guestname|node|vmid)\}\}`)

func isNotesTemplate(v string) bool {
	rest := noteVariable.ReplaceAllString(v, "")
	return len(v) <= 1024 && !strings.Contains(v, "\n") && !strings.Contains(rest, "{{") && !strings.Contains(rest, "}}")
}

func isMountPath(v string) bool {
	if !pathPattern.MatchString(v) || path.Clean(v) != v {
		return false
	}
	switch top := "/" + strings.SplitN(v, "/", 3)[1]; top {
	case "/dev", "/proc", "/run", "/sys":
		return false
	case "/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/sbin", "/usr", "/var":
		return v != top
	}
	return true
}
