package wiz

import (
	"cmp"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are the words for the state of an issue or finding, and the reasons for which
// one is resolved: see status.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"open": exposure.StatusOpen, "in_progress": exposure.StatusOpen, "resolved": exposure.StatusFixed,
	"rejected": exposure.StatusSuppressed, "ignored": exposure.StatusSuppressed,
	"issue_fixed": exposure.StatusFixed, "fixed": exposure.StatusFixed, "remediated": exposure.StatusFixed,
	"object_deleted": exposure.StatusGone, "resource_deleted": exposure.StatusGone, "asset_deleted": exposure.StatusGone,
	"control_changed": exposure.StatusArchived, "control_disabled": exposure.StatusArchived, "control_deleted": exposure.StatusArchived,
	"false_positive": exposure.StatusSuppressed, "exception": exposure.StatusSuppressed, "wont_fix": exposure.StatusSuppressed,
	"pass": exposure.StatusFixed, "fail": exposure.StatusOpen,
}

// status reads a state with the reason for it. A reason that nobody knows is no fix.
func status(word, reason string) (exposure.Status, string) {
	s := statuses.Of(word)
	note := ""
	if s != exposure.StatusOpen || strings.EqualFold(word, "in_progress") {
		note = strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(word))+": "+reason, ": ")
	}
	if s == exposure.StatusFixed && reason != "" {
		key := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(reason)), " ", "_")
		if s = statuses.Of(key); s == exposure.StatusOpen {
			s = exposure.StatusArchived
		}
	}
	return s, note
}

func latest(times ...time.Time) (out time.Time) {
	for _, t := range times {
		if t.After(out) {
			out = t
		}
	}
	return out
}

func (d *decoding) issue(e *report.Emitter, v *wireNode, raw []byte) error {
	rule := v.Rule
	if rule == nil {
		rule = v.Control
	}
	check := cmp.Or(connectors.Ident(rule.ID.String()), connectors.Ident(rule.Name.String()))
	if check == "" {
		e.Skip("issue_without_rule")
		return nil
	}
	f := &exposure.Finding{
		UID: connectors.Ident(v.ID.String()), Connector: Name, Class: classOf(v.Type.String()), Check: Name + ":" + check, Title: cmp.Or(rule.Name.String(), check),
		Description: rule.text(), Remediation: rule.remedy(), RawSeverity: v.Severity.String(), Severity: connectors.Severity(v.Severity.String()),
		FirstSeen: v.Created.Time, LastSeen: latest(v.Resolved.Time, v.Changed.Time, v.Updated.Time, v.Created.Time),
		Vendor: wire.Rest(raw, "id", "status", "severity", "createdAt", "updatedAt", "sourceRule.name", "sourceRule.controlDescription", "sourceRule.resolutionRecommendation", "sourceRule.securitySubCategories"),
	}
	f.Status, f.StatusNote = status(v.Status.String(), v.Reason.String())
	for i := range rule.Categories {
		if title := connectors.Ident(rule.Categories[i].Title.String()); title != "" && len(f.Tags) < 40 {
			f.Tags = append(f.Tags, title)
		}
	}
	for i := range v.Tickets {
		if link := v.Tickets[i].URL.String(); link != "" {
			f.References = append(f.References, link)
		}
	}
	about := v.Entity.describe()
	projects(about, v.Projects)
	if v.Project != nil {
		projects(about, []wireProject{*v.Project})
	}
	d.note(f.LastSeen)
	return e.Observe(about, f)
}

func classOf(typ string) exposure.Class {
	if strings.EqualFold(typ, "THREAT_DETECTION") {
		return exposure.ClassDetection
	}
	return exposure.ClassCompliance
}

func (r *wireRule) text() string {
	return cmp.Or(r.Control.String(), r.Event.String(), r.Config.String(), r.Plain.String())
}

func (r *wireRule) remedy() string { return cmp.Or(r.Resolution.String(), r.Remedy.String()) }

// entity is what all of Wiz's words for a resource come to.
type entity struct {
	id, provider, external string // Wiz's own ID, and two names of the provider's
	name, typ, platform    string
	subscription, subName  string
	region                 string
}

