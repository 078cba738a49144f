package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/daemon"
	"github.com/quellsec/quell/internal/demo/weakapp"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// story is the demo as it is told.
type story struct {
	*daemon.Daemon
	desk  desk
	app   *weakapp.App
	out   io.Writer
	began time.Time
	count int
}

// patience bounds each wait of the story; on an idle machine each takes a few seconds.
const patience = 90 * time.Second

// The weaknesses that the story follows, by their check.
const (
	gitConfig     = "nuclei:quell-demo-git-config"
	backupArchive = "nuclei:quell-demo-backup-archive"
	debugConsole  = "nuclei:quell-demo-debug-console"
	clusterEnv    = "CVE-2023-28432"
)

// tell goes through the chapters.
func (s *story) tell(ctx context.Context) error {
	for _, chapter := range []struct {
		title string
		tell  func(context.Context) error
	}{
		{"Intelligence: CISA's KEV catalogue is loaded", s.intelligence},
		{"Discovery: three scanners report by webhook", s.discovery},
		{"Validation: a false positive is refuted, the others are confirmed", s.validation},
		{"Mobilization: one ticket for one fix of one owner", s.mobilization},
		{"A person closes the ticket while the weakness is still there", s.closedTooEarly},
		{"The weakness is fixed: proof", s.proof},
		{"Nobody owns the file store: it escalates until somebody does", s.unowned},
		{"A risk is accepted, and the acceptance ends when KEV lists it", s.acceptance},
		{"The audit: every step is in the chain", s.audit},
	} {
		s.count++
		fmt.Fprintf(s.out, "\n%d. %s\n", s.count, chapter.title)
		if err := chapter.tell(ctx); err != nil {
			return fmt.Errorf("chapter %d, %q: %w", s.count, chapter.title, err)
		}
	}
	fmt.Fprintf(s.out, "\nThe whole loop took %s.\n", time.Since(s.began).Round(time.Second))
	return nil
}

// say prints a line of the story with how far into it we are.
func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.out, "   %5.1fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

func (s *story) intelligence(ctx context.Context) error {
	return s.importKEV(ctx, "testdata/kev-before.json")
}

func (s *story) importKEV(ctx context.Context, file string) error {
	body, err := files.ReadFile(file)
	if err != nil {
		return err
	}
	done, err := s.Client.ImportIntel(ctx, "kev", bytes.NewReader(body))
	if err != nil {
		return err
	}
	s.say("imported %d known exploited vulnerabilities; decisions that changed by it: %d", done.Value.Entries, done.Value.Changed)
	return nil
}

func (s *story) discovery(ctx context.Context) error {
	for _, scanner := range []struct{ source, file string }{
		{"demo-nmap", "testdata/nmap.xml"}, {"demo-nuclei", "testdata/nuclei.jsonl"}, {"demo-trivy", "testdata/trivy.json"},
	} {
		if err := s.hook(ctx, scanner.source, scanner.file); err != nil {
			return err
		}
	}
	stats, err := s.Client.Stats(ctx, nil)
	if err != nil {
		return err
	}
	s.say("%d exposures: %s", stats.Value.Total, counted(stats.Value.By["decision"]))
	return nil
}

// hook sends a report as its scanner would, and waits until it is worked in.
func (s *story) hook(ctx context.Context, source, file string) error {
	body, err := files.ReadFile(file)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/hooks/"+source, bytes.NewReader(redate(body, s.began)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+hookToken)
	res, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if closeErr := res.Body.Close(); err != nil || closeErr != nil || res.StatusCode != http.StatusAccepted {
		return fault.New(fault.Unavailable, "sending %s: status %d: %s", source, res.StatusCode, answer)
	}
	var accepted struct{ Delivery string }
	if err := json.Unmarshal(answer, &accepted); err != nil {
		return err
	}
	var d exposure.Delivery
	err = daemon.Until(ctx, patience, "the delivery of "+source, func(ctx context.Context) (bool, error) {
		found, err := s.Client.Delivery(ctx, accepted.Delivery)
		d = found.Value
		return !d.EndedAt.IsZero(), err
	})
	if err != nil {
		return err
	}
	if d.Status != exposure.DeliveryDone {
		return fault.New(fault.Invalid, "the delivery of %s ended as %s: %s", source, d.Status, d.Error)
	}
	s.say("%s: accepted as %s, %d findings on %d assets", source, accepted.Delivery, d.Counts["findings"], d.Counts["assets"])
	return nil
}

// find gives the exposure of a weakness.
func (s *story) find(ctx context.Context, weakness string) (exposure.Exposure, error) {
	for item, err := range s.Client.Exposures(ctx, url.Values{"weakness": {weakness}}, 2) {
		return item.Value, err
	}
	return exposure.Exposure{}, fault.New(fault.NotFound, "there is no exposure of %s", weakness)
}

// waitFor waits until the exposure of a weakness is as wanted, and gives it whole.
func (s *story) waitFor(ctx context.Context, weakness, what string, wanted func(e *apiclient.Detail) bool) (apiclient.Detail, error) {
	e, err := s.find(ctx, weakness)
	if err != nil {
		return apiclient.Detail{}, err
	}
	var d apiclient.Detail
	err = daemon.Until(ctx, patience, weakness+" "+what, func(ctx context.Context) (bool, error) {
		found, err := s.Client.Exposure(ctx, e.ID)
		d = found.Value
		return err == nil && wanted(&d), err
	})
	if err != nil {
		return d, fmt.Errorf("%w (it is %s, after %s)", err, d.State, d.LastEvent.Kind)
	}
	return d, nil
}

func in(states ...exposure.State) func(*apiclient.Detail) bool {
	return func(d *apiclient.Detail) bool { return slices.Contains(states, d.State) }
}

func counted(by map[string]int64) string {
	names := make([]string, 0, len(by))
	for name := range by {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		label := name
		if label == "" {
			label = "undecided"
		}
		names[i] = fmt.Sprintf("%d %s", by[name], label)
	}
	return strings.Join(names, ", ")
}

// link is where the Temporal UI shows an exposure's workflow.
func link(d *apiclient.Detail) string {
	if d.Workflow == nil {
		return "(no workflow)"
	}
	return d.Workflow.URL
}
