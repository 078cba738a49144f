package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// task is what a child process is asked to measure. A child of its own gives each
// measurement a peak memory of its own.
type task struct {
	Kind     string    `json:"kind"` // see tasks
	Dir      string    `json:"dir"`  // holds the data; made and removed by the parent
	Format   string    `json:"format,omitempty"`
	Findings int       `json:"findings,omitempty"`
	Hosts    int       `json:"hosts,omitempty"`
	Changed  int       `json:"changed,omitempty"`
	At       time.Time `json:"at,omitzero"`
	Profile  string    `json:"profile,omitempty"` // file for a CPU profile; empty for none
}

// outcome is what a child measured.
type outcome struct {
	Seconds float64            `json:"seconds"` // on the wall
	CPU     float64            `json:"cpu"`     // seconds of processor, user and system
	PeakMB  float64            `json:"peak_mb"` // resident, of the whole process
	Values  map[string]float64 `json:"values,omitempty"`
}

// inChild runs a task in a process of its own.
func inChild(ctx context.Context, t task, cores int, log io.Writer) (outcome, error) {
	self, err := os.Executable()
	if err != nil {
		return outcome{}, fmt.Errorf("finding the benchmark's own program: %w", err)
	}
	input, err := json.Marshal(t)
	if err != nil {
		return outcome{}, fmt.Errorf("writing the task %s: %w", t.Kind, err)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, "-child") //nolint:gosec // this very program
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, log
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(cores))
	if err := cmd.Run(); err != nil {
		return outcome{}, fmt.Errorf("measuring %s %s: %w", t.Kind, t.Format, err)
	}
	var o outcome
	if err := json.Unmarshal(out.Bytes(), &o); err != nil {
		return outcome{}, fmt.Errorf("reading what was measured of %s: %w", t.Kind, err)
	}
	return o, nil
}

// clock takes the time of a measurement.
type clock struct {
	wall time.Time
	cpu  time.Duration
}

func start() (clock, error) {
	cpu, err := processor()
	return clock{time.Now(), cpu}, err
}

// stop gives what has passed since start.
func (c clock) stop() (outcome, error) {
	wall := time.Since(c.wall)
	cpu, err := processor()
	return outcome{Seconds: wall.Seconds(), CPU: (cpu - c.cpu).Seconds()}, err
}

// processor is the processor time that this process has used.
func processor() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("reading the processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// peakMB is the largest resident size that this process ever had, in MB of 10^6 bytes.
// The kernel's own high-water mark is of this process image alone, which rusage's isn't.
func peakMB() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("reading the peak memory (Linux only): %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kib * 1024 / 1e6, err
		}
	}
	return 0, errors.New("reading the peak memory: the kernel doesn't say")
}

// quantile of measurements, by rank; p from 0 to 1.
func quantile(ds []time.Duration, p float64) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(ds))
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
