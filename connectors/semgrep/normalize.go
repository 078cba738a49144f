package semgrep

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what it means that a comment in the code ignores a finding.
var statuses = connectors.Statuses{"open": exposure.StatusOpen, "ignored": exposure.StatusSuppressed} //nolint:gochecknoglobals // a constant table

// levels are the severities of webhooks, as the CLI would write them.
var levels = map[string]string{"0": "INFO", "1": "WARNING", "2": "ERROR"} //nolint:gochecknoglobals // a constant table

// withheld is what the CLI writes in place of a fingerprint and of code for those who are
// not logged in.
const withheld = "requires login"

func (in *Instance) finding(r *result, raw []byte) (*exposure.Finding, string) {
	x := &r.Extra
	f, skip := base(r.Check.String(), r.Path.String(), x.Message.String(), x.Severity.String(), &x.Metadata)
	if skip != "" {
		return nil, skip
	}
	f.Remediation = x.Fix.String()
	lines := x.Lines.String()
	if lines == withheld {
		lines = ""
	}
	f.Evidence = connectors.Redact(strings.TrimSpace(lines))
	f.Vendor = wire.Rest(raw, "check_id", "path", "extra.message", "extra.severity", "extra.lines", "extra.is_ignored", "extra.fix", "extra.dataflow_trace", "extra.metavars", "extra.metadata.cwe", "extra.metadata.references",
		"extra.metadata.owasp", "extra.metadata.source", "extra.metadata.shortlink", "extra.fixed_lines")
	f.Status = statuses.Of("open")
	if bool(x.Ignored) {
		f.Status, f.StatusNote = statuses.Of("ignored"), "a nosemgrep comment"
	}
	if x.SCA.Match.Found.Package != "" {
		supplyChain(f, &x.SCA, &x.Metadata)
	}
	if x.Validation != "" || secretRule(f.Check, &x.Metadata) {
		f.Class = exposure.ClassSecret
		f.Evidence, f.Vendor = connectors.Mask(strings.TrimSpace(lines)), wire.Fields(map[string]any{"validation_state": x.Validation.String(), "secret_type": x.Metadata.SecretType.String()})
		f.Remediation = "Revoke the secret, then remove it from the file and from the history that still holds it."
	}
	switch fingerprint := x.Fingerprint.String(); {
	case fingerprint != "" && fingerprint != withheld:
		f.UID = connectors.UID(f.Check, connectors.Ident(fingerprint))
	case lines != "":
		sum := sha256.Sum256([]byte(strings.Join(strings.Fields(lines), " ")))
		f.UID = connectors.UID(f.Check, f.Location, hex.EncodeToString(sum[:8]))
	default:
		f.UID = connectors.UID(f.Check, f.Location)
	}
	return f, ""
}

