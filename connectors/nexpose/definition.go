package nexpose

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/exposure"
)

// checkPrefix is the scheme of Nexpose's checks, whichever way they come.
const checkPrefix = "nexpose:"

// definition is what a report says of a vulnerability wherever it was found.
type definition struct {
	title, severity        string
	description, solution  string
	cves, cwes             []string
	advisories, references []string
	tags                   []string
	scores                 []exposure.CVSS
	exploit                string
	vendor                 map[string]any
}

// learn reads one definition.
func (d *decoding) learn(r *xmlpull.Reader) {
	id := strings.ToLower(connectors.Ident(string(r.Attr("id"))))
	if id == "" || len(d.known) >= mostKnown {
		return
	}
	def := &definition{title: strings.TrimSpace(string(r.Attr("title"))), severity: string(r.Attr("severity")), vendor: map[string]any{}}
	for _, attr := range []string{"pciSeverity", "published", "added", "modified", "riskScore"} {
		if v := string(r.Attr(attr)); v != "" {
			def.vendor[attr] = v
		}
	}
	def.score(string(r.Attr("cvssV3Vector")), string(r.Attr("cvssV3Score")), "3.0")
	def.score(string(r.Attr("cvssVector")), string(r.Attr("cvssScore")), "2.0")
	for at := r.Depth(); r.Child(at); {
		switch string(r.Name()) {
		case "description":
			def.description = flatten(r, largestText)
		case "solution":
			def.solution = flatten(r, largestText)
		case "references":
			def.refer(r)
		case "tags":
			n, _ := r.Tree(largestField)
			def.tags = n.Gets("tag")
		case "exploits":
			n, _ := r.Tree(largestField)
			if len(n.Children) > 0 {
				def.exploit = cmp.Or(def.exploit, "poc")
				def.vendor["exploits"] = n.Fields()
			}
		case "malware":
			n, _ := r.Tree(largestField)
			if len(n.Children) > 0 {
				def.exploit = "active"
				def.vendor["malware"] = n.Fields()
			}
		}
	}
	if r.Err() == nil {
		d.known[id] = def
	}
}

func (def *definition) score(vector, number, version string) {
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(value > 0) {
		return
	}
	for _, c := range connectors.CVSSOf(strings.Trim(vector, "() "), value, Name) {
		c.Version = cmp.Or(c.Version, version)
		def.scores = append(def.scores, c)
	}
}

// refer sorts references by their source.
func (def *definition) refer(r *xmlpull.Reader) {
	for at := r.Depth(); r.Child(at); {
		source := string(r.Attr("source"))
		text := strings.TrimSpace(string(r.Text(largestText)))
		switch {
		case text == "":
		case source == "CVE":
			def.cves = append(def.cves, text)
		case source == "CWE":
			def.cwes = append(def.cwes, text)
		case source == "URL":
			def.references = append(def.references, text)
		default:
			def.advisories = append(def.advisories, source+":"+text)
		}
	}
}

// tell fills a finding from its definition; without one it keeps its name for a title.
func (def *definition) tell(f *exposure.Finding) {
	if def == nil {
		return
	}
	f.Title = cmp.Or(def.title, f.Title)
	f.Description, f.Remediation = def.description, def.solution
	f.RawSeverity, f.Severity = def.severity, severity(def.severity)
	f.CVEs, f.CWEs = connectors.CVEs(def.cves), connectors.CWEs(def.cwes)
	f.Advisories, f.References, f.Tags, f.CVSS, f.Exploit = def.advisories, def.references, def.tags, def.scores, def.exploit
	f.Vendor = wire.Fields(def.vendor)
}

// severity goes by the score from 1 to 10, in the bands of CVSS.
func severity(text string) exposure.Severity {
	score, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	const medium, high, critical = 4, 7, 9
	switch {
	case err != nil:
		return exposure.SeverityUnknown
	case score >= critical:
		return exposure.SeverityCritical
	case score >= high:
		return exposure.SeverityHigh
	case score >= medium:
		return exposure.SeverityMedium
	case score > 0:
		return exposure.SeverityLow
	}
	return exposure.SeverityInfo
}
