//go:build unix

package rules

import (
	"os/exec"
	"syscall"
)

// stopGroup makes the end of cmd's context end its children too (git leaves the network to helpers), and takes the
// terminal away, so that ssh can't wait there for a password.
func stopGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
