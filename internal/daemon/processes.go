package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Process is a process of a daemon.
type Process struct {
	PID  int
	Name string // of its program: quell, quell-probe, temporal
}

// Processes are the daemon itself and all that descends from it. It reads /proc, and so
// finds none on systems without it.
func (d *Daemon) Processes() []Process {
	parents, names := map[int]int{}, map[int]string{}
	folders, _ := filepath.Glob("/proc/[0-9]*") // the pattern is fine
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(folder, "stat"))
		if err != nil {
			continue // it has ended in between
		}
		// The name, in parentheses, may hold anything; after it come the state and the parent.
		from, to := bytes.IndexByte(raw, '('), bytes.LastIndexByte(raw, ')')
		fields := strings.Fields(string(raw[to+1:]))
		if len(fields) < 2 || fields[0] == "Z" {
			continue
		}
		parents[pid], _ = strconv.Atoi(fields[1]) // the kernel writes numbers
		names[pid] = string(raw[from+1 : to])
	}
	var out []Process
	for pid := range parents {
		for up := pid; up > 1; up = parents[up] {
			if up == d.PID {
				out = append(out, Process{pid, names[pid]})
				break
			}
		}
	}
	return out
}

// Kill ends a process of the daemon as a power cut would.
func (p Process) Kill() error { return syscall.Kill(p.PID, syscall.SIGKILL) }
