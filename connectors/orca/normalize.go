package orca

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are Orca's. It closes an alert whose cause its next scan no longer sees.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"open": exposure.StatusOpen, "in_progress": exposure.StatusOpen, "snoozed": exposure.StatusSuppressed, "dismissed": exposure.StatusSuppressed, "closed": exposure.StatusFixed,
}

func (v *wireAlert) status() (exposure.Status, string) {
	if v.State == nil {
		return noted(statuses.Of(v.Status.String()), v.Status)
	}
	s := statuses.Of(v.State.Status.String())
	switch strings.ToLower(v.AssetState.String()) {
	case "terminated", "deleted":
		if s == exposure.StatusFixed {
			s = exposure.StatusGone
		}
	}
	if s == exposure.StatusFixed && bool(v.State.Verification) {
		return exposure.StatusOpen, "closed by somebody, and not verified yet"
	}
	return noted(s, v.State.Status)
}

func noted(s exposure.Status, word wire.Text) (exposure.Status, string) {
	if s == exposure.StatusOpen {
		return s, ""
	}
	return s, word.String()
}

// level is Orca's risk as a word. Exports have only the score, of which Orca's steps are
// those of CVSS.
func (v *wireAlert) level() (raw string, severity exposure.Severity) {
	score := v.Score
	if v.State != nil {
		if word := v.State.Risk.String(); word != "" {
			return word, connectors.Severity(word)
		}
		score = v.State.Score
	}
	if !score.OK {
		return "", exposure.SeverityUnknown
	}
	raw = strconv.FormatFloat(score.Value, 'f', -1, 64)
	switch {
	case score.Value >= 9:
		return raw, exposure.SeverityCritical
	case score.Value >= 7:
		return raw, exposure.SeverityHigh
	case score.Value >= 4:
		return raw, exposure.SeverityMedium
	case score.Value >= 1:
		return raw, exposure.SeverityLow
	}
	return raw, exposure.SeverityInfo
}

// line is the line number behind a file's name.
var line = regexp.MustCompile(`:[0-9]+(?:[:-][0-9]+)?$`) //nolint:gochecknoglobals // a constant

// place is the source where it is a part of the asset and not the asset itself.
func (v *wireAlert) place() string {
	source := v.Source.String()
	if source == v.AssetName.String() || source == v.VendorID.String() || source == v.Inventory.Name.String() {
		return ""
	}
	return connectors.Ident(line.ReplaceAllString(source, ""))
}

func (v *wireAlert) finding(vendor json.RawMessage) (f *exposure.Finding, skip string) {
	title := cmp.Or(v.TypeText.String(), v.Title.String(), v.Text.String())
	check := cmp.Or(connectors.Ident(v.Type.String()), connectors.Ident(v.RuleID.String()), connectors.Ident(title))
	if check == "" {
		return nil, "alert_without_type"
	}
	labels := slices.Concat(v.Labels, v.ExportLabels)
	f = &exposure.Finding{
		Connector: Name, Check: Name + ":" + check, Title: cmp.Or(title, check), Description: cmp.Or(v.Detail.String(), v.Text.String()), Remediation: v.Advice.String(),
		CVEs: connectors.CVEs(append(labels, v.Type.String(), title)), CWEs: cwes(labels), Location: v.place(), FirstSeen: v.Created.Time, LastSeen: v.Seen.Time, Vendor: vendor,
	}
	f.RawSeverity, f.Severity = v.level()
	f.Status, f.StatusNote = v.status()
	f.Class = classOf(v, f)
	for _, tag := range labels {
		if tag = connectors.Ident(tag); tag != "" && len(f.Tags) < 40 {
			f.Tags = append(f.Tags, tag)
		}
	}
	if v.State != nil {
		f.UID = connectors.Ident(v.State.ID.String())
		f.FirstSeen, f.LastSeen = v.State.Created.Time, v.State.Seen.Time
		if f.Status != exposure.StatusOpen { // it changed after it was seen last
			f.LastSeen = latest(f.LastSeen, v.State.Changed.Time, v.State.Updated.Time)
		}
	}
	f.UID = cmp.Or(f.UID, connectors.UID(f.Check, f.Location))
	return f, ""
}

// cwes takes the weaknesses out of labels: a label that is a mere number is none.
func cwes(labels []string) []string {
	return connectors.CWEs(slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return !strings.HasPrefix(strings.ToUpper(l), "CWE-") }))
}

func latest(times ...time.Time) (out time.Time) {
	for _, t := range times {
		if t.After(out) {
			out = t
		}
	}
	return out
}

func classOf(v *wireAlert, f *exposure.Finding) exposure.Class {
	category := strings.ToLower(v.Category.String())
	switch {
	case len(f.CVEs) > 0 || len(f.CWEs) > 0 || strings.Contains(category, "vulnerab"):
		return exposure.ClassVulnerability
	case strings.Contains(category, "malware"), strings.Contains(category, "suspicious"), strings.Contains(category, "malicious"):
		return exposure.ClassDetection
	}
	return exposure.ClassCompliance
}

// kinds are the types of assets that are more than a resource.
var kinds = map[string]asset.Kind{ //nolint:gochecknoglobals // a constant table
	"vm": asset.Host, "codeRepository": asset.Repository, "CodeRepository": asset.Repository, "ContainerImage": asset.ContainerImage, "Domain": asset.Domain,
	"AwsIamUser": asset.Identity, "AwsIamRole": asset.Identity, "AzureAdUser": asset.Identity, "GcpIamServiceAccount": asset.Identity,
}

func (v *wireAlert) asset() *asset.Description {
	region := ""
	if len(v.Regions) > 0 {
		region = v.Regions[0]
	}
	name := cmp.Or(v.AssetName.String(), v.Inventory.Name.String())
	account := cmp.Or(v.Account.String(), v.CloudAccount.Name.String())
	id := cmp.Or(v.VendorID.String(), v.Inventory.Name.String())
	d := cloud.Describe(cloud.Resource{ID: id, Provider: v.Provider.String(), Account: account, Region: region, Type: v.AssetType.String(), Name: name})
	if own := connectors.Ident(v.AssetID.String()); own != "" {
		d.Identifiers = append(d.Identifiers, asset.Identifier{Kind: asset.SourceAssetID, Value: own})
	}
	if kind, ok := kinds[v.AssetType.String()]; ok {
		d.Kind = kind
	}
	for _, tag := range v.Tags {
		if key, value, ok := strings.Cut(tag, "|"); ok {
			cloud.Tag(d, key, value)
		}
	}
	for _, unit := range v.Units {
		cloud.Owner(d, unit, "business unit")
	}
	cloud.Owner(d, cmp.Or(v.AccountName.String(), v.CloudAccount.Name.String()), "cloud account")
	return d
}
