package declarative

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// compiled is a mapping whose expressions are compiled, by their keys.
type compiled struct {
	Mapping
	items    []string // the path to the items
	x        map[string]*expression
	statuses connectors.Statuses
	verbatim map[string][]string // paths of item and part that findings hold as they are
}

func (c *compiled) at(key string) *expression { return c.x[key] }

// has reports whether a mapping maps to findings, and not to assets alone.
func (c *compiled) has(key string) bool { return c.x[key] != nil }

// compileMapping compiles all of a mapping and gives every problem.
func compileMapping(env *cel.Env, m Mapping) (*compiled, []error) {
	c := &compiled{Mapping: m, x: map[string]*expression{}, statuses: connectors.Statuses{}, verbatim: map[string][]string{}}
	problems := c.constants()
	for _, w := range m.expressions() {
		x, err := compile(env, w)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		c.x[w.key] = x
		if x != nil && x.path != "" && keeps(w.key) {
			c.verbatim[x.root] = append(c.verbatim[x.root], x.path)
		}
	}
	if x := c.x["read.each"]; x != nil && x.path != "" {
		c.verbatim[x.root] = append(c.verbatim[x.root], x.path)
	}
	for _, root := range []string{nameItem, namePart} {
		c.verbatim[root] = append(c.verbatim[root], m.Finding.Without...)
	}
	return c, problems
}

// keeps reports whether a finding keeps what a key maps as it is, so that it needs no
// second place.
func keeps(key string) bool {
	switch key {
	case "finding.cves", "finding.cwes", "finding.status", "finding.exploit", "finding.class", "finding.evidence":
		return false
	}
	return strings.HasPrefix(key, "finding.")
}

// constants checks what is no expression.
func (c *compiled) constants() []error {
	var problems []error
	if c.Read.Items != "" {
		c.items = strings.Split(strings.Trim(c.Read.Items, "/"), "/")
	}
	switch c.Read.Format {
	case "json", "jsonl", "csv":
	case "xml":
		if len(c.items) == 0 {
			problems = append(problems, errors.New("read.items: XML wants the path of the items, from the root element"))
		}
	default:
		problems = append(problems, errors.New("read.format: wants to be json, jsonl, xml or csv"))
	}
	if !slices.Contains([]exposure.RunKind{"", exposure.RunFull, exposure.RunPartial, exposure.RunEvent}, exposure.RunKind(c.Run.Kind)) {
		problems = append(problems, errors.New("run.kind: wants to be full, partial or event"))
	}
	for _, word := range slices.Sorted(maps.Keys(c.Finding.Statuses)) {
		status := exposure.Status(c.Finding.Statuses[word])
		if !slices.Contains(exposure.Statuses(), status) || word != strings.ToLower(word) {
			problems = append(problems, fmt.Errorf("finding.statuses: %q is in lower case and means one of %v", word, exposure.Statuses()))
		}
		c.statuses[word] = status
	}
	for _, word := range slices.Sorted(maps.Keys(c.Finding.Severities)) {
		if connectors.Severity(c.Finding.Severities[word]) == exposure.SeverityUnknown || word != strings.ToLower(word) {
			problems = append(problems, fmt.Errorf("finding.severities: %q is in lower case and means info, low, medium, high or critical", word))
		}
	}
	for prefix, a := range map[string]Asset{"asset": c.Asset, "target": c.Target.Asset} {
		for kind := range a.Identifiers {
			if !slices.Contains(identifierKinds, asset.IdentifierKind(kind)) {
				problems = append(problems, fmt.Errorf("%s.identifiers: there is no kind %q; there are %v", prefix, kind, identifierKinds))
			}
		}
	}
	if c.Finding.Check != "" && (c.Finding.Scheme == "" || c.Finding.Scheme != slug(c.Finding.Scheme)) {
		problems = append(problems, errors.New("finding.scheme: wants a short name in lower case, such as the tool's"))
	}
	if c.Finding.Check == "" && c.Asset.Name == "" && len(c.Asset.Identifiers) == 0 {
		problems = append(problems, errors.New("finding.check: is needed, unless there is an asset to map items to"))
	}
	if c.Asset.Name == "" && len(c.Asset.Identifiers) == 0 && c.Target.Name == "" && len(c.Target.Identifiers) == 0 {
		problems = append(problems, errors.New("asset: or target is needed, so that findings have an asset"))
	}
	return problems
}

