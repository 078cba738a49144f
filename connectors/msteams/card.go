package msteams

import (
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/prose"
)

// What Teams takes: the envelope of the Workflow's template, and a card.
type (
	envelope struct {
		Type        string       `json:"type"`
		Attachments []attachment `json:"attachments"`
	}
	attachment struct {
		ContentType string `json:"contentType"`
		Content     card   `json:"content"`
	}
	card struct {
		Type    string            `json:"type"`
		Schema  string            `json:"$schema"`
		Version string            `json:"version"`
		Teams   map[string]string `json:"msteams"`
		Body    []element         `json:"body"`
		Actions []action          `json:"actions,omitempty"`
	}
	element struct {
		Type     string `json:"type"`
		Text     string `json:"text,omitempty"`
		Size     string `json:"size,omitempty"`
		Weight   string `json:"weight,omitempty"`
		Color    string `json:"color,omitempty"`
		Wrap     bool   `json:"wrap,omitempty"`
		IsSubtle bool   `json:"isSubtle,omitempty"`
		Facts    []fact `json:"facts,omitempty"`
	}
	fact struct {
		Title string `json:"title"`
		Value string `json:"value"`
	}
	action struct {
		Type  string `json:"type"`
		Title string `json:"title"`
		URL   string `json:"url"`
	}
)

// A message may have 28 KiB; what is left is for the envelope and for escapes.
const (
	mostText    = 8 << 10
	mostSubject = 300
	mostValue   = 500
	mostActions = 6
)

// cardOf is a message as a card.
func cardOf(m *connectors.Message, repeated bool) envelope {
	c := card{Type: "AdaptiveCard", Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Version: "1.4", Teams: map[string]string{"width": "Full"}}
	if repeated {
		c.Body = append(c.Body, element{Type: "TextBlock", Text: "This may be here already: it is not known whether it came through before.", Wrap: true, IsSubtle: true})
	}
	subject := element{Type: "TextBlock", Text: text(prose.Cut(prose.Line(m.Subject), mostSubject)), Size: "Medium", Weight: "Bolder", Wrap: true}
	if m.Urgent {
		subject.Color = "Attention"
	}
	c.Body = append(c.Body, subject)
	if m.Text != "" {
		c.Body = append(c.Body, element{Type: "TextBlock", Text: text(prose.Cut(prose.Plain(m.Text), mostText)), Wrap: true})
	}
	told := prose.Facts(m.Card)
	facts := make([]fact, 0, len(told))
	for _, f := range told {
		facts = append(facts, fact{Title: f.Name, Value: text(prose.Cut(prose.Line(f.Value), mostValue))})
	}
	if len(facts) > 0 {
		c.Body = append(c.Body, element{Type: "FactSet", Facts: facts})
	}
	for _, l := range prose.Links(m) {
		if len(c.Actions) < mostActions {
			c.Actions = append(c.Actions, action{Type: "Action.OpenUrl", Title: "Open " + l.Name, URL: l.Value})
		}
	}
	return envelope{Type: "message", Attachments: []attachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: c}}}
}

// text keeps what a scanner found from being a link, a mention or a heading: cards know
// some markdown, and <at>.
func text(s string) string {
	s = strings.NewReplacer("\\", "\\\\", "[", "\\[", "]", "\\]", "*", "\\*", "_", "\\_", "`", "\\`", "<", "\u2039", ">", "\u203a").Replace(s)
	return strings.ReplaceAll(s, "\n", "\n\n") // a paragraph each: single breaks are none
}
