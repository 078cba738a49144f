package declarative

import (
	"cmp"
	"hash/fnv"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

const (
	mostParts  = 10_000  // of one item
	mostAssets = 200_000 // whose coverage is told
)

// received takes one item of the document.
func (d *decoding) received(e *report.Emitter, item any) error {
	d.items++
	s := &d.scope
	s.failed = func(key string) { e.Skip("mapping_failed_" + key) }
	s.vars[nameItem], s.vars[namePart], s.vars[nameDoc], s.vars[nameReceived] = item, nil, d.walk.doc, d.items
	each := d.m.at("read.each")
	if each == nil {
		return d.part(e, item, nil)
	}
	list, ok := listOf(s.value(each)).(traits.Lister)
	if !ok {
		return nil
	}
	n := 0
	for it := list.Iterator(); it.HasNext() == types.True; n++ {
		if n == mostParts {
			e.Skip("more_parts_than_an_item_may_have")
			return nil
		}
		part := it.Next()
		s.vars[namePart] = part
		if err := d.part(e, item, part); err != nil {
			return err
		}
	}
	return nil
}

// part takes an item, or a part of one, which then is in the scope.
func (d *decoding) part(e *report.Emitter, item any, part ref.Val) error {
	s := &d.scope
	if d.m.has("read.where") && !s.truth(d.m.at("read.where")) {
		e.Skip("not_wanted_by_where")
		return nil
	}
	a := d.target
	if d.m.Asset.mapped() {
		if a = d.describe("asset", d.m.Asset); a != nil && d.last != nil && same(a, d.last) {
			a = d.last // consecutive findings share it
		}
	} else if a == nil {
		a = d.describe("target", d.m.Target.Asset)
		d.target = a
	}
	if a == nil {
		e.Skip("item_without_asset")
		return nil
	}
	if err := d.cover(e, a); err != nil {
		return err
	}
	d.last = a
	if !d.m.has("finding.check") {
		return nil
	}
	check := connectors.Ident(s.text(d.m.at("finding.check")))
	if check == "" {
		e.Skip("finding_without_check")
		return nil
	}
	f := d.finding(check)
	f.Vendor = d.rest(item, part)
	d.uids.Write([]byte(f.UID)) // never fails
	return e.Observe(a, f)
}

// cover tells once of each asset that an item is about. An inventory's are told as such.
func (d *decoding) cover(e *report.Emitter, a *asset.Description) error {
	if a == d.last || !d.m.Asset.mapped() {
		return nil
	}
	h := fnv.New64a()
	for _, id := range a.Identifiers {
		h.Write([]byte(id.Key())) // never fails
	}
	key := h.Sum64()
	if _, known := d.assets[key]; known && d.m.has("finding.check") {
		return nil
	}
	if len(d.assets) >= mostAssets {
		d.overflow = true
		return nil
	}
	d.assets[key] = struct{}{}
	if !d.m.has("finding.check") {
		return e.Asset(a)
	}
	return e.Cover(exposure.Coverage{Asset: *a, Outcome: exposure.TargetOK})
}

// containerEnded tells of the target that the document around a list of items looked at.
func (d *decoding) containerEnded(e *report.Emitter) error {
	d.target = nil
	if !d.m.Target.mapped() {
		return nil
	}
	s := &d.scope
	s.failed = func(key string) { e.Skip("mapping_failed_" + key) }
	s.vars[nameItem], s.vars[namePart], s.vars[nameDoc], s.vars[nameReceived] = nil, nil, d.walk.doc, d.items
	target := d.describe("target", d.m.Target.Asset)
	if target == nil {
		return nil
	}
	outcome := exposure.TargetOK
	if d.m.has("target.outcome") {
		outcome = exposure.TargetPartial // a word that we don't know proves nothing
		switch o := exposure.Outcome(s.text(d.m.at("target.outcome"))); o {
		case exposure.TargetOK, exposure.TargetUnreachable:
			outcome = o
		case exposure.TargetPartial:
		}
	}
	return e.Cover(exposure.Coverage{Asset: *target, Outcome: outcome, Locations: s.texts(d.m.at("target.locations"))})
}

// describe makes a description, nil of nothing that names an asset.
func (d *decoding) describe(prefix string, m Asset) *asset.Description {
	s := &d.scope
	a := &asset.Description{
		Kind: asset.Kind(m.Kind), Name: strings.TrimSpace(s.text(d.m.at(prefix + ".name"))), Zone: d.config.Zone, OS: s.text(d.m.at(prefix + ".os")),
		SeenAt: s.moment(d.m.at(prefix + ".seen_at")), Gone: s.truth(d.m.at(prefix + ".gone")),
	}
	if x := d.m.at(prefix + ".kind"); x != nil {
		a.Kind = asset.Kind(s.text(x))
	}
	if !slices.Contains(assetKinds, a.Kind) {
		a.Kind = asset.Host
	}
	a.Identifiers = d.identifiers(prefix, m)
	if len(a.Identifiers) == 0 && a.Name != "" {
		a.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: connectors.Ident(a.Name)}}
	}
	if len(a.Identifiers) == 0 {
		return nil
	}
	a.Name = cmp.Or(a.Name, a.Identifiers[0].Value)
	switch strings.ToLower(s.text(d.m.at(prefix + ".internet"))) {
	case "true", "yes":
		a.Internet = asset.InternetYes
	case "false", "no":
		a.Internet = asset.InternetNo
	}
	for _, name := range slices.Sorted(maps.Keys(m.Tags)) {
		if v := s.text(d.m.at(prefix + ".tags." + name)); v != "" {
			if a.Tags == nil {
				a.Tags = map[string]string{}
			}
			a.Tags[name] = v
		}
	}
	for _, from := range slices.Sorted(maps.Keys(m.Owners)) {
		for _, v := range s.texts(d.m.at(prefix + ".owners." + from)) {
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: v, From: from})
		}
	}
	return a
}

