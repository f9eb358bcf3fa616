package apischema

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

func isIPv4(value string) bool {
	addr, err := netip.ParseAddr(value)
	return err == nil && addr.Is4()
}

func isIPv6(value string) bool {
	addr, err := netip.ParseAddr(value)
	return err == nil && addr.Is6() && addr.Zone() == ""
}

func isIP(value string) bool { return isIPv4(value) || isIPv6(value) }

// isCIDR checks an address with a prefix of 8 to maxBits; host bits may be set.
func isCIDR(value string, isAddress func(string) bool, maxBits int) bool {
	address, prefix, found := strings.Cut(value, "/")
	if !found || !isAddress(address) || !isDigits(prefix) {
		return false
	}
	bits, err := strconv.Atoi(prefix)
	return err == nil && bits > 7 && bits <= maxBits
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func isCIDRv4(value string) bool { return isCIDR(value, isIPv4, 32) }

func isCIDRv6(value string) bool { return isCIDR(value, isIPv6, 128) }

func looksLike(ok bool, what string) error {
	if ok {
		return nil
	}
	return violation("value does not look like a valid " + what)
}

func checkIPv4(value string) error { return looksLike(isIPv4(value), "IPv4 address") }

func checkIPv6(value string) error { return looksLike(isIPv6(value), "IPv6 address") }

func checkIP(value string) error { return looksLike(isIP(value), "IP address") }

func checkCIDRv4(value string) error { return looksLike(isCIDRv4(value), "IPv4 CIDR network") }

func checkCIDRv6(value string) error { return looksLike(isCIDRv6(value), "IPv6 CIDR network") }

func checkCIDR(value string) error {
	return looksLike(isCIDRv4(value) || isCIDRv6(value), "CIDR network")
}

func checkIPv4Config(value string) error {
	return looksLike(value == "dhcp" || value == "manual" || isCIDRv4(value), "ipv4 network configuration")
}

func checkIPv6Config(value string) error {
	return looksLike(value == "auto" || value == "dhcp" || value == "manual" || isCIDRv6(value), "ipv6 network configuration")
}

func checkIPv4Mask(value string) error {
	valid := false
	if isIPv4(value) {
		mask := net.IPMask(net.ParseIP(value).To4())
		ones, bits := mask.Size()
		valid = ones > 0 || bits > 0
	}
	return looksLike(valid, "IP netmask")
}

var dnsNameRE = regexp.MustCompile(dnsName)

func checkAddress(value string) error {
	if isIP(value) || dnsNameRE.MatchString(value) {
		return nil
	}
	return violationf("value does not look like a valid address: %s", value)
}

func checkServer(value string) error {
	return looksLike(isIP(value) || dnsNameRE.MatchString(value), "server name or IP address")
}

var (
	hostPort      = regexp.MustCompile(`^[[:alnum:]\-.]+(?::\d+)?$`)
	bracketedHost = regexp.MustCompile(`^\[([^\]]+)\](?::\d+)?$`)
	plainHost     = regexp.MustCompile(`^[[:alnum:]\-.]+$`)
	dottedPort    = regexp.MustCompile(`\.\d+$`)
)

// checkPortal accepts a host or IP with an optional port; that of a bare IPv6
// address follows a dot.
func checkPortal(value string) error {
	valid := hostPort.MatchString(value) || isIPv6(value) || isIPv6(dottedPort.ReplaceAllString(value, ""))
	if match := bracketedHost.FindStringSubmatch(value); match != nil {
		valid = isIPv6(match[1]) || plainHost.MatchString(match[1])
	}
	return looksLike(valid, "portal address")
}

// checkIPWithIface accepts an IP, with %interface after a link-local one.
func checkIPWithIface(value string) error {
	if address, iface, found := strings.Cut(value, "%"); found && strings.HasPrefix(address, "fe80:") {
		if isIP(address) && checkIface(iface) == nil {
			return nil
		}
	}
	return checkIP(value)
}
