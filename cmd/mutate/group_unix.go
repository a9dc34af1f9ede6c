//go:build peers && unix

package main

import (
	"os/exec"
	"syscall"
)

// group makes a suite and all it starts end together.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// bounded limits what a suite may allocate, since a fault may be in a bound.
func bounded(cmd *exec.Cmd) *exec.Cmd {
	const kibibytes = "16777216"
	cmd.Args = append([]string{"sh", "-c", `ulimit -S -v ` + kibibytes + `; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	return cmd
}
