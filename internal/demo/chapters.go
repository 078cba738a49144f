package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/daemon"
	"github.com/quellsec/quell/internal/demo/weakapp"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

func (s *story) validation(ctx context.Context) error {
	refuted, err := s.waitFor(ctx, backupArchive, "to be refuted", in(exposure.FalsePositive))
	if err != nil {
		return err
	}
	if refuted.Verdict == nil || len(refuted.Verdict.Evidence) == 0 {
		return fault.New(fault.Internal, "the refutation has no evidence")
	}
	s.say("%s is a false positive: %s", refuted.Title, refuted.Verdict.Reason)
	evidence, err := s.Client.Evidence(ctx, refuted.Verdict.Evidence[0], refuted.ID)
	if err != nil {
		return err
	}
	s.say("evidence %s… seen from vantage %q by template %s", refuted.Verdict.Evidence[0][:12], evidence.Value.Vantage, evidence.Value.Template)
	confirmed, err := s.waitFor(ctx, gitConfig, "to be confirmed", in(exposure.Open))
	if err != nil {
		return err
	}
	s.say("%s is real: %s", confirmed.Title, confirmed.Verdict.Reason)
	s.say("its workflow: %s", link(&confirmed))
	return nil
}

func (s *story) mobilization(ctx context.Context) error {
	d, err := s.waitFor(ctx, gitConfig, "to have a ticket", func(d *apiclient.Detail) bool { return d.Ticket != "" })
	if err != nil {
		return err
	}
	t, err := s.desk.ticket(ctx, d.Ticket)
	if err != nil {
		return err
	}
	if d.Owner.Team != webTeam {
		return fault.New(fault.Internal, "the exposure is %s's, and not %s's", d.Owner.Team, webTeam)
	}
	s.say("ticket %s for team %s (%s), due %s: %s", t.key, d.Owner.Team, d.Owner.How, d.Due.Format("2006-01-02"), t.title)
	if t.url != "" {
		s.say("look at it: %s", t.url)
	}
	for _, why := range d.Decision.Why {
		s.say("  because %s", why)
	}
	return nil
}

// status waits until a ticket's status is as wanted.
func (s *story) status(ctx context.Context, key, what string, wanted func(ticket) bool) (ticket, error) {
	var t ticket
	err := daemon.Until(ctx, patience, "ticket "+key+" "+what, func(ctx context.Context) (bool, error) {
		found, err := s.desk.ticket(ctx, key)
		t = found
		return err == nil && wanted(t), err
	})
	return t, err
}

func (s *story) closedTooEarly(ctx context.Context) error {
	d, err := s.waitFor(ctx, gitConfig, "to be open", in(exposure.Open))
	if err != nil {
		return err
	}
	before, err := s.desk.ticket(ctx, d.Ticket)
	if err != nil {
		return err
	}
	if err := s.desk.close(ctx, d.Ticket); err != nil {
		return err
	}
	s.say("ticket %s is moved to done by a person. That is a claim, not a proof: quell tests again", d.Ticket)
	t, err := s.status(ctx, d.Ticket, "to be reopened", func(t ticket) bool {
		return !t.done && len(t.comments) > len(before.comments)
	})
	if err != nil {
		return err
	}
	d, err = s.waitFor(ctx, gitConfig, "to be open again", in(exposure.Open))
	if err != nil {
		return err
	}
	s.say("still there: %s", d.Verdict.Reason)
	s.say("ticket %s is open again, with the evidence in a comment: %q", t.key, firstLine(t.comments[len(t.comments)-1]))
	return nil
}

func (s *story) proof(ctx context.Context) error {
	if err := s.app.Set(weakapp.GitConfig, false); err != nil { //nolint:contextcheck // a switch of the app, no request
		return err
	}
	d, err := s.waitFor(ctx, gitConfig, "to be open", in(exposure.Open))
	if err != nil {
		return err
	}
	if err := s.desk.close(ctx, d.Ticket); err != nil {
		return err
	}
	s.say("the web team takes .git out of the web root and closes %s", d.Ticket)
	d, err = s.waitFor(ctx, gitConfig, "to be closed", in(exposure.Closed))
	if err != nil {
		return err
	}
	if d.Proof == nil || d.Proof.Verdict == nil || len(d.Proof.Verdict.Evidence) == 0 {
		return fault.New(fault.Internal, "it closed without a proof")
	}
	if _, err := s.status(ctx, d.Ticket, "to be done", func(t ticket) bool { return t.done }); err != nil {
		return err
	}
	s.say("closed with proof: %s (evidence %s…)", d.Proof.Verdict.Reason, d.Proof.Verdict.Evidence[0][:12])
	return nil
}

