//go:build unix

package app

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/quellsec/quell/internal/fault"
)

// lockDir takes a data directory for this process, before any child is started in it. The
// system lets go of the lock when the process ends in any way.
func lockDir(dir string) (release func(), err error) {
	path := filepath.Join(dir, "dev.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.New(fault.Invalid, "opening the lock of the data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner, _ := os.ReadFile(path) // only to say who has it
		_ = f.Close()                 // nothing was written
		return nil, fault.New(fault.Conflict, "the data directory %s is in use by another quell dev (process %s): stop it, or give another --dir",
			dir, strings.TrimSpace(string(owner)))
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(fault.New(fault.Internal, "writing the lock of the data directory: %w", err), f.Close())
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return nil, errors.Join(fault.New(fault.Internal, "writing the lock of the data directory: %w", err), f.Close())
	}
	return func() { _ = f.Close() }, nil // closing lets go of the lock
}
