//go:build !unix

package rules

import "os/exec"

// stopGroup is only needed where killing git leaves its helpers alive.
func stopGroup(*exec.Cmd) {}
