package cobalt

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what the states of a finding mean. A fix that waits for its test is none
// yet.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"new": exposure.StatusOpen, "triaging": exposure.StatusOpen, "need_fix": exposure.StatusOpen, "check_fix": exposure.StatusOpen, "valid_fix": exposure.StatusFixed,
	"wont_fix": exposure.StatusSuppressed, "carried_over": exposure.StatusArchived, "invalid": exposure.StatusArchived, "out_of_scope": exposure.StatusArchived, "duplicate": exposure.StatusArchived,
}

const mostTargets = 100

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	findings    int
	first, last time.Time
}

// finding emits one finding on each of its targets.
func (d *decoding) finding(e *report.Emitter, it *entry, raw []byte) error {
	res := it.Resource
	id := connectors.Ident(res.ID.String())
	if id == "" {
		e.Skip("finding_without_id")
		return nil
	}
	f := exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + id, Title: cmp.Or(res.Title.String(), "Cobalt finding "+id),
		Description: connectors.Redact(res.Description.String()), Remediation: res.Fix.String(), Evidence: connectors.Redact(res.Proof.String()),
		RawSeverity: res.Severity.String(), Severity: connectors.Severity(res.Severity.String()), Status: statuses.Of(res.State.String()), StatusNote: res.State.String(),
		CVEs:   connectors.CVEs(strings.FieldsFunc(res.Title.String(), func(c rune) bool { return strings.ContainsRune(" ,;:()[]", c) })),
		Vendor: wire.Rest(raw, "resource.id", "resource.title", "resource.description", "resource.severity", "resource.affected_targets", "resource.proof_of_concept", "resource.suggested_fix", "resource.state", "links"),
	}
	f.FirstSeen, f.LastSeen = res.times()
	if it.Links.UI.URL != "" {
		f.References = []string{it.Links.UI.URL.String()}
	}
	if res.Category != "" {
		f.Tags = []string{res.Category.String()}
	}
	d.note(&f)
	targets := res.Targets
	if len(targets) == 0 {
		targets = wire.Texts{""}
	}
	for i, target := range targets {
		if i == mostTargets {
			e.Skip("more_targets_than_fit")
			break
		}
		one := f
		at := connectors.ParseAddress(target)
		one.Target, one.Location = at.Without(target), ""
		desc := d.asset(res, at, target)
		if desc.Kind == asset.Host {
			one.Location = at.Location()
		}
		one.UID = connectors.UID(id, one.Location)
		if err := e.Observe(desc, &one); err != nil {
			return err
		}
	}
	return nil
}

// times are when a finding was made, and when it got the state that it is in.
func (res *resource) times() (first, last time.Time) {
	for _, entry := range res.Log {
		at := entry.At.Time
		if at.IsZero() {
			continue
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if entry.Action != "state_changed" || strings.EqualFold(entry.Value.String(), res.State.String()) {
			if at.After(last) {
				last = at
			}
		}
	}
	return first, last
}

func (d *decoding) note(f *exposure.Finding) {
	d.findings++
	if !f.FirstSeen.IsZero() && (d.first.IsZero() || f.FirstSeen.Before(d.first)) {
		d.first = f.FirstSeen
	}
	if f.LastSeen.After(d.last) {
		d.last = f.LastSeen
	}
}

// asset is a target's host; what is no address is the asset that Cobalt names.
func (d *decoding) asset(res *resource, at connectors.Address, target string) *asset.Description {
	desc := &asset.Description{Kind: asset.Host, Zone: d.config.Zone, Tags: map[string]string{}}
	for key, value := range map[string]string{"cobalt_asset": res.Asset.String(), "cobalt_pentest": res.Pentest.String()} {
		if value != "" {
			desc.Tags[key] = value
		}
	}
	if strings.ContainsAny(at.Host, ".:") && !strings.Contains(at.Host, " ") {
		desc.Identifiers = connectors.HostIdentifiers(d.config.Zone, []string{at.Host}, nil, nil)
		desc.Name = connectors.Ident(at.Host)
	}
	if len(desc.Identifiers) > 0 {
		return desc
	}
	desc.Kind = asset.WebApplication
	id := connectors.Ident(res.Asset.String())
	desc.Name = cmp.Or(connectors.Ident(target), id, "unnamed asset")
	switch {
	case target == "" && id != "":
		desc.Identifiers = []asset.Identifier{{Kind: asset.SourceAssetID, Value: id}}
	default:
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: desc.Name}}
	}
	return desc
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Started: d.first, Finished: d.last, Tool: Name,
		ID: connectors.RunID(Name, d.first, d.last, strconv.Itoa(d.findings)), Counts: map[string]int{"received": d.findings},
	}
}
