package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ControlHelp describes the calls below /sim/ that steer a running simulator.
const ControlHelp = `  GET    /sim/faults      the faults that can still strike
  POST   /sim/faults      add one: {"kind":"request|task|ssh|agent|guest-ssh|guest-command|guest-upload|cloud-init", "method":"POST",
                          "pathRegexp":"/qemu/9000/clone", "status":500, "reason":"text", "drop":true, "delay":"2s",
                          "exitStatus":"text", "after":0, "times":1}
                          pathRegexp matches the path below /api2/json; "type:id" of a task (qmclone:9000);
                          the name of a node (ssh); the VMID (agent, guest-ssh, cloud-init); "VMID:command"
                          (guest-command); "VMID:path" of each packet written over SFTP (guest-upload)
  DELETE /sim/faults      remove all
  GET    /sim/durations   how long tasks take, by type
  POST   /sim/durations   {"qmclone":"5s", "":"1s"}; "" is every other type, "clone-lock" the phase of a clone in
                          which other clones of the same template wait, "ssh" the time until a guest's SSH server
                          listens, "cloud-init" that of a guest's first boot
  DELETE /sim/durations   all tasks end at once again
  GET    /sim/requests    the recorded API requests
  DELETE /sim/requests    forget them
  GET    /sim/violations  requests that Proxmox's API schema rejects (with --schema)
  GET    /sim/privileges  the privileges that allowed calls needed
  GET    /sim/guests/VMID/compose   the Compose projects on a guest with their services
  GET    /sim/guests/VMID/commands  the commands that it got over SSH
  POST   /sim/guests/VMID/behavior  how containers of a service behave from their next start on: {"project":"app",
                          "service":"web", "image":"web:2", "mountContains":"text", "times":1, "exits":true,
                          "exitCode":1, "health":"unhealthy|starting", "delayMilliseconds":500, "log":["line"],
                          "pullError":"text", "ports":[8080], "httpStatus":503, "httpBody":"text"}
  POST   /sim/guests/VMID/service   {"project":"app", "service":"web", "state":"exited|running", "health":"unhealthy"}
  POST   /sim/guests/VMID/docker    {"setup":"installed|without-compose|missing"}
  POST   /sim/guests/VMID/disk      {"freeBytes":0}
  GET    /sim/guests/VMID/file?path=/etc/hostname
  POST   /sim/guests/VMID/file      {"path":"/etc/motd", "content":"text"}
`

// controlFault is the JSON form of a Fault.
type controlFault struct {
	Kind       string `json:"kind,omitempty"`
	Method     string `json:"method,omitempty"`
	PathRegexp string `json:"pathRegexp,omitempty"`
	Status     int    `json:"status,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Drop       bool   `json:"drop,omitempty"`
	Delay      string `json:"delay,omitempty"`
	ExitStatus string `json:"exitStatus,omitempty"`
	After      int    `json:"after,omitempty"`
	Times      int    `json:"times,omitempty"`
}

func (s *Sim) serveControl(w http.ResponseWriter, r *http.Request) {
	answer, err := s.control(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if answer == nil {
		http.Error(w, "not known, the calls are:\n"+ControlHelp, http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		s.log.Error("control", "error", err)
	}
}

// control returns nil for a call that does not exist.
func (s *Sim) control(r *http.Request) (any, error) {
	if strings.HasPrefix(r.URL.Path, controlGuests) {
		return s.controlGuest(r)
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /sim/faults":
		return s.addFault(r)
	case "DELETE /sim/faults":
		s.ClearFaults()
		return s.controlFaults(), nil
	case "GET /sim/faults":
		return s.controlFaults(), nil
	case "POST /sim/durations":
		var durations map[string]string
		if err := decode(r, &durations); err != nil {
			return nil, err
		}
		for kind, text := range durations {
			d, err := time.ParseDuration(text)
			if err != nil {
				return nil, fmt.Errorf("duration of %q: %w", kind, err)
			}
			s.SetTaskDuration(kind, d)
		}
		return s.controlDurations(), nil
	case "DELETE /sim/durations":
		s.mu.Lock()
		s.durations = map[string]time.Duration{}
		s.mu.Unlock()
		return s.controlDurations(), nil
	case "GET /sim/durations":
		return s.controlDurations(), nil
	case "GET /sim/requests":
		return append([]Request{}, s.Requests()...), nil
	case "DELETE /sim/requests":
		s.ResetRequests()
		return []Request{}, nil
	case "GET /sim/violations":
		return append([]Violation{}, s.Violations()...), nil
	case "GET /sim/privileges":
		return s.PrivilegesUsed(), nil
	}
	return nil, nil
}

func decode(r *http.Request, target any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxFormBytes))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

func (s *Sim) addFault(r *http.Request) (any, error) {
	var given controlFault
	if err := decode(r, &given); err != nil {
		return nil, err
	}
	f := Fault{
		Kind: given.Kind, Method: given.Method, PathRegexp: given.PathRegexp, Status: given.Status, Reason: given.Reason,
		Drop: given.Drop, ExitStatus: given.ExitStatus, After: given.After, Times: given.Times,
	}
	if given.Delay != "" {
		d, err := time.ParseDuration(given.Delay)
		if err != nil {
			return nil, fmt.Errorf("delay: %w", err)
		}
		f.Delay = d
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	s.AddFault(f)
	return s.controlFaults(), nil
}

func (s *Sim) controlFaults() []controlFault {
	list := []controlFault{}
	for _, f := range s.Faults() {
		entry := controlFault{
			Kind: f.Kind, Method: f.Method, PathRegexp: f.PathRegexp, Status: f.Status, Reason: f.Reason, Drop: f.Drop,
			ExitStatus: f.ExitStatus, After: f.After, Times: f.Times,
		}
		if f.Delay > 0 {
			entry.Delay = f.Delay.String()
		}
		list = append(list, entry)
	}
	return list
}

func (s *Sim) controlDurations() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	durations := map[string]string{}
	for kind, d := range s.durations {
		durations[kind] = d.String()
	}
	return durations
}