var identifierKinds = []asset.IdentifierKind{ //nolint:gochecknoglobals // a constant table, strongest first
	asset.CloudResourceID, asset.CloudInstanceID, asset.AgentID, asset.SourceAssetID, asset.BIOSUUID, asset.SerialNumber, asset.ImageDigest,
	asset.RepositoryName, asset.URLOrigin, asset.FQDN, asset.MAC, asset.Hostname, asset.IP, asset.Label,
}

var (
	assetKinds = []asset.Kind{ //nolint:gochecknoglobals // a constant table
		asset.Host, asset.CloudResource, asset.WebApplication, asset.API, asset.ContainerImage, asset.Repository, asset.SaaSApplication, asset.Domain, asset.Identity,
	}
	classes = []exposure.Class{exposure.ClassVulnerability, exposure.ClassCompliance, exposure.ClassDetection, exposure.ClassSecret} //nolint:gochecknoglobals // a constant table
)

// expressions are all CEL texts of a mapping with their keys.
func (m Mapping) expressions() []written {
	f := m.Finding
	out := []written{
		{"read.each", m.Read.Each}, {"read.where", m.Read.Where},
		{"finding.uid", f.UID}, {"finding.check", f.Check}, {"finding.title", f.Title}, {"finding.description", f.Description},
		{"finding.remediation", f.Remediation}, {"finding.severity", f.Severity}, {"finding.status", f.Status}, {"finding.status_note", f.StatusNote},
		{"finding.cves", f.CVEs}, {"finding.cwes", f.CWEs}, {"finding.advisories", f.Advisories}, {"finding.cvss_vector", f.CVSSVector},
		{"finding.cvss_score", f.CVSSScore}, {"finding.cvss_by", f.CVSSBy}, {"finding.epss", f.EPSS}, {"finding.exploit", f.Exploit},
		{"finding.location", f.Location}, {"finding.address", f.Address}, {"finding.evidence", f.Evidence}, {"finding.references", f.References},
		{"finding.tags", f.Tags}, {"finding.first_seen", f.FirstSeen}, {"finding.last_seen", f.LastSeen}, {"finding.package", f.Package},
		{"finding.package_version", f.PackageAt}, {"finding.package_fixed_in", f.PackageFixed}, {"finding.package_purl", f.PackagePURL},
		{"finding.package_path", f.PackagePath},
		{"run.id", m.Run.ID}, {"run.tool", m.Run.Tool}, {"run.started", m.Run.Started}, {"run.finished", m.Run.Finished},
		{"run.complete", m.Run.Complete}, {"run.checks", m.Run.Checks}, {"run.claimed", m.Run.Claimed},
		{"target.outcome", m.Target.Outcome}, {"target.locations", m.Target.Locations},
	}
	if !slices.Contains(classes, exposure.Class(f.Class)) {
		out = append(out, written{"finding.class", f.Class})
	}
	return slices.Concat(out, m.Asset.expressions("asset"), m.Target.expressions("target"))
}

func (a Asset) expressions(prefix string) []written {
	out := []written{{prefix + ".name", a.Name}, {prefix + ".os", a.OS}, {prefix + ".internet", a.Internet}, {prefix + ".seen_at", a.SeenAt}, {prefix + ".gone", a.Gone}}
	if !slices.Contains(assetKinds, asset.Kind(a.Kind)) {
		out = append(out, written{prefix + ".kind", a.Kind})
	}
	return slices.Concat(out, tables(prefix+".identifiers", a.Identifiers), tables(prefix+".scopes", a.Scopes), tables(prefix+".tags", a.Tags), tables(prefix+".owners", a.Owners))
}

// mapped reports whether an asset is described at all.
func (a Asset) mapped() bool { return a.Name != "" || len(a.Identifiers) > 0 }
