package connectors

import (
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/exposure"
)

// Severity reads the words that scanners have for how bad something is.
func Severity(word string) exposure.Severity {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "info", "informational", "information", "none", "note":
		return exposure.SeverityInfo
	case "low", "minor", "negligible":
		return exposure.SeverityLow
	case "medium", "moderate", "warning":
		return exposure.SeverityMedium
	case "high", "important", "major", "error":
		return exposure.SeverityHigh
	case "critical", "severe":
		return exposure.SeverityCritical
	}
	return exposure.SeverityUnknown
}

// CVEs gives those of the texts that are CVE numbers, in upper case, sorted, each once.
func CVEs(texts []string) []string {
	var out []string
	for _, text := range texts {
		if cve := strings.ToUpper(strings.TrimSpace(text)); IsCVE(cve) {
			out = append(out, cve)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// IsCVE reports whether text is a CVE number in upper case: CVE-2024-10979.
func IsCVE(text string) bool {
	year, number, ok := strings.Cut(strings.TrimPrefix(text, "CVE-"), "-")
	return ok && strings.HasPrefix(text, "CVE-") && len(year) == 4 && len(number) >= 4 && len(number) <= 19 && digits(year) && digits(number)
}

// CWEs gives those of the texts that are CWE numbers ("CWE-79", "cwe-79", "79"), as
// "CWE-79", sorted, each once. The zero and negative numbers of some scanners are none.
func CWEs(texts []string) []string {
	var out []string
	for _, text := range texts {
		number := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(text)), "CWE-")
		const longest = 6
		if digits(number) && len(number) <= longest && strings.Trim(number, "0") != "" {
			out = append(out, "CWE-"+strings.TrimLeft(number, "0"))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
