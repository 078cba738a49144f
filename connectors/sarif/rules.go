package sarif

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors/wire"
)

// own are the tools for which there is a connector of their own that names checks by rule
// alone, by the name of their driver.
var own = map[string]string{ //nolint:gochecknoglobals // a constant table
	"semgrep": "semgrep", "semgrep-oss": "semgrep", "semgrep-pro": "semgrep", "checkov": "checkov", "kubescape": "kubescape",
}

// lookup finds a result's rule, and the rule's ID, which a result may spell more exactly
// than the rule does ("CA1000/1" is of rule CA1000). The rule is empty where the report
// has none.
func (n *run) lookup(res *result) (id string, found *rule) {
	ref := res.Rule
	if ref.ID == "" {
		ref.ID = res.RuleID
	}
	if ref.Index == nil {
		ref.Index = res.RuleIndex
	}
	found = n.find(&ref)
	if id = cmp.Or(ref.ID.String(), found.ID.String()); id == "" {
		return n.byMessage(res.Message.Text.String())
	}
	return id, found
}

var numbers = regexp.MustCompile(`[0-9]+`)

// byMessage finds the rule of a result that names none: the one whose name its message
// begins with, as gitleaks 7 writes it. Else the message's first line, without numbers,
// stands for a rule.
func (n *run) byMessage(text string) (id string, found *rule) {
	found = &rule{}
	for i := range n.driver.rules {
		r := &n.driver.rules[i]
		for _, name := range []string{r.ID.String(), r.Name.String()} {
			if len(name) > len(found.ID) && strings.HasPrefix(text, name) {
				id, found = cmp.Or(r.ID.String(), name), r
			}
		}
	}
	if id != "" {
		return id, found
	}
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	const longest = 120
	return numbers.ReplaceAllString(strings.ToValidUTF8(first[:min(len(first), longest)], ""), "N"), found
}

// find follows a reference: by index in the component that it names, else by ID or GUID.
func (n *run) find(ref *reference) *rule {
	c := n.component(ref.Component)
	if i, ok := index(ref.Index, len(c.rules)); ok && fits(&c.rules[i], ref.ID.String()) {
		return &c.rules[i]
	}
	if found := c.rule(ref.ID.String(), ref.GUID.String()); found != nil {
		return found
	}
	for i := range n.extensions { // some name a rule of an extension by its ID alone
		if found := n.extensions[i].rule(ref.ID.String(), ref.GUID.String()); found != nil {
			return found
		}
	}
	return &rule{}
}

// fits reports whether a rule may be meant by an ID: its own, one below it, or none.
func fits(r *rule, id string) bool {
	return id == "" || r.ID.String() == id || strings.HasPrefix(id, r.ID.String()+"/")
}

func index(n *wire.Number, most int) (int, bool) {
	if n == nil || !n.OK || n.Value < 0 || n.Value >= float64(most) {
		return 0, false
	}
	return n.Int(), true
}

func (n *run) component(ref componentReference) *component {
	if i, ok := index(ref.Index, len(n.extensions)); ok {
		return &n.extensions[i]
	}
	for i := range n.extensions {
		c := &n.extensions[i]
		if ref.GUID != "" && c.guid == ref.GUID.String() || ref.Name != "" && c.name == ref.Name.String() {
			return c
		}
	}
	return &n.driver
}

// rule finds a rule by its ID or that of a rule above it, or by its GUID.
func (c *component) rule(id, guid string) *rule {
	for id != "" {
		if i, ok := c.byID()[id]; ok {
			return &c.rules[i]
		}
		slash := strings.LastIndexByte(id, '/')
		if slash < 0 {
			break
		}
		id = id[:slash]
	}
	for i := range c.rules {
		if guid != "" && c.rules[i].GUID.String() == guid {
			return &c.rules[i]
		}
	}
	return nil
}

// byID is the index of the component's rules, made when it is first needed.
func (c *component) byID() map[string]int {
	if c.ids == nil {
		c.ids = make(map[string]int, len(c.rules))
		for i := range c.rules {
			if _, twice := c.ids[c.rules[i].ID.String()]; !twice {
				c.ids[c.rules[i].ID.String()] = i
			}
		}
	}
	return c.ids
}

// text is what a message says: its own text, or that of the rule's template or the
// tool's, with arguments filled in.
func (n *run) text(m *message, r *rule) string {
	text := m.Text
	if text == "" {
		text = m.Markdown
	}
	if text == "" && m.ID != "" {
		template, ok := r.Messages[m.ID.String()]
		if !ok {
			template = n.driver.messages[m.ID.String()]
		}
		text = template.Text
		if text == "" {
			text = template.Markdown
		}
	}
	return fill(text.String(), m.Arguments)
}

// fill puts arguments in the place of {0}, {1} …, and single braces in that of double ones
// (SARIF 3.11.5). A text without arguments is no template.
func fill(text string, arguments []string) string {
	if len(arguments) == 0 || !strings.ContainsAny(text, "{}") {
		return text
	}
	var out strings.Builder
	for text != "" && out.Len() < largestItem {
		i := strings.IndexAny(text, "{}")
		if i < 0 {
			break
		}
		out.WriteString(text[:i])
		text = text[i:]
		if len(text) > 1 && text[1] == text[0] {
			out.WriteByte(text[0])
			text = text[2:]
			continue
		}
		number, rest, ok := strings.Cut(text[1:], "}")
		if n, err := strconv.Atoi(number); ok && err == nil && 0 <= n && n < len(arguments) {
			out.WriteString(arguments[n])
			text = rest
			continue
		}
		out.WriteByte(text[0])
		text = text[1:]
	}
	out.WriteString(text)
	return out.String()
}

// level is a result's level: its own, else what the run or the rule says of the rule's.
func (n *run) level(res *result, r *rule) string {
	if res.Level != "" {
		return res.Level.String()
	}
	for i := range n.invocations {
		for _, o := range n.invocations[i].Overrides {
			if o.Configuration.Level != "" && r.ID != "" && n.find(&o.Descriptor) == r {
				return o.Configuration.Level.String()
			}
		}
	}
	if r.Default.Level != "" {
		return r.Default.Level.String()
	}
	return "warning" // which SARIF 3.27.10 says where nothing else does
}

// taxon is the name of what a reference leads to in a taxonomy, with the taxonomy before
// it where the name is a bare number: "CWE-79".
func (n *run) taxon(ref *reference) string {
	id, taxonomy := ref.ID.String(), ref.Component.Name.String()
	if i, ok := index(ref.Component.Index, len(n.taxonomies)); ok {
		taxonomy = n.taxonomies[i].name
		if j, ok := index(ref.Index, len(n.taxonomies[i].rules)); ok && id == "" {
			id = n.taxonomies[i].rules[j].ID.String()
		}
	}
	if strings.EqualFold(taxonomy, "cwe") && id != "" && !strings.HasPrefix(strings.ToUpper(id), "CWE-") {
		return "CWE-" + id
	}
	return id
}
