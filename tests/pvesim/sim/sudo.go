package sim

import "strings"

// sudoList answers `sudo -n -l COMMAND`, which says whether the user may run it: root and the user of
// the provisioning tool may write to the storages.
func (h *nodeShell) sudoList(command string) (answer string, err error) {
	if m := teeCommand.FindStringSubmatch(strings.TrimPrefix(command, "/usr/bin/")); m != nil {
		h.sim.mu.Lock()
		defer h.sim.mu.Unlock()
		if _, def, _, _ := h.sim.state.fileAt(h.node.Name, m[1]); def != nil {
			return command + "\n", nil
		}
	}
	return "", &exitError{1, ""}
}
