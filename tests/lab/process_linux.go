package lab

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel end a child whose parent died, and keeps the terminal's Ctrl-C
// away from it: the lab stops its programs itself, in order.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
