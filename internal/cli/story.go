package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/exposure"
)

func (a *app) showExposureCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "One exposure: what it is, why it matters, whose it is, and its story",
		Args: exactly(1, "the exposure's ID"), ValidArgsFunction: a.first(a.exposureIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.Exposure(cmd.Context(), exposure.ID(args[0]))
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.showExposure(&item.Value)
				return nil
			})
		},
	}
}

func (a *app) timelineCommand() *cobra.Command {
	return &cobra.Command{
		Use: "timeline ID", Short: "What happened to an exposure, from its verified chain of events",
		Args: exactly(1, "the exposure's ID"), ValidArgsFunction: a.first(a.exposureIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.Timeline(cmd.Context(), exposure.ID(args[0]))
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.timeline(&item.Value)
				return nil
			})
		},
	}
}

// facts are lines of a name and what it is; what is empty is left out.
type facts struct {
	names  []string
	values []string
}

func (f *facts) add(name, format string, args ...any) {
	text := clean(fmt.Sprintf(format, args...))
	if strings.TrimSpace(text) == "" {
		return
	}
	f.names, f.values = append(f.names, name), append(f.values, text)
}

func (f *facts) print(a *app) {
	widest := 0
	for _, name := range f.names {
		widest = max(widest, len(name))
	}
	p := a.paint(a.Out)
	for i, name := range f.names {
		label := fmt.Sprintf("%-*s", widest, name)
		a.sayf("  %s  %s", p.as(dim, label), p.as(colourOf(f.values[i]), f.values[i]))
	}
}

func (a *app) showExposure(d *apiclient.Detail) {
	e := &d.Exposure
	a.sayf("%s", a.paint(a.Out).as(bold, clean(e.Title)))
	var f facts
	f.add("id", "%s", e.ID)
	f.add("state", "%s", e.State)
	f.add("asset", "%s (%s)", e.AssetName, e.Asset)
	f.add("weakness", "%s", e.Weakness)
	f.add("location", "%s", e.Location)
	f.add("severity", "%s", e.Severity)
	f.add("CVEs", "%s", listed(e.CVEs))
	f.add("decision", "%s", e.Decision.Outcome)
	f.add("held", "%s", e.Decision.Held)
	f.add("missing", "%s", e.Decision.Missing)
	a.dueFacts(&f, e)
	ownerFacts(&f, e)
	f.add("ticket", "%s", e.Ticket)
	f.add("line", "%s", place(d.Line))
	f.add("scopes", "%s", strings.Join(e.Scopes, ", "))
	for i := range e.Stated {
		if s := &e.Stated[i]; s.FixedIn != "" {
			f.add("fix", "in %s, says %s", s.FixedIn, cmp.Or(s.Author, s.Source))
		}
	}
	f.add("presence", "%s, %s", e.Presence.Status, when(e.Presence.At))
	f.add("verified by", "%s", e.Verification.Method)
	if e.Verdict != nil {
		f.add("verdict", "%s: %s (%s)", e.Verdict.Outcome, e.Verdict.Reason, when(e.Verdict.CheckedAt))
	}
	if e.Claim != nil {
		f.add("claimed", "fixed, by %s on %s", e.Claim.By, when(e.Claim.At))
	}
	a.exception(&f, e.Exception)
	a.request(&f, e.Request)
	a.followUp(&f, d.FollowUp)
	if e.Proof != nil {
		f.add("proof", "%s, %s", e.Proof.Kind, when(e.Proof.At))
	}
	if e.Reopens > 0 {
		f.add("reopened", "%d times", e.Reopens)
	}
	if d.Workflow != nil {
		f.add("workflow", "%s (%s) %s", d.Workflow.WorkflowID, d.Workflow.Status, d.Workflow.URL)
	}
	f.print(a)
	if len(e.Decision.Why) > 0 {
		a.sayf("\nWhy")
		for _, why := range e.Decision.Why {
			a.sayf("  %s", clean(why))
		}
	}
	a.stated(e.Stated)
	a.related(d.Related)
	a.reported(e)
	a.ladder(d.FollowUp)
	a.runs(d.Runs)
	a.sayf("\nStory")
	a.timeline(&d.Timeline)
}

// ownerFacts adds whose it is, perhaps is, and is not.
func ownerFacts(f *facts, e *exposure.Exposure) {
	if e.Owner.Team == "" {
		f.add("owner", "unowned since %s", when(e.Owner.Since))
		for i := range e.Owner.Likely {
			g := &e.Owner.Likely[i]
			f.add("perhaps", "%s, %.2f: %s", g.Team, g.Confidence, g.Why)
		}
	} else {
		f.add("owner", "%s, %.2f (%s)", e.Owner.Team, e.Owner.Confidence, e.Owner.How)
	}
	if e.Silent != "" {
		f.add("silent", "%s has left all reminders of its ticket unanswered", e.Silent)
	}
	for i := range e.Refused {
		f.add("not theirs", "%s, says %s: %s", e.Refused[i].Team, e.Refused[i].By, e.Refused[i].Reason)
	}
	if e.Bounces > 0 {
		f.add("bounced", "%d times", e.Bounces)
	}
}

