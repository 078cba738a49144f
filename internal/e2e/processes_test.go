package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// process is one process of a daemon.
type process struct {
	pid, parent int
	command     string // with its arguments
}

// processesOf finds the processes that have a data directory on their command line, or
// work inside it. It reads /proc, and so finds none on systems without it.
func processesOf(t *testing.T, dir string) []process {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var found []process
	for _, folder := range folders {
		command, err := os.ReadFile(filepath.Join(folder, "cmdline"))
		if err != nil || len(command) == 0 {
			continue // it has ended in between
		}
		where, _ := os.Readlink(filepath.Join(folder, "cwd")) // another user's: not ours
		if !bytes.Contains(command, []byte(dir)) && where != dir && !strings.HasPrefix(where, dir+"/") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(folder))
		require.NoError(t, err)
		found = append(found, process{pid: pid, parent: parentOf(folder), command: string(bytes.ReplaceAll(command, []byte{0}, []byte{' '}))})
	}
	return found
}

// parentOf reads the parent of a process; zero if it has ended.
func parentOf(folder string) int {
	raw, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return 0
	}
	// The name, in parentheses, may hold anything; after it come the state and the parent.
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	parent, _ := strconv.Atoi(fields[1]) // the kernel writes numbers
	return parent
}

// strangers are the processes of a data directory that don't descend from one process.
func strangers(t *testing.T, dir string, ancestor int) []process {
	t.Helper()
	var found []process
	for _, p := range processesOf(t, dir) {
		pid := p.pid
		for pid > 1 && pid != ancestor {
			pid = parentOf("/proc/" + strconv.Itoa(pid))
		}
		if pid != ancestor {
			found = append(found, p)
		}
	}
	return found
}
