package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// state is everything that a restart keeps.
type state struct {
	Guests     map[int]*guest
	Storages   map[string]*storage
	Volumes    map[string]*volume
	Tasks      []*task
	TaskCount  int
	Users      map[string]*user
	Groups     map[string]*group
	Roles      map[string][]string
	Tokens     map[string]*token
	ACL        []aclEntry
	Domains    map[string]map[string]string
	Pools      map[string]*pool
	Firewalls  map[string]*firewall
	Groupings  map[string]map[string]map[string]string // HA groups, rules and resources by kind and id
	BackupJobs []map[string]string
	Cluster    map[string]string // datacenter.cfg
	NodeConfig map[string]map[string]string
	Networks   map[string]map[string]map[string]string
	// Secrets holds keys of the simulator itself: the authority, SSH host keys, the ticket key.
	Secrets map[string]string
}

func newState() *state {
	return &state{
		Guests: map[int]*guest{}, Storages: map[string]*storage{}, Volumes: map[string]*volume{},
		Users: map[string]*user{}, Groups: map[string]*group{}, Roles: map[string][]string{}, Tokens: map[string]*token{},
		Domains: map[string]map[string]string{}, Pools: map[string]*pool{}, Firewalls: map[string]*firewall{},
		Groupings: map[string]map[string]map[string]string{}, Cluster: map[string]string{},
		NodeConfig: map[string]map[string]string{}, Networks: map[string]map[string]map[string]string{},
		Secrets: map[string]string{},
	}
}

func loadState(o Options) (*state, error) {
	st := newState()
	if o.StateFile != "" {
		data, err := os.ReadFile(o.StateFile)
		if err == nil {
			if err := json.Unmarshal(data, st); err != nil {
				return nil, fmt.Errorf("state file %s: %w", o.StateFile, err)
			}
			for _, t := range st.Tasks {
				if t.Status == taskRunning {
					t.end("unexpected status")
				}
			}
			return st, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("state file: %w", err)
		}
	}
	return st, st.seed(o)
}

// seed makes the cluster as it is after installation.
func (st *state) seed(o Options) error {
	for _, def := range o.Storages {
		st.Storages[def.ID] = &storage{Storage: def}
	}
	st.seedAccess(o)
	for _, n := range o.Nodes {
		st.NodeConfig[n.Name] = map[string]string{"dns1": "127.0.0.53", "search": "home.arpa", "timezone": "UTC"}
		st.Networks[n.Name] = map[string]map[string]string{
			"eno1": {"iface": "eno1", "type": "eth", "method": "manual", "active": "1", "exists": "1"},
			"vmbr0": {
				"iface": "vmbr0", "type": "bridge", "method": "static", "active": "1", "autostart": "1",
				"bridge_ports": "eno1", "bridge_vlan_aware": "1", "address": n.Address, "netmask": "24",
				"cidr": n.Address + "/24", "gateway": n.Address,
			},
		}
		for _, file := range o.ContainerTemplates {
			st.addVolume(&volume{
				Storage: "local", Node: n.Name, Volid: "local:vztmpl/" + file, Content: "vztmpl", Format: "tzst",
				SizeBytes: 126515062, CreatedUnix: time.Now().Unix(),
			})
		}
	}
	for _, t := range o.Templates {
		if err := st.addTemplate(t); err != nil {
			return err
		}
	}
	return nil
}

// stateKeeper writes the state file after changes. Changes during a write are written together by the next.
type stateKeeper struct {
	sim    *Sim
	signal chan struct{}
	done   chan struct{}
}

func newStateKeeper(s *Sim) *stateKeeper {
	k := &stateKeeper{sim: s, signal: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(k.done)
		for range k.signal {
			if err := k.write(); err != nil {
				s.log.Error("state", "error", err)
			}
		}
	}()
	return k
}

func (k *stateKeeper) wake() {
	if k.sim.opts.StateFile == "" || k.sim.closed {
		return
	}
	select {
	case k.signal <- struct{}{}:
	default:
	}
}

// close is called once, after closed was set under the mutex, so that nothing wakes the keeper any more.
func (k *stateKeeper) close() error {
	close(k.signal)
	<-k.done
	return k.write()
}

func (k *stateKeeper) write() error {
	file := k.sim.opts.StateFile
	if file == "" {
		return nil
	}
	k.sim.mu.Lock()
	data, err := json.Marshal(k.sim.state)
	k.sim.mu.Unlock()
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("state file: %w", errors.Join(err, os.Remove(temporary.Name())))
	}
	return nil
}