// identifiers are what an asset is known by, strongest first.
func (d *decoding) identifiers(prefix string, m Asset) []asset.Identifier {
	var out []asset.Identifier
	var names, ips, macs []string
	for _, kind := range identifierKinds {
		if m.Identifiers[string(kind)] == "" {
			continue
		}
		values := d.scope.texts(d.m.at(prefix + ".identifiers." + string(kind)))
		switch kind {
		case asset.FQDN, asset.Hostname:
			names = append(names, values...)
		case asset.IP:
			ips = append(ips, values...)
		case asset.MAC:
			macs = append(macs, values...)
		default:
			scope := d.scope.text(d.m.at(prefix + ".scopes." + string(kind)))
			for _, v := range values {
				if v = connectors.Ident(v); v != "" {
					out = append(out, asset.Identifier{Kind: kind, Scope: scope, Value: v})
				}
			}
		}
	}
	out = append(out, connectors.HostIdentifiers(d.config.Zone, names, ips, macs)...)
	return out
}

// same reports whether two descriptions say the same.
func same(a, b *asset.Description) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.OS == b.OS && a.Gone == b.Gone && a.SeenAt.Equal(b.SeenAt) && a.Internet == b.Internet &&
		slices.Equal(a.Identifiers, b.Identifiers) && maps.Equal(a.Tags, b.Tags) && slices.Equal(a.OwnerHints, b.OwnerHints)
}

var (
	cveIn = regexp.MustCompile(`(?i)\bCVE-[0-9]{4}-[0-9]{4,19}\b`)
	cweIn = regexp.MustCompile(`(?i)\bCWE[-_: ]?([0-9]{1,6})\b|^\s*([0-9]{1,6})\s*$|cwe\.mitre\.org/data/definitions/([0-9]{1,6})`)
)

func cves(texts []string) []string {
	out := make([]string, 0, len(texts))
	for _, text := range texts {
		out = append(out, cveIn.FindAllString(text, mostTexts)...)
	}
	return connectors.CVEs(out)
}

func cwes(texts []string) []string {
	var out []string
	for _, text := range texts {
		for _, m := range cweIn.FindAllStringSubmatch(text, mostTexts) {
			out = append(out, cmp.Or(m[1], m[2], m[3]))
		}
	}
	return connectors.CWEs(out)
}

