package priority

import (
	"strconv"
	"strings"

	cvss30 "github.com/pandatix/go-cvss/30"
	cvss31 "github.com/pandatix/go-cvss/31"
	cvss40 "github.com/pandatix/go-cvss/40"

	"github.com/quellsec/quell/internal/exposure"
)

// maxVector is longer than any vector with all its metrics.
const maxVector = 400

// fromVector derives two SSVC decision points from a CVSS vector 3.0, 3.1 or 4.0, as far
// as the vector says. Automatable is yes where an attacker on the network needs neither
// privileges nor a user's help (CVSS 4.0's own Automatable metric counts before that).
// Technical impact is total where confidentiality, integrity and availability are all
// lost, or the first two beyond the component itself.
func fromVector(vector string) (automatable, impact Value) {
	if len(vector) > maxVector {
		return Unknown, Unknown
	}
	switch {
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		v, err := cvss31.ParseVector(vector)
		if err != nil {
			return Unknown, Unknown
		}
		return fromV3(v.Get)
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		v, err := cvss30.ParseVector(vector)
		if err != nil {
			return Unknown, Unknown
		}
		return fromV3(v.Get)
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		v, err := cvss40.ParseVector(vector)
		if err != nil {
			return Unknown, Unknown
		}
		return fromV4(v.Get)
	}
	return Unknown, Unknown
}

// all reports whether every metric has its value: "AV:N PR:N UI:N".
func all(get func(string) (string, error), metrics string) bool {
	for want := range strings.FieldsSeq(metrics) {
		name, value, _ := strings.Cut(want, ":")
		if got, err := get(name); err != nil || got != value {
			return false
		}
	}
	return true
}

func fromV3(get func(string) (string, error)) (automatable, impact Value) {
	automatable, impact = No, Partial
	if all(get, "AV:N PR:N UI:N") {
		automatable = Yes
	}
	if all(get, "C:H I:H A:H") || all(get, "S:C C:H I:H") {
		impact = Total
	}
	return automatable, impact
}

func fromV4(get func(string) (string, error)) (automatable, impact Value) {
	automatable, impact = No, Partial
	if all(get, "AU:Y") || !all(get, "AU:N") && all(get, "AV:N PR:N UI:N") {
		automatable = Yes
	}
	if all(get, "VC:H VI:H VA:H") || all(get, "VC:H VI:H SC:H SI:H") {
		impact = Total
	}
	return automatable, impact
}

// said names a score with who gave it: "CVSS 3.1 9.8 by nvd".
func said(c *exposure.CVSS, source string) string {
	by := c.By
	if by == "" {
		by = source
	}
	version := c.Version
	if rest, ok := strings.CutPrefix(c.Vector, "CVSS:"); ok {
		version, _, _ = strings.Cut(rest, "/")
	}
	text := "CVSS " + version + " " + strconv.FormatFloat(c.Score, 'f', 1, 64)
	if by != "" {
		text += " by " + by
	}
	return text
}
