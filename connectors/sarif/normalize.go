package sarif

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what a result's baselineState and its suppressions' status mean. Absent
// says that a comparison with an earlier run did not find the result again.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"new": exposure.StatusOpen, "unchanged": exposure.StatusOpen, "updated": exposure.StatusOpen, "absent": exposure.StatusFixed,
	"accepted": exposure.StatusSuppressed, "underreview": exposure.StatusOpen, "rejected": exposure.StatusOpen,
}

// finding makes a finding of a result, or says why it is none.
func (d *decoding) finding(n *run, res *result, raw []byte) (obs exposure.Observation, skip string) {
	switch res.Kind {
	case "", "fail":
	case "pass":
		return obs, "result_passed"
	case "notApplicable":
		return obs, "result_not_applicable"
	default:
		return obs, "result_is_no_failure" // informational, open, review
	}
	id, r := n.lookup(res)
	if id = connectors.Ident(id); id == "" {
		return obs, "result_without_rule"
	}
	if len(res.Level) == 0 && res.Kind == "" && r.Default.Level == "none" && r.Properties.Severity == "" {
		return obs, "result_is_no_failure" // a rule that judges nothing
	}
	a, where, target := d.place(n, res)
	_, ended := n.times()
	text := n.text(&res.Message, r)
	pkg, where := packageAt(where)
	f := &exposure.Finding{
		Package:   pkg,
		Connector: Name, Class: exposure.ClassVulnerability, Check: n.tool() + ":" + id,
		Title: title(r, id, text), Description: description(text, r), Remediation: remediation(n, res, r, text),
		Location: where, Target: target, CWEs: n.weaknesses(res, r), CVEs: cves(id, res, r),
		CVSS: scores(&r.Properties, &res.Properties), References: references(res, r), Tags: tags(r),
		Evidence: snippet(res), LastSeen: ended, FirstSeen: res.Provenance.First.Time, Vendor: wire.Rest(raw, mapped...),
	}
	if !res.Provenance.Last.IsZero() {
		f.LastSeen = res.Provenance.Last.Time
	}
	if bool(res.Properties.Exploit) {
		f.Exploit = "poc"
	}
	f.Severity, f.RawSeverity = severity(n, res, r)
	f.Status, f.StatusNote = status(n, res)
	f.UID = uid(f, res)
	if advisory, _, _ := strings.Cut(id, " "); len(f.CVEs) > 0 && !connectors.IsCVE(advisory) && strings.Contains(advisory, "-") {
		f.Advisories = []string{advisory}
	}
	if secret(n, f, r) {
		hideSecret(f, res)
	}
	if strings.EqualFold(n.driver.name, "trivy") {
		trivy(n, f, r, id, text)
	}
	return exposure.Observation{Asset: a, Finding: f}, ""
}

func title(r *rule, id, text string) string {
	first, _, _ := strings.Cut(text, "\n")
	const short = 200
	if len(first) > short {
		first = ""
	}
	heading, _, _ := strings.Cut(r.Short.Text.String(), "\n")
	return cmp.Or(heading, first, r.Name.String(), id)
}

// description is what the result says, and what its rule says beyond that.
func description(text string, r *rule) string {
	full := r.Full.Text.String()
	switch {
	case full == "" || strings.Contains(text, full):
		return text
	case text == "" || strings.Contains(full, text):
		return full
	}
	return text + "\n\n" + full
}

// remediation is how the tool would mend it, else the rule's help, which is as close as
// most tools come.
func remediation(n *run, res *result, r *rule, text string) string {
	for i := range res.Fixes {
		if fix := n.text(&res.Fixes[i].Description, r); fix != "" {
			return fix
		}
	}
	help := cmp.Or(r.Help.Text.String(), r.Help.Markdown.String())
	if help == text || help == r.Full.Text.String() || help == r.Short.Text.String() {
		return ""
	}
	return help
}

var cveIn = regexp.MustCompile(`(?i)\bCVE-\d{4}-\d{4,19}\b`)

// cves are those in the rule's own name, and those that a property names. Texts mention
// others too.
func cves(id string, res *result, r *rule) []string {
	found := cveIn.FindAllString(id+" "+r.Name.String(), mostMentions)
	if len(found) == 0 {
		found = slices.Concat(res.Properties.CVE, r.Properties.CVE)
	}
	return connectors.CVEs(found)
}

var cweIn = regexp.MustCompile(`(?i)\bcwe[-/: ]{1,2}0*(\d{1,6})\b`)

// weaknesses are the CWE numbers of tags ("external/cwe/cwe-079", "CWE-79: …"),
// properties, taxa and relationships.
func (n *run) weaknesses(res *result, r *rule) []string {
	texts := slices.Concat(r.Properties.Tags, res.Properties.Tags, r.Properties.CWE, res.Properties.CWE)
	for i := range res.Taxa {
		texts = append(texts, n.taxon(&res.Taxa[i]))
	}
	for i := range r.Relationships {
		texts = append(texts, n.taxon(&r.Relationships[i].Target))
	}
	var numbers []string
	for _, text := range texts {
		for _, m := range cweIn.FindAllStringSubmatch(text, mostMentions) {
			numbers = append(numbers, m[1])
		}
	}
	return connectors.CWEs(numbers)
}

