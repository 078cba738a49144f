package gitlab

import (
	"context"
	"strings"

	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
)

// graph walks an answer of the GraphQL API down to its vulnerabilities.
func (d *decoding) graph(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	d.page = true
	return r.Fields(func(key string) error {
		switch key {
		case "group", "project", "vulnerabilities":
			return d.graph(ctx, e, r)
		case "nodes":
			return d.each(ctx, r, func() error {
				var n node
				raw, ok := r.Into(largestItem, &n)
				if !ok {
					e.Skip("vulnerability_unreadable")
					return nil
				}
				return d.event(e, n.hook(), raw)
			})
		}
		return nil
	})
}

// hook is a vulnerability of the API in the words of the webhook.
func (n *node) hook() *hook {
	h := &hook{
		URL: n.WebURL, Title: n.Title, State: text(strings.ToLower(n.State.String())), ProjectID: text(lastPart(n.Project.ID.String())), Location: n.Location.location, CVSS: n.CVSS,
		Severity: text(strings.ToLower(n.Severity.String())), ReportType: text(strings.ToLower(n.ReportType.String())), CreatedAt: n.DetectedAt, UpdatedAt: n.UpdatedAt,
		ResolvedAt: n.ResolvedAt, DismissedAt: n.DismissedAt, DefaultBranch: n.DefaultBranch, DismissReason: text(strings.ToLower(n.Reason.String())),
		description: n.Description, solution: n.Solution, links: n.Links,
	}
	h.Location.StartLine, h.Location.System, h.Location.Method = n.Location.StartLine, n.Location.System, n.Location.Method
	for _, id := range n.Identifiers {
		h.Identifiers = append(h.Identifiers, identifier{ExternalType: id.Type, ExternalID: id.ID, Name: id.Name, URL: id.URL})
	}
	if number := lastPart(n.ID.String()); !strings.Contains(h.URL.String(), "/security/vulnerabilities/") && number != "" && n.Project.WebURL != "" {
		h.URL = text(n.Project.WebURL.String() + "/-/security/vulnerabilities/" + number)
	}
	return h
}

// lastPart is the number at the end of a global ID: "gid://gitlab/Project/50".
func lastPart(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }
