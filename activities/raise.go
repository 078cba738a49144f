package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// raise tells of what waits for its team's capacity and is due before long: nothing that
// has waited for a budget passes its due date in silence. It walks over it page by page;
// the teams are told once a day each, and each exposure's story says it once.
func (a *Activities) raise(ctx context.Context, in SweepRequest, report *SweepReport) error {
	now := a.now()
	before := now.Add(a.Policy.CapacityLead)
	page, err := a.Board.FindExposures(ctx, exposure.Filter{Queued: true, Mode: exposure.ModeStore, States: []exposure.State{exposure.Tracked}, DueBefore: before},
		exposure.List{Sort: exposure.SortDue, Limit: sweepBatch, Cursor: in.Line})
	if err != nil {
		report.Line = "" // a cursor of another version or sort begins anew
		return err
	}
	report.Line = page.Next
	byTeam := map[string][]*exposure.Exposure{}
	for i := range page.Items {
		e := &page.Items[i]
		if team := e.Owner.Team; !a.budget(team).Unlimited() && !reminded(e, waitsFor(e)) {
			byTeam[team] = append(byTeam[team], e)
		}
	}
	for team, es := range byTeam {
		slices.SortFunc(es, func(x, y *exposure.Exposure) int { return compareDue(x.Due, y.Due) })
		if err := a.raiseTeam(ctx, team, es, now, before); err != nil {
			return err
		}
		report.Raised += len(es)
	}
	return nil
}

// waitsFor is the cause under which an exposure's waiting was raised: again only for
// another due date.
func waitsFor(e *exposure.Exposure) string { return "capacity/" + stamp(e.Due) }

func (a *Activities) raiseTeam(ctx context.Context, team string, es []*exposure.Exposure, now, before time.Time) error {
	groups, err := a.Lines.Groups(ctx, team, before)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "counting the line of "+team)
	}
	b := a.budget(team)
	takes := ""
	if b.WIP > 0 {
		takes += fmt.Sprintf(" It works on %d at a time.", b.WIP)
	}
	if b.Intake > 0 {
		takes += fmt.Sprintf(" It begins %d a day.", b.Intake)
	}
	first := es[0]
	m := connectors.Message{Cause: team + "|capacity|" + now.Format(time.DateOnly), To: Escalation, Kind: "escalation",
		Subject: fmt.Sprintf("%d fixes wait for capacity of team %s and are due by %s", max(len(groups), 1), lifecycle.Plain(team, 64), before.Format(time.DateOnly)),
		Text: fmt.Sprintf("The first: %s on %s, due %s.%s Raise its budget, give the work to another team, or accept the risk in time. See `quell queue %s`.",
			text(first.Title), text(first.AssetName), date(first.Due), takes, text(team))}
	if err := a.notify(ctx, m, first); err != nil {
		return err
	}
	m.Cause, m.To = m.Cause+"|team", team
	if err := a.notify(ctx, m, first); err != nil {
		return err
	}
	changes := make([]ledger.Change, len(es))
	for i, e := range es {
		changes[i] = ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: exposure.Event{Kind: exposure.EventEscalated, Actor: system("lifecycle"), Cause: waitsFor(e),
			Reason: "due " + date(e.Due) + ", and it waits for capacity of team " + team}}
	}
	_, err = a.applyInStore(ctx, changes, "raised")
	return err
}
