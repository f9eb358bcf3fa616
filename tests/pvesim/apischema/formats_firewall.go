package apischema

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	firewallAlias = regexp.MustCompile(`^(?:(?:dc|guest|sdn)/)?[A-Za-z][A-Za-z0-9\-_]+$`)
	firewallSet   = regexp.MustCompile(`^\+\S+$`)
)

// maxFirewallNameLength is that of an alias or IP set, in characters.
const maxFirewallNameLength = 64

// parseNetwork parses what Net::IP does: an address, a network without host
// bits, or a range first-last.
func parseNetwork(text string) (netip.Addr, error) {
	if first, last, isRange := strings.Cut(text, "-"); isRange {
		from, err := parseNetwork(strings.TrimSpace(first))
		if err != nil {
			return netip.Addr{}, err
		}
		to, err := parseNetwork(strings.TrimSpace(last))
		if err != nil {
			return netip.Addr{}, err
		}
		if to.Less(from) {
			return netip.Addr{}, violationf("Begin address is greater than End address %s", text)
		}
		return from, nil
	}
	if !strings.Contains(text, "/") {
		if !isIP(text) {
			return netip.Addr{}, violationf("Cannot determine IP version for %s", text)
		}
		return netip.ParseAddr(text)
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Addr{}, violationf("Invalid prefix %s", text)
	}
	if prefix.Masked() != prefix {
		return netip.Addr{}, violationf("Invalid prefix %s", bitString(prefix))
	}
	return prefix.Addr(), nil
}

// bitString spells a prefix as Net::IP does in its errors.
func bitString(prefix netip.Prefix) string {
	var bits strings.Builder
	for _, octet := range prefix.Addr().AsSlice() {
		fmt.Fprintf(&bits, "%08b", octet)
	}
	return bits.String() + "/" + strconv.Itoa(prefix.Bits())
}

func checkIPOrCIDR(value string) error {
	address, prefix, isNetwork := strings.Cut(value, "/")
	if !isIP(address) || isNetwork && !isDigits(prefix) {
		return violationf("value does not look like a valid IP address or CIDR network")
	}
	_, err := parseNetwork(value)
	return err
}

func checkIPOrCIDROrAlias(value string) error {
	if firewallAlias.MatchString(value) {
		return nil
	}
	return checkIPOrCIDR(value)
}

func checkFirewallAddresses(value string) error {
	switch {
	case firewallSet.MatchString(value):
		return tooLong("ipset", value, maxFirewallNameLength+1)
	case firewallAlias.MatchString(value):
		return tooLong("alias", value, maxFirewallNameLength)
	case strings.HasSuffix(value, ","):
		return violationf("extraneous commas in list")
	case value == "":
		return nil
	}
	elements := strings.Split(value, ",")
	hasRange := false
	var first netip.Addr
	for _, element := range elements {
		address, err := parseNetwork(element)
		if err != nil {
			return violationf("invalid IP address: %v", err)
		}
		if first.IsValid() && first.Is4() != address.Is4() {
			return violationf("detected mixed ipv4/ipv6 addresses in address list '%s'", value)
		}
		first = address
		hasRange = hasRange || strings.Contains(element, "-")
	}
	if hasRange && len(elements) > 1 {
		return violationf("you can't use a range in a list")
	}
	return nil
}

func tooLong(kind, name string, maxLength int) error {
	if len(name) > maxLength {
		return violationf("%s name too long", kind)
	}
	return nil
}

func checkFirewallSourcePorts(value string) error { return checkPorts(value, false) }

func checkFirewallDestinationPorts(value string) error { return checkPorts(value, true) }

// maxPortNumbers is what iptables' multiport takes; a range counts as two.
const maxPortNumbers = 15

