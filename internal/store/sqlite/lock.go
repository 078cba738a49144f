package sqlite

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/quellsec/quell/internal/fault"
)

// lockDir takes the directory for this process until the file is closed, by whatever
// end. The file holds the process's ID for the message that a second one gets.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "locking the data directory")
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close() //nolint:errcheck // nothing was written
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fault.Wrap(fault.Unavailable, err, "locking the data directory")
		}
		// A reader may meet the file just emptied by its owner: the message is then without a number.
		pid, _ := io.ReadAll(io.LimitReader(f, 20)) // without an error: the number is a courtesy
		return nil, fault.New(fault.Conflict, "opening %s: it is in use by another quell (process %s); stop that one, or give this one another data directory",
			dir, firstWord(string(pid), "unknown"))
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return nil, fault.Wrap(fault.Unavailable, errors.Join(err, f.Close()), "writing the lock file")
	}
	return f, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

func firstWord(text, otherwise string) string {
	if words := strings.Fields(text); len(words) > 0 {
		return words[0]
	}
	return otherwise
}