// describe describes a resource by the better of its provider's names, and Wiz's own.
func (v *entity) describe() *asset.Description {
	id := v.provider
	for _, candidate := range []string{v.external, v.provider} {
		if strings.HasPrefix(candidate, "arn:") || strings.HasPrefix(candidate, "//") || strings.HasPrefix(strings.ToLower(candidate), "/subscriptions/") {
			id = candidate
		}
	}
	d := cloud.Describe(cloud.Resource{ID: cmp.Or(id, v.external), Provider: v.platform, Account: v.subscription, Region: v.region, Type: v.typ, Name: v.name})
	switch strings.ToUpper(v.typ) {
	case "VIRTUAL_MACHINE":
		d.Kind = asset.Host
	case "CONTAINER_IMAGE":
		d.Kind = asset.ContainerImage
	case "REPOSITORY", "REPOSITORY_BRANCH":
		d.Kind = asset.Repository
	case "DOMAIN":
		d.Kind = asset.Domain
	case "USER_ACCOUNT", "SERVICE_ACCOUNT", "GROUP", "IDENTITY":
		d.Kind = asset.Identity
	}
	if own := connectors.Ident(v.id); own != "" {
		d.Identifiers = append(d.Identifiers, asset.Identifier{Kind: asset.SourceAssetID, Value: own})
	}
	if i := strings.Index(id, "sha256:"); i >= 0 && d.Kind == asset.ContainerImage {
		d.Identifiers = append(d.Identifiers, asset.Identifier{Kind: asset.ImageDigest, Value: connectors.Ident(id[i:])})
	}
	cloud.Owner(d, v.subName, "subscription")
	return d
}

func (v *wireEntity) describe() *asset.Description {
	d := (&entity{v.ID.String(), v.ProviderID.String(), v.ExternalID.String(), v.Name.String(), cmp.Or(v.Type.String(), v.Native.String()), v.Platform.String(),
		v.Subscription.String(), v.SubName.String(), v.Region.String()}).describe()
	cloud.Tags(d, v.Tags)
	subscription := &asset.Description{}
	cloud.Tags(subscription, v.SubTags)
	for _, h := range subscription.OwnerHints {
		cloud.Owner(d, h.Value, "subscription "+h.From)
	}
	return d
}

// projects adds the clues to the owner that projects are.
func projects(d *asset.Description, list []wireProject) {
	const most = 30
	worst := ""
	for i := range list[:min(len(list), most)] {
		p := &list[i]
		for j := range p.Owners {
			cloud.Owner(d, cmp.Or(p.Owners[j].Email.String(), p.Owners[j].Name.String()), "project owner")
		}
		cloud.Owner(d, cmp.Or(p.Name.String(), p.Slug.String()), "project")
		cloud.Owner(d, p.Business.String(), "business unit")
		// HBI, MBI and LBI: high, medium and low business impact, which sort by the alphabet
		// but for the middle.
		if impact := connectors.Ident(p.Risk.Impact.String()); impact == "HBI" || impact == "MBI" && worst != "HBI" || impact == "LBI" && worst == "" {
			worst = impact
		}
	}
	if worst != "" {
		cloud.Tag(d, "wiz business impact", worst)
	}
}

func (d *decoding) vulnerability(e *report.Emitter, v *wireNode, raw []byte) error {
	name := connectors.Ident(v.Name.String())
	if name == "" {
		e.Skip("vulnerability_without_name")
		return nil
	}
	a := v.Asset
	about := (&entity{a.ID.String(), a.ProviderID.String(), "", a.Name.String(), a.Type.String(), a.Platform.String(), a.Subscription.String(), a.SubName.String(), a.Region.String()}).describe()
	about.OS = a.OS.String()
	about.Identifiers = append(about.Identifiers, connectors.HostIdentifiers(connectors.Ident(a.Subscription.String()), nil, a.IPs, nil)...)
	about.Zone = connectors.Ident(a.Subscription.String())
	cloud.Tags(about, a.Tags)
	if a.Wide || a.Limited {
		about.Internet = asset.InternetYes
	}
	projects(about, v.Projects)
	level := cmp.Or(v.Severity.String(), v.Vendor.String(), v.CVSSSeverity.String())
	f := &exposure.Finding{
		UID: connectors.Ident(v.ID.String()), Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + name, Title: title(name, v.Detailed.String()),
		Description: cmp.Or(v.CVEText.String(), v.Description.String()), Remediation: v.Remediation.String(), RawSeverity: level, Severity: connectors.Severity(level),
		CVEs: connectors.CVEs([]string{name}), CVSS: connectors.CVSSOf("", v.Score.Value, Name), FirstSeen: v.FirstFound.Time, LastSeen: v.LastFound.Time,
		Vendor: wire.Rest(raw, "id", "name", "status", "CVEDescription", "description", "remediation", "firstDetectedAt", "lastDetectedAt", "portalUrl", "link", "epssProbability", "hasExploit"),
	}
	f.Status, f.StatusNote = status(v.Status.String(), v.Reason.String())
	if f.Status != exposure.StatusOpen { // it changed after it was seen last
		f.LastSeen = latest(f.LastSeen, v.Resolved.Time, v.Updated.Time)
	}
	if len(f.CVEs) == 0 {
		f.Advisories = []string{name}
	}
	for i := range f.CVSS {
		f.CVSS[i].Version = "3.1" // Wiz gives the score without its vector
	}
	if v.EPSS.Value > 0 && v.EPSS.Value <= 1 {
		f.EPSS = v.EPSS.Value
	}
	switch {
	case bool(v.HasKEV):
		f.Exploit = "active"
	case bool(v.HasExploit):
		f.Exploit = "poc"
	}
	for _, link := range []string{v.Portal.String(), v.Link.String()} {
		if link != "" {
			f.References = append(f.References, link)
		}
	}
	located(f, v.Detailed.String(), v.Version.String(), v.Fixed.String(), v.Path.String(), about.OS, v.Method.String())
	d.note(f.LastSeen)
	return e.Observe(about, f)
}

