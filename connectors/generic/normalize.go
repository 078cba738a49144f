package generic

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// finding emits the item.
func (d *decoding) finding(at connectors.Position) error {
	it := &d.item
	title := strings.TrimSpace(it.text[fieldTitle])
	if title == "" {
		d.sink.Skip("finding_without_title", at)
		return nil
	}
	address := connectors.ParseAddress(it.address())
	f := &exposure.Finding{
		Connector:   Name,
		Title:       title,
		Description: join(it.text[fieldDescription], it.text[fieldImpact]),
		Remediation: it.text[fieldRemediation],
		RawSeverity: it.text[fieldSeverity],
		Severity:    connectors.Severity(it.text[fieldSeverity]),
		CVEs:        connectors.CVEs(it.list[fieldCVE]),
		CWEs:        connectors.CWEs(it.list[fieldCWE]),
		Advisories:  slices.Clone(it.list[fieldAdvisory]),
		Location:    it.location(address),
		Target:      address.Without(it.address()),
		Package:     it.pkg(),
		References:  slices.Clone(it.list[fieldReferences]),
		Tags:        slices.Clone(it.list[fieldTags]),
		Evidence:    connectors.Redact(it.text[fieldEvidence]),
		FirstSeen:   date(it.text[fieldFirstSeen]),
		LastSeen:    date(it.text[fieldLastSeen]),
	}
	score, err := strconv.ParseFloat(it.text[fieldScore], 64)
	if err != nil || !(score >= 0) { // not NaN either
		score = 0
	}
	f.CVSS = connectors.CVSSOf(it.text[fieldVector], score, cmp.Or(d.run.tool, Name))
	if p, err := strconv.ParseFloat(it.text[fieldEPSS], 64); err == nil && p >= 0 && p <= 1 {
		f.EPSS = p
	}
	if e := it.text[fieldExploit]; e == "poc" || e == "active" {
		f.Exploit = e
	}
	f.Check = it.check(title, f.CVEs)
	f.Class = exposure.ClassVulnerability
	if f.Check == Name+":secret" || slices.Contains(f.Tags, "secret") {
		f.Class = exposure.ClassSecret
	} else if len(f.CVEs) == 0 && slices.Contains(f.Tags, "compliance") {
		f.Class = exposure.ClassCompliance
	}
	f.Status, f.StatusNote = it.status()
	if f.LastSeen.IsZero() {
		f.LastSeen = d.run.finished
	}
	f.UID = cmp.Or(connectors.Ident(it.text[fieldUID]), connectors.UID(f.Check, f.Location))
	d.findings++
	return d.sink.Observe(exposure.Observation{Asset: d.describe(address), Finding: f})
}

// address is where the finding was seen: its URL, or the first endpoint.
func (it *item) address() string {
	if url := it.text[fieldURL]; url != "" {
		return url
	}
	if list := it.list[fieldEndpoints]; len(list) > 0 {
		return list[0]
	}
	return ""
}

// check names the weakness.
func (it *item) check(title string, cves []string) string {
	name := connectors.Ident(cmp.Or(it.text[fieldCheck], it.text[fieldToolID]))
	if name == "" && len(cves) == 1 {
		name = cves[0]
	}
	if name == "" {
		name = connectors.Ident(strings.ToLower(strings.Join(strings.Fields(title), "-")))
	}
	return qualified(cmp.Or(name, "untitled"))
}

// qualified gives a check its scheme, if it has none of its own.
func qualified(check string) string {
	scheme, rest, ok := strings.Cut(check, ":")
	if ok && rest != "" && scheme != "" && strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" {
		return check
	}
	if check == "*" {
		return check
	}
	return Name + ":" + check
}

func (it *item) location(address connectors.Address) string {
	if location := connectors.Ident(it.text[fieldLocation]); location != "" {
		return location
	}
	if it.address() != "" && (address.Port != "" || address.Path != "") {
		return address.Location()
	}
	if port, err := strconv.ParseUint(it.text[fieldPort], 10, 16); err == nil && port > 0 {
		return strconv.FormatUint(port, 10) + "/" + protocol(it.text[fieldProtocol])
	}
	purl, file := it.text[fieldPURL], it.text[fieldFile]
	if i := strings.IndexAny(purl, "?#"); i >= 0 {
		purl = purl[:i]
	}
	if i := strings.LastIndexByte(purl, '@'); i > strings.LastIndexByte(purl, '/') {
		purl = purl[:i]
	}
	purl = cmp.Or(purl, it.text[fieldComponent])
	if purl != "" && file != "" {
		return connectors.Ident(purl + "#" + file)
	}
	return connectors.Ident(purl + file)
}

func protocol(word string) string {
	switch word = strings.ToLower(word); word {
	case "udp", "sctp":
		return word
	}
	return "tcp"
}

func (it *item) pkg() *exposure.Package {
	p := exposure.Package{Name: it.text[fieldComponent], Version: it.text[fieldVersion], FixedIn: it.text[fieldFixedIn], PURL: it.text[fieldPURL]}
	if p.Name == "" && p.PURL == "" {
		return nil
	}
	p.Path = it.text[fieldFile]
	return &p
}

