package checkov

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what a check's result means. Those that passed are no findings.
var statuses = connectors.Statuses{"failed": exposure.StatusOpen, "skipped": exposure.StatusSuppressed} //nolint:gochecknoglobals // a constant table

func (in *Instance) finding(c *check, framework, list string, raw []byte) (*exposure.Finding, string) {
	id := connectors.Ident(c.ID.String())
	if id == "" {
		return nil, "check_without_id"
	}
	file := strings.TrimPrefix(strings.ReplaceAll(c.File.String(), `\`, "/"), "/")
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassCompliance, Check: Name + ":" + id, Title: cmp.Or(c.Name.String(), id), Description: cmp.Or(c.Text.String(), c.Short.String(), strings.Join(c.Details, "\n")),
		RawSeverity: c.Severity.String(), Severity: connectors.Severity(c.Severity.String()), Location: place(file, c.Resource.String()), Remediation: c.Fixed.String(),
		Tags: []string{framework}, Evidence: connectors.Redact(code(c.Code)),
		Vendor: wire.Rest(raw, "check_id", "check_name", "check_result.result", "check_result.suppress_comment", "code_block", "file_path", "resource", "guideline", "severity", "description", "short_description",
			"fixed_definition", "details", "connected_node", "vulnerability_details.description", "evaluations", "breadcrumbs", "definition_context_file_path"),
	}
	if link := c.Guideline.String(); strings.HasPrefix(link, "http") {
		f.References = []string{link}
	}
	f.Status = statuses.Of(cmp.Or(c.Result.Result.String(), list))
	if f.Status == exposure.StatusSuppressed {
		f.StatusNote = cmp.Or(c.Result.Comment.String(), "skipped by a comment in the code")
	}
	switch {
	case framework == "secrets" || strings.HasPrefix(id, "CKV_SECRET"):
		f.Class, f.Evidence, f.Vendor = exposure.ClassSecret, "", nil
		f.Location = connectors.Ident(file)
		f.UID = connectors.UID(f.Check, f.Location, connectors.Ident(c.Resource.String()))
		f.Remediation = "Revoke the secret, then remove it from the file and from the history that still holds it."
	case c.Package.ID != "":
		vulnerable(f, &c.Package, file)
	}
	f.UID = cmp.Or(f.UID, connectors.UID(f.Check, f.Location))
	return f, ""
}

// place is a file and a resource in it. Where a resource is named after its file, as those
// of a Dockerfile are, the file is enough.
func place(file, resource string) string {
	resource = strings.TrimPrefix(strings.TrimSuffix(resource, "."), "/")
	if resource == "" || resource == file {
		return connectors.Ident(file)
	}
	return connectors.Ident(file + "#" + strings.TrimPrefix(resource, file+"."))
}

// code is the beginning of what was checked.
func code(lines []codeLine) string {
	const most = 20
	var out strings.Builder
	for i, l := range lines {
		if i == most {
			break
		}
		out.WriteString(strings.TrimRight(l.text, "\r\n") + "\n")
	}
	return strings.TrimRight(out.String(), "\n")
}

// vulnerable makes a finding one of a vulnerable package.
func vulnerable(f *exposure.Finding, v *vulnerability, file string) {
	id, name, installed := connectors.Ident(v.ID.String()), v.Name.String(), v.Version.String()
	f.Class, f.Check, f.Title = exposure.ClassVulnerability, Name+":"+id, cmp.Or(name, "package")+": "+id
	f.Description, f.RawSeverity = v.Description.String(), cmp.Or(v.Severity.String(), f.RawSeverity)
	f.Severity = connectors.Severity(f.RawSeverity)
	if f.CVEs = connectors.CVEs([]string{id}); len(f.CVEs) == 0 {
		f.Advisories = []string{id}
	}
	f.CVSS = connectors.CVSSOf(v.Vector.String(), v.Score.Value, "")
	if link := v.Link.String(); link != "" && !slices.Contains(f.References, link) {
		f.References = append(f.References, link)
	}
	f.Package = &exposure.Package{Name: name, Version: installed, FixedIn: v.Lowest.String(), Path: file, Status: v.Status.String(), PURL: connectors.PURL(cmp.Or(v.Type.String(), ecosystem(file)), name, installed)}
	f.Location = connectors.PackageLocation(f.Package)
	f.Evidence, f.Remediation = "", ""
	if f.Package.FixedIn != "" {
		f.Remediation = "Update " + name + " to " + f.Package.FixedIn + "."
	}
}

// ecosystem is that of a lock file or manifest, by its name.
func ecosystem(file string) string {
	base := strings.ToLower(file[strings.LastIndexByte(file, '/')+1:])
	for _, known := range [...][2]string{
		{"requirements", "pypi"}, {"pipfile", "pypi"}, {"poetry", "pypi"}, {"uv.lock", "pypi"}, {"package", "npm"}, {"yarn", "npm"}, {"pnpm", "npm"}, {"go.", "go"}, {"gemfile", "rubygems"}, {"pom.xml", "maven"},
		{"build.gradle", "maven"}, {"gradle", "maven"}, {"composer", "composer"}, {"cargo", "cargo"},
	} {
		if strings.HasPrefix(base, known[0]) {
			return known[1]
		}
	}
	return ""
}

// describe describes what the source is of.
func (in *Instance) describe() *asset.Description {
	if id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.RepositoryName, Value: in.config.Repository}); ok && in.config.Repository != "" {
		return &asset.Description{Kind: asset.Repository, Name: id.Value, Identifiers: []asset.Identifier{id}}
	}
	name := connectors.Ident(cmp.Or(in.config.Artifact, in.source, Name))
	return &asset.Description{Kind: asset.Repository, Name: name, Identifiers: []asset.Identifier{{Kind: asset.Label, Scope: in.source, Value: name}}}
}
