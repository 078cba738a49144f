package activities

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
)

// Directory knows who stands behind teams and scopes.
type Directory interface {
	Manager(team string) string           // a person; empty for none
	ScopeOwners(scopes []string) []string // teams, each once
}

// askAtOnce is how many likely teams are asked at a time.
const askAtOnce = 2

// unownedMessages are about an asset rather than one weakness: whoever takes the asset,
// takes them all. There is one for each addressee of the rung, and always one at least.
// The teams that may own it are found at that moment, not as they were when it became
// unowned.
func (a *Activities) unownedMessages(ctx context.Context, e *exposure.Exposure, nudge string, count int) ([]connectors.Message, error) {
	step := strings.Split(nudge, "/")[1]
	likely := e.Owner.Likely
	owned, err := a.assetOf(ctx, e)
	if err != nil {
		return nil, err
	}
	if owned.ID != "" {
		if as := a.Assess.Assess(*e, owned, a.now()); as.Owner.Team == "" {
			likely = as.Owner.Likely
		}
	}
	m := connectors.Message{Kind: "unowned", Subjects: []string{string(e.Asset)}, Subject: "Nobody owns " + lifecycle.Plain(e.AssetName, 120),
		Text: fmt.Sprintf("%s has exposures that nobody owns, since %s; it has to have an owner by %s. The most pressing: %s (%s, due %s).",
			text(e.AssetName), e.Owner.Since.Format(time.DateOnly), e.Owner.Since.Add(a.Policy.OwnerWithin).Format(time.DateOnly), text(e.Title), e.Severity, date(e.Due)),
		Actions: []connectors.Action{{Kind: string(lifecycle.DecideClaim), Subject: "exposure:" + string(e.ID), Label: "It's ours", Primary: true},
			{Kind: string(lifecycle.DecideNotOurs), Subject: "exposure:" + string(e.ID), Label: "Not ours"}}}
	if count > 1 {
		m.Text += fmt.Sprintf(" %d exposures wait for one.", count)
	}
	for i := range likely {
		m.Text += fmt.Sprintf("\n- perhaps %s (%.2f: %s)", text(likely[i].Team), likely[i].Confidence, text(likely[i].Why))
	}
	m.Text += "\n\nClaim it, say that it isn't yours, or give its asset an owner."
	asked := a.addressees(a.Policy.unownedTo(step), e, likely)
	out := make([]connectors.Message, len(asked))
	for i, to := range asked {
		out[i] = m
		out[i].To, out[i].Cause = to, string(e.Asset)+"|unowned|"+step
		if i > 0 {
			out[i].Cause += "|" + to
		}
		out[i].Subjects = []string{string(e.Asset)}
	}
	return out, nil
}

// unownedTo is whom a rung tells.
func (p *Policy) unownedTo(step string) string {
	if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(p.UnownedTo) {
		return p.UnownedTo[i]
	}
	return Escalation
}

// addressees are the teams, people and channels that a rung means. Nothing waits for
// nobody: where there is none of the sort, it is the escalation.
func (a *Activities) addressees(to string, e *exposure.Exposure, likely []exposure.Guess) []string {
	var out []string
	add := func(who string) {
		for _, already := range out {
			if already == who {
				return
			}
		}
		if who != "" {
			out = append(out, who)
		}
	}
	likely = likely[:min(len(likely), askAtOnce)]
	switch to {
	case ownership.ToLikely:
		for i := range likely {
			add(likely[i].Team)
		}
	case ownership.ToManagers:
		for i := range likely {
			if a.Directory == nil {
				break
			}
			if name := a.Directory.Manager(likely[i].Team); name != "" {
				add("@" + name)
			}
		}
	case ownership.ToScope:
		if a.Directory != nil {
			for _, team := range a.Directory.ScopeOwners(e.Scopes) {
				add(team)
			}
		}
	default:
		add(to)
	}
	if len(out) == 0 {
		return []string{Escalation}
	}
	return out
}
