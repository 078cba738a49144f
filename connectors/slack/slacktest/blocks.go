package slacktest

import "encoding/json"

// block is what is checked of a block and shown of it.
type block struct {
	Type     string    `json:"type"`
	ID       string    `json:"block_id"`
	Text     *text     `json:"text"`
	Fields   []text    `json:"fields"`
	Elements []element `json:"elements"`
	Label    *text     `json:"label"`
	Hint     *text     `json:"hint"`
	Optional bool      `json:"optional"`
	Element  *element  `json:"element"`
	Access   *element  `json:"accessory"`
}

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// UnmarshalJSON takes a context's text, which stands where others have an object.
func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		t.Type = "mrkdwn"
		return json.Unmarshal(b, &t.Text) //nolint:wrapcheck // the caller says what it reads
	}
	type as text
	return json.Unmarshal(b, (*as)(t)) //nolint:wrapcheck // likewise
}

type element struct {
	Type      string   `json:"type"`
	ActionID  string   `json:"action_id"`
	Text      *text    `json:"text"`
	Value     string   `json:"value"`
	URL       string   `json:"url"`
	Style     string   `json:"style"`
	Options   []option `json:"options"`
	Initial   string   `json:"initial_date"`
	Chosen    *option  `json:"initial_option"`
	Multiline bool     `json:"multiline"`
	Most      int      `json:"max_length"`
}

type option struct {
	Text  text   `json:"text"`
	Value string `json:"value"`
}

// The limits that Slack documents.
const (
	mostHeader, mostSection, mostField = 150, 3000, 2000
	mostButtons, mostOptions           = 25, 100
	mostLabel, mostValue, mostAction   = 75, 2000, 255
	mostContext, mostFields            = 10, 10
)

// validBlocks checks blocks as Slack does before it takes them.
func validBlocks(raw json.RawMessage, most int) bool {
	var blocks []block
	if json.Unmarshal(raw, &blocks) != nil || len(blocks) > most {
		return false
	}
	ids := map[string]bool{}
	for i := range blocks {
		b := &blocks[i]
		if b.ID != "" && ids[b.ID] || !b.valid() {
			return false
		}
		ids[b.ID] = true
	}
	return true
}

func (b *block) valid() bool {
	switch b.Type {
	case "header":
		return b.Text.within(mostHeader) && b.Text.Type == "plain_text"
	case "section":
		for i := range b.Fields {
			if !b.Fields[i].within(mostField) {
				return false
			}
		}
		return len(b.Fields) <= mostFields && (b.Text.within(mostSection) || b.Text == nil && len(b.Fields) > 0) && (b.Access == nil || b.Access.valid())
	case "context":
		return len(b.Elements) > 0 && len(b.Elements) <= mostContext
	case "actions":
		seen := map[string]bool{}
		for i := range b.Elements {
			e := &b.Elements[i]
			if !e.valid() || seen[e.ActionID] {
				return false
			}
			seen[e.ActionID] = true
		}
		return len(b.Elements) > 0 && len(b.Elements) <= mostButtons
	case "input":
		return b.Label.within(mostField) && b.Element != nil && b.Element.valid()
	case "divider":
		return true
	}
	return false
}

func (e *element) valid() bool {
	if len(e.ActionID) > mostAction || len(e.Options) > mostOptions {
		return false
	}
	for i := range e.Options {
		if !e.Options[i].Text.within(mostLabel) || len(e.Options[i].Value) > 150 {
			return false
		}
	}
	switch e.Type {
	case "button":
		return e.Text.within(mostLabel) && len(e.Value) <= mostValue
	case "static_select", "multi_static_select", "checkboxes", "radio_buttons":
		return len(e.Options) > 0
	}
	return true
}

func (t *text) within(most int) bool {
	if t == nil {
		return false
	}
	n := len([]rune(t.Text))
	return n >= 1 && n <= most
}
