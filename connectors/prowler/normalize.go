package prowler

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/ocsfmap"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what a check can come to. A check that passed proves that the weakness is
// not there.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"pass": exposure.StatusFixed, "fail": exposure.StatusOpen, "muted": exposure.StatusSuppressed, "warning": exposure.StatusOpen,
}

// mapper reads Prowler's OCSF: the check is the event's code, and a few kinds of resource
// have better names in their metadata than in their uid.
func mapper() ocsfmap.Mapper {
	return ocsfmap.Mapper{
		Connector: Name,
		Check:     func(o *ocsfmap.Object) string { return o.Metadata.EventCode.String() },
		Describe:  describe,
	}
}

func describe(d *asset.Description, o *ocsfmap.Object, r *ocsfmap.Resource) {
	var data struct {
		Metadata struct {
			FullName wire.Text      `json:"full_name"`
			Labels   map[string]any `json:"labels"`
		} `json:"metadata"`
	}
	if !wire.Unmarshal(r.Data, &data) {
		return
	}
	if name := data.Metadata.FullName.String(); name != "" && strings.EqualFold(o.Cloud.Provider.String(), "github") {
		d.Kind, d.Name = asset.Repository, name
		d.Identifiers = append([]asset.Identifier{{Kind: asset.RepositoryName, Value: "github.com/" + name}}, d.Identifiers...)
	}
	cloud.Tags(d, data.Metadata.Labels)
}

// row makes a finding of a row of the CSV, whose columns versions 4 and 5 share; version
// 3 has other names for some.
func (d *decoding) row(e *report.Emitter, r *csvpull.Reader) error {
	get := func(names ...string) wire.Text { return wire.Text(r.Get(names...)) }
	f := old{
		Time: wire.Time{Time: wire.Moment(r.Get("TIMESTAMP", "ASSESSMENT_START_TIME"))}, UID: get("FINDING_UID", "FINDING_UNIQUE_ID"),
		Provider: get("PROVIDER"), CheckID: get("CHECK_ID"), CheckTitle: get("CHECK_TITLE"), Result: get("STATUS"), Extended: get("STATUS_EXTENDED"),
		Muted: wire.Flag(strings.EqualFold(r.Get("MUTED"), "true")), Level: get("SEVERITY"), Kind: get("RESOURCE_TYPE"),
		ResourceARN: get("RESOURCE_UID", "RESOURCE_ARN"), ResourceID: get("RESOURCE_NAME", "RESOURCE_ID"), Tags: get("RESOURCE_TAGS"),
		Text: get("DESCRIPTION"), Danger: get("RISK"), Related: get("RELATED_URL"), AccountID: get("ACCOUNT_UID", "ACCOUNT_ID"),
		AccountName: get("ACCOUNT_NAME"), Region: get("REGION"), Version: get("PROWLER_VERSION"),
	}
	f.Remedy.Advice.Text, f.Remedy.Advice.URL = get("REMEDIATION_RECOMMENDATION_TEXT"), get("REMEDIATION_RECOMMENDATION_URL")
	f.Org.Email = get("ACCOUNT_EMAIL")
	if types := r.Get("CHECK_TYPE"); types != "" {
		f.CheckTypes = strings.Split(types, " | ")
	}
	return d.emit(e, &f, wire.Fields(r.Rest("TIMESTAMP", "ASSESSMENT_START_TIME", "FINDING_UID", "FINDING_UNIQUE_ID", "CHECK_ID", "CHECK_TITLE", "CHECK_TYPE", "STATUS",
		"STATUS_EXTENDED", "MUTED", "SEVERITY", "RESOURCE_UID", "RESOURCE_TAGS", "DESCRIPTION", "RISK", "RELATED_URL", "REMEDIATION_RECOMMENDATION_TEXT",
		"REMEDIATION_RECOMMENDATION_URL", "PROWLER_VERSION")))
}

// old makes a finding of an object of version 3.
func (d *decoding) old(e *report.Emitter, f *old, raw []byte) error {
	var tags struct {
		Tags map[string]any `json:"ResourceTags"`
	}
	if wire.Unmarshal(raw, &tags) {
		f.TagMap = tags.Tags
	}
	return d.emit(e, f, wire.Rest(raw, "AssessmentStartTime", "FindingUniqueId", "CheckID", "CheckTitle", "CheckType", "Status", "StatusExtended", "Severity",
		"ResourceArn", "ResourceTags", "Description", "Risk", "RelatedUrl", "Remediation.Recommendation"))
}

func (d *decoding) emit(e *report.Emitter, v *old, vendor json.RawMessage) error {
	id := connectors.Ident(v.CheckID.String())
	resource := cmp.Or(v.ResourceARN.String(), v.ResourceID.String())
	switch {
	case id == "":
		e.Skip("finding_without_check")
		return nil
	case strings.EqualFold(v.Result.String(), "MANUAL"), strings.EqualFold(v.Result.String(), "INFO"):
		e.Skip("check_that_a_person_must_make")
		return nil
	case resource == "":
		e.Skip("finding_without_resource")
		return nil
	}
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassCompliance, Check: Name + ":" + id, Title: cmp.Or(v.CheckTitle.String(), id),
		Description: strings.TrimSpace(v.Text.String() + "\n\n" + v.Danger.String()), Remediation: v.Remedy.Advice.Text.String(),
		RawSeverity: v.Level.String(), Severity: connectors.Severity(v.Level.String()), Evidence: connectors.Redact(v.Extended.String()),
		Status: statuses.Of(v.Result.String()), LastSeen: v.Time.Time, Vendor: vendor,
		UID: cmp.Or(connectors.Ident(v.UID.String()), connectors.UID(Name, id)),
	}
	if v.Muted && f.Status == exposure.StatusOpen {
		f.Status, f.StatusNote = exposure.StatusSuppressed, "muted"
	}
	for _, link := range []string{v.Remedy.Advice.URL.String(), v.Related.String()} {
		if strings.HasPrefix(link, "https://") || strings.HasPrefix(link, "http://") {
			f.References = append(f.References, link)
		}
	}
	for _, tag := range v.CheckTypes {
		if tag = connectors.Ident(tag); tag != "" {
			f.Tags = append(f.Tags, tag)
		}
	}
	d.note(f, v.Version.String())
	return e.Observe(v.asset(resource), f)
}

func (v *old) asset(resource string) *asset.Description {
	d := cloud.Describe(cloud.Resource{
		ID: resource, Name: v.ResourceID.String(), Type: v.Kind.String(), Provider: v.Provider.String(), Region: cmp.Or(v.Region.String(), v.Location.String()),
		Account: cmp.Or(v.AccountID.String(), v.Subscribed.String(), v.Project.String()),
	})
	for pair := range strings.SplitSeq(v.Tags.String(), " | ") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			cloud.Tag(d, key, value)
		} else if key, value, ok := strings.Cut(pair, ":"); ok {
			cloud.Tag(d, key, value)
		}
	}
	cloud.Tags(d, v.TagMap)
	cloud.Owner(d, v.Org.Email.String(), "account email")
	cloud.Owner(d, cmp.Or(v.AccountName.String(), v.Org.Name.String()), "cloud account")
	return d
}