// finding maps what is in the scope.
func (d *decoding) finding(check string) *exposure.Finding {
	s, m := &d.scope, d.m
	if scheme, _, ok := strings.Cut(check, ":"); !ok || scheme == "" || scheme != slug(scheme) {
		check = m.Finding.Scheme + ":" + check
	}
	location := connectors.Ident(s.text(m.at("finding.location")))
	f := &exposure.Finding{
		UID: connectors.Ident(s.text(m.at("finding.uid"))), Connector: Name, Class: d.class(), Check: check,
		Title: cmp.Or(strings.TrimSpace(s.text(m.at("finding.title"))), check), Description: s.text(m.at("finding.description")),
		Remediation: s.text(m.at("finding.remediation")), RawSeverity: strings.TrimSpace(s.text(m.at("finding.severity"))),
		CVEs: cves(s.texts(m.at("finding.cves"))), CWEs: cwes(s.texts(m.at("finding.cwes"))), Advisories: s.texts(m.at("finding.advisories")),
		Location: location, Target: s.text(m.at("finding.address")), References: links(strings.Join(s.texts(m.at("finding.references")), "\n")),
		Tags: s.texts(m.at("finding.tags")), Evidence: connectors.Redact(s.text(m.at("finding.evidence"))),
		FirstSeen: s.moment(m.at("finding.first_seen")), LastSeen: s.moment(m.at("finding.last_seen")),
	}
	f.UID = cmp.Or(f.UID, connectors.UID(check, location))
	if f.LastSeen.IsZero() {
		f.LastSeen = d.seenAt()
	}
	if f.Target != "" {
		f.Target = connectors.ParseAddress(f.Target).Without(f.Target)
	}
	f.Severity = d.severity(f.RawSeverity)
	f.Status = exposure.StatusOpen
	if word := strings.TrimSpace(s.text(m.at("finding.status"))); word != "" {
		if f.Status = m.statuses.Of(word); f.Status != exposure.StatusOpen {
			f.StatusNote = word
		}
	}
	f.StatusNote = cmp.Or(s.text(m.at("finding.status_note")), f.StatusNote)
	score, _ := s.number(m.at("finding.cvss_score"))
	f.CVSS = connectors.CVSSOf(strings.TrimSpace(s.text(m.at("finding.cvss_vector"))), score, cmp.Or(s.text(m.at("finding.cvss_by")), m.Finding.Scheme))
	if epss, ok := s.number(m.at("finding.epss")); ok && epss > 0 && epss <= 1 {
		f.EPSS = epss
	}
	if word := strings.ToLower(s.text(m.at("finding.exploit"))); word == "poc" || word == "active" {
		f.Exploit = word
	}
	if name := s.text(m.at("finding.package")); name != "" {
		f.Package = &exposure.Package{
			Name: name, Version: s.text(m.at("finding.package_version")), FixedIn: s.text(m.at("finding.package_fixed_in")),
			PURL: s.text(m.at("finding.package_purl")), Path: s.text(m.at("finding.package_path")),
		}
	}
	return f
}

// seenAt is the time of the check where an item gives none: the run's, as far as read.
func (d *decoding) seenAt() time.Time {
	if at := d.scope.moment(d.m.at("run.finished")); !at.IsZero() {
		return at
	}
	return d.scope.moment(d.m.at("run.started"))
}

func (d *decoding) class() exposure.Class {
	class := exposure.Class(d.m.Finding.Class)
	if x := d.m.at("finding.class"); x != nil {
		class = exposure.Class(d.scope.text(x))
	}
	if !slices.Contains(classes, class) {
		return exposure.ClassVulnerability
	}
	return class
}

func (d *decoding) severity(word string) exposure.Severity {
	if ours, ok := d.m.Finding.Severities[strings.ToLower(word)]; ok {
		word = ours
	}
	return connectors.Severity(word)
}

// rest is what an item says that the finding doesn't hold as it is.
func (d *decoding) rest(item any, part ref.Val) []byte {
	whole, _ := item.(map[string]any)
	out := without(whole, d.m.verbatim[nameItem])
	if part != nil {
		inner, _ := part.Value().(map[string]any)
		inner = without(inner, d.m.verbatim[namePart])
		if len(out) > 0 {
			inner["_of"] = out
		}
		out = inner
	}
	return wire.Fields(out)
}

// without gives a copy of an object that lacks what is under the paths.
func without(object map[string]any, paths []string) map[string]any {
	out := maps.Clone(object)
	if out == nil {
		out = map[string]any{}
	}
	for _, path := range paths {
		first, rest, deeper := strings.Cut(path, ".")
		if !deeper {
			delete(out, first)
		} else if inner, ok := out[first].(map[string]any); ok {
			out[first] = without(inner, []string{rest})
		}
	}
	return out
}
