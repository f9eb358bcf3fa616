package sim

import (
	"crypto/sha1" //nolint:gosec // Proxmox VE's digests are SHA-1
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

func digestOf(text string) string {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// Guest is a VM or container as a test sees it.
type Guest struct {
	VMID     int
	Name     string
	Kind     string // qemu or lxc
	Node     string
	Status   string // running, stopped or paused
	Template bool
	// Addresses are those of the running guest.
	Addresses []netip.Addr
	// SSH says whether the guest's own SSH server listens.
	SSH    bool
	Config map[string]string
	Tags   []string
}

// Guests returns all guests, templates too, by VMID.
func (s *Sim) Guests() []Guest {
	s.mu.Lock()
	defer s.mu.Unlock()
	guests := make([]Guest, 0, len(s.state.Guests))
	for _, vmid := range slices.Sorted(maps.Keys(s.state.Guests)) {
		g := s.state.Guests[vmid]
		public := Guest{
			VMID: vmid, Name: g.name(), Kind: g.Kind, Node: g.Node, Status: g.Status, Template: g.template(),
			Config: maps.Clone(g.Config), Tags: splitList(g.Config["tags"]), SSH: s.machines[vmid] != nil,
		}
		if g.Status != statusStopped && g.Booted != nil && g.Booted.Address.IsValid() {
			public.Addresses = []netip.Addr{g.Booted.Address}
		}
		guests = append(guests, public)
	}
	return guests
}

// StorageStatus is a storage as a node sees it.
type StorageStatus struct {
	Storage
	Node                 string
	UsedBytes, SizeBytes int64
	Volumes              []Volume
}

// Volume is an entry of a storage.
type Volume struct {
	Volid, Content, Format string
	SizeBytes              int64
	VMID                   int
	Notes                  string
	Protected              bool
}

// Storages returns every storage of every node with its volumes.
func (s *Sim) Storages() []StorageStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []StorageStatus
	for _, node := range s.nodeNames() {
		for _, id := range sortedKeys(s.state.Storages) {
			def := s.state.Storages[id]
			if !def.on(node) {
				continue
			}
			status := StorageStatus{
				Storage: def.Storage, Node: node, UsedBytes: s.state.usedBytes(node, def), SizeBytes: int64(def.SizeGiB) * gib,
			}
			for _, v := range s.state.volumesOf(node, def) {
				status.Volumes = append(status.Volumes, Volume{v.Volid, v.Content, v.Format, v.SizeBytes, v.VMID, v.Notes, v.Protected})
			}
			list = append(list, status)
		}
	}
	return list
}

// StorageFile returns the content of a volume that a client wrote, such as a snippet.
func (s *Sim) StorageFile(node, volid string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.state.volume(node, volid)
	if v == nil {
		return nil, false
	}
	return slices.Clone(v.Data), true
}

// SetStorageContent changes the content types of a storage. Storage definitions are valid for the whole cluster,
// so that node only says who asks; it fails when the storage does not exist there.
func (s *Sim) SetStorageContent(node, storageID string, content []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	def := s.state.Storages[storageID]
	if def == nil || !def.on(node) {
		return fmt.Errorf("storage %q does not exist on node %q", storageID, node)
	}
	def.Content = slices.Clone(content)
	s.changed()
	return nil
}

// SetStorageSize changes the capacity of a storage on each node.
func (s *Sim) SetStorageSize(storageID string, sizeGiB int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	def := s.state.Storages[storageID]
	if def == nil {
		return fmt.Errorf("storage %q does not exist", storageID)
	}
	def.SizeGiB = sizeGiB
	s.changed()
	return nil
}

// Requests returns the recorded API requests, oldest first.
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ResetRequests forgets requests, violations, SSH sessions and commands, and the privileges used.
func (s *Sim) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.violations, s.sshSessions, s.privileges, s.guestCommands = nil, nil, 0, map[string]bool{}, map[int][]string{}
}

// Edit changes a guest's configuration as a person does behind the back of a program: no request is recorded and
// nothing is checked.
func (s *Sim) Edit(vmid int, change func(config map[string]string)) error {
	return s.behindTheBack(vmid, func(g *guest) error {
		change(g.Config)
		g.hotplug()
		return nil
	})
}

// SetPower starts or stops a guest without a request.
func (s *Sim) SetPower(vmid int, on bool) error {
	return s.behindTheBack(vmid, func(g *guest) error {
		if on && g.Status == statusStopped {
			return s.powerOn(g)
		}
		if !on {
			s.powerOff(g)
		}
		return nil
	})
}

// Remove destroys a guest, running or not, without a request.
func (s *Sim) Remove(vmid int) error {
	return s.behindTheBack(vmid, func(g *guest) error {
		s.drop(g)
		return nil
	})
}

func (s *Sim) behindTheBack(vmid int, change func(*guest) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.state.Guests[vmid]
	if g == nil {
		return fmt.Errorf("guest %d does not exist", vmid)
	}
	if err := change(g); err != nil {
		return fmt.Errorf("guest %d: %w", vmid, err)
	}
	s.changed()
	return nil
}

// BackupJobs returns the datacenter's backup jobs as they are stored.
func (s *Sim) BackupJobs() []map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := make([]map[string]string, 0, len(s.state.BackupJobs))
	for _, job := range s.state.BackupJobs {
		jobs = append(jobs, maps.Clone(job))
	}
	return jobs
}
