package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/scope"
)

// health is how one thing that was looked at is.
type health string

const (
	well health = "ok"
	warn health = "warn"
	fail health = "fail"
)

// finding of the doctor: one line, with what to do about it.
type diagnosis struct {
	Check  string `json:"check"`
	Health health `json:"health"`
	Says   string `json:"says"`
	Do     string `json:"do,omitempty"`
}

// doctor looks at one daemon after the other part of it.
type doctor struct {
	*app
	client *apiclient.Client
	list   []diagnosis
}

func (d *doctor) say(h health, check, do, format string, args ...any) {
	if h == well {
		do = ""
	}
	d.list = append(d.list, diagnosis{Check: check, Health: h, Says: fmt.Sprintf(format, args...), Do: do})
}

func (a *app) doctorCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look for what is wrong, and say what to do about it", Args: cobra.NoArgs,
		Long: "Look at the configuration, the daemon, its store, Temporal, the clock, the probes and their templates, the intelligence and the sources. " +
			"Each line is ok, warn or fail; the exit status is 1 if anything fails.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &doctor{app: a}
			d.configuration(file)
			d.templates()
			if client, err := a.client(); err != nil {
				d.say(fail, "daemon", hintFor(err), "%v", err)
			} else {
				defer client.Close()
				d.client = client
				d.daemon(cmd.Context())
			}
			return d.tell()
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration `file` (default quell.yaml, here or in .quell)")
	return cmd
}

func (d *doctor) configuration(file string) {
	names := []string{file}
	if file == "" {
		names = []string{defaultConfig, filepath.Join(devDir, defaultConfig)}
	}
	for _, name := range names {
		if _, err := os.Stat(d.path(name)); errors.Is(err, fs.ErrNotExist) && file == "" {
			continue
		}
		if _, err := d.load(name, true); err != nil {
			lines := strings.Split(err.Error(), "\n")
			d.say(fail, "configuration", "see them all with `quell config check "+name+"`", "%s: %s, the first is %s", name, count(len(lines), "problem"), lines[0])
			return
		}
		d.say(well, "configuration", "", "%s has no problems", name)
		return
	}
	d.say(warn, "configuration", "name it with --config", "there is no %s here to look at", defaultConfig)
}

// templates looks into the directory of quell dev's own probe, where there is one.
func (d *doctor) templates() {
	dir := d.path(filepath.Join(devDir, "templates"))
	if _, err := os.Stat(dir); err != nil {
		return // the probe stands elsewhere, and says itself what it lacks
	}
	found := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && (strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml")) {
			found++
		}
		return err
	})
	switch {
	case err != nil:
		d.say(fail, "templates", "make the directory readable", "reading %s: %v", dir, err)
	case found == 0:
		d.say(warn, "templates", "put nuclei templates into it, or name their directory with `quell dev --templates`", "%s holds none: findings of nuclei can't be re-tested", dir)
	default:
		d.say(well, "templates", "", "%s in %s", count(found, "template"), dir)
	}
}

func (d *doctor) daemon(ctx context.Context) {
	ready, err := d.client.Ready(ctx)
	if err != nil {
		d.say(fail, "daemon", hintFor(err), "%v", err)
		return
	}
	d.say(well, "daemon", "", "%s answers", d.client.URL())
	for _, name := range sorted(ready.Checks) {
		if state := ready.Checks[name]; state != "ok" {
			d.say(fail, name, mend(name), "the daemon says %s", state)
		} else {
			d.say(well, name, "", "works")
		}
	}
	d.clock(ready.At)
	stats, err := d.client.Stats(ctx, url.Values{"by": {"state"}})
	if err != nil {
		d.say(fail, "token", hintFor(err), "%v", err)
		return
	}
	d.say(well, "token", "", "is good")
	d.intel(stats.Value.Intel)
	d.probes(ctx)
	d.sources(ctx)
	d.gaps(&stats.Value)
}

// mend says what to do about a check of the daemon that fails.
func mend(check string) string {
	switch check {
	case "store":
		return "is the disk full, or MongoDB away? the daemon's log has the reason"
	case "temporal":
		return "is Temporal running at the address of the configuration? nothing is lost meanwhile: work goes on when it is back"
	}
	return "the daemon's log has the reason"
}

func (d *doctor) clock(at time.Time) {
	const tolerated = 30 * time.Second
	if at.IsZero() {
		return
	}
	if off := d.Now().Sub(at).Abs(); off > tolerated {
		d.say(warn, "clock", "set both clocks by NTP: proofs rest on when checks ran", "the daemon's clock and this one differ by %s", off.Round(time.Second))
		return
	}
	d.say(well, "clock", "", "the daemon's and this one agree")
}

