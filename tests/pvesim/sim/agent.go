package sim

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// agentOf finds a guest whose agent answers.
func (c *call) agentOf() (*guest, error) {
	g, err := c.guest(kindVM)
	if err != nil {
		return nil, err
	}
	enabled := parseProperties(g.Config["agent"], "enabled")["enabled"]
	switch {
	case enabled == "" || !isTrue(enabled):
		return nil, fail("No QEMU guest agent configured")
	case g.Status != statusRunning:
		return nil, fail("VM %d is not running", g.VMID)
	case c.strike(FaultAgent, "", vmidText(g.VMID)) != nil, g.Booted == nil || !g.Booted.Agent:
		return nil, fail("QEMU guest agent is not running")
	}
	return g, nil
}

func agentInterfaces(c *call) (any, error) {
	g, err := c.agentOf()
	if err != nil {
		return nil, err
	}
	address := func(ip string, bits int) map[string]any {
		return map[string]any{"ip-address": ip, "ip-address-type": "ipv4", "prefix": bits}
	}
	// Clients wait for a global unicast address, which no loopback address is: every guest also has a unique
	// local one, as IPv6 guests do.
	addresses := []map[string]any{{"ip-address": fmt.Sprintf("fd50:7665::%x", g.VMID), "ip-address-type": "ipv6", "prefix": 64}}
	if g.Booted.Address.IsValid() {
		addresses = append(addresses, address(g.Booted.Address.String(), g.Booted.PrefixBits))
	}
	return map[string]any{"result": []map[string]any{
		{"name": "lo", "hardware-address": "00:00:00:00:00:00", "ip-addresses": []map[string]any{address("127.0.0.1", 8)}},
		{"name": "eth0", "hardware-address": strings.ToLower(parseNIC(g.Config["net0"])["macaddr"]), "ip-addresses": addresses},
	}}, nil
}

// agentResult answers calls of the agent whose result depends on the guest's name and the time only.
func agentResult(result func(g *guest) any) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.agentOf()
		if err != nil {
			return nil, err
		}
		return map[string]any{"result": result(g)}, nil
	}
}

func agentOS(*guest) any {
	return map[string]any{
		"id": "debian", "name": "Debian GNU/Linux", "pretty-name": "Debian GNU/Linux 13 (trixie)", "version": "13 (trixie)",
		"version-id": "13", "kernel-release": "6.12.48+deb13-cloud-amd64", "kernel-version": "#1 SMP", "machine": "x86_64",
	}
}

func agentFilesystems(g *guest) any {
	return []map[string]any{{"name": "sda1", "mountpoint": "/", "type": "ext4", "total-bytes": 3 * gib, "used-bytes": gib, "disk": []any{}}}
}

func agentTime(*guest) any { return time.Now().UnixNano() }

// agentExec runs the commands that the guest's shell knows; the pid is all that a later exec-status needs.
func agentExec(c *call) (any, error) {
	if _, err := c.agentOf(); err != nil {
		return nil, err
	}
	command := strings.Join(c.form["command"], " ")
	if command == "" {
		return nil, badParam("command", "property is missing and it is not optional")
	}
	return map[string]any{"pid": 1000 + len(command)}, nil
}

func agentExecStatus(c *call) (any, error) {
	if _, err := c.agentOf(); err != nil {
		return nil, err
	}
	return map[string]any{"exited": 1, "exitcode": 0, "out-data": ""}, nil
}

// agentCommand is the generic call that takes the command as a parameter.
func agentCommand(c *call) (any, error) {
	g, err := c.agentOf()
	if err != nil {
		return nil, err
	}
	switch command := c.param("command"); command {
	case "ping", "fsfreeze-freeze", "fsfreeze-thaw", "fsfreeze-status", "fstrim":
		return map[string]any{"result": map[string]any{}}, nil
	case "network-get-interfaces":
		return agentInterfaces(c)
	case "get-osinfo":
		return map[string]any{"result": agentOS(g)}, nil
	case "shutdown":
		c.powerOff(g)
		c.changed()
		return map[string]any{"result": map[string]any{}}, nil
	default:
		return nil, &apiError{status: http.StatusNotImplemented, reason: "command " + command + " is not simulated"}
	}
}
