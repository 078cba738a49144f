package nessus

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

// plugin is what a report says about one plugin wherever it found something: the part of
// a finding that hosts share.
type plugin struct {
	arena   []byte
	finding exposure.Finding
}

// plugins remembers the plugins of a report, so that the texts that repeat on every host
// are built and held once. It forgets all when full, and an item that differs from what
// is remembered replaces it.
type plugins struct {
	byID map[string]*plugin
	size int
}

const maxRemembered = 8 << 20 // bytes of arenas

func (ps *plugins) of(it *reportItem) *plugin {
	if p, ok := ps.byID[string(it.plugin)]; ok {
		if bytes.Equal(p.arena, it.arena) {
			return p
		}
		ps.size -= len(p.arena)
	}
	if ps.size += len(it.arena); ps.byID == nil || ps.size > maxRemembered {
		ps.byID, ps.size = map[string]*plugin{}, len(it.arena)
	}
	p := describe(it)
	ps.byID[string(it.plugin)] = p
	return p
}

// severities are Nessus' severity levels 0 to 4.
var severities = []exposure.Severity{exposure.SeverityInfo, exposure.SeverityLow, exposure.SeverityMedium, exposure.SeverityHigh, exposure.SeverityCritical}

// draft gathers what leaves say until the finding can be made of it.
type draft struct {
	finding             exposure.Finding
	synopsis            string
	cvss                map[string]*exposure.CVSS
	auditID, auditName  string
	auditInfo, auditFix string
	exploitable, active bool
	vendor              map[string]any
	vendorSize          int
}

// describe makes the shared part of a finding.
func describe(it *reportItem) *plugin {
	id := string(it.plugin)
	d := draft{
		finding: exposure.Finding{
			Connector: Name, Class: exposure.ClassVulnerability, Check: "nessus:" + id,
			Title: "Nessus plugin " + id, Severity: exposure.SeverityUnknown, Status: exposure.StatusOpen,
		},
		cvss:   map[string]*exposure.CVSS{},
		vendor: map[string]any{},
	}
	for _, l := range it.leaves {
		d.take(string(it.bytes(l.name)), strings.TrimSpace(string(it.bytes(l.text))))
	}
	d.join()
	return &plugin{arena: bytes.Clone(it.arena), finding: d.finding}
}

// take sorts one leaf into its place; what has none goes to Vendor as it is.
func (d *draft) take(name, text string) {
	f := &d.finding
	switch name {
	case "":
	case "pluginName":
		if text != "" {
			f.Title = text
		}
	case "pluginFamily":
		f.Tags = append(f.Tags, text)
		if text == familyOT {
			f.Check = "nessus-ot:" + strings.TrimPrefix(f.Check, "nessus:")
		}
	case "severity":
		if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < len(severities) {
			f.Severity = severities[n]
		}
		if f.RawSeverity == "" {
			f.RawSeverity = text
		}
	case "risk_factor":
		f.RawSeverity = text
	case "synopsis":
		d.synopsis = text
	case "description":
		f.Description = text
	case "solution":
		if text != "n/a" {
			f.Remediation = text
		}
	case "see_also":
		f.References = append(f.References, strings.Fields(text)...)
	case "cve":
		f.CVEs = append(f.CVEs, text)
	case "cwe":
		f.CWEs = append(f.CWEs, text)
	case "bid":
		f.Advisories = append(f.Advisories, "BID:"+text)
	case "xref":
		d.xref(text)
	default:
		d.exploit(name, text)
		if !d.score(name, text) && !d.audit(name, text) {
			d.keep(name, text)
		}
	}
}

// xref sorts a cross reference "SCHEME:value".
func (d *draft) xref(text string) {
	scheme, value, _ := strings.Cut(text, ":")
	switch scheme {
	case "CWE":
		d.finding.CWEs = append(d.finding.CWEs, value)
	case "EDB-ID":
		d.exploitable = true
		d.keep("xref", text)
	case "CISA-KNOWN-EXPLOITED":
		d.active = true
		d.keep("xref", text)
	default:
		d.finding.Advisories = append(d.finding.Advisories, text)
	}
}

