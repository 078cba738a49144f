package bench

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"strings"
)

// bench is one call of the command.
type bench struct {
	scale    float64
	only     *regexp.Regexp
	profiles string // folder for CPU profiles; empty for none
	dir      string
	out      io.Writer
	log      io.Writer
	figures  []Figure
}

// Main runs the command: it measures, or, as its own child, does one task. The figures
// go to out, one line each; what is said beside them goes to log. A figure that falls
// short is no error.
func Main(ctx context.Context, args []string, in io.Reader, out, log io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(log)
	child := flags.Bool("child", false, "do one task, given on standard input (what the command calls itself with)")
	scale := flags.Float64("scale", 1, "how much of the full size to measure with, above 0 and at most 1")
	only := flags.String("only", "", "measure only the figures whose group matches this expression: decode_nuclei, samples, identity, pull, ingest, list, webhook, lifecycle, ticket, reclock, tracker, slack, admission, storm, ownership")
	profiles := flags.String("profiles", "", "folder to write CPU profiles to")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if *child {
		return asChild(ctx, in, out)
	}
	if *scale <= 0 || *scale > 1 {
		return fmt.Errorf("reading -scale: %g is not above 0 and at most 1", *scale)
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("reading -only: %w", err)
	}
	dir, err := os.MkdirTemp("", "quell-bench-")
	if err != nil {
		return fmt.Errorf("making a folder to measure in: %w", err)
	}
	b := &bench{scale: *scale, only: pattern, profiles: *profiles, dir: dir, out: out, log: log}
	return errors.Join(b.run(ctx), os.RemoveAll(dir))
}

// run takes the groups of figures one after the other, so that none disturbs another. One
// that fails doesn't keep the others from being measured.
func (b *bench) run(ctx context.Context) error {
	var errs []error
	for _, group := range []func(context.Context) error{b.decodeFigures, b.samplesFigures, b.identityFigures, b.pullFigures, b.ingestFigures, b.listFigures, b.reclockFigures, b.webhookFigures,
		b.lifecycleFigures, b.ticketFigures, b.trackerFigures, b.slackFigures, b.admissionFigures, b.stormFigures, b.ownershipFigures} {
		if err := group(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	short := 0
	for _, f := range b.figures {
		if !f.Meets() {
			short++
		}
	}
	fmt.Fprintf(b.log, "%d figures, %d short\n", len(b.figures), short)
	return errors.Join(errs...)
}

// wants reports whether a group is asked for.
func (b *bench) wants(group string) bool { return b.only.MatchString(group) }

func (b *bench) figure(f Figure) {
	b.figures = append(b.figures, f)
	fmt.Fprintln(b.out, f)
}

// note says something beside the figures.
func (b *bench) note(format string, args ...any) {
	fmt.Fprintf(b.log, "note "+strings.TrimSuffix(format, "\n")+"\n", args...)
}

// folder makes a folder to measure in.
func (b *bench) folder(name string) (string, error) {
	dir := filepath.Join(b.dir, name)
	return dir, os.MkdirAll(dir, 0o700)
}

func (b *bench) scaled(n int) int { return max(1, int(float64(n)*b.scale)) }

func (b *bench) profile(name string) string {
	if b.profiles == "" {
		return ""
	}
	return filepath.Join(b.profiles, name+".pprof")
}

// tasks are what a child can be asked to do.
func tasks() map[string]func(context.Context, task) (outcome, error) {
	return map[string]func(context.Context, task) (outcome, error){
		"decode":    decode,
		"samples":   decodeSample,
		"identity":  identities,
		"pull":      pullOnce,
		"lifecycle": lifecycles,
		"ticket":    tickets,
		"tracker":   ticketsInJira,
		"webhook":   webhooks,
		"ingest":    ingestOnce,
		"list":      list,
		"slack":     slackCommands,
		"admission": lineUp,
		"reclock":   reclock,
	}
}

func asChild(ctx context.Context, in io.Reader, out io.Writer) error {
	var t task
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return fmt.Errorf("reading the task: %w", err)
	}
	do, ok := tasks()[t.Kind]
	if !ok {
		return fmt.Errorf("reading the task: there is no %q", t.Kind)
	}
	if t.Profile != "" {
		f, err := os.Create(t.Profile)
		if err != nil {
			return fmt.Errorf("writing a profile: %w", err)
		}
		defer func() { _ = f.Close() }() // a profile that is cut short is seen when it is read
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("writing a profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	o, err := do(ctx, t)
	if err != nil {
		return err
	}
	if o.PeakMB, err = peakMB(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(o)
}
