package nmap

import (
	"encoding/json"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

const (
	scheme        = "nmap:"
	checkOpenPort = scheme + "open-port"
)

// bannerNote is what has to be known about findings that compare versions.
const bannerNote = "low confidence: only the version in the banner was compared, and distributions fix without changing it"

// openPort makes the finding of an open port. The output of scripts that report no
// weakness is its evidence.
func openPort(p *port, target string) exposure.Finding {
	location := p.number + "/" + p.protocol
	f := exposure.Finding{
		UID: "open-port/" + location, Connector: Name, Class: exposure.ClassCompliance, Check: checkOpenPort,
		Title: "Open port " + location, Severity: exposure.SeverityInfo, Status: exposure.StatusOpen,
		Location: location, Target: net.JoinHostPort(target, p.number),
	}
	banner := strings.TrimSpace(p.service.Product + " " + p.service.Version)
	switch {
	case banner != "":
		f.Title += ": " + banner
	case p.service.Name != "" && p.service.Name != "unknown":
		f.Title += ": " + p.service.Name
	}
	evidence := "state open (" + p.reason + ")"
	for i := range p.scripts {
		s := &p.scripts[i]
		if output := strings.TrimSpace(s.output); !s.reports() && output != "" && len(evidence)+len(s.id)+len(output) < exposure.MaxEvidence-8 {
			evidence += "\n\n" + s.id + ":\n" + output
		}
	}
	f.Evidence = connectors.Redact(evidence)
	if p.service.Name != "" {
		if raw, err := json.Marshal(map[string]*service{"service": &p.service}); err == nil && len(raw) <= exposure.MaxVendor { // strings always marshal
			f.Vendor = raw
		}
	}
	return f
}

// reports tells whether the script's result is about a weakness.
func (s *script) reports() bool {
	if s.id == "" {
		return false // nothing to know it by
	}
	return len(s.states) > 0 || s.banner() || strings.HasPrefix(s.id, "vuln") || strings.Contains(s.id, "-vuln") ||
		strings.HasPrefix(s.id, "ssl-") || strings.HasSuffix(s.id, "-default-accounts")
}

// banner tells whether the script only compares versions.
func (s *script) banner() bool { return s.id == "vulners" || s.id == "vulscan" }

// failed tells whether the script didn't get as far as a result.
func (s *script) failed() bool {
	output := strings.TrimSpace(s.output)
	return strings.HasPrefix(output, "ERROR") || strings.HasPrefix(output, "Could not negotiate") ||
		slices.ContainsFunc(s.states, func(state string) bool { return strings.HasPrefix(state, "UNKNOWN") })
}

// found tells whether a script that reports weaknesses found one.
func (s *script) found() bool {
	if len(s.states) > 0 {
		return slices.ContainsFunc(s.states, func(state string) bool {
			return strings.HasPrefix(state, "VULNERABLE") || strings.HasPrefix(state, "LIKELY VULNERABLE")
		})
	}
	output := strings.ToLower(strings.TrimSpace(s.output))
	return output != "" && output != "false" && !strings.HasPrefix(output, "couldn't find") && !strings.HasPrefix(output, "no ") && !strings.HasPrefix(output, "not vulnerable")
}

// finding makes the finding of a script at a port, or of the host where location is
// empty.
func (s *script) finding(location, target string) exposure.Finding {
	f := exposure.Finding{
		UID: s.id, Connector: Name, Class: exposure.ClassVulnerability, Check: scheme + s.id, Title: s.title,
		Severity: exposure.SeverityUnknown, Status: exposure.StatusOpen, Location: location, Target: target,
		CVEs: connectors.CVEs(s.cves), Evidence: connectors.Redact(strings.TrimSpace(s.output)), Tags: []string{"nse"},
	}
	if location != "" {
		f.UID += "/" + location
	}
	if f.Title == "" {
		f.Title = "nmap script " + s.id
	}
	if s.exploit {
		f.Exploit = "poc"
	}
	if s.banner() {
		f.StatusNote = bannerNote
	}
	if s.score > 0 {
		// of which CVSS version it doesn't say
		f.Severity, f.RawSeverity = severity(s.score), "cvss "+strconv.FormatFloat(s.score, 'f', -1, 64)
		return f
	}
	for line := range strings.Lines(s.output) {
		if _, factor, ok := strings.Cut(line, "Risk factor:"); ok {
			f.RawSeverity, _, _ = strings.Cut(strings.TrimSpace(factor), " ")
			f.Severity = connectors.Severity(f.RawSeverity)
			return f
		}
	}
	if strings.HasPrefix(s.id, "ssl-") && len(s.states) == 0 {
		f.Class, f.Severity = exposure.ClassCompliance, exposure.SeverityInfo // what TLS offers, good or bad
	}
	return f
}

// severity is CVSS 3's qualitative scale (specification, section 5).
func severity(score float64) exposure.Severity {
	switch {
	case score >= 9:
		return exposure.SeverityCritical
	case score >= 7:
		return exposure.SeverityHigh
	case score >= 4:
		return exposure.SeverityMedium
	}
	return exposure.SeverityLow
}
