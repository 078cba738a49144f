package github

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

// Limits of one element. A repository of the GraphQL API holds a page of alerts.
const (
	largestAlert      = 4 << 20
	largestRepository = 16 << 20
	shortText         = 1 << 10
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	event       bool
	unknown     int
	id          string
	alerts      int
	first, last time.Time
}

// value reads one value at the top: a list of alerts, a webhook's event, a page that Pull
// wrote, or an answer of the GraphQL API.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	switch r.Kind() {
	case jsonpull.Array:
		return d.list(ctx, e, r, nil)
	case jsonpull.Object:
		return d.object(ctx, e, r)
	default:
		r.Fail("alerts are a list or an object")
		return nil
	}
}

func (d *decoding) list(ctx context.Context, e *report.Emitter, r *jsonpull.Reader, repo *repository) error {
	err := r.Each(ctx, func() error {
		a, ok := readAlert(r)
		if !ok {
			if r.OK() {
				e.Skip("alert_unreadable")
			}
			return nil
		}
		if a.Repository == nil {
			a.Repository = repo
		}
		return d.emit(e, a, event{})
	})
	if err == nil && d.alerts == 0 && d.unknown > 0 {
		r.Fail("none of what is listed is an alert")
	}
	return err
}

// readAlert reads one alert; what is returned doesn't outlast the next one.
func readAlert(r *jsonpull.Reader) (*alert, bool) {
	a := &alert{}
	raw, ok := r.Into(largestAlert, a)
	a.raw = raw
	return a, ok
}

// object reads an event or a page. In an event the alert comes before its repository, so
// it is kept until the end; in a page of ours the repository comes first.
func (d *decoding) object(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	var ev event
	var a *alert
	var repo *repository
	known, advice := false, false
	err := r.Fields(func(key string) error {
		switch key {
		case "action":
			ev.action = string(r.Text(shortText))
		case "ref":
			ev.ref = string(r.Text(shortText))
		case "commit_oid":
			ev.commit = string(r.Text(shortText))
		case "location":
			r.Into(largestAlert, &ev.place)
		case "alert":
			if one, ok := readAlert(r); ok {
				one.raw = bytes.Clone(one.raw)
				a = one
			}
		case "repository":
			repo = &repository{}
			r.Into(largestAlert, repo)
		case "security_advisory", "zen":
			known, advice = true, true
			r.Skip()
		case "alerts":
			known = true
			return d.list(ctx, e, r, repo)
		case "data":
			known = true
			return d.graph(ctx, e, r)
		}
		return nil
	})
	if err != nil || !r.OK() {
		return err
	}
	d.event = d.event || ev.action != ""
	switch {
	case a != nil:
		if a.Repository == nil {
			a.Repository = repo
		}
		return d.emit(e, a, ev)
	case known && advice:
		e.Skip("event_about_no_repository")
	case known:
	case repo != nil && ev.action != "":
		d.id = connectors.UID("repository", repo.ID.String(), ev.action)
		return e.Asset(describe(repo, ev.action))
	default:
		r.Fail("there is neither an alert nor a list of them")
	}
	return nil
}

// graph walks an answer of the GraphQL API down to its repositories.
func (d *decoding) graph(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	return r.Fields(func(key string) error {
		switch key {
		case "repository":
			return d.node(e, r)
		case "nodes":
			return r.Each(ctx, func() error { return d.node(e, r) })
		case "edges":
			return r.Each(ctx, func() error {
				return r.Fields(func(key string) error {
					if key == "node" {
						return d.node(e, r)
					}
					return nil
				})
			})
		case "repositoryOwner", "organization", "user", "viewer", "search", "repositories":
			return d.graph(ctx, e, r)
		}
		return nil
	})
}

// node reads one repository of the GraphQL API: its alerts, or that it exists.
func (d *decoding) node(e *report.Emitter, r *jsonpull.Reader) error {
	var n node
	if _, ok := r.Into(largestRepository, &n); !ok {
		if r.OK() {
			e.Skip("repository_unreadable")
		}
		return nil
	}
	repo := n.repository()
	if n.Alerts == nil {
		return e.Asset(describe(d.named(repo, ""), ""))
	}
	raws := n.Alerts.Nodes
	for _, edge := range n.Alerts.Edges {
		raws = append(raws, edge.Node)
	}
	for _, raw := range raws {
		var an alertNode
		if !wire.Unmarshal(raw, &an) {
			e.Skip("alert_unreadable")
			continue
		}
		a := an.alert()
		a.raw, a.Repository = raw, repo
		if err := d.emit(e, a, event{}); err != nil {
			return err
		}
	}
	return nil
}

// emit makes a finding of an alert.
func (d *decoding) emit(e *report.Emitter, a *alert, ev event) error {
	f, why := finding(a, ev)
	if why != "" {
		d.unknown++
		e.Skip(why)
		return nil
	}
	a.Repository = d.named(a.Repository, a.URL.String())
	d.note(a, f)
	if ev.action != "" {
		d.id = connectors.UID(a.Repository.ID.String(), f.UID, ev.action)
	}
	return e.Observe(withAssignees(describe(a.Repository, ev.action), a), f)
}

func (d *decoding) note(a *alert, f *exposure.Finding) {
	d.alerts++
	for _, at := range []time.Time{a.CreatedAt.Time, a.UpdatedAt.Time, f.LastSeen} {
		if at.IsZero() {
			continue
		}
		if d.first.IsZero() || at.Before(d.first) {
			d.first = at
		}
		if at.After(d.last) {
			d.last = at
		}
	}
}

// run says what is known of the run: an event speaks of one alert, a page is not the whole.
func (d *decoding) run(*report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Tool: Name,
		ID:      connectors.RunID(Name, d.first, d.last, d.id, strconv.Itoa(d.alerts)),
		Started: d.first, Finished: d.last, Counts: map[string]int{"received": d.alerts},
	}
	if d.event {
		run.Kind, run.Why = exposure.RunEvent, "an event is about one alert"
	}
	return run
}

// rest is what of an alert has no field of ours.
func rest(a *alert) json.RawMessage {
	return wire.Rest(a.raw, "id", "node_id", "number", "state", "url", "html_url", "created_at", "fixed_at", "dismissed_by", "dismissed_comment", "assignees",
		"repository", "dependency.package", "dependency.manifest_path", "security_advisory", "security_vulnerability.package", "security_vulnerability.first_patched_version",
		"rule", "tool.name", "instances", "instances_url", "locations_url", "secret", "secret_type_display_name", "resolved_by", "resolution_comment", "push_protection_bypassed_by",
		"push_protection_bypass_request_reviewer", "dismisser", "affected_package_name", "external_identifier", "external_reference", "ghsa_id", "fixed_in",
		"createdAt", "fixedAt", "dismisser", "dismissComment", "securityAdvisory", "securityVulnerability.advisory", "securityVulnerability.package", "securityVulnerability.firstPatchedVersion",
		"most_recent_instance.message")
}