func title(name, pkg string) string {
	if pkg == "" || pkg == name {
		return name
	}
	return name + " in " + pkg
}

// located fills in the package. Only a system's own package is named by the system; of a
// library Wiz doesn't say the language.
func located(f *exposure.Finding, pkg, version, fixed, path, system, method string) {
	if pkg == "" {
		f.Location = connectors.Ident(path)
		return
	}
	if !strings.EqualFold(method, "PACKAGE") && !strings.EqualFold(method, "OS") {
		system = ""
	}
	f.Package = &exposure.Package{Name: pkg, Version: version, FixedIn: fixed, Path: path, PURL: connectors.PURL(system, pkg, version)}
	f.Location = connectors.PackageLocation(f.Package)
	if f.Remediation == "" && fixed != "" {
		f.Remediation = "Update " + pkg + " to " + fixed + "."
	}
}

func (d *decoding) configuration(e *report.Emitter, v *wireNode, raw []byte) error {
	r := v.Target
	check := cmp.Or(connectors.Ident(v.ConfigRule.ID.String()), connectors.Ident(v.ConfigRule.Name.String()))
	if check == "" {
		e.Skip("issue_without_rule")
		return nil
	}
	about := (&entity{r.ID.String(), r.ProviderID.String(), "", r.Name.String(), r.Type.String(), r.Subscription.Provider.String(), r.Subscription.External.String(), r.Subscription.Name.String(), r.Region.String()}).describe()
	for i := range r.Tags {
		cloud.Tag(about, r.Tags[i].Key.String(), r.Tags[i].Value.String())
	}
	projects(about, r.Projects)
	f := &exposure.Finding{
		UID: connectors.Ident(v.ID.String()), Connector: Name, Class: exposure.ClassCompliance, Check: Name + ":" + check, Title: cmp.Or(v.ConfigRule.Name.String(), check),
		Description: v.ConfigRule.text(), Remediation: cmp.Or(v.Remediation.String(), v.ConfigRule.remedy()), RawSeverity: v.Severity.String(), Severity: connectors.Severity(v.Severity.String()),
		FirstSeen: v.FirstSeen.Time, LastSeen: latest(v.Updated.Time, v.FirstSeen.Time),
		Vendor: wire.Rest(raw, "id", "severity", "firstSeenAt", "updatedAt", "remediation", "rule.name", "rule.description", "rule.remediationInstructions"),
	}
	f.Status, f.StatusNote = status(v.Status.String(), v.Reason.String())
	if statuses.Of(v.Result.String()) == exposure.StatusFixed {
		f.Status, f.StatusNote = exposure.StatusFixed, v.Result.String()
	}
	d.note(f.LastSeen)
	return e.Observe(about, f)
}

// event makes a finding of a webhook's body. That an issue is resolved only a sync proves.
func (d *decoding) event(e *report.Emitter, v *wireHook, raw []byte) error {
	if v.Control == nil || v.Resource == nil {
		e.Skip("event_that_only_names_an_issue")
		return nil
	}
	check := cmp.Or(connectors.Ident(v.Control.ID.String()), connectors.Ident(v.Control.Name.String()))
	state, note := status(v.Issue.Status.String(), "")
	switch {
	case check == "":
		e.Skip("issue_without_rule")
		return nil
	case state == exposure.StatusFixed:
		e.Skip("resolution_that_a_sync_has_to_tell")
		return nil
	}
	r := v.Resource
	// The ID of a webhook's resource is the provider's.
	about := (&entity{"", r.ID.String(), "", r.Name.String(), r.Type.String(), r.Platform.String(), r.Subscription.String(), r.SubName.String(), r.Region.String()}).describe()
	for name := range strings.SplitSeq(v.Issue.Projects.String(), ",") {
		cloud.Owner(about, name, "project")
	}
	f := &exposure.Finding{
		UID: connectors.Ident(v.Issue.ID.String()), Connector: Name, Class: exposure.ClassCompliance, Check: Name + ":" + check, Title: cmp.Or(v.Control.Name.String(), check),
		Description: v.Control.text(), Remediation: v.Control.remedy(), RawSeverity: v.Issue.Severity.String(), Severity: connectors.Severity(v.Issue.Severity.String()),
		Status: state, StatusNote: note, FirstSeen: v.Issue.Created.Time, LastSeen: v.Issue.Created.Time,
		Vendor: wire.Rest(raw, "issue", "control.name", "control.description", "control.resolutionRecommendation"),
	}
	d.note(f.LastSeen)
	return e.Observe(about, f)
}