// reported shows who found it.
func (a *app) reported(e *exposure.Exposure) {
	a.sayf("\nReported by")
	t := table{header: []string{"SOURCE", "CHECK", "SEVERITY", "STATUS", "LAST SEEN", "TITLE"}, wide: 5}
	for i := range e.Findings {
		r := &e.Findings[i]
		t.add(r.Source, r.Check, string(r.Severity), string(r.Status), when(r.LastSeen), r.Title)
	}
	a.print(&t)
}

// related shows what else on the asset speaks of the same CVEs.
func (a *app) related(list []exposure.Related) {
	if len(list) == 0 {
		return
	}
	a.sayf("\nRelated")
	t := table{header: []string{"ID", "WEAKNESS", "LOCATION", "STATE", "SOURCES", "BOTH NAME"}, wide: 5}
	for i := range list {
		r := &list[i]
		t.add(string(r.ID), r.Weakness, r.Location, string(r.State), listed(r.Sources), listed(r.CVEs))
	}
	a.print(&t)
}

// stated shows what authors of VEX say of it.
func (a *app) stated(list []exposure.Stated) {
	if len(list) == 0 {
		return
	}
	a.sayf("\nStated by")
	t := table{header: []string{"AUTHOR", "SOURCE", "SAYS", "BECAUSE", "OF", "WHEN", "IMPACT"}, wide: 6}
	for i := range list {
		s := &list[i]
		says := strings.ReplaceAll(string(s.Status), "_", " ")
		if s.FixedIn != "" {
			says += " in " + s.FixedIn
		}
		impact := s.Impact
		if impact == "" {
			impact = s.Action
		}
		t.add(s.Author, s.Source, says, strings.ReplaceAll(s.Justification, "_", " "), s.Vulnerability, when(s.At), impact)
	}
	a.print(&t)
}

func (a *app) exception(f *facts, x *exposure.Exception) {
	if x == nil {
		return
	}
	end := "until " + when(x.Until)
	if x.Until.IsZero() {
		end = "no date"
	}
	if len(x.EndsOn) > 0 {
		end += ", or on " + strings.Join(x.EndsOn, ", ")
	}
	f.add(string(x.Kind), "by %s: %s (%s)", x.By, x.Reason, end)
	if len(x.Approvals) > 0 {
		f.add("approved", "%s", approvals(x.Approvals))
	}
}

// followUp shows by which calendar it is due, why its clock stands still, and what comes
// next.
func (a *app) followUp(f *facts, u *apiclient.FollowUp) {
	if u == nil {
		return
	}
	if u.Calendar != "" {
		f.add("calendar", "%s (%s)", u.Calendar, u.Timezone)
	}
	if w := u.Waiting; w != nil {
		f.add("waits", "for a %s until %s, says %s: %s %s", strings.ReplaceAll(w.For, "_", " "), when(w.Until), w.By, w.Reason, w.Reference)
	}
	if u.Waited != "" {
		f.add("clock", "stands still for %s altogether", u.Waited)
	}
	if u.Next != "" {
		f.add("next", "%s, %s", u.Next, when(u.NextAt))
	}
}

// ladder shows the reminders and escalations of its ticket.
func (a *app) ladder(u *apiclient.FollowUp) {
	if u == nil || len(u.Ladder) == 0 {
		return
	}
	a.sayf("\nFollow-up")
	t := table{header: []string{"WHEN", "WHAT", "TO", "SENT"}, wide: 2}
	for i := range u.Ladder {
		r := &u.Ladder[i]
		sent := ""
		if !r.Sent.IsZero() {
			sent = when(r.Sent)
		}
		t.add(when(r.At), r.Kind, r.To, sent)
	}
	a.print(&t)
}

// request shows an exception that waits for approval.
func (a *app) request(f *facts, q *exposure.Request) {
	if q == nil {
		return
	}
	end := "until " + when(q.Until)
	if len(q.EndsOn) > 0 {
		end += ", or on " + strings.Join(q.EndsOn, ", ")
	}
	f.add("asked for", "%s by %s: %s (%s)", strings.ReplaceAll(string(q.Kind), "_", " "), q.By, q.Reason, end)
	f.add("approvals", "%d of %d; %s may approve, until %s", len(q.Approvals), q.Quorum, strings.Join(q.Approvers, " or "), when(q.Expires))
	f.add("approved", "%s", approvals(q.Approvals))
}

func approvals(list []exposure.Approval) string {
	lines := make([]string, len(list))
	for i, x := range list {
		lines[i] = "by " + x.By + " on " + when(x.At)
	}
	return strings.Join(lines, ", ")
}

func (a *app) timeline(s *apiclient.Story) {
	t := table{header: []string{"WHEN", "WHAT", "STATE", "WHO", "WHY"}, wide: 4}
	for i := range s.Items {
		ev := &s.Items[i]
		state := string(ev.To)
		if ev.From != "" && ev.From != ev.To {
			state = string(ev.From) + " → " + string(ev.To)
		}
		why := ev.Reason
		if ev.Verdict != nil && why == "" {
			why = ev.Verdict.Reason
		}
		t.add(when(ev.At), string(ev.Kind), state, ev.Actor.Name, why)
	}
	a.print(&t)
	if !s.Verified {
		a.notef("%s: the chain of events is broken: %s", a.paint(a.Err).as(red, "warning"), clean(s.Problem))
	}
}
