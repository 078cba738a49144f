package aikido

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what the status of an issue means. Closed is Aikido's own word, whose
// reasons it does not document.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"open": exposure.StatusOpen, "ignored": exposure.StatusSuppressed, "snoozed": exposure.StatusSuppressed, "closed": exposure.StatusArchived,
}

// languages are the ecosystems of the programming languages that Aikido names.
var languages = map[string]string{ //nolint:gochecknoglobals // a constant table
	"JS": "npm", "TS": "npm", "GO": "golang", "PY": "pypi", "PYTHON": "pypi", "JAVA": "maven", "KOTLIN": "maven", "SCALA": "maven", "PHP": "composer", "RUBY": "gem", "RB": "gem",
	"RUST": "cargo", ".NET": "nuget", "DOTNET": "nuget", "CSHARP": "nuget", "C#": "nuget", "DART": "pub", "SWIFT": "swift", "ELIXIR": "hex",
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	issues      int
	first, last time.Time
}

// issue reads one issue and emits it. It reports false for what is none.
func (d *decoding) issue(e *report.Emitter, r *jsonpull.Reader) (known bool, err error) {
	var is issue
	raw, ok := r.Into(largestIssue, &is)
	id, kind := connectors.Ident(is.ID.String()), connectors.Ident(is.Type.String())
	if !ok || id == "" || kind == "" || is.Status == "" {
		return false, nil
	}
	f := &exposure.Finding{
		Connector: Name, Class: class(kind), UID: id, Check: Name + ":" + kind + ":" + connectors.Ident(cmp.Or(is.CVE.String(), is.RuleID.String(), is.Rule.String(), is.License.String(), is.Package.String(), "unknown")),
		Title: is.title(), RawSeverity: is.Severity.String(), Severity: connectors.Severity(is.Severity.String()), CVEs: connectors.CVEs([]string{is.CVE.String()}), CWEs: connectors.CWEs(is.CWEs),
		FirstSeen: is.FirstDetected.Time, Tags: []string{kind},
		Vendor: wire.Rest(raw, "id", "type", "status", "severity", "rule", "affected_package", "cve_id", "affected_file", "code_repo_name", "container_repo_name", "cloud_name", "domain_name",
			"virtual_machine_name", "ignored_by", "cwe_classes", "installed_version", "patched_versions", "first_detected_at"),
	}
	if is.CVE != "" && len(f.CVEs) == 0 { // AIKIDO-2024-…, GHSA-…, MAL-…
		f.Advisories = []string{is.CVE.String()}
	}
	is.place(f)
	is.state(f, d.config.ClosedFixed)
	d.note(f)
	return true, e.Observe(d.asset(&is), f)
}

func class(kind string) exposure.Class {
	switch kind {
	case "leaked_secret":
		return exposure.ClassSecret
	case "malware":
		return exposure.ClassDetection
	case "cloud", "iac", "license", "eol", "scm_security", "cloud_instance", "surface_monitoring":
		return exposure.ClassCompliance
	}
	return exposure.ClassVulnerability
}

func (is *issue) title() string {
	what := cmp.Or(is.Rule.String(), is.CVE.String(), is.License.String(), is.Type.String())
	if is.Package != "" {
		return is.Package.String() + ": " + what
	}
	return what
}

// place fills in where an issue is: a package with the file that names it, or a file.
func (is *issue) place(f *exposure.Finding) {
	file := is.File.String()
	name := is.Package.String()
	if name == "" {
		f.Location, f.Target = connectors.Ident(file), file
		if is.StartLine != "" && file != "" {
			f.Target += ":" + is.StartLine.String()
		}
		if is.Type == "cloud" && file == "" {
			f.Target = is.CloudResource.String()
		}
		return
	}
	purl := connectors.PURL(languages[strings.ToUpper(is.Language.String())], name, is.Installed.String())
	var fixed []string
	for _, v := range is.Patched {
		if v = strings.TrimSpace(v); v != "" {
			fixed = append(fixed, v)
		}
	}
	f.Package = &exposure.Package{Name: name, Version: is.Installed.String(), FixedIn: strings.Join(fixed, ", "), PURL: purl, Path: file}
	f.Location = connectors.PackageLocation(f.Package)
	if len(fixed) > 0 {
		f.Remediation = "Update " + name + " to " + strings.Join(fixed, " or ") + "."
	}
}