func tags(r *rule) []string {
	return slices.DeleteFunc(slices.Clone([]string(r.Properties.Tags)), func(tag string) bool { return cweIn.MatchString(tag) })
}

func scores(bags ...*properties) []exposure.CVSS {
	var out []exposure.CVSS
	for _, p := range bags {
		out = slices.Concat(out,
			connectors.CVSSOf(p.Vector4.String(), p.Score4.Value, ""), connectors.CVSSOf(p.Vector3.String(), p.Score3.Value, ""), connectors.CVSSOf(p.Vector2.String(), p.Score2.Value, ""))
	}
	return out
}

func references(res *result, r *rule) []string {
	var out []string
	for _, link := range []string{r.HelpURI.String(), res.Viewer.String()} {
		if link != "" && !slices.Contains(out, link) {
			out = append(out, link)
		}
	}
	return out
}

// severity is the number that GitHub's code scanning reads, by its bounds, else the level.
func severity(n *run, res *result, r *rule) (exposure.Severity, string) {
	for _, said := range []string{res.Properties.Severity.String(), r.Properties.Severity.String()} {
		if said == "" {
			continue
		}
		const critical, high, medium = 9, 7, 4
		score, err := strconv.ParseFloat(said, 64)
		switch {
		case err != nil:
			if word := connectors.Severity(said); word != exposure.SeverityUnknown {
				return word, said
			}
		case score >= critical:
			return exposure.SeverityCritical, said
		case score >= high:
			return exposure.SeverityHigh, said
		case score >= medium:
			return exposure.SeverityMedium, said
		case score > 0:
			return exposure.SeverityLow, said
		}
	}
	level := n.level(res, r)
	return connectors.Severity(level), level
}

// status is open, unless the result is gone from a run that ended well, or suppressed by
// somebody whose word stands.
func status(n *run, res *result) (exposure.Status, string) {
	baseline := res.Baseline.String()
	said := statuses.Of(baseline)
	if said == exposure.StatusFixed {
		if well, why := n.ended(); !well {
			return exposure.StatusExpired, baseline + ": " + why
		}
		return said, baseline
	}
	var notes []string
	for _, s := range res.Suppressions {
		word := cmp.Or(s.Status.String(), "accepted")
		if statuses.Of(word) != exposure.StatusSuppressed { // one that doesn't stand keeps the result open (SARIF 3.27.23)
			return exposure.StatusOpen, strings.TrimSpace("suppression " + word + ": " + s.Justification.String())
		}
		parts := slices.DeleteFunc([]string{s.Kind.String(), word, s.Justification.String()}, func(s string) bool { return s == "" })
		notes = append(notes, strings.Join(parts, ": "))
	}
	if len(notes) > 0 {
		return exposure.StatusSuppressed, strings.Join(notes, "; ")
	}
	return exposure.StatusOpen, ""
}

// unsteady are partial fingerprints that change with what is beside the point: a column, a
// line, the commit, or any other part of the file.
var unsteady = regexp.MustCompile(`(?i)column|linenumber|filehash|commit`)

// uid tells results apart: by the tool's fingerprint, else by rule and place with the
// partial ones, else by rule, place and snippet. Never by line.
func uid(f *exposure.Finding, res *result) string {
	for _, key := range sortedKeys(res.Fingerprints) {
		if v := flat(res.Fingerprints[key]); v != "" {
			return connectors.UID(f.Check, key, v)
		}
	}
	parts := []string{f.Check, f.Location}
	for _, key := range sortedKeys(res.Partial) {
		if v := flat(res.Partial[key]); v != "" && !unsteady.MatchString(key) {
			parts = append(parts, key, v)
		}
	}
	if len(parts) == 2 {
		if text := strings.Join(strings.Fields(raw(res)), " "); text != "" {
			sum := sha256.Sum256([]byte(text))
			parts = append(parts, hex.EncodeToString(sum[:8]))
		}
	}
	return connectors.UID(parts...)
}

// flat is a fingerprint's value: a text, or the texts of the object that some write there.
func flat(v json.RawMessage) string {
	var text string
	if json.Unmarshal(v, &text) == nil {
		return connectors.Ident(text)
	}
	var inner map[string]wire.Text
	if json.Unmarshal(v, &inner) != nil {
		return ""
	}
	var parts []string
	for _, key := range sortedKeys(inner) {
		parts = append(parts, connectors.Ident(inner[key].String()))
	}
	return strings.Join(parts, "|")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// raw is the snippet as it stands in the report.
func raw(res *result) string {
	for i := range res.Locations {
		if text := res.Locations[i].Physical.Region.Snippet.Text.String(); text != "" {
			return text
		}
	}
	return ""
}

func snippet(res *result) string { return connectors.Redact(raw(res)) }
