package scope

import "strings"

// Glob is a pattern over whole texts in any case: * stands for any run of characters, ?
// for one byte. Nothing else is special, so that an ARN or a URL needs no escapes.
type Glob struct {
	pattern string // lower case
	kind    globKind
}

type globKind uint8

const (
	globAny globKind = iota // "*", also the zero Glob
	globExact
	globPrefix // "web-*"
	globSuffix // "*.example.com"
	globFull
)

// NewGlob makes a glob of a pattern.
func NewGlob(pattern string) Glob {
	p := strings.ToLower(pattern)
	stars := strings.Count(p, "*")
	switch {
	case strings.Contains(p, "?") || stars > 1:
		return Glob{p, globFull}
	case stars == 0:
		return Glob{p, globExact}
	case p == "*":
		return Glob{p, globAny}
	case p[0] == '*':
		return Glob{p[1:], globSuffix}
	case p[len(p)-1] == '*':
		return Glob{p[:len(p)-1], globPrefix}
	}
	return Glob{p, globFull}
}

// Match reports whether the pattern covers the whole text.
func (g Glob) Match(text string) bool { return g.match(strings.ToLower(text)) }

// match is Match for a text that is in lower case already.
func (g Glob) match(text string) bool {
	switch g.kind {
	case globAny:
		return true
	case globExact:
		return text == g.pattern
	case globPrefix:
		return strings.HasPrefix(text, g.pattern)
	case globSuffix:
		return strings.HasSuffix(text, g.pattern)
	case globFull:
	}
	return wildcard(g.pattern, text)
}

// wildcard goes back to the last star alone, so it takes len(p)*len(s) steps at worst:
// no pattern and text together can stall it.
func wildcard(p, s string) bool {
	star, from := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == s[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(p[i:], "*") == ""
}
