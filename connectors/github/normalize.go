package github

import (
	"cmp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what GitHub's states mean; of secrets, the resolutions. Only what GitHub
// itself no longer finds is fixed: a revoked secret is what a person says, a deleted
// pattern means that nobody looks any more.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"open": exposure.StatusOpen, "fixed": exposure.StatusFixed, "dismissed": exposure.StatusSuppressed, "auto_dismissed": exposure.StatusSuppressed,
	"false_positive": exposure.StatusSuppressed, "wont_fix": exposure.StatusSuppressed, "used_in_tests": exposure.StatusSuppressed,
	"revoked": exposure.StatusArchived, "pattern_deleted": exposure.StatusArchived, "pattern_edited": exposure.StatusArchived, "resolved": exposure.StatusArchived,
	"dismiss": exposure.StatusSuppressed, "resolve": exposure.StatusFixed, // actions of the older event
}

// finding makes a finding of an alert, or says why it is none.
func finding(a *alert, ev event) (f *exposure.Finding, skip string) {
	number := connectors.Ident(cmp.Or(a.Number.String(), a.ID.String()))
	if number == "" {
		return nil, "alert_without_number"
	}
	f = &exposure.Finding{Connector: Name, FirstSeen: a.CreatedAt.Time}
	switch {
	case a.Advisory != nil || a.Dependency != nil:
		f.UID = "dependabot/" + number
		skip = dependabot(a, f)
	case a.LegacyPackage != "":
		f.UID = "dependabot/" + number
		legacy(a, ev, f)
	case a.Rule != nil:
		f.UID = "code-scanning/" + number
		skip = codeScanning(a, ev, f)
	case a.SecretType != "":
		f.UID = "secret-scanning/" + number
		secretScanning(a, ev, f)
	default:
		return nil, "alert_of_unknown_kind"
	}
	if skip != "" {
		return nil, skip
	}
	f.Severity = cmp.Or(f.Severity, connectors.Severity(f.RawSeverity))
	f.Vendor = rest(a)
	if a.HTMLURL != "" {
		f.References = append([]string{a.HTMLURL.String()}, f.References...)
	}
	return f, ""
}

// dependabot fills in what is said of a weak dependency.
func dependabot(a *alert, f *exposure.Finding) (skip string) {
	adv, dep := a.Advisory, a.Dependency
	if adv == nil {
		adv = &advisory{}
	}
	if dep == nil {
		dep = &dependency{Package: a.Vulnerability.Package}
	}
	ids := append(make([]string, 0, 2+len(adv.Identifiers)), adv.CVE.String(), adv.GHSA.String())
	for _, id := range adv.Identifiers {
		ids = append(ids, id.Value.String())
	}
	f.CVEs = connectors.CVEs(ids)
	id := connectors.Ident(firstID(adv, ids))
	if id == "" {
		return "alert_without_advisory"
	}
	for _, other := range ids {
		if other != "" && !connectors.IsCVE(strings.ToUpper(other)) {
			f.Advisories = appendNew(f.Advisories, other)
		}
	}
	name := dep.Package.Name.String()
	f.Class, f.Check = exposure.ClassVulnerability, Name+":dependabot:"+id
	f.Title = cmp.Or(adv.Summary.String(), name+": "+id)
	f.Description = adv.Description.String()
	f.RawSeverity = cmp.Or(a.Vulnerability.Severity.String(), adv.Severity.String())
	for _, s := range []score{adv.CVSS, adv.CVSSs.V3, adv.CVSSs.V4} {
		addScore(f, s)
	}
	for _, cwe := range adv.CWEs {
		f.CWEs = append(f.CWEs, cwe.ID.String())
	}
	f.CWEs = connectors.CWEs(f.CWEs)
	for _, e := range adv.EPSS {
		f.EPSS = e.Percentage.Value
	}
	for _, ref := range adv.References {
		if ref.URL != "" {
			f.References = append(f.References, ref.URL.String())
		}
	}
	setPackage(f, dep.Package, dep.ManifestPath.String(), a.Vulnerability.Patched.Identifier.String())
	for _, tag := range []string{dep.Scope.String(), dep.Relationship.String()} {
		if tag != "" {
			f.Tags = append(f.Tags, tag)
		}
	}
	setState(a, f, a.State.String())
	return ""
}

// firstID is the advisory's own name: GitHub's where it has one, else the first.
func firstID(adv *advisory, ids []string) string {
	if adv.GHSA != "" {
		return adv.GHSA.String()
	}
	for _, id := range adv.Identifiers {
		if id.Type == "GHSA" {
			return id.Value.String()
		}
	}
	return cmp.Or(ids...)
}

func setPackage(f *exposure.Finding, p pkg, manifest, patched string) {
	name := p.Name.String()
	purl := connectors.PURL(p.Ecosystem.String(), name, "")
	f.Package = &exposure.Package{Name: name, FixedIn: patched, PURL: purl, Path: manifest}
	f.Location = connectors.PackageLocation(f.Package)
	if patched != "" && name != "" {
		f.Remediation = "Update " + name + " to " + patched + "."
	}
}

func addScore(f *exposure.Finding, s score) {
	c, ok := connectors.Score(s.Vector.String(), s.Score.Value, "github")
	if !ok {
		return
	}
	for _, known := range f.CVSS {
		if known.Vector == c.Vector {
			return
		}
	}
	f.CVSS = append(f.CVSS, c)
}

// legacy fills in what the older event says of a weak dependency.
func legacy(a *alert, ev event, f *exposure.Finding) {
	id := cmp.Or(a.LegacyGHSA.String(), a.LegacyID.String(), a.LegacyPackage.String())
	f.Class, f.Check = exposure.ClassVulnerability, Name+":dependabot:"+connectors.Ident(id)
	f.CVEs = connectors.CVEs([]string{a.LegacyID.String()})
	f.Title = a.LegacyPackage.String() + ": " + cmp.Or(a.LegacyID.String(), id)
	if a.LegacyGHSA != "" {
		f.Advisories = []string{a.LegacyGHSA.String()}
	}
	f.RawSeverity = a.LegacySeverity.String()
	if a.LegacyReference != "" {
		f.References = []string{a.LegacyReference.String()}
	}
	setPackage(f, pkg{Name: a.LegacyPackage}, "", a.LegacyFixedIn.String())
	a.DismissedReason, a.DismissedBy = a.LegacyReason, a.LegacyDismisser
	setState(a, f, cmp.Or(a.State.String(), ev.action))
}

// setState fills in what state an alert is in, and since when.
func setState(a *alert, f *exposure.Finding, state string) {
	f.Status = statuses.Of(state)
	f.LastSeen = a.UpdatedAt.Time
	switch f.Status {
	case exposure.StatusFixed:
		f.LastSeen = latest(a.FixedAt, a.UpdatedAt)
		f.StatusNote = state
	case exposure.StatusSuppressed:
		f.LastSeen = latest(a.UpdatedAt, a.DismissedAt)
		f.StatusNote = note(state, a.DismissedReason.String(), a.DismissedBy.Login.String(), a.DismissedComment.String())
	default:
	}
}

// note is the vendor's own word for a state, with reason, person and comment.
func note(state, reason, who, comment string) string {
	out := state
	if reason != "" {
		out += " as " + reason
	}
	if who != "" {
		out += " by " + who
	}
	if comment != "" {
		out += ": " + connectors.Redact(comment)
	}
	return out
}

func appendNew(list []string, text string) []string {
	for _, known := range list {
		if known == text {
			return list
		}
	}
	return append(list, text)
}
