//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// together has the end of cmd be that of all processes it started, such as the compilers of the go
// command.
func together(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
