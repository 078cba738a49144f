package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/runbook"
)

// waitingFor are the requests that wait for each address, a line each, as the reminders
// address them: @person, or the escalation where only a token may have the role.
func (a *Activities) waitingFor(ctx context.Context, now time.Time) (map[string][]string, error) {
	out := map[string][]string{}
	add := func(people []string, line string) {
		if len(people) == 0 {
			out[Escalation] = append(out[Escalation], line)
		}
		for _, name := range people[:min(len(people), maxApprovers)] {
			out["@"+name] = append(out["@"+name], line)
		}
	}
	err := a.Records.EachExposure(ctx, exposure.Filter{Requested: true}, func(e exposure.Exposure) error {
		if q := e.Request; q != nil && e.State.Live() && now.Before(q.Expires) {
			add(a.askedOf(&e), fmt.Sprintf("%s asks that %s on %s count as %s, until %s: `quell exposures approve %s`",
				text(q.By), text(lifecycle.Plain(e.Title, 120)), text(e.AssetName), word(string(q.Kind), ""), date(q.Expires), e.ID))
		}
		return nil
	})
	if err != nil || a.Runbooks == nil {
		return out, err
	}
	list := exposure.List{Limit: sweepBatch}
	for {
		page, err := a.Runbooks.Store.FindRuns(ctx, "", runbook.Requested, list)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			r := &page.Items[i]
			if book, ok := a.Runbooks.Named(r.Runbook); ok && now.Before(r.Expires) {
				add(book.Approvers(r, now), fmt.Sprintf("%s asks that runbook %s be run for %s, until %s: `quell runbooks approve %s`",
					text(r.By), text(r.Runbook), text(r.Team), date(r.Expires), r.ID))
			}
		}
		if list.Cursor = page.Next; list.Cursor == "" {
			return out, nil
		}
	}
}

// digestWaiting names the first of the requests that wait for whom a digest is for.
func digestWaiting(b *strings.Builder, lines []string) {
	if len(lines) == 0 {
		return
	}
	const named = 5
	fmt.Fprintf(b, "\n**Waiting for your approval: %d**\n\n", len(lines))
	for _, line := range lines[:min(len(lines), named)] {
		b.WriteString("- " + line + "\n")
	}
	if more := len(lines) - named; more > 0 {
		fmt.Fprintf(b, "- … and %d more: `quell approvals` and `quell runbooks` list them\n", more)
	}
}
