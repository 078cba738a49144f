package gitlabissues

import (
	"context"
	"net/url"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/marked"
	"github.com/quellsec/quell/internal/fault"
)

// FindByMarker implements connectors.Tracker: first among the issues with the marker's label
// in the configured projects, then in the descriptions of all issues that the token sees,
// which finds what was moved elsewhere, or lost its label. Both ask the database, and no index
// that lags.
func (t *Tracker) FindByMarker(ctx context.Context, marker string) (connectors.Issue, error) {
	if !marked.ValidMarker(marker) {
		return connectors.Issue{}, fault.New(fault.Invalid, "finding an issue: this is no marker of ours")
	}
	key, err := t.listed(ctx, marker)
	if err == nil && key == "" {
		key, err = t.described(ctx, marker)
	}
	if err != nil {
		return connectors.Issue{}, err
	}
	if key == "" {
		return connectors.Issue{}, fault.New(fault.NotFound, "finding the issue of %s: there is none", marker)
	}
	return t.Get(ctx, key)
}

// listed looks at the issues with the marker's label; of several that are ours, the oldest.
func (t *Tracker) listed(ctx context.Context, marker string) (string, error) {
	me, err := t.whoami(ctx)
	if err != nil {
		return "", err
	}
	for _, path := range t.config.all() {
		key := ""
		query := url.Values{"labels": {bucketPrefix + marked.Bucket(marker)}, "order_by": {"created_at"}, "sort": {"asc"}}
		err := t.list(ctx, projectPath(path)+"/issues", query, func(x *wireIssue) bool {
			if t.carries(x, marker, me) {
				key = x.place(path).key()
			}
			return key != ""
		})
		if key != "" || err != nil {
			return key, err
		}
	}
	return "", nil
}

func (t *Tracker) carries(x *wireIssue, marker, me string) bool {
	_, ok := marked.Markdown.Find(x.Description, marker)
	return ok && t.ours(x.Author.Username, me)
}

// described looks for the marker in descriptions.
func (t *Tracker) described(ctx context.Context, marker string) (string, error) {
	me, err := t.whoami(ctx)
	if err != nil {
		return "", err
	}
	key := ""
	query := url.Values{"search": {marker}, "in": {"description"}, "order_by": {"created_at"}, "sort": {"asc"}}
	err = t.list(ctx, "issues", query, func(x *wireIssue) bool {
		if at := x.place(""); at.project != "" && t.carries(x, marker, me) {
			key = at.key()
		}
		return key != ""
	})
	return key, err
}

// successor gives the issue to which another one was moved.
func (t *Tracker) successor(ctx context.Context, x *wireIssue) (*wireIssue, error) {
	unseen := fault.New(fault.Denied, "reading an issue that was moved: it went to where we may not look")
	block, ok := marked.Markdown.Any(x.Description)
	if !ok {
		return nil, unseen
	}
	var found *wireIssue
	query := url.Values{"search": {block.Marker}, "in": {"description"}}
	err := t.list(ctx, "issues", query, func(other *wireIssue) bool {
		if other.ID == x.MovedToID && other.place("").project != "" {
			found = other
		}
		return found != nil
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, unseen
	}
	return found, nil
}

// Create implements connectors.Tracker. It looks first whether an earlier call made the
// issue.
func (t *Tracker) Create(ctx context.Context, issue connectors.Issue) (connectors.Issue, error) {
	if !marked.ValidMarker(issue.Marker) {
		return connectors.Issue{}, fault.New(fault.Invalid, "creating an issue: its marker can't be written")
	}
	key, err := t.listed(ctx, issue.Marker)
	if err != nil {
		return connectors.Issue{}, err
	}
	if key != "" {
		return t.Get(ctx, key)
	}
	at := place{project: t.config.Project}
	if own := t.config.Projects[issue.Team]; own != "" {
		at.project = own
	}
	var x wireIssue
	issue.Status = ""
	patch, err := t.patch(ctx, &x, at, &issue)
	if err != nil {
		return connectors.Issue{}, err
	}
	patch["title"], patch["confidential"] = marked.Line(issue.Title, longestTitle), t.config.Confidential
	if err := t.write(ctx, at, patch, &x); err != nil {
		return connectors.Issue{}, err
	}
	return t.issue(ctx, &x, x.place(at.project))
}
