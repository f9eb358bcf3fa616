package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// freeNetwork picks a 127.x.y.0/24 in which nothing listens where the lab will.
func freeNetwork(canListen func(netip.Prefix) error) (netip.Prefix, error) {
	var last error
	for i := range 100 {
		// The process id spreads labs that start at the same moment.
		n := (os.Getpid() + i*7919) % (100 * 250)
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{127, byte(100 + n/250), byte(1 + n%250), 0}), 24)
		if last = canListen(prefix); last == nil {
			return prefix, nil
		}
		if !errors.Is(last, syscall.EADDRINUSE) {
			return netip.Prefix{}, fmt.Errorf("the lab needs loopback addresses below %s, which Linux has by itself: %w", prefix, last)
		}
	}
	return netip.Prefix{}, fmt.Errorf("no free loopback network: in 100 of them ports %d, %d or %d are taken, by labs that still run?: %w", apiPort, s3Port, sshPort, last)
}

func canListen(prefix netip.Prefix) error {
	base := prefix.Addr().As4()
	for _, at := range []struct {
		host byte
		port uint16
	}{{1, s3Port}, {11, apiPort}, {11, sshPort}, {12, sshPort}} {
		base[3] = at.host
		listener, err := net.Listen("tcp", netip.AddrPortFrom(netip.AddrFrom4(base), at.port).String())
		if err != nil {
			return err
		}
		if err := listener.Close(); err != nil {
			return err
		}
	}
	return nil
}
