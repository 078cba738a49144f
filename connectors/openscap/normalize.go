package openscap

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what a rule's result means. "fixed" is that of a rule which failed, was
// mended by the scanner and then passed; "overridden" is our word for a failure that a
// person turned into something else.
var statuses = connectors.Statuses{"fail": exposure.StatusOpen, "fixed": exposure.StatusFixed, "overridden": exposure.StatusSuppressed} //nolint:gochecknoglobals // a constant table

// rule is what is kept of a rule, until its result comes.
type rule struct {
	title, text, fix, severity string
	idents                     []string
	links                      []string
}

// readRule takes a rule's texts out of its element. They hold markup for display.
func readRule(n *xmlpull.Node) rule {
	r := rule{title: words(n.At("title")), text: words(n.At("description")), severity: n.Attr("severity")}
	if rationale := words(n.At("rationale")); rationale != "" {
		r.text = strings.TrimSpace(r.text + "\n\n" + rationale)
	}
	r.fix = words(n.At("fixtext"))
	r.idents = idents(n)
	const most = 20
	for _, ref := range n.All("reference") {
		if link := ref.Attr("href"); strings.HasPrefix(link, "http") && len(r.links) < most && !slices.Contains(r.links, link) {
			r.links = append(r.links, link)
		}
	}
	return r
}

// idents are an element's identifiers: CVE, CCE, and those of benchmarks.
func idents(n *xmlpull.Node) []string {
	return n.Gets("ident")
}

// words is the text of an element with that of the markup in it.
func words(n *xmlpull.Node) string {
	if n == nil {
		return ""
	}
	parts := []string{n.Text}
	for _, c := range n.Children {
		parts = append(parts, words(c))
	}
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}

// target is what a test result is of, and what it came to.
type target struct {
	name, id      string
	started       time.Time
	ended         time.Time
	authenticated bool
	names         []string
	addresses     []string
	macs          []string
	tool          string
	profile       string
	benchmark     string
	asset         *asset.Description
	judged        map[string]bool // rules that passed, failed or were fixed
	failed        map[string]bool // rules that could not be judged
	results       int
}

// fact takes over one of the facts about a target.
func (t *target) fact(name, value string) {
	value = strings.TrimSpace(value)
	const most = 200
	switch {
	case value == "" || len(t.names)+len(t.addresses)+len(t.macs) > most:
	case strings.HasSuffix(name, ":fqdn"), strings.HasSuffix(name, ":host_name"):
		t.names = append(t.names, value)
	case strings.HasSuffix(name, ":ipv4"), strings.HasSuffix(name, ":ipv6"):
		t.addresses = append(t.addresses, value)
	case strings.HasSuffix(name, ":MAC"), strings.HasSuffix(name, ":mac"):
		t.macs = append(t.macs, value)
	case strings.HasSuffix(name, "scanner:name"):
		t.tool = strings.ToLower(value) + " " + t.tool
	case strings.HasSuffix(name, "scanner:version"):
		t.tool = strings.TrimSpace(t.tool) + " " + value
	}
}

func (d *decoding) describe(t *target) *asset.Description {
	if t.asset != nil {
		return t.asset
	}
	addresses := slices.DeleteFunc(slices.Clone(t.addresses), func(a string) bool { return strings.HasPrefix(a, "127.") || a == "::1" })
	ids := connectors.HostIdentifiers(d.config.Zone, append([]string{t.name}, t.names...), addresses, t.macs)
	name := connectors.Ident(cmp.Or(t.name, t.id, d.source, Name))
	if len(ids) == 0 {
		ids = []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: name}}
	}
	t.asset = &asset.Description{Kind: asset.Host, Name: name, Zone: d.config.Zone, Identifiers: ids, SeenAt: t.ended}
	return t.asset
}

// outcome says what a rule's result is worth.
type outcome int

const (
	none    outcome = iota // no judgement: not selected, not applicable, not checked, informational
	good                   // pass
	bad                    // fail, fixed
	doubted                // error, unknown, or a word that we don't know
)

var outcomes = map[string]outcome{ //nolint:gochecknoglobals // a constant table
	"pass": good, "fail": bad, "fixed": bad, "error": doubted, "unknown": doubted,
	"notapplicable": none, "notchecked": none, "notselected": none, "informational": none,
}

var cveIn = regexp.MustCompile(`(?i)^CVE-\d{4}-\d{4,19}$`)

// finding makes a finding of a result that is a failure, or was one.
func (d *decoding) finding(t *target, id, word, note string, n *xmlpull.Node) *exposure.Finding {
	r := d.rules[id]
	at := wire.Moment(n.Attr("time"))
	if at.IsZero() {
		at = t.ended
	}
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassCompliance, Check: Name + ":" + id, Title: cmp.Or(r.title, id), Description: r.text, Remediation: cmp.Or(r.fix, words(n.At("fixtext"))),
		RawSeverity: cmp.Or(n.Attr("severity"), r.severity), Location: instance(n), Status: statuses.Of(word), StatusNote: note, LastSeen: at, References: r.links, Evidence: connectors.Redact(messages(n)),
		Vendor: wire.Fields(map[string]any{"weight": n.Attr("weight"), "role": n.Attr("role"), "profile": t.profile, "benchmark": t.benchmark, "version": n.Attr("version")}),
	}
	f.Severity = connectors.Severity(f.RawSeverity)
	all := append(idents(n), r.idents...)
	f.CVEs = connectors.CVEs(all)
	for _, ident := range all {
		if ident = connectors.Ident(ident); !cveIn.MatchString(ident) && !slices.Contains(f.Advisories, ident) {
			f.Advisories = append(f.Advisories, ident)
		}
	}
	if len(f.CVEs) > 0 {
		f.Class = exposure.ClassVulnerability
	}
	f.UID = connectors.UID(f.Check, f.Location)
	return f
}

// instance is what tells the results of a rule apart that was checked several times.
func instance(n *xmlpull.Node) string {
	var parts []string
	for _, i := range n.All("instance") {
		if text := connectors.Ident(i.Text); text != "" {
			if context := i.Attr("context"); context != "" && context != "undefined" {
				text = context + ":" + text
			}
			parts = append(parts, text)
		}
	}
	return connectors.Ident(strings.Join(parts, "/"))
}

func messages(n *xmlpull.Node) string {
	var out []string
	for _, m := range n.All("message") {
		if m.Text != "" {
			out = append(out, m.Text)
		}
	}
	return strings.Join(out, "\n")
}

// overridden reads the last override of a result: what it was before, and who says why.
func overridden(n *xmlpull.Node) (before, note string) {
	list := n.All("override")
	if len(list) == 0 {
		return "", ""
	}
	last := list[len(list)-1]
	parts := slices.DeleteFunc([]string{"overridden by " + cmp.Or(last.Attr("authority"), "somebody"), last.Get("remark")}, func(s string) bool { return s == "" })
	return strings.ToLower(list[0].Get("old-result")), strings.Join(parts, ": ")
}
