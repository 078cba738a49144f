// Package ocsfmap makes findings of OCSF objects, for the connectors whose sources write
// them: the generic one, Prowler, and Security Hub's second version.
package ocsfmap

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// The classes that findings have.
const (
	classSecurity      = 2001 // deprecated by the ones below
	classVulnerability = 2002
	classCompliance    = 2003
	classDetection     = 2004
	classIncident      = 2005
	classApplication   = 2007
)

// Statuses are the words of OCSF for the state of a finding and the result of a check.
// "Resolved" is worth a fix in findings of vulnerabilities alone: see Map.
func Statuses() connectors.Statuses {
	return connectors.Statuses{
		"new": exposure.StatusOpen, "in progress": exposure.StatusOpen, "suppressed": exposure.StatusSuppressed,
		"resolved": exposure.StatusFixed, "archived": exposure.StatusArchived, "deleted": exposure.StatusArchived,
		"fail": exposure.StatusOpen, "failed": exposure.StatusOpen, "warning": exposure.StatusOpen,
		"pass": exposure.StatusFixed, "passed": exposure.StatusFixed,
	}
}

// Mapper makes findings for one connector.
type Mapper struct {
	Connector string
	Zone      string // network zone of devices
	// Check names the check without the connector; nil: CheckOf.
	Check func(o *Object) string
	// Describe may amend the description of a resource.
	Describe func(d *asset.Description, o *Object, r *Resource)
}

// Observation is one finding on one asset.
type Observation struct {
	Asset   *asset.Description
	Finding *exposure.Finding
}

// mostFindings bounds what one object may become: resources times packages.
const mostFindings = 1000

// Map makes the findings of an object: one per resource and, where vulnerabilities name
// packages or files, per place. Raw is the object as it stands in the body. Where it is no
// finding, skip says why.
func (m Mapper) Map(raw []byte, o *Object) (out []Observation, skip string) {
	if o.Class.Int() == classSecurity {
		o.Info = o.Finding
	}
	if o.Class.Int() == classIncident && len(o.Incident) > 0 && o.Info.Title == "" {
		uid := o.Info.UID
		o.Info = o.Incident[0]
		o.Info.UID = cmp.Or(uid, o.Metadata.UID, o.Info.UID)
	}
	switch {
	case o.Class.Int()/1000 != 2:
		return nil, "object_of_another_category"
	case strings.EqualFold(string(o.StatusCode), "MANUAL"):
		return nil, "check_that_a_person_must_make"
	case notRun(o):
		return nil, "check_that_did_not_run"
	}
	base := m.finding(o)
	if base == nil {
		return nil, "finding_without_check"
	}
	known := mapped
	if len(o.Vulns) > 1 || len(o.Vulns) == 1 && len(o.Vulns[0].Packages)+len(o.Vulns[0].Code) > 1 { // it would be repeated with each
		known = append(slices.Clone(mapped), "vulnerabilities")
	}
	base.Vendor = wire.Rest(raw, known...)
	assets := m.assets(o)
	if len(assets) == 0 {
		return nil, "finding_without_resource"
	}
	places := m.places(base, o)
	for _, d := range assets {
		for _, f := range places {
			if len(out) == mostFindings {
				return out, ""
			}
			out = append(out, Observation{Asset: d, Finding: f})
		}
	}
	return out, ""
}

// mapped are the fields that have a place of ours.
var mapped = []string{ //nolint:gochecknoglobals // a constant table
	"class_uid", "class_name", "category_uid", "category_name", "activity_id", "activity_name", "type_uid", "type_name", "severity", "severity_id",
	"status", "status_id", "status_code", "status_detail", "message", "time", "time_dt", "event_time", "risk_details", "observables",
	"finding_info.uid", "finding_info.title", "finding_info.desc", "finding_info.src_url", "finding_info.created_time", "finding_info.created_time_dt",
	"finding_info.first_seen_time", "finding_info.first_seen_time_dt", "finding_info.last_seen_time", "finding_info.last_seen_time_dt",
	"metadata.version", "metadata.profiles", "metadata.event_code", "remediation",
}

// notRun reports whether a check of a standard gave no answer.
func notRun(o *Object) bool {
	switch strings.ToLower(o.Rules.Status.String()) {
	case "not_available", "not available", "unknown", "not applicable", "not_applicable":
		return true
	}
	return false
}

