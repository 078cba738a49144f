package exposure

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
)

// Stated is a statement as it lies over an exposure that it speaks of.
type Stated struct {
	Statement     string          `json:"statement"` // its ID within the source
	Source        string          `json:"source"`
	Vulnerability string          `json:"vulnerability"`
	Aliases       []string        `json:"aliases,omitempty"`
	Status        StatementStatus `json:"status"`
	Justification string          `json:"justification,omitempty"`
	Impact        string          `json:"impact,omitempty"`
	Action        string          `json:"action,omitempty"`
	Author        string          `json:"author,omitempty"`
	At            time.Time       `json:"at,omitzero"`
	FixedIn       string          `json:"fixed_in,omitempty"` // version that the author says is fixed
	Matched       string          `json:"matched,omitempty"`  // how the product was recognised: the purl, digest or name
	Document      string          `json:"document,omitempty"`
}

// maxStated bounds the statements that lie over one exposure; the newest are kept.
const maxStated = 16

// maxStatedText bounds each text of an author's that an exposure carries, in bytes.
const maxStatedText = 1 << 10

// About reports whether it speaks of a vulnerability, under any of its names.
func (s *Stated) About(vulnerability string) bool {
	return strings.EqualFold(s.Vulnerability, vulnerability) ||
		slices.ContainsFunc(s.Aliases, func(a string) bool { return strings.EqualFold(a, vulnerability) })
}

// Vulnerabilities are the names under which statements may speak of what findings are
// about: CVEs, advisories and what a check is named after, in upper case, sorted.
func Vulnerabilities(findings []Finding) []string {
	var out []string
	for i := range findings {
		for _, list := range [...][]string{findings[i].CVEs, findings[i].Advisories} {
			for _, name := range list {
				out = addSorted(out, strings.ToUpper(name))
			}
		}
		if _, name, ok := strings.Cut(findings[i].Check, ":"); ok && strings.Contains(name, "-") { // osv:GHSA-…, go:GO-2024-…
			out = addSorted(out, strings.ToUpper(name))
		}
	}
	return out
}

// Names are the names of the statement's vulnerability, in upper case, sorted.
func (s *Statement) Names() []string {
	out := addSorted(nil, strings.ToUpper(s.Vulnerability))
	for _, a := range s.Aliases {
		out = addSorted(out, strings.ToUpper(a))
	}
	return out
}

// Overlay lays the statements that speak of an exposure over it, and takes away those
// that do no longer. It reports whether anything changed. Nothing else of the exposure
// does: a statement is an opinion.
func Overlay(e Exposure, a asset.Asset, statements []Statement) (Exposure, bool) {
	var stated []Stated
	names := Vulnerabilities(e.Findings)
	for i := range statements {
		s := &statements[i]
		if !s.Withdrawn.IsZero() || !slices.ContainsFunc(s.Names(), func(n string) bool { _, ok := slices.BinarySearch(names, n); return ok }) {
			continue
		}
		if over, ok := s.over(&e, &a); ok {
			stated = append(stated, over)
		}
	}
	slices.SortFunc(stated, func(x, y Stated) int {
		return cmp.Or(y.At.Compare(x.At), strings.Compare(x.Source, y.Source), strings.Compare(x.Statement, y.Statement))
	})
	stated = stated[:min(len(stated), maxStated)]
	same := slices.EqualFunc(stated, e.Stated, func(x, y Stated) bool {
		aliases := slices.Equal(x.Aliases, y.Aliases)
		at := x.At.Equal(y.At)
		x.Aliases, y.Aliases, x.At, y.At = nil, nil, time.Time{}, time.Time{}
		return aliases && at && x.plain() == y.plain()
	})
	if same {
		return e, false
	}
	e.Stated = stated
	return e, true
}

// plain is all of it that is text.
func (s *Stated) plain() [11]string {
	return [...]string{s.Statement, s.Source, s.Vulnerability, string(s.Status), s.Justification, s.Impact, s.Action, s.Author, s.FixedIn, s.Matched, s.Document}
}

// over is the statement as it lies over an exposure, if it speaks of its product.
func (s *Statement) over(e *Exposure, a *asset.Asset) (Stated, bool) {
	matched, fixedIn, ok := s.matches(e, a)
	if !ok {
		return Stated{}, false
	}
	return Stated{
		Statement: s.ID, Source: s.Source, Vulnerability: s.Vulnerability, Aliases: s.Aliases, Status: s.Status, Justification: s.Justification,
		Impact: cutText(s.Impact), Action: cutText(s.Action), Author: s.Author, At: ms(s.At), FixedIn: fixedIn, Matched: matched, Document: s.Document,
	}, true
}

func cutText(text string) string {
	if len(text) <= maxStatedText {
		return text
	}
	return strings.ToValidUTF8(text[:maxStatedText], "")
}