// status is what the writer says of the finding. Only "fixed" is more than an opinion.
func (it *item) status() (exposure.Status, string) {
	switch word := strings.ToLower(it.text[fieldStatus]); {
	case word == "fixed", it.yes(fieldMitigated):
		return exposure.StatusFixed, ""
	case word == "not_affected", it.yes(fieldFalse):
		return exposure.StatusNotAffected, "the report calls it a false positive"
	case word == "suppressed":
		return exposure.StatusSuppressed, "the report calls it suppressed"
	case it.yes(fieldAccepted):
		return exposure.StatusSuppressed, "the report calls the risk accepted"
	case it.yes(fieldDuplicate):
		return exposure.StatusSuppressed, "the report calls it a duplicate"
	case truth(it.text[fieldActive]) < 0:
		return exposure.StatusSuppressed, "the report calls it inactive"
	}
	return exposure.StatusOpen, ""
}

// describe finds the finding's asset.
func (d *decoding) describe(address connectors.Address) *asset.Description {
	it := &d.item
	if e := cmp.Or(it.object, d.assets[it.text[fieldAsset]]); e != nil {
		if e.shared == nil {
			e.shared = &e.desc
		}
		return e.shared
	}
	host, name := cmp.Or(it.text[fieldHost], address.Host), it.text[fieldAsset]
	id := strings.Join([]string{host, it.text[fieldIP], name, it.text[fieldKind], it.text[fieldOwner]}, "\x00")
	if d.last != nil && d.lastID == id {
		return d.last
	}
	e := &assetEntry{desc: asset.Description{Kind: kindOf(it.text[fieldKind]), Name: name, OwnerHints: ownerHint(it.text[fieldOwner])}}
	d.complete(e, []string{host}, []string{it.text[fieldIP]}, nil)
	d.last, d.lastID = &e.desc, id
	return d.last
}

// complete fills in what an asset leaves out.
func (d *decoding) complete(e *assetEntry, names, ips, macs []string) {
	a := &e.desc
	a.Zone = cmp.Or(a.Zone, d.config.Zone)
	hosts := connectors.HostIdentifiers(a.Zone, names, ips, macs)
	slices.SortStableFunc(a.Identifiers, func(x, y asset.Identifier) int { return strings.Compare(x.Key(), y.Key()) })
	a.Identifiers = append(a.Identifiers, hosts...)
	if a.Kind == "" {
		a.Kind = cmp.Or(kindOf(d.config.Kind), asset.Repository)
		if len(hosts) > 0 {
			a.Kind = asset.Host
		}
	}
	for _, name := range append(names, ips...) {
		a.Name = cmp.Or(a.Name, connectors.Ident(name))
	}
	a.Name = cmp.Or(a.Name, e.id, d.config.Asset, d.source)
	if len(a.Identifiers) == 0 {
		a.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: connectors.Ident(a.Name)}}
	}
	e.cov.Asset = *a
}

// describeRun says what is known of the run.
func (d *decoding) describeRun(broken error) exposure.Run {
	run := exposure.Run{
		ID:        cmp.Or(connectors.Ident(d.run.id), connectors.RunID(Name, d.run.started, d.run.finished, strconv.Itoa(d.findings))),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   d.run.started,
		Finished:  d.run.finished,
		Targets:   d.covered,
		Counts:    map[string]int{"findings": d.findings, "assets": d.covered},
		Tool:      cmp.Or(d.run.tool, Name),
	}
	for _, check := range d.run.checks {
		if check = connectors.Ident(check); check != "" {
			run.Checks = append(run.Checks, qualified(check))
		}
	}
	switch {
	case broken != nil:
		run.Why = "the report could not be read to its end"
	case !d.run.complete:
		run.Why = cmp.Or(d.run.why, "the report does not say that the run is complete")
	case len(run.Checks) == 0:
		run.Why = "the report does not say which checks ran"
	case d.run.finished.IsZero():
		run.Why = "the report does not say when the run finished"
	case d.covered == 0:
		run.Why = "the report does not name the assets that were looked at"
	default:
		run.Complete = true
	}
	if run.Complete {
		return run
	}
	if !d.run.complete {
		run.Kind = exposure.RunPartial
	}
	return run
}

// date reads a time, also as 28/02/2021, unless day and month could be swapped.
func date(text string) time.Time {
	if t := connectors.Time(text); !t.IsZero() {
		return t
	}
	t, err := time.Parse("02/01/2006", text)
	if swapped, asMonth := time.Parse("01/02/2006", text); err != nil || asMonth == nil && !swapped.Equal(t) {
		return time.Time{}
	}
	return t
}

func outcome(word string) exposure.Outcome {
	switch word {
	case "ok":
		return exposure.TargetOK
	case "unreachable":
		return exposure.TargetUnreachable
	}
	return exposure.TargetPartial
}

func internet(word string) string {
	switch truth(word) {
	case 1:
		return asset.InternetYes
	case -1:
		return asset.InternetNo
	}
	return asset.InternetUnknown
}

func ownerHint(owner string) []asset.OwnerHint {
	if owner == "" {
		return nil
	}
	return []asset.OwnerHint{{Value: owner, From: "report"}}
}

func join(texts ...string) string {
	return strings.TrimSpace(strings.Join(texts, "\n\n"))
}
