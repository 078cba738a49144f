//go:build !linux

package app

import "syscall"

// dieWithParent puts a child in a process group of its own. This system can't end it when
// we are killed; the next start does (endOrphan).
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
