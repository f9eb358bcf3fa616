package sim

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/pve-home/pve-home/tests/pvesim/docker"
)

// controlGuest steers a guest: the calls below /sim/guests/VMID/. It returns nil for a call that does not exist.
func (s *Sim) controlGuest(r *http.Request) (any, error) {
	id, call, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, controlGuests), "/")
	vmid, err := strconv.Atoi(id)
	if err != nil {
		return nil, nil
	}
	switch r.Method + " " + call {
	case "GET compose":
		return s.ComposeProjects(vmid)
	case "GET commands":
		return append([]string{}, s.GuestCommands(vmid)...), nil
	case "POST behavior":
		var b docker.Behavior
		if err := decode(r, &b); err != nil {
			return nil, err
		}
		return done(s.SetServiceBehavior(vmid, b))
	case "POST service":
		var given struct{ Project, Service, State, Health string }
		if err := decode(r, &given); err != nil {
			return nil, err
		}
		return done(s.SetServiceState(vmid, given.Project, given.Service, given.State, given.Health))
	case "POST docker":
		var given struct{ Setup string }
		if err := decode(r, &given); err != nil {
			return nil, err
		}
		return done(s.SetDocker(vmid, given.Setup))
	case "POST disk":
		var given struct{ FreeBytes *int64 }
		if err := decode(r, &given); err != nil {
			return nil, err
		}
		if given.FreeBytes == nil {
			return nil, fmt.Errorf("body: freeBytes is missing")
		}
		return done(s.SetFreeBytes(vmid, *given.FreeBytes))
	case "GET file":
		data, err := s.GuestFile(vmid, r.URL.Query().Get("path"))
		return controlFile{Content: string(data)}, err
	case "POST file":
		var given controlFile
		if err := decode(r, &given); err != nil {
			return nil, err
		}
		return done(s.WriteGuestFile(vmid, given.Path, []byte(given.Content)))
	}
	return nil, nil
}

const controlGuests = "/sim/guests/"

// controlFile is a file of a guest.
type controlFile struct {
	Path    string `json:"path,omitempty"`
	Content string `json:"content"`
}

// done answers a call that has no result.
func done(err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return map[string]bool{"done": true}, nil
}
