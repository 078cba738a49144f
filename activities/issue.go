package activities

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// maxRows is how many exposures a ticket lists; the rest is counted.
const maxRows = 50

// issueOf is the ticket of a remediation as it should be, all but its status. It is a
// function of the members alone, so that equal members give an equal ticket.
func issueOf(r *lifecycle.Remediation, members []member, url string) connectors.Issue {
	s := stand(members)
	lead := leading(members)
	issue := connectors.Issue{
		Key: r.Ticket, Marker: r.ID, Title: titleOf(r, members, lead), Team: r.Owner, Due: s.due, Priority: string(lead.outcome),
		Labels: map[string]string{"quell": r.ID, "severity": string(lead.severity)}, Parent: r.Parent, Facts: factsOf(r, members, lead),
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** owns this. Decision: **%s**, due **%s**.\n", text(r.Owner), word(string(lead.outcome), "not made"), date(s.due))
	if len(lead.why) > 0 {
		b.WriteString("\n## Why\n\n")
		for _, why := range lead.why[:min(len(lead.why), 12)] {
			b.WriteString("- " + text(why) + "\n")
		}
	}
	b.WriteString("\n## How to fix it\n\n" + fixOf(r, lead) + "\n")
	b.WriteString("\n## What is affected\n\n")
	table(&b, members, url)
	if p := r.Previous; p != nil {
		earlier := text(p.Ticket)
		if p.URL != "" {
			earlier = "[" + earlier + "](" + p.URL + ")"
		}
		b.WriteString("\n## Before\n\nThe same was fixed before, under " + earlier + ".\n")
	}
	b.WriteString("\n## How the fix is verified\n\n" + verifiedBy(members) +
		" Moving this ticket to done is taken as a claim: what is still there reopens it, with the evidence.\n")
	issue.Description = b.String()
	return issue
}

// issueOf is the ticket of a remediation as it should be, for the tracker that it is in.
func (a *Activities) issueOf(r *lifecycle.Remediation, members []member) connectors.Issue {
	issue := issueOf(r, members, a.Policy.PublicURL)
	if a.Assignee != nil {
		issue.Assignee = a.Assignee(r.Owner, r.Tracker)
	}
	return issue
}

// leading is the most pressing member: of the live ones if there are any.
func leading(members []member) member {
	if len(members) == 0 {
		return member{severity: exposure.SeverityUnknown}
	}
	return slices.MaxFunc(members, func(x, y member) int {
		switch {
		case x.state.Live() != y.state.Live():
			return late(y.state.Live()) - late(x.state.Live())
		case x.outcome.Rank() != y.outcome.Rank():
			return x.outcome.Rank() - y.outcome.Rank()
		case x.severity.Rank() != y.severity.Rank():
			return x.severity.Rank() - y.severity.Rank()
		case !x.due.Equal(y.due):
			return compareDue(y.due, x.due)
		}
		return strings.Compare(string(y.id), string(x.id))
	})
}

func titleOf(r *lifecycle.Remediation, members []member, lead member) string {
	if len(members) == 0 {
		return "Nothing is left to fix here"
	}
	what := lifecycle.Plain(lead.title, 140)
	if pkg, ok := strings.CutPrefix(r.Fix, "pkg:"); ok {
		what = "Upgrade " + lifecycle.Plain(pkg, 120)
	}
	where := map[string]bool{}
	for i := range members {
		where[members[i].asset] = true
	}
	if len(where) == 1 {
		return what + " on " + lifecycle.Plain(lead.asset, 80)
	}
	return what + " on " + strconv.Itoa(len(where)) + " assets"
}

func fixOf(r *lifecycle.Remediation, lead member) string {
	var parts []string
	if pkg, ok := strings.CutPrefix(r.Fix, "pkg:"); ok {
		upgrade := "Upgrade " + text(pkg)
		if lead.fixedIn != "" {
			upgrade += " to " + text(lead.fixedIn) + " or later"
		}
		parts = append(parts, upgrade+".")
	}
	if lead.fixText != "" {
		parts = append(parts, text(lead.fixText))
	}
	if len(parts) == 0 {
		return "No source says how. Look up " + text(lead.weakness) + " at its vendor, or take the exposed service away."
	}
	return strings.Join(parts, "\n\n")
}

func table(b *strings.Builder, members []member, url string) {
	b.WriteString("| asset | where | weakness | severity | state | due |\n|---|---|---|---|---|---|\n")
	for i := range members[:min(len(members), maxRows)] {
		m := &members[i]
		asset := text(m.asset)
		if url != "" {
			asset = "[" + asset + "](" + url + "/exposures/" + string(m.id) + ")"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", asset, text(m.location), text(m.weakness), m.severity, stateOf(m), date(m.due))
	}
	if more := len(members) - maxRows; more > 0 {
		fmt.Fprintf(b, "\n… and %d more.\n", more)
	}
}

func stateOf(m *member) string {
	switch {
	case m.state == exposure.Closed && !m.closed.IsZero():
		return "closed " + m.closed.Format(time.DateOnly)
	case m.state.Excepted() && m.except != nil && !m.except.Until.IsZero():
		return strings.ReplaceAll(string(m.state), "_", " ") + " until " + m.except.Until.Format(time.DateOnly)
	}
	return strings.ReplaceAll(string(m.state), "_", " ")
}

func verifiedBy(members []member) string {
	probed, covered := 0, 0
	for i := range members {
		if members[i].method.Probes() {
			probed++
		} else {
			covered++
		}
	}
	switch {
	case covered == 0:
		return "A probe tests it as soon as somebody says that it is fixed."
	case probed == 0:
		return "The next complete scan of the source that reported it will tell."
	}
	return fmt.Sprintf("A probe tests %d of them as soon as somebody says that they are fixed; the next complete scan of their source tells of the other %d.", probed, covered)
}

// digest is equal for tickets that read the same and should have the same status.
func digest(issue *connectors.Issue, status string) string {
	parts := []any{issue.Title, issue.Description, issue.Team, issue.Due, issue.Priority, issue.Labels, status}
	if issue.Assignee != "" || issue.Parent != "" {
		parts = append(parts, issue.Assignee, issue.Parent)
	}
	b, err := json.Marshal(parts)
	if err != nil { // strings and times marshal
		panic("hashing an issue: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// text makes foreign text harmless in Markdown: one paragraph, nothing that would begin
// a link, a table cell, a mention or a tag of its own.
func text(s string) string {
	s = lifecycle.Plain(s, 2000)
	return strings.NewReplacer("@", "@\u200b", "_", "\\_", "~", "\\~", "#", "\\#").Replace(s)
}

func word(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return strings.ReplaceAll(s, "_", " ")
}
