package apischema

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNamedFormats has for each named format a value that passes and one that
// does not, with the text that Proxmox VE answers.
func TestNamedFormats(t *testing.T) {
	tested := map[string]bool{"string": true} // accepts everything
	for _, test := range []struct {
		format string
		good   []string
		bad    map[string]string
	}{
		{"CIDR", []string{"10.0.0.0/8", "192.168.1.5/24", "fd00::/64"}, map[string]string{"10.0.0.0": "value does not look like a valid CIDR network", "0.0.0.0/0": "value does not look like a valid CIDR network"}},
		{"CIDRv4", []string{"10.0.0.1/32"}, map[string]string{"10.0.0.1/33": "value does not look like a valid IPv4 CIDR network", "10.0.0.01/24": "value does not look like a valid IPv4 CIDR network", "10.0.0.1/x": "value does not look like a valid IPv4 CIDR network"}},
		{"CIDRv6", []string{"fd00::1/128"}, map[string]string{"fd00::1/129": "value does not look like a valid IPv6 CIDR network"}},
		{"address", []string{"10.0.0.1", "fd00::1", "ns.lab"}, map[string]string{"ns_1": "value does not look like a valid address: ns_1"}},
		{"bridge-pair", []string{"1", "vmbr0", "vmbr0:vmbr1"}, map[string]string{"vm br": "entry 'vm br' contains invalid ID - invalid bridge ID 'vm br'\n\n"}},
		{"disk-size", []string{"8", "8G", "1.5T", "512M", "4K"}, map[string]string{"8g": "value does not look like a valid disk size: 8g", "G": "value does not look like a valid disk size: G"}},
		{"dns-name", []string{"web", "web-1.lab.example"}, map[string]string{"web_1": "value does not look like a valid DNS name", "-web": "value does not look like a valid DNS name", "web.": "value does not look like a valid DNS name"}},
		{"email", []string{"ops@lab", "a.b+c@lab.example"}, map[string]string{"ops": "value does not look like a valid email address"}},
		{"email-or-username", []string{"root", "ops@lab"}, map[string]string{"a b": "value does not look like a valid email address or user name"}},
		{"ip", []string{"10.0.0.1", "fd00::1"}, map[string]string{"10.0.0": "value does not look like a valid IP address", "fe80::1%eth0": "value does not look like a valid IP address"}},
		{"ipv4", []string{"255.255.255.255"}, map[string]string{"256.0.0.1": "value does not look like a valid IPv4 address", "fd00::1": "value does not look like a valid IPv4 address"}},
		{"ipv4mask", []string{"255.255.255.0", "0.0.0.0"}, map[string]string{"255.0.255.0": "value does not look like a valid IP netmask", "24": "value does not look like a valid IP netmask"}},
		{"ipv6", []string{"::", "::ffff:10.0.0.1"}, map[string]string{"10.0.0.1": "value does not look like a valid IPv6 address"}},
		{"ldap-simple-attr", []string{"memberOf"}, map[string]string{"a-b": "value 'a-b' does not look like a simple ldap attribute name"}},
		{"mac-addr", []string{"bc:24:11:AA:00:01"}, map[string]string{"bd:24:11:aa:00:01": "value does not look like a valid unicast MAC address", "bc-24-11-aa-00-01": "value does not look like a valid unicast MAC address"}},
		{"pve-bridge-id", []string{"vmbr0", "vmbr0.12"}, map[string]string{"vmbr 0": "invalid bridge ID 'vmbr 0'"}},
		{"pve-calendar-event", []string{"daily", "mon..fri 01:00", "sat 2:30", "*/15", "*:0/5", "2..4,22/2:00", "*-*-01 03:00", "2026-12-31", "mon,wed..fri *-1..3-1 0:0:30", "sun UTC", "12-24 18:00 UTC"}, map[string]string{
			"":          "invalid calendar event '' - unable to parse calendar event\n",
			"61:00":     "invalid calendar event '61:00' - unable to parse calendar event\n",
			"5..3:00":   "invalid calendar event '5..3:00' - unable to parse calendar event\n",
			"someday":   "invalid calendar event 'someday' - unable to parse calendar event\n",
			"0 1 * * *": "invalid calendar event '0 1 * * *' - unable to parse calendar event\n",
			"2200-1-1":  "invalid calendar event '2200-1-1' - unable to parse calendar event\n",
		}},
		{"pve-configid", []string{"net0", "Before-Upgrade"}, map[string]string{"1st": "invalid configuration ID '1st'", "a": "invalid configuration ID 'a'"}},
		{"pve-iface", []string{"eno1", "vmbr0.12"}, map[string]string{"1eth": "invalid network interface name '1eth'"}},
		{"pve-ipv4-config", []string{"dhcp", "manual", "10.0.0.2/24"}, map[string]string{"auto": "value does not look like a valid ipv4 network configuration", "10.0.0.2": "value does not look like a valid ipv4 network configuration"}},
		{"pve-ipv6-config", []string{"auto", "dhcp", "manual", "fd00::2/64"}, map[string]string{"fd00::2": "value does not look like a valid ipv6 network configuration"}},
		{"pve-node", []string{"pve1", "a"}, map[string]string{"pve.1": "value does not look like a valid node name", "pve-": "value does not look like a valid node name"}},
		{"pve-startup-order", []string{"3", "order=3,up=30,down=60"}, map[string]string{"order=x": "unable to parse startup options", "": "unable to parse startup options"}},
		{"pve-storage-id", []string{"local-lvm", "NAS.1"}, map[string]string{"local-": "storage ID 'local-' contains illegal characters"}},
		{"pve-tag", []string{"iac", "expires-2026-12-31", "a_b+c.d"}, map[string]string{"a:b": "invalid characters in tag", "-a": "invalid characters in tag"}},
		{"pve-task-status-type", []string{"ok", "ERROR"}, map[string]string{"fine": "invalid status 'fine'"}},
		{"pve-vlan-id-or-range", []string{"2", "4094", "10-20"}, map[string]string{"1": "invalid VLAN tag '1'", "4095": "invalid VLAN tag '4095'", "20-10": "VLAN range must go from lower to higher tag '20-10'", "x": "invalid VLAN configuration 'x'"}},
		{"pve-vmid", []string{"100", "999999999"}, map[string]string{"99": "value does not look like a valid VM ID", "0100": "value does not look like a valid VM ID"}},
		{"storage-pair", []string{"1", "nas", "local:nas"}, map[string]string{"local:n!": "entry 'local:n!' contains invalid ID - storage ID 'n!' contains illegal characters\n\n"}},
		{"urlencoded", []string{"ssh-ed25519%20AAAA", ""}, map[string]string{"ssh-ed25519 AAAA": "invalid urlencoded string: ssh-ed25519 AAAA"}},
		{"pve-groupid", []string{"ops"}, map[string]string{"o ps": "group name 'o ps' contains invalid characters"}},
		{"pve-poolid", []string{"lab", "lab/web"}, map[string]string{"l ab": "pool name 'l ab' contains invalid characters"}},
		{"pve-realm", []string{"pam"}, map[string]string{"1": "value does not look like a valid realm"}},
		{"pve-roleid", []string{"PVEAdmin"}, map[string]string{"a b": "role name 'a b' contains invalid characters"}},
		{"pve-tokenid", []string{"root@pam!iac"}, map[string]string{"root@pam": "value 'root@pam' does not look like a valid token ID"}},
		{"pve-userid", []string{"root@pam"}, map[string]string{"a@": "user name 'a@' is too short", "root": "value 'root' does not look like a valid user name", strings.Repeat("a", 62) + "@pam": "user name '" + strings.Repeat("a", 62) + "@pam' is too long (66 > 64)"}},
		{"pve-dir-override", []string{"iso=images/iso"}, map[string]string{"music=x": "invalid override 'music=x'"}},
		{"pve-storage-content", []string{"images", "snippets", "import"}, map[string]string{"music": "invalid content type 'music'"}},
		{"pve-storage-options", []string{"vers=4.2,ro"}, map[string]string{"a b": "invalid options 'a b'"}},
		{"pve-storage-path", []string{"/srv/nas"}, map[string]string{"srv": "value does not look like a valid absolute path"}},
		{"pve-storage-path-in-property-string", []string{"/srv"}, map[string]string{"srv": "Value does not look like a valid absolute path. These symbols are currently not allowed in path: ;,=()"}},
		{"pve-storage-portal-dns", []string{"10.0.0.1:3260", "nas.lab", "[fd00::1]:3260", "fd00::1.3260"}, map[string]string{"nas/lab": "value does not look like a valid portal address", "[a:b]": "value does not look like a valid portal address"}},
		{"pve-storage-server", []string{"nas.lab", "10.0.0.1"}, map[string]string{"n_as": "value does not look like a valid server name or IP address"}},
		{"pve-storage-vgname", []string{"pve"}, map[string]string{"-": "lvm name '-' contains illegal characters"}},
		{"pve-volume-id", []string{"local:snippets/a.yaml"}, map[string]string{"local": "unable to parse volume ID 'local'"}},
		{"pve-cpuset", []string{"0,5,8-11", ""}, map[string]string{"5-3": "unable to parse cpuset option", "a": "unable to parse cpuset option", "1,,2": "unable to parse cpuset option"}},
		{"pve-hotplug-features", []string{"0", "1", "network,disk,usb"}, map[string]string{"network,fan": "invalid hotplug feature 'fan'"}},
		{"pve-phys-bits", []string{"host", "8", "64"}, map[string]string{"7": "value must be an integer between 8 and 64 or 'host'"}},
		{"pve-qm-bootdev", []string{"scsi0", "net31", "usb13"}, map[string]string{"net32": "invalid boot device 'net32'", "efidisk0": "invalid boot device 'efidisk0'"}},
		{"pve-qm-bootdisk", []string{"virtio15", "efidisk0"}, map[string]string{"net0": "invalid boot disk 'net0'", "scsi00": "invalid boot disk 'scsi00'"}},
		{"pve-volume-id-or-absolute-path", []string{"/dev/sdb", "local:iso/a.iso"}, map[string]string{"none": "unable to parse volume ID 'none'"}},
		{"pve-volume-id-or-qm-path", []string{"none", "cdrom", "/dev/sdb", "local:8"}, map[string]string{"disk": "unable to parse volume ID 'disk'"}},
		{"lxc-ip-with-ll-iface", []string{"10.0.0.1", "fe80::1%eth0"}, map[string]string{"fe80::1%1": "value does not look like a valid IP address", "10.0.0.1%eth0": "value does not look like a valid IP address"}},
		{"pve-ct-timezone", []string{"host", "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"}, map[string]string{"Berlin": "invalid time zone 'Berlin'"}},
		{"pve-lxc-dev-string", []string{"/dev/net/tun"}, map[string]string{"/dev/../etc": "/dev/../etc is not a valid device path", "/etc": "/etc is not a valid device path"}},
		{"pve-lxc-mp-string", []string{"/data", "local-lvm:8"}, map[string]string{"/data/../etc": "/data/../etc contains illegal character sequences"}},
		{"IPorCIDR", []string{"10.0.0.1", "10.0.0.0/24", "fd00::/64"}, map[string]string{"10.0.0.1/24": "Invalid prefix 00001010000000000000000000000001/24", "lab": "value does not look like a valid IP address or CIDR network"}},
		{"IPorCIDRorAlias", []string{"lab", "dc/lab", "10.0.0.0/24"}, map[string]string{"l ab": "value does not look like a valid IP address or CIDR network"}},
		{"pve-fw-addr-spec", []string{"10.0.0.1", "10.0.0.0/24,10.1.0.1", "10.0.0.1-10.0.0.9", "+servers", "+dc/servers", "lab", "a-", ""}, map[string]string{
			"10.0.0.1,":                   "extraneous commas in list",
			"10.0.0.300":                  "invalid IP address: Cannot determine IP version for 10.0.0.300",
			"10.0.0.0/99":                 "invalid IP address: Invalid prefix 10.0.0.0/99",
			"10.0.0.1,fd00::1":            "detected mixed ipv4/ipv6 addresses in address list '10.0.0.1,fd00::1'",
			"10.0.0.1,10.0.0.2-10.0.0.9":  "you can't use a range in a list",
			"10.0.0.9-10.0.0.1":           "invalid IP address: Begin address is greater than End address 10.0.0.9-10.0.0.1",
			"+" + strings.Repeat("s", 65): "ipset name too long",
			strings.Repeat("a", 65):       "alias name too long",
			"10.0.0.1-x":                  "invalid IP address: Cannot determine IP version for x",
		}},
		{"pve-fw-dport-spec", []string{"22", "80:85", "ssh,443", "echo-request", ""}, map[string]string{
			"65536": "invalid port '65536'", "1:65536": "invalid port '65536'", "85:80": "backwards range '85:80' not allowed, did you mean '80:85'?",
			"22,": "extraneous commas in list", "22,echo-request": "ICMP ports not allowed in port range", "1-2": "invalid port '1-2'",
			"1,2,3,4,5,6,7,8,9,10,11,12,13,14:15,16": "too many entries in port list (> 15 numbers)",
		}},
		{"pve-fw-sport-spec", []string{"1024:65535"}, map[string]string{"x y": "invalid port 'x y'"}},
		{"pve-fw-icmp-type-spec", []string{"echo-request", ""}, map[string]string{"ping": "invalid icmp-type value 'ping'"}},
		{"pve-fw-protocol-spec", []string{"tcp", "udp", "6", ""}, map[string]string{"http": "unknown protocol 'http'", "255": "unknown protocol '255'"}},
		{"pve-ha-group-node", []string{"pve1", "pve1:2"}, map[string]string{"pve1:": "value does not look like a valid ha group node"}},
		{"pve-ha-node", []string{"pve1:2"}, map[string]string{"pve_1": "value does not look like a valid ha node"}},
		{"pve-ha-resource-id", []string{"vm:100"}, map[string]string{"100": "value does not look like a valid ha resource id"}},
		{"pve-ha-resource-or-vm-id", []string{"ct:100", "100"}, map[string]string{"vm": "value does not look like a valid ha resource id"}},
		{"graphite-path", []string{"proxmox.lab"}, map[string]string{"a..b": "value does not look like a valid graphite path"}},
		{"mac-prefix", []string{"BC:24:11", "BC:24:11:"}, map[string]string{"BD": "value is not a valid unicast MAC address prefix"}},
		{"pem-certificate-chain", []string{"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, map[string]string{"AAAA": "not a valid PEM-formatted string."}},
		{"pem-string", []string{"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, map[string]string{"": "not a valid PEM-formatted string."}},
		{"pve-acme-alias", []string{"_acme.lab"}, map[string]string{"lab": "value 'lab' does not look like a valid alias name!"}},
		{"pve-acme-domain", []string{"pve.lab"}, map[string]string{"lab": "value 'lab' does not look like a valid domain name!"}},
		{"pve-day-of-week", []string{"mon"}, map[string]string{"monday": "invalid day 'monday'"}},
		{"pve-replication-job-id", []string{"100-0"}, map[string]string{"99-0": "invalid replication job id '99-0'", "100": "invalid replication job id '100'"}},
		{"pve-sdn-fabric-id", []string{"fab-1"}, map[string]string{"fab_1": "Fabric ID 'fab_1' contains illegal characters"}},
		{"pve-sdn-vnet-id", []string{"vnet1"}, map[string]string{"1vnet": "vnet ID '1vnet' contains illegal characters", "longvnet1": "vnet ID 'longvnet1' can't be more length than 8 characters"}},
		{"pve-sdn-zone-id", []string{"zone1"}, map[string]string{"z-1": "zone ID 'z-1' contains illegal characters"}},
	} {
		t.Run(test.format, func(t *testing.T) {
			tested[test.format] = true
			check := namedFormats[test.format]
			require.NotNil(t, check)
			for _, value := range test.good {
				require.NoError(t, check(value), "%q", value)
			}
			require.NotEmpty(t, test.bad)
			for value, reason := range test.bad {
				require.EqualError(t, check(value), reason, "%q", value)
			}
		})
	}
	for name := range namedFormats {
		require.True(t, tested[name], "format %s has no test", name)
		require.NotContains(t, freeFormats, name)
	}
}

func TestRetention(t *testing.T) {
	s := fixture(t)
	for value, reason := range map[string]string{
		"keep-last=3,keep-weekly=4": "",
		"keep-all=1":                "",
		"keep-all=1,keep-last=0":    "",
		"keep-all=0,keep-last=3":    "",
		"keep-all=1,keep-last=3":    "keep-all cannot be set together with other options.",
		"keep-last=-1":              "format error\nprune-backups.keep-last: value must have a minimum value of 0",
		"3":                         "value without key, but schema does not define a default key",
	} {
		want := map[string]string{}
		if reason != "" {
			want["prune-backups"] = "invalid format - " + reason + "\n"
		}
		require.Equal(t, want, errorsOf(t, s, "POST cluster/backup", "prune-backups="+value), value)
	}
}