func (is *issue) state(f *exposure.Finding, closedFixed bool) {
	f.Status = statuses.Of(is.Status.String())
	switch strings.ToLower(is.Status.String()) {
	case "closed":
		f.StatusNote, f.LastSeen = "closed", is.ClosedAt.Time
		if closedFixed {
			f.Status = exposure.StatusFixed
		}
	case "ignored":
		f.StatusNote = "ignored"
		if is.IgnoredBy != "" {
			f.StatusNote += " by " + is.IgnoredBy.String()
		}
		f.LastSeen = is.IgnoredAt.Time
	case "snoozed":
		f.StatusNote = "snoozed"
		if !is.SnoozeUntil.IsZero() {
			f.StatusNote += " until " + is.SnoozeUntil.Format(time.DateOnly)
		}
	}
}

func (d *decoding) note(f *exposure.Finding) {
	d.issues++
	for _, at := range []time.Time{f.FirstSeen, f.LastSeen} {
		if !at.IsZero() && (d.first.IsZero() || at.Before(d.first)) {
			d.first = at
		}
		if at.After(d.last) {
			d.last = at
		}
	}
}

// asset is what an issue is in. Aikido numbers each sort of thing for itself, so the sort
// is part of the identifier.
func (d *decoding) asset(is *issue) *asset.Description {
	desc := &asset.Description{Zone: d.config.Zone, Tags: map[string]string{}}
	named := func(kind asset.Kind, sort string, id, name text) {
		desc.Kind, desc.Name = kind, connectors.Ident(cmp.Or(name.String(), sort+" "+id.String()))
		if id != "" {
			desc.Identifiers = []asset.Identifier{{Kind: asset.SourceAssetID, Value: connectors.Ident(sort + " " + id.String())}}
		}
	}
	switch {
	case is.CodeRepoID != "" || is.CodeRepo != "":
		named(asset.Repository, "code_repo", is.CodeRepoID, is.CodeRepo)
		if d.config.Host != "" && is.CodeRepo != "" {
			desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.RepositoryName, Value: strings.TrimSuffix(d.config.Host, "/") + "/" + connectors.Ident(is.CodeRepo.String())})
		}
	case is.ContainerID != "" || is.Container != "":
		named(asset.ContainerImage, "container_repo", is.ContainerID, is.Container)
	case is.CloudResource != "":
		desc.Kind, desc.Name = asset.CloudResource, connectors.Ident(is.CloudResource.String())
		desc.Tags["cloud"] = is.Cloud.String()
		if full := desc.Name; strings.HasPrefix(full, "arn:") || strings.HasPrefix(strings.ToLower(full), "/subscriptions/") || strings.HasPrefix(full, "//") {
			desc.Identifiers = []asset.Identifier{{Kind: asset.CloudResourceID, Value: full}}
		}
	case is.CloudID != "" || is.Cloud != "":
		named(asset.CloudResource, "cloud", is.CloudID, is.Cloud)
	case is.DomainID != "" || is.Domain != "":
		named(asset.Host, "domain", is.DomainID, is.Domain)
		desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{connectors.ParseAddress(is.Domain.String()).Host}, nil, nil)...)
	case is.VMID != "" || is.VM != "":
		named(asset.Host, "virtual_machine", is.VMID, is.VM)
		desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{is.VM.String()}, nil, nil)...)
	default:
		desc.Kind = asset.Repository
	}
	if len(desc.Identifiers) == 0 {
		desc.Name = cmp.Or(desc.Name, "unnamed asset")
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: desc.Name}}
	}
	return desc
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Started: d.first, Finished: d.last, Tool: Name,
		ID: connectors.RunID(Name, d.first, d.last, strconv.Itoa(d.issues)), Counts: map[string]int{"received": d.issues},
	}
}