// base is what findings of reports and of webhooks have in common.
func base(check, file, message, severity string, m *metadata) (*exposure.Finding, string) {
	if check = connectors.Ident(check); check == "" {
		return nil, "result_without_rule"
	}
	file = strings.TrimPrefix(strings.ReplaceAll(file, `\`, "/"), "./")
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + check, Title: title(check, m), Description: message, Location: connectors.Ident(file),
		RawSeverity: severity, Severity: connectors.Severity(cmp.Or(levels[severity], severity)), Tags: slices.Concat(m.OWASP, m.Technology),
		CVEs: connectors.CVEs([]string{m.CVE.String()}), CWEs: weaknesses(m.CWE), Status: exposure.StatusOpen,
	}
	const most = 20
	for _, link := range append([]string{m.Source.String(), m.Shortlink.String()}, m.References...) {
		if link != "" && len(f.References) < most && !slices.Contains(f.References, link) {
			f.References = append(f.References, link)
		}
	}
	return f, ""
}

// title is the class of weakness and the rule's own name: semgrep's rules have no title.
func title(check string, m *metadata) string {
	name := check[strings.LastIndexByte(check, '.')+1:]
	if len(m.Class) > 0 && m.Class[0] != "Other" {
		return m.Class[0] + ": " + cmp.Or(name, check)
	}
	return cmp.Or(name, check)
}

// weaknesses are the numbers of "CWE-89: Improper Neutralization …".
func weaknesses(texts []string) []string {
	out := make([]string, 0, len(texts))
	for _, text := range texts {
		number, _, _ := strings.Cut(text, ":")
		out = append(out, number)
	}
	return connectors.CWEs(out)
}

func secretRule(check string, m *metadata) bool {
	return m.SecretType != "" || strings.Contains(check, ".secrets.") || strings.HasPrefix(check, Name+":secrets.")
}

// supplyChain places a finding at the package that a rule of Supply Chain matched.
func supplyChain(f *exposure.Finding, d *dependency, m *metadata) {
	found := &d.Match.Found
	name, version := found.Package.String(), found.Version.String()
	f.Package = &exposure.Package{Name: name, Version: version, PURL: connectors.PURL(found.Ecosystem.String(), name, version), Path: strings.TrimPrefix(d.Match.Lockfile.String(), "./")}
	f.Location = connectors.PackageLocation(f.Package)
	var fixes []string
	for _, fix := range m.FixedVersions {
		if v := fix[name].String(); v != "" {
			fixes = append(fixes, v)
		}
	}
	if f.Package.FixedIn = strings.Join(fixes, ", "); f.Package.FixedIn != "" {
		f.Remediation = "Update " + name + " to " + f.Package.FixedIn + "."
	}
	if severity := m.Severity.String(); severity != "" {
		f.RawSeverity, f.Severity = severity, connectors.Severity(severity)
	}
}

// hookFinding makes a finding of a webhook's.
func (in *Instance) hookFinding(h *hookFinding, raw []byte) (*exposure.Finding, string) {
	f, skip := base(h.Check.String(), h.Path.String(), h.Message.String(), h.Severity.String(), &h.Metadata)
	if skip != "" {
		return nil, skip
	}
	f.FirstSeen, f.LastSeen = h.Started.Time, h.Committed.Time
	f.Vendor = wire.Rest(raw, "check_id", "path", "message", "severity", "id", "start_date", "commit_date", "metadata.cwe", "metadata.references", "metadata.owasp", "metadata.source", "metadata.shortlink")
	if secretRule(f.Check, &h.Metadata) {
		f.Class = exposure.ClassSecret
	}
	f.UID = connectors.UID(f.Check, f.Location)
	if id := connectors.Ident(h.ID.String()); id != "" {
		f.UID = connectors.UID(f.Check, id)
	}
	return f, ""
}

// repository describes what a CLI report is of.
func (in *Instance) repository() *asset.Description {
	if id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.RepositoryName, Value: in.config.Repository}); ok && in.config.Repository != "" {
		return &asset.Description{Kind: asset.Repository, Name: id.Value, Identifiers: []asset.Identifier{id}}
	}
	return in.labelled(in.source)
}

func (in *Instance) labelled(name string) *asset.Description {
	name = connectors.Ident(cmp.Or(name, Name))
	return &asset.Description{Kind: asset.Repository, Name: name, Identifiers: []asset.Identifier{{Kind: asset.Label, Scope: in.source, Value: name}}}
}

// hookRepository describes the repository that a webhook names: by the address of the
// commit, which tells the host too, else by its name.
func (in *Instance) hookRepository(h *hookFinding) *asset.Description {
	address := h.CommitURL.String()
	for _, before := range []string{"/-/commit/", "/commit/", "/commits/"} {
		if i := strings.Index(address, before); i > 0 {
			address = address[:i]
			break
		}
	}
	if address == "" && in.config.Host != "" && h.Repo != "" {
		address = path.Join(in.config.Host, h.Repo.String())
	}
	if id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.RepositoryName, Value: address}); ok && address != "" {
		return &asset.Description{Kind: asset.Repository, Name: id.Value, Identifiers: []asset.Identifier{id}}
	}
	return in.labelled(cmp.Or(h.Repo.String(), in.source))
}