func (d *doctor) intel(list []apiclient.IntelStatus) {
	for _, i := range list {
		switch {
		case i.Fresh:
			d.say(well, i.Kind, "", "%d entries of %s", i.Entries, when(i.Taken))
		case i.Entries == 0:
			d.say(warn, i.Kind, "import it with `quell intel import`", "none is loaded. %s", i.Missing)
		default:
			d.say(warn, i.Kind, "import the current one with `quell intel import`", "it is of %s. %s", when(i.Taken), i.Missing)
		}
	}
}

// probes tells from what waits for them whether they answer.
func (d *doctor) probes(ctx context.Context) {
	const patience = 30 * time.Minute
	waiting := 0
	for item, err := range d.client.Exposures(ctx, url.Values{"state": {string(exposure.Validating), string(exposure.Verifying)}}, aPage) {
		if err != nil {
			d.say(fail, "probe", hintFor(err), "%v", err)
			return
		}
		if d.Now().Sub(item.Value.UpdateAt) > patience {
			waiting++
		}
	}
	if waiting > 0 {
		d.say(warn, "probe", "is a quell-probe running at the vantage that the scopes name?", "%s waited over %s to be validated", count(waiting, "exposure"), scope.Duration(patience))
		return
	}
	d.say(well, "probe", "", "nothing waits too long to be validated")
}

func (d *doctor) sources(ctx context.Context) {
	list, err := d.client.Sources(ctx)
	switch {
	case fault.Is(err, fault.Denied):
		return // a token for some scopes: sources are not its business
	case err != nil:
		d.say(fail, "sources", hintFor(err), "%v", err)
		return
	case len(list) == 0:
		d.say(warn, "sources", "add them to the configuration", "none are configured")
		return
	}
	healthy, unused := 0, []string(nil)
	for _, item := range list {
		for _, c := range item.Value.Conditions {
			d.say(warn, "source "+item.Value.Name, "see to its scanner, or to its settings", "%s since %s: %s", c.Condition, when(c.Since), c.Why)
		}
		if item.Value.Held > 0 {
			d.say(warn, "source "+item.Value.Name, "look at `quell deliveries --status parked`, then approve or reject", "%s for approval", plural(item.Value.Held, "report waits", "reports wait"))
		}
		switch s := item.Value; {
		case len(s.Conditions) > 0 && s.Problem == "":
		case s.Problem != "":
			d.say(fail, "source "+s.Name, "mend the reason, then `quell deliveries replay`", "%s", s.Problem)
		case s.Silent:
			d.say(warn, "source "+s.Name, "does its scanner still run, and still send?", "gone quiet: the last delivery was %s", d.ago(s.LastDelivery))
		case s.LastDelivery.IsZero():
			unused = append(unused, s.Name)
		default:
			healthy++
		}
	}
	if len(unused) > 0 {
		d.say(warn, "sources", "send a report with `quell ingest`, or point the scanner's webhook at them", "nothing has come yet from %s", strings.Join(unused, ", "))
	}
	if healthy > 0 {
		d.say(well, "sources", "", "%s well", plural(healthy, "source is", "sources are"))
	}
}

func (d *doctor) gaps(s *apiclient.Stats) {
	intel := map[string]bool{}
	for _, i := range s.Intel {
		intel[i.Missing] = true
	}
	for _, line := range s.Missing {
		switch {
		case intel[line], strings.Contains(line, "/api/v1/sources"): // said above
		case strings.Contains(line, "/api/v1/assets"):
			d.say(warn, "coverage", "list them with `quell assets --unscoped`, and put them into a scope", "some assets are in no scope")
		default:
			d.say(warn, "coverage", "", "%s", line)
		}
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (d *doctor) tell() error {
	failed := false
	p := d.paint(d.Out)
	for _, line := range d.list {
		failed = failed || line.Health == fail
		if d.json {
			if err := d.line(apiclient.Item[diagnosis]{Value: line}); err != nil {
				return err
			}
			continue
		}
		d.sayf("%s  %-14s %s", p.as(colourOf(string(line.Health)), fmt.Sprintf("%-4s", line.Health)), clean(line.Check), clean(strings.TrimSpace(line.Says)))
		if line.Do != "" {
			d.sayf("      → %s", clean(line.Do))
		}
	}
	if failed {
		return exitError{code: ExitFailed}
	}
	return nil
}