// finding makes what all findings of the object share.
func (m Mapper) finding(o *Object) *exposure.Finding {
	check := CheckOf(o)
	if m.Check != nil {
		check = m.Check(o)
	}
	if check = connectors.Ident(check); check == "" {
		return nil
	}
	f := &exposure.Finding{
		Connector: m.Connector, Class: classOf(o), Check: m.Connector + ":" + check,
		Title:       cmp.Or(o.Info.Title.String(), o.Message.String(), check),
		Description: joined(o.Info.Desc.String(), o.Risk.String()),
		Remediation: o.Remedy.Desc.String(),
		RawSeverity: cmp.Or(o.Severity.String(), severityOf(o.SeverityID)),
		Tags:        tags(o),
		FirstSeen:   first(o.Info.FirstDT, o.Info.First, o.Info.CreatedDT, o.Info.Created),
		LastSeen:    first(o.Info.LastDT, o.Info.Last, o.TimeDT, o.Time, o.EventTime, o.Info.ModifiedDT, o.Info.Modified, o.Info.CreatedDT, o.Info.Created),
	}
	f.Severity = severity(f.RawSeverity)
	f.References = links(append([]string{o.Info.URL.String()}, o.Remedy.References...))
	f.Status, f.StatusNote = status(o, f.Class)
	if f.Status == exposure.StatusFixed { // the check that found it gone came after the last that saw it
		f.LastSeen = latest(f.LastSeen, o.TimeDT.Time, o.Time.Time, o.EventTime.Time, o.Info.ModifiedDT.Time, o.Info.Modified.Time)
	}
	if detail := o.Detail.String(); detail != "" {
		f.Evidence = connectors.Redact(detail)
	}
	f.UID = connectors.Ident(o.Info.UID.String())
	return f
}

// CheckOf names the check by the product and the rule, of whichever fields say it.
func CheckOf(o *Object) string {
	rule := cmp.Or(o.Metadata.EventCode.String(), o.Info.Analytic.UID.String(), o.Rules.Control.String(), vulnerability(o),
		o.Info.Analytic.Name.String(), firstOf(o.Info.Types), o.Info.Title.String())
	product := strings.ToLower(cmp.Or(o.Metadata.Product.Name.String(), o.Metadata.Product.Vendor.String()))
	if rule == "" || product == "" {
		return rule
	}
	return product + ":" + rule
}

func vulnerability(o *Object) string {
	if len(o.Vulns) == 0 {
		return ""
	}
	v := &o.Vulns[0]
	return cmp.Or(v.CVE.UID.String(), v.Advisory.UID.String(), v.CWE.UID.String(), v.Title.String())
}

// classOf goes by what the object is about: Prowler calls each failed check a detection.
func classOf(o *Object) exposure.Class {
	switch {
	case len(o.Vulns) > 0 || o.Class.Int() == classVulnerability:
		return exposure.ClassVulnerability
	case o.Class.Int() == classCompliance || o.Class.Int() == classApplication || result(o) != "":
		return exposure.ClassCompliance
	}
	return exposure.ClassDetection
}

// result is the outcome of a check, in lower case; empty where the object is of none.
func result(o *Object) string {
	word := strings.ToLower(cmp.Or(o.Rules.Status.String(), o.Rules.StatusCode.String(), o.StatusCode.String()))
	switch word {
	case "pass", "passed", "fail", "failed", "warning":
		return word
	}
	switch o.Rules.StatusID.Int() {
	case 1:
		return "pass"
	case 2:
		return "warning"
	case 3:
		return "fail"
	}
	return ""
}

// status reads the two things that an object says: how the check went, and what somebody
// thinks of it. A check that passed is proof; "resolved" beside one that failed is not, nor
// is it for an incident, which a person closes. In a finding of a vulnerability it is the
// scanner's word, which OCSF defines as remediated.
func status(o *Object, class exposure.Class) (exposure.Status, string) {
	words := Statuses()
	word := strings.ToLower(o.Status.String())
	if _, known := words[word]; !known || word == "" {
		word = [...]string{"", "new", "in progress", "suppressed", "resolved", "archived", "deleted", ""}[min(max(o.StatusID.Int(), 0), 7)] //nolint:mnd // the enumeration of status_id
	}
	said := words.Of(word)
	if outcome := result(o); outcome != "" {
		if words.Of(outcome) == exposure.StatusFixed {
			return exposure.StatusFixed, outcome
		}
		if said == exposure.StatusFixed {
			said = exposure.StatusOpen
		}
		return said, note(word, outcome)
	}
	if said == exposure.StatusFixed && class != exposure.ClassVulnerability {
		said = exposure.StatusArchived
	}
	return said, note(word, o.Comment.String())
}

func note(word, more string) string {
	if word == "new" || word == "" {
		return more
	}
	return strings.TrimSuffix(word+", "+more, ", ")
}

func severity(word string) exposure.Severity {
	if strings.EqualFold(word, "fatal") {
		return exposure.SeverityCritical
	}
	return connectors.Severity(word)
}

func severityOf(id wire.Number) string {
	return [...]string{"", "Informational", "Low", "Medium", "High", "Critical", "Fatal", ""}[min(max(id.Int(), 0), 7)] //nolint:mnd // the enumeration of severity_id
}

