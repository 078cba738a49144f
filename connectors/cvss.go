package connectors

import (
	"strings"

	"github.com/quellsec/quell/internal/exposure"
)

// CVSSOf is Score as a list of at most one.
func CVSSOf(vector string, score float64, by string) []exposure.CVSS {
	if c, ok := Score(vector, score, by); ok {
		return []exposure.CVSS{c}
	}
	return nil
}

// Score makes a score of a vector, a number, or both, said by somebody; none of neither.
// The version is the vector's own. A number outside 0 to 10 is none.
func Score(vector string, score float64, by string) (c exposure.CVSS, ok bool) {
	if score < 0 || score > 10 {
		score = 0
	}
	c = exposure.CVSS{Version: CVSSVersion(vector), Vector: vector, Score: score, By: by}
	if c.Version == "" {
		c.Vector = ""
	}
	return c, c.Vector != "" || c.Score != 0
}

// CVSSVersion tells the version of a vector by how it begins; empty if it is none.
func CVSSVersion(vector string) string {
	const longest = 256
	if len(vector) > longest {
		return ""
	}
	switch {
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		return "3.1"
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		return "3.0"
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		return "4.0"
	case strings.HasPrefix(vector, "AV:"), strings.HasPrefix(vector, "(AV:"): // version 2 does not name itself
		return "2.0"
	}
	return ""
}
