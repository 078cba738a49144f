package jira

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/fault"
)

// wireProject is a project, as far as it tells why an issue can't be seen.
type wireProject struct {
	ID       string `json:"id"`
	Key      string `json:"key"`
	Archived bool   `json:"archived"`
}

type wirePermissions struct {
	Permissions map[string]struct {
		Have bool `json:"havePermission"`
	} `json:"permissions"`
}

// missing tells why Jira answers 404 for an issue: it says the same of what is gone and of
// what may not be seen ("Issue does not exist or you do not have permission to see it").
// Only where the project is there, in use, open to us, and hides no single issues, is it
// gone for sure.
func (t *Tracker) missing(ctx context.Context, key string) error {
	project, _, found := strings.Cut(key, "-")
	if !found { // by its ID: nothing tells where it was
		return fault.New(fault.NotFound, "reading issue %s: it is not there", key)
	}
	if err := t.visible(ctx, project); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding out why issue "+key+" is not shown")
	}
	secured, err := t.secured(ctx, project)
	if err != nil {
		return err
	}
	if secured {
		return fault.New(fault.Denied, "reading issue %s: it is deleted, or has a security level that hides it from quell; give quell's account a place in every security level of project %s", key, project)
	}
	return fault.New(fault.NotFound, "reading issue %s: it is deleted", key)
}

// visible is an error that says why issues of a project can't be seen; nil where they can.
func (t *Tracker) visible(ctx context.Context, project string) error {
	var p wireProject
	err := t.client.get(ctx, "project/"+segment(project), nil, &p)
	switch {
	case fault.Is(err, fault.NotFound):
		return fault.New(fault.Denied, "looking at project %s: it is deleted, or quell's account may not see it; it needs the permission Browse Projects", project)
	case err != nil:
		return fault.Wrap(fault.KindOf(err), err, "looking at project "+project)
	case p.Archived:
		return fault.New(fault.Denied, "looking at project %s: it is archived, and its issues with it; restore it, or send tickets elsewhere", project)
	}
	have, err := t.permissions(ctx, project, "BROWSE_PROJECTS")
	if err != nil {
		return err
	}
	if !have["BROWSE_PROJECTS"] {
		return fault.New(fault.Denied, "looking at project %s: quell's account needs the permission Browse Projects", project)
	}
	return nil
}

// permissions gives which of some permissions we have in a project.
func (t *Tracker) permissions(ctx context.Context, project string, names ...string) (map[string]bool, error) {
	var answer wirePermissions
	err := t.client.get(ctx, "mypermissions", url.Values{"projectKey": {project}, "permissions": {strings.Join(names, ",")}}, &answer)
	if fault.Is(err, fault.NotFound) {
		return map[string]bool{}, nil // the project is hidden from us
	}
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "asking for quell's permissions in project "+project)
	}
	out := map[string]bool{}
	for name, p := range answer.Permissions {
		out[name] = p.Have
	}
	return out, nil
}

// secured reports whether single issues of a project may be hidden. Where we may not know,
// they are taken not to be: most projects have no such scheme.
func (t *Tracker) secured(ctx context.Context, project string) (bool, error) {
	var scheme struct {
		ID any `json:"id"`
	}
	err := t.client.get(ctx, "project/"+segment(project)+"/issuesecuritylevelscheme", nil, &scheme)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) || fault.Is(err, fault.Invalid) {
		return false, nil
	}
	if err != nil {
		return false, fault.Wrap(fault.KindOf(err), err, "looking at the security levels of project "+project)
	}
	return scheme.ID != nil, nil
}

// seeFor is how long a project that could be seen is taken to be still so.
const seeFor = time.Minute

// allVisible is an error where a project that our tickets may be in can't be seen: then a
// search that finds nothing proves nothing.
func (t *Tracker) allVisible(ctx context.Context) error {
	for project := range t.config.projects() {
		t.mu.Lock()
		seen, known := t.open[project]
		t.mu.Unlock()
		if known && t.now().Sub(seen) < seeFor {
			continue
		}
		if err := t.visible(ctx, project); err != nil {
			return err
		}
		t.mu.Lock()
		t.open[project] = t.now()
		t.mu.Unlock()
	}
	return nil
}