func tags(o *Object) []string {
	var out []string
	for _, list := range [][]string{o.Info.Types, o.Rules.Standards, o.Rules.Requirements} {
		for _, tag := range list {
			if tag = connectors.Ident(tag); tag != "" && len(out) < 50 {
				out = append(out, tag)
			}
		}
	}
	return out
}

// links are the references that are addresses; commands among them stay in the remedy.
func links(texts []string) []string {
	var out []string
	for _, text := range texts {
		text = strings.TrimSpace(text)
		if (strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")) && !strings.ContainsAny(text, " \n") {
			out = append(out, text)
		}
	}
	return out
}

func joined(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "\n\n")
}

func first(times ...wire.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t.Time
		}
	}
	return time.Time{}
}

func latest(times ...time.Time) (out time.Time) {
	for _, t := range times {
		if t.After(out) {
			out = t
		}
	}
	return out
}

func firstOf(texts []string) string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	return ""
}

// assets are what the object is about.
func (m Mapper) assets(o *Object) []*asset.Description {
	resources := o.Resources
	if len(resources) == 0 && o.Resource != nil {
		resources = wire.List[Resource]{*o.Resource}
	}
	var out []*asset.Description
	for i := range resources {
		r := &resources[i]
		if r.UID.String() == "" && r.Name.String() == "" && r.Hostname.String() == "" {
			continue
		}
		d := cloud.Describe(cloud.Resource{
			ID: cmp.Or(r.UID.String(), r.Name.String(), r.Hostname.String()), Name: r.Name.String(), Type: r.Type.String(), Region: cmp.Or(r.Region.String(), o.Cloud.Region.String()),
			Provider: o.Cloud.Provider.String(), Account: cmp.Or(r.Account.UID.String(), o.Cloud.Account.UID.String(), o.Cloud.Project.String()),
		})
		if host := connectors.HostIdentifiers(m.Zone, []string{r.Hostname.String()}, []string{r.IP.String()}, nil); len(host) > 0 {
			d.Kind = asset.Host
			d.Identifiers = append(d.Identifiers, host...)
		}
		for _, label := range r.Labels {
			key, value, _ := strings.Cut(label, ":")
			cloud.Tag(d, key, value)
		}
		for _, tag := range r.Tags {
			cloud.Tag(d, cmp.Or(tag.Name.String(), tag.Key.String()), tag.Value.String())
		}
		owner(d, &r.Owner)
		m.amend(d, o, r)
		out = append(out, d)
	}
	if o.Device != nil {
		if d := m.device(o.Device, o); d != nil {
			out = append(out, d)
		}
	}
	return out
}

func (m Mapper) amend(d *asset.Description, o *Object, r *Resource) {
	cloud.Owner(d, o.Cloud.Account.Name.String(), "cloud account")
	for _, label := range o.Cloud.Account.Labels {
		if key, value, ok := strings.Cut(label, ":"); ok {
			cloud.Tag(d, "account/"+key, value)
		}
	}
	if m.Describe != nil {
		m.Describe(d, o, r)
	}
}

func owner(d *asset.Description, u *User) {
	cloud.Owner(d, cmp.Or(u.Email.String(), u.Name.String(), u.UID.String()), "owner")
}

func (m Mapper) device(v *Device, o *Object) *asset.Description {
	ips, macs := make([]string, 1, 1+len(v.Interfaces)), make([]string, 1, 1+len(v.Interfaces))
	ips[0], macs[0] = v.IP.String(), v.MAC.String()
	for _, n := range v.Interfaces {
		ips, macs = append(ips, n.IP.String()), append(macs, n.MAC.String())
	}
	d := &asset.Description{Kind: asset.Host, Zone: m.Zone, OS: v.OS.Name.String()}
	if id := v.InstanceUID.String(); id != "" {
		named := cloud.Describe(cloud.Resource{ID: id, Account: o.Cloud.Account.UID.String(), Region: cmp.Or(v.Region.String(), o.Cloud.Region.String()), Provider: o.Cloud.Provider.String()})
		d.Identifiers, d.Name = named.Identifiers, named.Name
	}
	if id := v.UID.String(); id != "" && id != v.InstanceUID.String() {
		named := cloud.Describe(cloud.Resource{ID: id, Account: o.Cloud.Account.UID.String(), Provider: o.Cloud.Provider.String()})
		d.Identifiers = append(d.Identifiers, named.Identifiers...)
	}
	name := v.Hostname.String()
	if domain := v.Domain.String(); domain != "" && name != "" && !strings.Contains(name, ".") {
		name += "." + domain
	}
	d.Identifiers = append(d.Identifiers, connectors.HostIdentifiers(m.Zone, []string{name}, ips, macs)...)
	if len(d.Identifiers) == 0 {
		return nil
	}
	d.Name = cmp.Or(v.Name.String(), name, d.Name, d.Identifiers[0].Value)
	owner(d, &v.Owner)
	return d
}
