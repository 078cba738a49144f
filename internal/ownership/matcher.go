package ownership

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// matcher is one condition of a node.
type matcher struct {
	text   string // as configured
	field  string
	key    string // of tag.KEY and identifier.KIND
	negate bool
	glob   scope.Glob
}

// subject is what nodes look at.
type subject struct {
	asset    *asset.Asset
	scopes   []string
	exposure *exposure.Exposure // zero where only the asset is asked about
}

func matchFields() []string {
	return []string{"name", "kind", "zone", "os", "source", "scope", "check", "cve", "severity"}
}

// parseMatcher reads "tag.env=prod" or "source!=nessus-*".
func parseMatcher(text string) (matcher, error) {
	left, pattern, ok := strings.Cut(text, "=")
	m := matcher{text: text}
	left, m.negate = strings.CutSuffix(left, "!")
	left, pattern = strings.TrimSpace(left), strings.TrimSpace(pattern)
	if !ok || left == "" {
		return m, fmt.Errorf("%q is not field=pattern or field!=pattern", text)
	}
	m.glob = scope.NewGlob(pattern)
	m.field, m.key, ok = strings.Cut(left, ".")
	switch keyed := m.field == "tag" || m.field == "identifier"; {
	case keyed && m.key == "":
		return m, fmt.Errorf("%q doesn't say which %s: write %s.NAME=pattern", text, m.field, m.field)
	case keyed:
	case ok || !slices.Contains(matchFields(), m.field):
		return m, fmt.Errorf("%q asks for %q: the fields are %s, tag.KEY and identifier.KIND", text, left, strings.Join(matchFields(), ", "))
	}
	return m, nil
}

// matches reports whether one of the field's values matches; negated, whether none does.
func (m *matcher) matches(s *subject) bool {
	return slices.ContainsFunc(m.values(s), m.glob.Match) != m.negate
}

func (m *matcher) values(s *subject) []string {
	switch m.field {
	case "tag":
		if v, ok := s.asset.Tags[m.key]; ok {
			return []string{v}
		}
		return nil
	case "identifier":
		return s.identifiers(asset.IdentifierKind(m.key))
	case "name":
		names := append([]string{s.asset.Name}, s.identifiers(asset.FQDN)...)
		return append(names, s.identifiers(asset.Hostname)...)
	case "kind":
		return []string{string(s.asset.Kind)}
	case "zone":
		return []string{s.asset.Zone}
	case "os":
		return []string{s.asset.OS}
	case "scope":
		return s.scopes
	case "source":
		if s.exposure.ID != "" {
			return s.exposure.Sources
		}
		return s.asset.Sources
	case "check":
		return s.checks()
	case "cve":
		return s.exposure.CVEs
	case "severity":
		return []string{string(s.exposure.Severity)}
	}
	return nil
}

func (s *subject) identifiers(kind asset.IdentifierKind) []string {
	var out []string
	for i := range s.asset.Identifiers {
		if id := &s.asset.Identifiers[i]; id.Kind == kind {
			out = append(out, id.Value)
		}
	}
	return out
}

func (s *subject) checks() []string {
	out := append(make([]string, 0, 1+len(s.exposure.Findings)), s.exposure.Weakness)
	for i := range s.exposure.Findings {
		out = append(out, s.exposure.Findings[i].Check)
	}
	return out
}
