package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/outbox"
)

// Digests is the regular word of one notifier to teams and people.
type Digests struct {
	Notifier string
	When     outbox.Schedule
	Teams    map[string][]string // whose word it is, by whom it goes to: teams, escalation, and @person with all of theirs
	Tell     func(ctx context.Context, m connectors.Message) error
}

// made is how late a digest is still worth sending, as after the daemon was down.
const made = 12 * time.Hour

// tellDigests tells each team what is due, unowned, waiting and closed, at the times that
// the configuration names. Where there is nothing to say, nothing is said. The time makes
// the cause, so that a look which is taken again says it once.
func (a *Activities) tellDigests(ctx context.Context, in SweepRequest, report *SweepReport) error {
	now := a.now()
	var problems []error
	var waiting map[string][]string // for approval, by whom it waits for; read once
	for i := range a.Digests {
		d := &a.Digests[i]
		due := d.When.Last(now)
		if due.IsZero() || !due.After(in.Digested) || now.Sub(due) > made {
			continue
		}
		since := d.When.Last(due.Add(-time.Minute))
		if waiting == nil {
			var err error
			if waiting, err = a.waitingFor(ctx, now); err != nil {
				return fmt.Errorf("finding what waits for approval: %w", err)
			}
		}
		for to, teams := range d.Teams {
			beat(ctx, "writing the digest for "+to)
			m, something, err := a.digestFor(ctx, &reader{to: to, teams: teams, waiting: waiting[to]}, since, now)
			if err == nil && something {
				m.Cause = "digest/" + d.Notifier + "/" + to + "/" + due.Format(time.RFC3339)
				err = d.Tell(ctx, m)
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", to, err))
			}
		}
	}
	if len(problems) == 0 {
		report.Digested = now
	}
	return errors.Join(problems...)
}

// soon is how far a digest looks ahead.
const soon = 7 * day

// reader is whom a digest is for.
type reader struct {
	to      string
	teams   []string // whose exposures it is about; none: of no exposures
	waiting []string // what waits for the reader's approval, a line each
}

// digestFor is the word to one team or person, and whether there is anything to say.
func (a *Activities) digestFor(ctx context.Context, to *reader, since, now time.Time) (connectors.Message, bool, error) {
	live := []exposure.State{exposure.Tracked, exposure.Validating, exposure.Open, exposure.FixClaimed, exposure.Verifying}
	sections := []struct {
		title string
		f     exposure.Filter
	}{
		{"Overdue", exposure.Filter{Owners: to.teams, States: live, DueBefore: now}},
		{"Due within a week", exposure.Filter{Owners: to.teams, States: live, DueAfter: now, DueBefore: now.Add(soon)}},
		{"Closed with proof", exposure.Filter{Owners: to.teams, States: []exposure.State{exposure.Closed}, Updated: since}},
	}
	if len(to.teams) == 0 { // no owners would be everybody's
		sections = sections[:0]
	}
	if to.to == Escalation {
		sections = append(sections[:0], struct {
			title string
			f     exposure.Filter
		}{"Nobody owns", exposure.Filter{Owners: []string{""}, States: live}})
	}
	var b strings.Builder
	heads := []string{}
	for _, s := range sections {
		n, err := a.digestSection(ctx, &b, s.title, s.f)
		if err != nil {
			return connectors.Message{}, false, err
		}
		if n > 0 {
			heads = append(heads, fmt.Sprintf("%d %s", n, strings.ToLower(s.title)))
		}
	}
	held, err := a.heldFor(ctx, &b, to.to, to.teams)
	if err != nil {
		return connectors.Message{}, false, err
	}
	if held > 0 {
		heads = append(heads, fmt.Sprintf("%d waiting for approval", held))
	}
	if digestWaiting(&b, to.waiting); len(to.waiting) > 0 {
		heads = append(heads, fmt.Sprintf("%d waiting for your approval", len(to.waiting)))
	}
	return connectors.Message{To: to.to, Kind: "digest", Subject: "Exposures: " + strings.Join(heads, ", "), Text: strings.TrimSpace(b.String())}, len(heads) > 0, nil
}

// digestSection counts exposures and names the most pressing of them.
func (a *Activities) digestSection(ctx context.Context, b *strings.Builder, title string, f exposure.Filter) (int64, error) {
	counts, err := a.Board.CountExposures(ctx, f, "")
	if err != nil {
		return 0, err
	}
	var n int64
	for _, c := range counts {
		n += c
	}
	if n == 0 {
		return 0, nil
	}
	const named = 5
	page, err := a.Board.FindExposures(ctx, f, exposure.List{Sort: exposure.SortDue, Limit: named})
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(b, "\n**%s: %d**\n\n", title, n)
	for i := range page.Items {
		e := &page.Items[i]
		fmt.Fprintf(b, "- %s on %s, %s, due %s\n", text(lifecycle.Plain(e.Title, 120)), text(e.AssetName), e.Severity, date(e.Due))
	}
	if more := n - int64(len(page.Items)); more > 0 {
		fmt.Fprintf(b, "- … and %d more\n", more)
	}
	return n, nil
}

// heldFor names the reports that wait for a decision of whom a digest is for.
func (a *Activities) heldFor(ctx context.Context, b *strings.Builder, to string, teams []string) (int, error) {
	if a.Reports == nil {
		return 0, nil
	}
	page, err := a.Reports.FindDeliveries(ctx, "", string(exposure.DeliveryParked), exposure.List{Limit: sweepBatch})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, d := range page.Items {
		owner := orEscalation(a.watched(d.Source).Owner)
		theirs := owner == to
		for _, team := range teams {
			theirs = theirs || owner == team
		}
		if !d.Waits() || !theirs {
			continue
		}
		if n++; n == 1 {
			b.WriteString("\n**Waiting for approval**\n\n")
		}
		fmt.Fprintf(b, "- a report of %s, until %s\n", text(d.Source), date(d.Hold.Until))
	}
	return n, nil
}
