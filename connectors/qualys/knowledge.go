package qualys

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/exposure"
)

// detail is what Qualys knows of a QID, from the knowledge base, from a report's glossary,
// or written at the finding itself.
type detail struct {
	title, severity, category string
	description, remediation  string
	cves, cwes, advisories    []string
	references                []string
	scores                    []exposure.CVSS
	exploit                   string
	vendor                    map[string]any
	information               bool // gathered, and no weakness
}

// knowledge is details by QID, as many as a page or a report can need.
type knowledge map[string]*detail

const mostDetails = 50_000

// read reads the entries of a list: VULN of the knowledge base, VULN_DETAILS and QID of
// glossaries.
func (k knowledge) read(e *report.Emitter, r *xmlpull.Reader) error {
	for at := r.Depth(); r.Child(at); {
		if err := e.Live(); err != nil {
			return err
		}
		n, whole := r.Tree(largestFinding)
		qid := n.Get("QID")
		if !whole || qid == "" || len(k) >= mostDetails {
			continue
		}
		k[qid] = detailOf(n)
	}
	return nil
}

// mappedDetail are the elements of a detail that have a place of ours.
var mappedDetail = []string{ //nolint:gochecknoglobals // a constant table
	"QID", "TITLE", "SEVERITY_LEVEL", "SEVERITY", "CATEGORY", "DIAGNOSIS", "THREAT", "DESCRIPTION", "CONSEQUENCE", "IMPACT", "SOLUTION", "CVE_LIST", "CVE_ID_LIST", "CWE",
	"VENDOR_REFERENCE_LIST", "BUGTRAQ_LIST", "BUGTRAQ_ID_LIST", "CVSS", "CVSS_V3", "CVSS_SCORE", "CVSS3_SCORE", "CVSS_BASE", "CVSS3_BASE", "CORRELATION", "RESULT", "@number", "@severity", "@cveid", "@id",
}

func detailOf(n *xmlpull.Node) *detail {
	d := &detail{
		title: first(n, "TITLE", "NAME"), severity: first(n, "SEVERITY_LEVEL", "SEVERITY"), category: first(n, "CATEGORY"),
		description: paragraphs(first(n, "DIAGNOSIS", "THREAT", "DESCRIPTION"), first(n, "CONSEQUENCE", "IMPACT")),
		remediation: connectors.Plain(first(n, "SOLUTION")),
		vendor:      n.Fields(mappedDetail...),
	}
	for _, path := range []string{"CVE_LIST/CVE", "CVE_ID_LIST/CVE_ID"} {
		for _, c := range n.All(path) {
			d.cves = append(d.cves, c.Get("ID"))
		}
	}
	d.cves = append(d.cves, strings.Split(n.Attr("cveid"), ",")...)
	d.cwes = strings.FieldsFunc(n.Get("CWE"), func(c rune) bool { return c == ',' || c == ' ' })
	for _, v := range n.All("VENDOR_REFERENCE_LIST/VENDOR_REFERENCE") {
		d.refer(v.Get("ID"), v.Get("URL"))
	}
	for _, path := range []string{"BUGTRAQ_LIST/BUGTRAQ", "BUGTRAQ_ID_LIST/BUGTRAQ_ID"} {
		for _, b := range n.All(path) {
			if id := b.Get("ID"); id != "" {
				d.advisories = append(d.advisories, "BID:"+id)
			}
		}
	}
	d.score(n)
	d.correlate(n)
	kind := strings.ToLower(first(n, "VULN_TYPE", "CATEGORY"))
	d.information = strings.HasPrefix(kind, "information gathered")
	return d
}

func paragraphs(texts ...string) string {
	var out []string
	for _, t := range texts {
		if t = connectors.Plain(t); t != "" {
			out = append(out, t)
		}
	}
	return strings.Join(out, "\n\n")
}

func (d *detail) refer(id, url string) {
	if id != "" {
		d.advisories = append(d.advisories, id)
	}
	if strings.HasPrefix(url, "http") {
		d.references = append(d.references, url)
	}
}

// score reads base scores in their several forms: an element with a score, one with score
// and vector in brackets, and the knowledge base's with both apart.
func (d *detail) score(n *xmlpull.Node) {
	for _, s := range []struct{ version, base, vector, prefix string }{
		{"3.1", "CVSS_V3/BASE", "CVSS_V3/VECTOR_STRING", "CVSS:3.1/"}, {"3.0", "CVSS3_SCORE/CVSS3_BASE", "", "CVSS:3.0/"}, {"3.0", "CVSS3_BASE", "", "CVSS:3.0/"},
		{"2.0", "CVSS/BASE", "CVSS/VECTOR_STRING", ""}, {"2.0", "CVSS_SCORE/CVSS_BASE", "", ""}, {"2.0", "CVSS_BASE", "", ""},
	} {
		number, inner, _ := strings.Cut(n.Get(s.base), "(")
		vector := strings.Trim(cmp.Or(n.Get(s.vector), inner), "() ")
		d.addScore(number, vector, s.prefix, s.version)
	}
}

func (d *detail) addScore(number, vector, prefix, version string) {
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(value > 0) || slices.ContainsFunc(d.scores, func(c exposure.CVSS) bool { return c.Version[:1] == version[:1] }) {
		return
	}
	if vector != "" && !strings.HasPrefix(vector, "CVSS:") {
		vector = prefix + vector
	}
	if i := strings.Index(vector, "/E:"); i > 0 { // the temporal part
		vector = vector[:i]
	}
	for _, c := range connectors.CVSSOf(vector, value, Name) {
		c.Version = cmp.Or(c.Version, version)
		d.scores = append(d.scores, c)
	}
}

// correlate reads what is known of exploits and malware.
func (d *detail) correlate(n *xmlpull.Node) {
	for _, src := range n.All("CORRELATION/EXPLOITS/EXPLT_SRC") {
		d.exploits(src)
	}
	for _, src := range n.All("CORRELATION/EXPLOITABILITY/EXPLT_SRC") {
		d.exploits(src)
	}
	if n.At("CORRELATION/MALWARE") != nil {
		d.exploit = "active"
	}
	for _, t := range n.All("THREAT_INTELLIGENCE/THREAT_INTEL") {
		if strings.EqualFold(strings.ReplaceAll(t.Text, "_", " "), "active attacks") {
			d.exploit = "active"
		}
	}
}

func (d *detail) exploits(src *xmlpull.Node) {
	const most = 20 // there can be hundreds
	for _, x := range src.All("EXPLT_LIST/EXPLT") {
		d.exploit = cmp.Or(d.exploit, "poc")
		if link := x.Get("LINK"); strings.HasPrefix(link, "http") && len(d.references) < most && !slices.Contains(d.references, link) {
			d.references = append(d.references, link)
		}
	}
}

// tell fills a finding from a detail; nil leaves it with its number for a title.
func (d *detail) tell(f *exposure.Finding, qid string, information bool) {
	f.Title = "Qualys QID " + qid
	if d == nil {
		return
	}
	f.Title = cmp.Or(d.title, f.Title)
	f.Description, f.Remediation = d.description, d.remediation
	f.CVEs = connectors.CVEs(append(slices.Clone(d.cves), f.CVEs...))
	f.CWEs = connectors.CWEs(d.cwes)
	f.Advisories, f.References = d.advisories, d.references
	f.CVSS, f.Exploit = d.scores, cmp.Or(f.Exploit, d.exploit)
	if d.category != "" {
		f.Tags = append(f.Tags, d.category)
	}
	if f.RawSeverity == "" {
		f.RawSeverity = d.severity
		f.Severity = severity(d.severity, information || d.information)
	}
}
