package sim

import (
	"fmt"
	"maps"
	"time"
)

// powerOn starts a guest as the start task does.
func (s *Sim) powerOn(g *guest) error {
	switch {
	case g.Status == statusPaused:
		g.Status = statusRunning
		return nil
	case g.Status == statusRunning:
		return fail("%s %d already running", g.noun(), g.VMID)
	case g.template():
		return fail("you can't start a %s if it's a template", map[string]string{kindVM: "vm", kindCT: "CT"}[g.Kind])
	}
	for _, key := range sortedKeys(g.Config) {
		if !netKey.MatchString(key) {
			continue
		}
		bridge := parseProperties(g.Config[key], "model")["bridge"]
		if bridge != "" && s.state.Networks[g.Node][bridge] == nil {
			return fail("bridge '%s' does not exist", bridge)
		}
	}
	for _, key := range g.diskKeys() {
		volid := g.volid(key)
		if volid != "" && s.state.volume(g.Node, volid) == nil {
			return fail("volume '%s' does not exist", volid)
		}
	}
	booted, err := s.readIdentity(g)
	if err != nil {
		return err
	}
	g.Booted = booted
	g.Status, g.StartedUnix, g.Effective = statusRunning, time.Now().Unix(), maps.Clone(g.Config)
	disk := s.bootDisk(g, booted)
	delay := s.durations["ssh"]
	if delay <= 0 {
		s.boot(g, disk)
		return nil
	}
	s.wg.Go(func() {
		if !s.wait(s.ctx, delay) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if g.Booted == booted && g.Status == statusRunning && s.state.Guests[g.VMID] == g {
			s.boot(g, disk)
		}
	})
	return nil
}

// powerOff stops a guest at once.
func (s *Sim) powerOff(g *guest) {
	if v := s.systemDisk(g); g.Status != statusStopped && v != nil && v.Contents != nil {
		v.Contents.Docker.HostStops()
	}
	g.Status, g.StartedUnix, g.Effective = statusStopped, 0, nil
	if m := s.machines[g.VMID]; m != nil {
		delete(s.machines, g.VMID)
		// The address is free before the connections end, so that a reboot can listen again at once.
		_ = m.listener.Close() // only a closed listener refuses, which is what is wanted
		s.wg.Go(m.close)
	}
}

// power handles the calls below status/: verb is the last part of the path and of the task's type.
func power(kind, verb string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.guest(kind)
		if err != nil {
			return nil, err
		}
		if c.boolean("skiplock") {
			if err := c.requireRoot("skiplock"); err != nil {
				return nil, err
			}
		} else if err := g.checkLock(); err != nil {
			return nil, err
		}
		running := g.Status != statusStopped
		switch {
		case verb == "start" && running && kind == kindCT:
			return nil, fail("CT %d already running", g.VMID)
		case verb == "start" && c.haManaged(g):
			return c.haPower(g, "started"), nil
		case (verb == "stop" || verb == "shutdown") && c.haManaged(g) && running:
			return c.haPower(g, "stopped"), nil
		case verb != "start" && !running && (kind == kindCT || verb == "reboot" || verb == "reset" || verb == "suspend" || verb == "resume"):
			return nil, fail("%s %d not running", g.noun(), g.VMID)
		}
		taskKind := g.taskType(verb)
		return c.start(taskKind, vmidText(g.VMID), work{run: func(t *task) error { return c.applyPower(g, verb, t) }}), nil
	}
}

func (s *Sim) applyPower(g *guest, verb string, t *task) error {
	switch verb {
	case "start":
		return s.powerOn(g)
	case "stop", "shutdown":
		if g.Status == statusStopped {
			t.Log = append(t.Log, fmt.Sprintf("%s %d not running", g.noun(), g.VMID))
			return nil
		}
		s.powerOff(g)
	case "reboot":
		// Proxmox VE applies pending changes with a reboot: it stops and starts the guest.
		s.powerOff(g)
		return s.powerOn(g)
	case "suspend":
		g.Status = statusPaused
	case "resume":
		g.Status = statusRunning
	case "reset":
		g.StartedUnix = time.Now().Unix()
	}
	return nil
}

// haPower asks the HA manager, which starts or stops the guest in a task of its own.
func (c *call) haPower(g *guest, wanted string) string {
	verb := map[string]string{"started": "start", "stopped": "stop"}[wanted]
	return c.start("ha"+verb, vmidText(g.VMID), work{run: func(t *task) error {
		c.state.Groupings[haResources][haSID(g)]["state"] = wanted
		if wanted == "started" && g.Status == statusRunning {
			return nil
		}
		return c.applyPower(g, verb, t)
	}})
}
