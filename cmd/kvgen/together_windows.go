package main

import "os/exec"

// together leaves cmd as it is: what it started ends by itself.
func together(*exec.Cmd) {}
