package priority

import (
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/exposure"
)

// excuse says in words why an exposure is tracked whatever the tables say: a trusted
// author states of each of its CVEs, and has said nothing else since, that the product
// isn't affected. Of one that names no CVE a statement on what it does name is enough. It
// is an opinion: it lowers the decision, and closes nothing.
func (d Decider) excuse(in *Inputs) string {
	if len(d.policy.Trusted) == 0 || len(in.Stated) == 0 {
		return ""
	}
	about := in.CVEs
	if len(about) == 0 {
		about = []string{""} // whatever was matched
	}
	var words []string
	for _, cve := range about {
		s := d.lastWord(in.Stated, cve)
		if s == nil || s.Status != exposure.StatementNotAffected {
			return ""
		}
		by := s.Author
		if by == "" {
			by = s.Source
		}
		line := "not affected by " + s.Vulnerability + ", says " + by
		if s.Justification != "" {
			line += " (" + strings.ReplaceAll(s.Justification, "_", " ") + ")"
		}
		if !s.At.IsZero() {
			line += " on " + s.At.UTC().Format(day)
		}
		if line += ", from " + s.Source; !slices.Contains(words, line) {
			words = append(words, line)
		}
	}
	return "track: " + strings.Join(words, "; ")
}

// lastWord is the newest statement of a trusted source on a CVE; of several of one time
// the one that reassures least.
func (d Decider) lastWord(stated []exposure.Stated, cve string) *exposure.Stated {
	var last *exposure.Stated
	for i := range stated {
		s := &stated[i]
		switch {
		case !slices.Contains(d.policy.Trusted, s.Source) || cve != "" && !s.About(cve):
		case last == nil, s.At.After(last.At), s.At.Equal(last.At) && s.Status != exposure.StatementNotAffected:
			last = s
		}
	}
	return last
}