func (s *story) unowned(ctx context.Context) error {
	d, err := s.waitFor(ctx, debugConsole, "to be open and unowned", func(d *apiclient.Detail) bool {
		return d.State == exposure.Open && d.Owner.Team == ""
	})
	if err != nil {
		return err
	}
	var to, what string
	err = daemon.Until(ctx, patience, "the escalation", func(ctx context.Context) (bool, error) {
		to, what, err = s.desk.told(ctx, &d)
		return what != "", err
	})
	if err != nil {
		return err
	}
	s.say("told to %s: %s", to, what)
	decided, err := s.Client.Decide(ctx, d.ID, apiclient.Decision{Kind: "claim", Team: filesTeam, Reason: "we run the file store"}, "demo-claim", 0)
	if err != nil {
		return err
	}
	s.say("%s", decided.Value.Message)
	d, err = s.waitFor(ctx, debugConsole, "to have a ticket", func(d *apiclient.Detail) bool { return d.Ticket != "" && d.Owner.Team == filesTeam })
	if err != nil {
		return err
	}
	s.say("it has an owner (%s) and a ticket (%s) now", d.Owner.Team, d.Ticket)
	return nil
}

func (s *story) acceptance(ctx context.Context) error {
	d, err := s.waitFor(ctx, clusterEnv, "to be open", in(exposure.Open))
	if err != nil {
		return err
	}
	decided, err := s.Client.Decide(ctx, d.ID, apiclient.Decision{Kind: "accept_risk", Reason: "replaced next month", EndsOn: []string{"kev"}}, "demo-accept", 0)
	if err != nil {
		return err
	}
	s.say("%s", decided.Value.Message)
	if err := s.approve(ctx, d.ID); err != nil {
		return err
	}
	if _, err = s.waitFor(ctx, clusterEnv, "to be accepted", in(exposure.Accepted)); err != nil {
		return err
	}
	if err := s.importKEV(ctx, "testdata/kev-after.json"); err != nil {
		return err
	}
	d, err = s.waitFor(ctx, clusterEnv, "to be worked on again", in(exposure.Validating, exposure.Open))
	if err != nil {
		return err
	}
	lapse, ok := lastOf(d.Timeline.Items, exposure.EventLapse)
	if !ok {
		return fault.New(fault.Internal, "the acceptance ended without an event that says so")
	}
	s.say("the acceptance of %s ended early: %s", clusterEnv, lapse.Reason)
	s.say("decided anew: %s, due %s", d.Decision.Outcome, d.Due.Format("2006-01-02"))
	return nil
}

// approve lets other people approve what was asked for, until nothing waits any more.
func (s *story) approve(ctx context.Context, id exposure.ID) error {
	for _, name := range []string{"bob", "eve"} {
		token, err := s.Client.CreateToken(ctx, apiclient.TokenRequest{Name: name, Role: "approver"})
		if err != nil {
			return err
		}
		other, err := apiclient.New(apiclient.Options{URL: s.URL, Token: token.Value.Text, Agent: "quell-demo"})
		if err != nil {
			return err
		}
		done, err := other.Decide(ctx, id, apiclient.Decision{Kind: "approve"}, "demo-approve", 0)
		other.Close()
		if err != nil {
			return err
		}
		s.say("%s approves. %s", name, done.Value.Message)
		if done.Value.State == exposure.Accepted {
			break
		}
	}
	return nil
}

func lastOf(events []exposure.Event, kind exposure.EventKind) (exposure.Event, bool) {
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Kind == kind {
			return events[i], true
		}
	}
	return exposure.Event{}, false
}

func (s *story) audit(ctx context.Context) error {
	d, err := s.waitFor(ctx, gitConfig, "to be closed", in(exposure.Closed))
	if err != nil {
		return err
	}
	if !d.Timeline.Verified {
		return fault.New(fault.Internal, "the chain of %s is broken: %s", d.ID, d.Timeline.Problem)
	}
	for _, ev := range d.Timeline.Items {
		move := string(ev.To)
		if ev.From != "" && ev.From != ev.To {
			move = string(ev.From) + " → " + string(ev.To)
		}
		fmt.Fprintf(s.out, "   %3d  %-16s %-26s %s\n", ev.Seq, ev.Kind, move, ev.Reason)
	}
	s.say("%d events, one unbroken chain of hashes; the machine's side of it: %s", len(d.Timeline.Items), link(&d))
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
