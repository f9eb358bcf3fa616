package preflight

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNeedsRunBefore(t *testing.T) {
	var seen []string
	for _, c := range checks {
		for _, need := range c.needs {
			require.Contains(t, seen, need, c.name)
		}
		require.False(t, slices.Contains(seen, c.name), c.name)
		seen = append(seen, c.name)
	}
}

func TestWorst(t *testing.T) {
	for _, tc := range []struct {
		findings []Status
		want     Status
	}{
		{nil, OK},
		{[]Status{OK, Skipped}, Skipped},
		{[]Status{Warn, Skipped, OK}, Warn},
		{[]Status{Warn, Fail, OK}, Fail},
	} {
		var list []Finding
		for _, s := range tc.findings {
			list = append(list, Finding{Status: s})
		}
		require.Equal(t, tc.want, worst(list), "%v", tc.findings)
	}
}

// TestAnswering listens at one of two addresses.
func TestAnswering(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	there, nobody := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.99.0.1")
	port := listener.Addr().(*net.TCPAddr).Port
	require.Equal(t, []netip.Addr{there}, answering(t.Context(), []netip.Addr{nobody, there}, port))
}

func TestSizeMiB(t *testing.T) {
	for text, want := range map[string]int{
		"local-lvm:base-9000-disk-0,size=3G":    3 << 10,
		"local:9000/base-9000.qcow2,size=2252M": 2252,
		"tank:base,discard=on,size=1T,ssd=1":    1 << 20,
		"tank:base,size=1500K":                  2,
		"tank:base,size=1048577":                2,
	} {
		size := diskSize.FindStringSubmatch(text)
		require.NotNil(t, size, text)
		require.Equal(t, want, sizeMiB(size), text)
	}
	require.Nil(t, diskSize.FindStringSubmatch("local-lvm:vm-9000-cloudinit,media=cdrom,mysize=4M"))
}

func TestAgentUsed(t *testing.T) {
	for text, want := range map[string]bool{
		"1": true, "enabled=1,fstrim_cloned_disks=1": true, "1,type=virtio": true,
		"": false, "0": false, "0,fstrim_cloned_disks=1": false, "enabled=0": false, "fstrim_cloned_disks=1": false,
	} {
		require.Equal(t, want, agentUsed(text), text)
	}
}

func TestStaticAddress(t *testing.T) {
	for text, want := range map[string]string{
		"ip=192.168.1.21/24,gw=192.168.1.1": "192.168.1.21",
		"name=eth0,bridge=vmbr0,gw=192.168.1.1,hwaddr=BC:24:11:00:00:01,ip=10.0.0.7/8,type=veth": "10.0.0.7",
		"ip=dhcp":                       "",
		"gw=192.168.1.1,ip6=fd00::1/64": "",
	} {
		m := staticAddress.FindStringSubmatch(text)
		if want == "" {
			require.Nil(t, m, text)
			continue
		}
		require.NotNil(t, m, text)
		require.Equal(t, want, m[1])
	}
}

func TestMajorMinor(t *testing.T) {
	for text, want := range map[string][2]int{"8.4.14": {8, 4}, "9.1.1": {9, 1}, "10.0": {10, 0}, "8": {8, 0}, "nonsense": {0, 0}} {
		major, minor := majorMinor(text)
		require.Equal(t, want, [2]int{major, minor}, text)
	}
}