// score takes base scores and vectors; Nessus writes one of each per CVSS generation.
func (d *draft) score(name, text string) bool {
	generation, part, _ := strings.Cut(name, "_")
	version, ok := map[string]string{"cvss": "2.0", "cvss3": "3.0", "cvss4": "4.0"}[generation]
	if !ok || part != "base_score" && part != "vector" {
		if name != "epss_score" {
			return false
		}
		epss, err := strconv.ParseFloat(text, 64)
		if err != nil || !(epss >= 0 && epss <= 1) {
			return false
		}
		d.finding.EPSS = epss
		return true
	}
	c := d.cvss[generation]
	if c == nil {
		c = &exposure.CVSS{Version: version, By: Name}
		d.cvss[generation] = c
	}
	if part == "vector" {
		c.Vector = strings.TrimPrefix(text, "CVSS2#")
		if said, _, ok := strings.Cut(strings.TrimPrefix(text, "CVSS:"), "/"); ok && generation == "cvss3" && said == "3.1" {
			c.Version = said
		}
		return true
	}
	score, err := strconv.ParseFloat(text, 64)
	if err != nil || !(score >= 0 && score <= 10) {
		return false
	}
	c.Score = score
	return true
}

// exploit reads what Tenable knows of exploits. That malware uses one is evidence of
// exploitation; that one exists is not. All of it stays in Vendor too.
func (d *draft) exploit(name, text string) {
	switch {
	case name == "exploited_by_malware":
		d.active = d.active || text == "true"
	case name == "exploit_available", name == "exploited_by_nessus", strings.HasPrefix(name, "exploit_framework_"):
		d.exploitable = d.exploitable || text == "true"
	case name == "exploit_code_maturity":
		d.exploitable = d.exploitable || text == "High" || text == "Functional" || text == "PoC"
	case name == "plugin_type" && text == "local":
		d.finding.Tags = append(d.finding.Tags, "local") // only a scan with credentials can see it
	}
}

// audit reads the cm:compliance-* elements of one check of an audit file.
func (d *draft) audit(name, text string) bool {
	what, ok := strings.CutPrefix(name, "compliance-")
	if !ok {
		return false
	}
	switch what {
	case "check-name":
		d.auditName = text
	case "check-id":
		d.auditID = text
	case "info":
		d.auditInfo = text
	case "solution":
		d.auditFix = text
	case "result":
		if text == "PASSED" {
			d.finding.Status, d.finding.StatusNote = exposure.StatusFixed, "the audit check passed"
		}
		d.keep(name, text)
	default:
		d.keep(name, text)
	}
	return true
}

// keep notes what has no field of ours, as far as a finding may hold it.
func (d *draft) keep(name, text string) {
	if d.vendorSize += len(name) + len(text); d.vendorSize > exposure.MaxVendor/2 { // escaping can double it
		return
	}
	switch have := d.vendor[name].(type) {
	case nil:
		d.vendor[name] = text
	case string:
		d.vendor[name] = []string{have, text}
	case []string:
		d.vendor[name] = append(have, text)
	}
}

// join makes the finding of what was gathered.
func (d *draft) join() {
	f := &d.finding
	if d.auditName != "" {
		// The plugin runs a whole audit file, so the check is the file's. Under a scheme of
		// its own: a run of all plugins says nothing about which audit files it used, only
		// the check's own PASSED does.
		f.Class, f.Title = exposure.ClassCompliance, d.auditName
		f.Check = "nessus-audit:" + d.auditName
		if d.auditID != "" {
			f.Check = "nessus-audit:" + d.auditID
		}
		if d.auditInfo != "" {
			f.Description = d.auditInfo
		}
		f.Remediation = d.auditFix
	}
	switch {
	case f.Description == "":
		f.Description = d.synopsis
	case d.synopsis != "" && d.synopsis != f.Description:
		f.Description = d.synopsis + "\n\n" + f.Description
	}
	for _, generation := range []string{"cvss4", "cvss3", "cvss"} {
		if c := d.cvss[generation]; c != nil {
			f.CVSS = append(f.CVSS, *c)
		}
	}
	switch {
	case d.active:
		f.Exploit = "active"
	case d.exploitable:
		f.Exploit = "poc"
	}
	f.CVEs, f.CWEs = connectors.CVEs(f.CVEs), connectors.CWEs(f.CWEs)
	f.Advisories, f.References, f.Tags = unique(f.Advisories), unique(f.References), unique(f.Tags)
	if len(d.vendor) > 0 {
		raw, err := json.Marshal(d.vendor)
		if err == nil && len(raw) <= exposure.MaxVendor { // strings always marshal
			f.Vendor = raw
		}
	}
}

// unique sorts and keeps one of each, without the empty ones.
func unique(texts []string) []string {
	texts = slices.DeleteFunc(texts, func(s string) bool { return s == "" })
	slices.Sort(texts)
	return slices.Compact(texts)
}
