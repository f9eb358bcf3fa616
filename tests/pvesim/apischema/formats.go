package apischema

import (
	"encoding/pem"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// namedFormats are the formats that are checked as Proxmox VE checks them, by
// the name under which its code registers them. A "-list" or "-opt" after a
// name applies the format to each entry, or unless empty.
//
// Beside these stand the property strings of propertyformats.json, pve-priv,
// whose values come from the schema, and pve-qm-ide, which is the schema's own
// ide[n].
var namedFormats = map[string]formatFunc{
	// PVE::JSONSchema
	"CIDR":                 checkCIDR,
	"CIDRv4":               checkCIDRv4,
	"CIDRv6":               checkCIDRv6,
	"address":              checkAddress,
	"bridge-pair":          idPair("pve-bridge-id"),
	"disk-size":            matches(`^\d+(\.\d+)?[KMGT]?$`, "value does not look like a valid disk size: %s"),
	"dns-name":             matches(dnsName, "value does not look like a valid DNS name"),
	"email":                matches(`^`+emailUser+`@[a-zA-Z0-9\-]+(\.[a-zA-Z0-9\-]+)*$`, "value does not look like a valid email address"),
	"email-or-username":    matches(`^`+emailUser+`(@[a-zA-Z0-9\-]+(\.[a-zA-Z0-9\-]+)*)?$`, "value does not look like a valid email address or user name"),
	"ip":                   checkIP,
	"ipv4":                 checkIPv4,
	"ipv4mask":             checkIPv4Mask,
	"ipv6":                 checkIPv6,
	"ldap-simple-attr":     matches(`^[a-zA-Z0-9]+$`, "value '%s' does not look like a simple ldap attribute name"),
	"mac-addr":             matches(`(?i)^[a-f0-9][02468ace](?::[a-f0-9]{2}){5}$`, "value does not look like a valid unicast MAC address"),
	"pve-bridge-id":        checkBridgeID,
	"pve-calendar-event":   checkCalendarEvent,
	"pve-configid":         matches(`(?i)^[a-z][a-z0-9_-]+$`, "invalid configuration ID '%s'"),
	"pve-iface":            checkIface,
	"pve-ipv4-config":      checkIPv4Config,
	"pve-ipv6-config":      checkIPv6Config,
	"pve-node":             matches(`^[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?$`, "value does not look like a valid node name"),
	"pve-startup-order":    checkStartupOrder,
	"pve-storage-id":       checkStorageID,
	"pve-tag":              matches(`(?i)^[a-z0-9_][a-z0-9_\-+.]*$`, "invalid characters in tag"),
	"pve-task-status-type": matches(`(?i)^(ok|error|warning|unknown)$`, "invalid status '%s'"),
	"pve-vlan-id-or-range": checkVLANRange,
	"pve-vmid":             matches(`^[1-9][0-9]{2,8}$`, "value does not look like a valid VM ID"),
	"storage-pair":         idPair("pve-storage-id"),
	"string":               func(string) error { return nil },
	"urlencoded":           matches(`^[-%a-zA-Z0-9_.!~*'()]*$`, "invalid urlencoded string: %s"),

	// pve-access-control
	"pve-groupid": matches(`^[A-Za-z0-9.\-_]+$`, "group name '%s' contains invalid characters"),
	"pve-poolid":  matches(`^[A-Za-z0-9.\-_]+(/[A-Za-z0-9.\-_]+){0,2}$`, "pool name '%s' contains invalid characters"),
	"pve-realm":   matches(`^`+realm+`$`, "value does not look like a valid realm"),
	"pve-roleid":  matches(`^[A-Za-z0-9.\-_]+$`, "role name '%s' contains invalid characters"),
	"pve-tokenid": matches(`^[^\s:/]+@`+realm+`!`+realm+`$`, "value '%s' does not look like a valid token ID"),
	"pve-userid":  checkUserID,

	// pve-storage
	"pve-dir-override":                    matches(`^(images|rootdir|vztmpl|iso|backup|snippets|import|none)=[^.]*(?:\.?[^.]+)+$`, "invalid override '%s'"),
	"pve-storage-content":                 matches(`^(images|rootdir|vztmpl|iso|backup|snippets|import|none)$`, "invalid content type '%s'"),
	"pve-storage-options":                 matches(`^\S+$`, "invalid options '%s'"),
	"pve-storage-path":                    matches(`^/[^;()]+`, "value does not look like a valid absolute path"),
	"pve-storage-path-in-property-string": matches(`^/[^;,=()]+`, "Value does not look like a valid absolute path. These symbols are currently not allowed in path: ;,=()"),
	"pve-storage-portal-dns":              checkPortal,
	"pve-storage-server":                  checkServer,
	"pve-storage-vgname":                  matches(`(?i)^[a-z0-9][a-z0-9\-_.]*[a-z0-9]$`, "lvm name '%s' contains illegal characters"),
	"pve-volume-id":                       checkVolumeID,

	// qemu-server
	"pve-cpuset":                     checkCPUSet,
	"pve-hotplug-features":           checkHotplugFeatures,
	"pve-phys-bits":                  matches(`^(host|[89]|0[89]|[1-5]\d|6[0-4])$`, "value must be an integer between 8 and 64 or 'host'"),
	"pve-qm-bootdev":                 checkBootDevice,
	"pve-qm-bootdisk":                checkBootDisk,
	"pve-volume-id-or-absolute-path": checkVolumeIDOrPath,
	"pve-volume-id-or-qm-path":       checkVolumeIDOrQMPath,

	// pve-container
	"lxc-ip-with-ll-iface": checkIPWithIface,
	"pve-ct-timezone":      matches(`^(host|UTC|[A-Z][A-Za-z_]+(/[A-Za-z0-9_+\-]+)+)$`, "invalid time zone '%s'"),
	"pve-lxc-dev-string":   checkDevicePath,
	"pve-lxc-mp-string":    checkMountPath,

	// pve-firewall
	"IPorCIDR":              checkIPOrCIDR,
	"IPorCIDRorAlias":       checkIPOrCIDROrAlias,
	"pve-fw-addr-spec":      checkFirewallAddresses,
	"pve-fw-dport-spec":     checkFirewallDestinationPorts,
	"pve-fw-icmp-type-spec": checkICMPType,
	"pve-fw-protocol-spec":  checkFirewallProtocol,
	"pve-fw-sport-spec":     checkFirewallSourcePorts,

	// pve-ha-manager
	"pve-ha-group-node":        matches(haNode, "value does not look like a valid ha group node"),
	"pve-ha-node":              matches(haNode, "value does not look like a valid ha node"),
	"pve-ha-resource-id":       matches(`^[a-z]+:\S+$`, "value does not look like a valid ha resource id"),
	"pve-ha-resource-or-vm-id": matches(`^([a-z]+:\S+|\d+)$`, "value does not look like a valid ha resource id"),

	// pve-cluster, pve-manager, pve-guest-common
	"graphite-path":          matches(dnsName, "value does not look like a valid graphite path"),
	"mac-prefix":             matches(`(?i)^[a-f0-9][02468ace](?::[a-f0-9]{2}){0,2}:?$`, "value is not a valid unicast MAC address prefix"),
	"pem-certificate-chain":  checkPEM,
	"pem-string":             checkPEM,
	"pve-acme-alias":         matches(`(?i)^[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)+$`, "value '%s' does not look like a valid alias name!"),
	"pve-acme-domain":        matches(`(?i)^[a-z0-9][a-z0-9_-]*(?:\.[a-z0-9][a-z0-9_-]*)+$`, "value '%s' does not look like a valid domain name!"),
	"pve-day-of-week":        matches(`^(mon|tue|wed|thu|fri|sat|sun)$`, "invalid day '%s'"),
	"pve-replication-job-id": matches(`^0*[1-9]\d{2,}-\d+$`, "invalid replication job id '%s'"),

	// pve-network
	"pve-sdn-fabric-id": matches(`^[a-zA-Z0-9][a-zA-Z0-9-]{0,6}[a-zA-Z0-9]?$`, "Fabric ID '%s' contains illegal characters"),
	"pve-sdn-vnet-id":   sdnID("vnet", 8),
	"pve-sdn-zone-id":   sdnID("zone", 8),
}

// freeFormats are the named formats whose values are taken as they are, with
// the reason.
var freeFormats = map[string]string{
	"pve-command-batch":       "batches of API calls; nothing here sends them",
	"pve-fw-conntrack-helper": "kernel helpers of a node's firewall; managed by hand",
	"pve-sdn-bgp-rt":          "EVPN routing, beyond a homelab",
	"pve-sdn-controller-id":   "EVPN routing, beyond a homelab",
	"pve-sdn-dhcp-range":      "SDN subnets are not simulated",
	"pve-sdn-dns-id":          "SDN DNS plugins are not simulated",
	"pve-sdn-ipam-id":         "SDN IPAM plugins are not simulated",
	"pve-sdn-isis-net":        "IS-IS routing, beyond a homelab",
	"pve-sdn-subnet-id":       "SDN subnets are not simulated",
}

const (
	dnsName   = `^([a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?\.)*[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?$`
	emailUser = `[\w+\-~]+(\.[\w+\-~]+)*`
	haNode    = `^[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?(:\d+)?$`
	realm     = `[A-Za-z][A-Za-z0-9.\-_]+`
)

var (
	checkBridgeID  = matches(`^[-_.\w]+$`, "invalid bridge ID '%s'")
	checkIface     = matches(`(?i)^[a-z][a-z0-9_]{1,20}([:.]\d+)?$`, "invalid network interface name '%s'")
	checkStorageID = matches(`(?i)^[a-z][a-z0-9\-_.]*[a-z0-9]$`, "storage ID '%s' contains illegal characters")
	checkVolumeID  = matches(`(?i)^[a-z][a-z0-9\-_.]*[a-z0-9]:.+$`, "unable to parse volume ID '%s'")
)

// matches returns a format that accepts what pattern matches and else fails
// with reason, in which %s stands for the value.
func matches(pattern, reason string) formatFunc {
	compiled := regexp.MustCompile(pattern)
	return func(value string) error {
		if compiled.MatchString(value) {
			return nil
		}
		return violation(strings.ReplaceAll(reason, "%s", value))
	}
}

// idPair is one entry of a map from source to target IDs: "1" (each to itself),
// "target" or "source:target".
func idPair(idFormat string) formatFunc {
	check := map[string]formatFunc{"pve-bridge-id": checkBridgeID, "pve-storage-id": checkStorageID}[idFormat]
	return func(value string) error {
		if value == "1" {
			return nil
		}
		ids := strings.Split(value, ":")
		if len(ids) != 2 || slices.Contains(ids, "") {
			ids = []string{value}
		}
		for _, id := range ids {
			if err := check(id); err != nil {
				return violationf("entry '%s' contains invalid ID - %v\n\n", value, err)
			}
		}
		return nil
	}
}

var startupOption = regexp.MustCompile(`^((order=)?\d+|up=\d+|down=\d+)$`)

func checkStartupOrder(value string) error {
	valid := value != "" && value != "0"
	for part := range strings.SplitSeq(value, ",") {
		if strings.TrimSpace(part) != "" && !startupOption.MatchString(part) {
			valid = false
		}
	}
	if !valid {
		return violationf("unable to parse startup options")
	}
	return nil
}

var vlanRange = regexp.MustCompile(`^(\d+)(?:-(\d+))?$`)

func checkVLANRange(value string) error {
	match := vlanRange.FindStringSubmatch(value)
	if match == nil {
		return violationf("invalid VLAN configuration '%s'", value)
	}
	var bounds []int
	for _, text := range match[1:] {
		if text == "" {
			continue
		}
		tag, err := strconv.Atoi(text)
		if err != nil || tag < 2 || tag > 4094 {
			return violationf("invalid VLAN tag '%s'", text)
		}
		bounds = append(bounds, tag)
	}
	if len(bounds) == 2 && bounds[0] >= bounds[1] {
		return violationf("VLAN range must go from lower to higher tag '%s'", value)
	}
	return nil
}

var userID = regexp.MustCompile(`^[^\s:/]+@` + realm + `$`)

func checkUserID(value string) error {
	switch length := utf8.RuneCountInString(value); {
	case length < 3:
		return violationf("user name '%s' is too short", value)
	case length > 64:
		return violationf("user name '%s' is too long (%d > 64)", value, length)
	case !userID.MatchString(value):
		return violationf("value '%s' does not look like a valid user name", value)
	}
	return nil
}

func sdnID(kind string, maxLength int) formatFunc {
	check := matches(`(?i)^[a-z][a-z0-9]*[a-z0-9]$`, kind+" ID '%s' contains illegal characters")
	return func(value string) error {
		if err := check(value); err != nil {
			return err
		}
		if len(value) > maxLength {
			return violationf("%s ID '%s' can't be more length than %d characters", kind, value, maxLength)
		}
		return nil
	}
}

func checkPEM(value string) error {
	if block, _ := pem.Decode([]byte(value)); block == nil {
		return violationf("not a valid PEM-formatted string.")
	}
	return nil
}
