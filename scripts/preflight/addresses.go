package preflight

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pve-home/pve-home/components/pve"
)

const (
	// probeTimeout is how long somebody at an address may take to answer.
	probeTimeout = time.Second
	// atOnce bounds the questions that are asked at the same time.
	atOnce = 8
)

// staticAddress is an address in an ipconfigN of a VM or a netN of a container.
var staticAddress = regexp.MustCompile(`(?:^|,)ip=([0-9.]+)/`)

// addresses looks whether somebody else has the addresses of the guests that do not exist yet.
func (s *state) addresses(ctx context.Context) []Finding {
	guests, err := s.inventory(ctx)
	if err != nil {
		return []Finding{s.failed(err)}
	}
	wanted := map[netip.Addr]string{}
	for _, v := range s.cfg.VMs {
		if v.Address.IsValid() && !s.exists(v.VMID, v.Name) {
			wanted[v.Address.Addr()] = v.Name
		}
	}
	for _, c := range s.cfg.Containers {
		if c.Address.IsValid() && !s.exists(c.VMID, c.Name) {
			wanted[c.Address.Addr()] = c.Name
		}
	}
	if len(wanted) == 0 {
		return []Finding{ok("no guest is new")}
	}
	holders, unread := s.holders(ctx, guests)
	var problems []Finding
	if len(unread) > 0 {
		problems = append(problems, warn("Start the nodes that are off, and run this again", "the addresses of %d guests could not be read, for example: %s", len(unread), unread[0]))
	}
	var free []netip.Addr
	for _, a := range slices.SortedFunc(maps.Keys(wanted), netip.Addr.Compare) {
		if holder, taken := holders[a]; taken {
			problems = append(problems, fail("Give one of them another address", "%s of %s is also the address of VMID %d, %s", a, wanted[a], holder.VMID, holder))
			continue
		}
		free = append(free, a)
	}
	for _, a := range answering(ctx, free, sshPort) {
		problems = append(problems, warn("Find out who it is, and give "+wanted[a]+" another address", "somebody answers SSH at %s, the address of %s, which does not exist yet", a, wanted[a]))
	}
	return findings(problems, "%d addresses of new guests are free, as far as one can see", len(wanted))
}

// holders reads the static addresses of all guests. A guest on a node that is off cannot be read.
func (s *state) holders(ctx context.Context, guests map[int]pve.Guest) (holders map[netip.Addr]pve.Guest, unread []error) {
	var mu sync.Mutex
	holders = map[netip.Addr]pve.Guest{}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, g := range guests {
		group.Go(func() error {
			options, err := s.client.Config(ctx, g)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				unread = append(unread, err)
			}
			for i := range 32 {
				for _, key := range []string{fmt.Sprint("ipconfig", i), fmt.Sprint("net", i)} {
					text, _ := options[key].(string)
					if m := staticAddress.FindStringSubmatch(text); m != nil {
						if a, err := netip.ParseAddr(m[1]); err == nil {
							holders[a] = g
						}
					}
				}
			}
			return nil
		})
	}
	_ = group.Wait() // no function returns an error
	return holders, unread
}

// answering returns the addresses at which a TCP port is open, sorted.
func answering(ctx context.Context, candidates []netip.Addr, port int) []netip.Addr {
	var mu sync.Mutex
	var open []netip.Addr
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, a := range candidates {
		group.Go(func() error {
			dialer := net.Dialer{Timeout: probeTimeout}
			conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(a.String(), strconv.Itoa(port)))
			if err != nil {
				return nil //nolint:nilerr // nobody there is the good case
			}
			_ = conn.Close()
			mu.Lock()
			defer mu.Unlock()
			open = append(open, a)
			return nil
		})
	}
	_ = group.Wait() // no function returns an error
	slices.SortFunc(open, netip.Addr.Compare)
	return open
}
