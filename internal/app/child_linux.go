package app

import "syscall"

// dieWithParent puts a child in a process group of its own, so that a Ctrl-C reaches us
// first, and has the kernel end it when we die in any way.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