// serviceName is the form of a name in /etc/services. Which names there are
// depends on the node, so all of that form are accepted.
var (
	serviceName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9.+*_-]*$`)
	portRange   = regexp.MustCompile(`^([0-9]+):([0-9]+)$`)
)

func checkPorts(value string, destination bool) error {
	if strings.HasSuffix(value, ",") {
		return violationf("extraneous commas in list")
	}
	if value == "" {
		return nil
	}
	count, hasICMP := 0, false
	for item := range strings.SplitSeq(value, ",") {
		numbers, err := countPorts(item)
		if err != nil {
			return err
		}
		count += numbers
		hasICMP = hasICMP || destination && isICMPType(item)
	}
	if hasICMP && count > 0 {
		return violationf("ICMP ports not allowed in port range")
	}
	if count > maxPortNumbers {
		return violationf("too many entries in port list (> 15 numbers)")
	}
	return nil
}

// countPorts checks one port, range or service name and says how many numbers
// it holds.
func countPorts(item string) (int, error) {
	if match := portRange.FindStringSubmatch(item); match != nil {
		for _, port := range match[1:] {
			if !isPort(port) {
				return 0, violationf("invalid port '%s'", port)
			}
		}
		if isBackwards(match[1], match[2]) {
			return 0, violationf("backwards range '%s' not allowed, did you mean '%s:%s'?", item, match[2], match[1])
		}
		return 2, nil
	}
	if isPort(item) {
		return 1, nil
	}
	if isDigits(item) || !serviceName.MatchString(item) {
		return 0, violationf("invalid port '%s'", item)
	}
	return 0, nil
}

func isPort(text string) bool {
	if !isDigits(text) {
		return false
	}
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

func isICMPType(name string) bool { return slices.Contains(icmpTypes, name) }

func checkICMPType(value string) error {
	if value == "" || isICMPType(value) {
		return nil
	}
	return violationf("invalid icmp-type value '%s'", value)
}

func checkFirewallProtocol(value string) error {
	if value == "" || value == "0" || slices.Contains(protocols, value) {
		return nil
	}
	if number, err := strconv.Atoi(value); err == nil && slices.Contains(protocolNumbers, number) {
		return nil
	}
	return violationf("unknown protocol '%s'", value)
}

// icmpTypes are the names that iptables and ip6tables know.
var icmpTypes = strings.Fields(`
	any echo-reply destination-unreachable network-unreachable host-unreachable protocol-unreachable
	port-unreachable fragmentation-needed source-route-failed network-unknown host-unknown network-prohibited
	host-prohibited TOS-network-unreachable TOS-host-unreachable communication-prohibited
	host-precedence-violation precedence-cutoff source-quench redirect network-redirect host-redirect
	TOS-network-redirect TOS-host-redirect echo-request router-advertisement router-solicitation time-exceeded
	ttl-zero-during-transit ttl-zero-during-reassembly parameter-problem ip-header-bad required-option-missing
	timestamp-request timestamp-reply address-mask-request address-mask-reply
	no-route beyond-scope address-unreachable failed-policy reject-route packet-too-big bad-header
	unknown-header-type unknown-option neighbor-solicitation neighbour-solicitation neighbor-advertisement
	neighbour-advertisement`)

// protocols and protocolNumbers are those of Debian's /etc/protocols.
var (
	protocols = strings.Fields(`
		ip icmp igmp ggp ipencap st tcp egp igp pup udp hmp xns-idp rdp iso-tp4 dccp xtp ddp idpr-cmtp ipv6
		ipv6-route ipv6-frag idrp rsvp gre esp ah skip ipv6-icmp ipv6-nonxt ipv6-opts rspf vmtp eigrp ospf ax.25
		ipip etherip encap pim ipcomp vrrp l2tp isis sctp fc mobility-header udplite mpls-in-ip manet hip shim6
		wesp rohc ethernet icmpv6`)
	protocolNumbers = []int{
		0, 1, 2, 3, 4, 5, 6, 8, 9, 12, 17, 20, 22, 27, 29, 33, 36, 37, 38, 41, 43, 44, 45, 46, 47, 50, 51, 57, 58,
		59, 60, 73, 81, 88, 89, 93, 94, 97, 98, 103, 108, 112, 115, 124, 132, 133, 135, 136, 137, 138, 139, 140,
		141, 142, 143,
	}
)
