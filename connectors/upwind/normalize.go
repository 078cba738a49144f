package upwind

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are the words of detections. None of them is known to be said by a check.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"open": exposure.StatusOpen, "in_progress": exposure.StatusOpen, "archived": exposure.StatusArchived, "resolved": exposure.StatusArchived,
	"closed": exposure.StatusArchived, "dismissed": exposure.StatusSuppressed, "ignored": exposure.StatusSuppressed,
}

var cve = regexp.MustCompile(`\bCVE-[0-9]{4}-[0-9]{4,19}\b`) //nolint:gochecknoglobals // a constant

func (v *wireDetection) finding(raw []byte) *exposure.Finding {
	title := cmp.Or(v.Title.String(), v.Type.String(), v.ID.String())
	f := &exposure.Finding{
		UID: connectors.Ident(v.ID.String()), Connector: Name, Class: exposure.ClassDetection, Title: title, Description: v.Description.String(),
		RawSeverity: v.Severity.String(), Severity: connectors.Severity(v.Severity.String()), Status: statuses.Of(v.Status.String()),
		CVEs: connectors.CVEs(cve.FindAllString(title+" "+v.Description.String(), 100)), FirstSeen: v.First.Time, LastSeen: v.Last.Time,
		Vendor: wire.Rest(raw, "id", "title", "description", "severity", "status", "first_seen_time", "last_seen_time", "upwind_console_link"),
	}
	if f.Status != exposure.StatusOpen {
		f.StatusNote = v.Status.String()
	}
	if strings.HasPrefix(strings.ToLower(v.Category.String()), "vulnerab") || strings.EqualFold(v.Type.String(), "vulnerability") {
		f.Class = exposure.ClassVulnerability
	}
	rule := ""
	if len(v.Triggers) > 0 {
		rule = cmp.Or(connectors.Ident(v.Triggers[0].ID.String()), connectors.Ident(v.Triggers[0].Name.String()))
	}
	switch {
	case len(f.CVEs) == 1 && f.Class == exposure.ClassVulnerability:
		f.Check = Name + ":" + f.CVEs[0]
	case rule != "":
		f.Check = Name + ":" + rule
	default: // a detection that names no policy is told apart by its kind and title
		f.Check = Name + ":" + strings.Trim(connectors.Ident(v.Type.String())+":"+connectors.Ident(title), ":")
	}
	for i := range v.Attacks {
		if id := connectors.Ident(v.Attacks[i].Technique.String()); id != "" && len(f.Tags) < 40 {
			f.Tags = append(f.Tags, id)
		}
	}
	if link := v.Link.String(); link != "" {
		f.References = []string{link}
	}
	return f
}

func (r *wireResource) asset() *asset.Description {
	name := r.Name.String()
	id := r.ExternalID.String()
	if id == "" && name != "" { // a name is unique inside its cluster and namespace
		id = strings.Trim(strings.Join([]string{r.Cluster.String(), r.Namespace.String(), name}, "/"), "/")
	}
	d := cloud.Describe(cloud.Resource{ID: id, Provider: r.Provider.String(), Account: r.Account.String(), Region: r.Region.String(), Type: r.Type.String(), Name: name})
	if own := connectors.Ident(r.AssetID.String()); own != "" {
		d.Identifiers = append([]asset.Identifier{{Kind: asset.SourceAssetID, Value: own}}, d.Identifiers...)
	}
	if strings.EqualFold(r.Type.String(), "Pod") {
		d.Ephemeral = asset.EphemeralPod
	}
	if bool(r.Exposure.Ingress.Active) {
		d.Internet = asset.InternetYes
	}
	for _, risk := range r.Risks {
		if risk == "internet_facing" {
			d.Internet = asset.InternetYes
		}
		if risk = connectors.Ident(risk); risk != "" {
			cloud.Tag(d, "upwind risk "+risk, "yes")
		}
	}
	if namespace := connectors.Ident(r.Namespace.String()); namespace != "" {
		cloud.Tag(d, "namespace", namespace)
	}
	cloud.Owner(d, r.AccountName.String(), "cloud account")
	return d
}