// matches reports whether a statement is about the product that an exposure is in. One on
// a product as a whole is, where the asset is the product (by its identifiers, an image's
// digest or a repository) or the affected package is. One on components of a product is,
// where the package is one of them and the asset is the product; where the document names
// the product by nothing that we know assets by, it isn't: its author judged his product,
// and not everybody's use of the component.
func (s *Statement) matches(e *Exposure, a *asset.Asset) (matched, fixedIn string, ok bool) {
	product, whole := s.product(a)
	for i := range e.Findings {
		p := e.Findings[i].Package
		if p == nil || p.PURL == "" {
			continue
		}
		if len(s.Components) > 0 {
			if purl, version, hit := s.purlIn(s.Components, p); hit && (whole || s.isComponentOnly()) {
				return purl, version, true
			}
			continue
		}
		if purl, version, hit := s.purlIn(s.PURLs, p); hit {
			return purl, version, true
		}
	}
	if whole && len(s.Components) == 0 {
		return product, "", true
	}
	return "", "", false
}

// isComponentOnly reports whether the components are all that the document names: it is
// then about the component itself, as a distributor's document is.
func (s *Statement) isComponentOnly() bool {
	return len(s.Identifiers) == 0 && s.Product == "" && !slices.ContainsFunc(s.PURLs, func(p string) bool { return !slices.Contains(s.Components, p) })
}

// product reports whether the asset is the product, and by which of its names.
func (s *Statement) product(a *asset.Asset) (name string, is bool) {
	for _, given := range s.Identifiers {
		id, ok, _ := asset.Clean(given)
		if !ok {
			continue
		}
		for _, k := range a.Identifiers {
			if k.Kind == id.Kind && k.Value == id.Value && (id.Scope == "" || id.Scope == k.Scope) {
				return string(id.Kind) + ":" + id.Value, true
			}
		}
	}
	for _, purl := range s.PURLs {
		for _, id := range identifiersOf(purl) {
			if slices.ContainsFunc(a.Identifiers, func(k asset.Known) bool { return k.Kind == id.Kind && k.Value == id.Value }) {
				return purl, true
			}
		}
	}
	return "", false
}

// identifiersOf gives what assets are known by of a purl that names one: an image by its
// digest, a repository by its host and path.
func identifiersOf(purl string) []asset.Identifier {
	base, version := VersionlessPURL(purl), VersionOf(purl)
	kind, rest, _ := strings.Cut(base, "/")
	hosts := map[string]string{"github": "github.com/", "gitlab": "gitlab.com/", "bitbucket": "bitbucket.org/"}
	var given asset.Identifier
	switch {
	case (kind == "oci" || kind == "docker") && strings.HasPrefix(version, "sha256:"):
		given = asset.Identifier{Kind: asset.ImageDigest, Value: version}
	case hosts[kind] != "":
		given = asset.Identifier{Kind: asset.RepositoryName, Value: hosts[kind] + rest}
	default:
		return nil
	}
	id, ok, _ := asset.Clean(given)
	if !ok {
		return nil
	}
	return []asset.Identifier{id}
}

// purlIn finds a package among purls: by name alone where a purl has no version, else by
// the version too. A fixed version is another one than the package has, and is told.
func (s *Statement) purlIn(purls []string, p *Package) (purl, fixedIn string, ok bool) {
	name, has := decodedPURL(p.PURL), VersionOf(p.PURL)
	if has == "" {
		has = p.Version
	}
	for _, candidate := range purls {
		if !strings.EqualFold(decodedPURL(candidate), name) {
			continue
		}
		version := VersionOf(candidate)
		switch {
		case s.Status == StatementFixed && version != "" && version != has:
			return candidate, version, true
		case version == "" || version == has:
			return candidate, "", true
		}
	}
	return "", "", false
}

// decodedPURL is a versionless purl without escapes, as tools differ in what they escape.
func decodedPURL(purl string) string {
	base := VersionlessPURL(purl)
	if plain, err := url.PathUnescape(base); err == nil {
		return plain
	}
	return base
}

// VersionOf is the version of a package URL, without escapes: "pkg:npm/a@1.2?x=y" gives
// "1.2". Empty where it has none.
func VersionOf(purl string) string {
	p, ok := strings.CutPrefix(purl, "pkg:")
	if !ok {
		return ""
	}
	p, _, _ = strings.Cut(p, "#")
	p, _, _ = strings.Cut(p, "?")
	i := strings.LastIndexByte(p, '@')
	if i <= 0 || p[i-1] == '/' {
		return ""
	}
	version := p[i+1:]
	if plain, err := url.PathUnescape(version); err == nil {
		return plain
	}
	return version
}
