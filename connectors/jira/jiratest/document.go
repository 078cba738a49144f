package jiratest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// node is one of the Atlassian Document Format.
type node struct {
	Type    string         `json:"type"`
	Version int            `json:"version,omitempty"`
	Attrs   map[string]any `json:"attrs,omitempty"`
	Content []node         `json:"content,omitempty"`
	Text    string         `json:"text,omitempty"`
	Marks   []struct {
		Type  string         `json:"type"`
		Attrs map[string]any `json:"attrs,omitempty"`
	} `json:"marks,omitempty"`
}

// children says what each node may hold (developer.atlassian.com/cloud/jira/platform/apis/
// document/structure). What Jira does not know it refuses.
func children(kind string) ([]string, bool) {
	inline := []string{"text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status", "inlineExtension"}
	blocks := []string{"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "blockquote", "panel", "table", "rule", "mediaSingle", "mediaGroup", "expand", "extension", "blockCard"}
	some := map[string][]string{
		"doc": blocks, "panel": {"paragraph", "heading", "bulletList", "orderedList"}, "expand": blocks,
		"paragraph": inline, "heading": inline, "codeBlock": {"text"}, "blockquote": {"paragraph", "bulletList", "orderedList", "codeBlock"},
		"bulletList": {"listItem"}, "orderedList": {"listItem"}, "listItem": {"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle"},
		"table": {"tableRow"}, "tableRow": {"tableHeader", "tableCell"},
		"tableHeader": {"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "blockquote", "panel", "rule"},
		"mediaSingle": {"media"}, "mediaGroup": {"media"},
		"text": nil, "hardBreak": nil, "mention": nil, "emoji": nil, "inlineCard": nil, "date": nil, "status": nil, "inlineExtension": nil, "rule": nil, "media": nil, "extension": nil, "blockCard": nil,
	}
	some["tableCell"] = some["tableHeader"]
	list, known := some[kind]
	return list, known
}

// check is an error where a document is not of the format.
func (n *node) check() error {
	allowed, known := children(n.Type)
	if !known {
		return fmt.Errorf("there is no node %q", n.Type)
	}
	switch n.Type {
	case "text":
		if n.Text == "" {
			return errors.New("a text is empty")
		}
		return n.checkMarks()
	case "heading":
		if level, ok := n.Attrs["level"].(float64); !ok || level < 1 || level > 6 {
			return errors.New("a heading has no level")
		}
	case "listItem", "bulletList", "orderedList", "table", "tableRow", "tableCell", "tableHeader", "blockquote":
		if len(n.Content) == 0 {
			return fmt.Errorf("a %s is empty", n.Type)
		}
	}
	for i := range n.Content {
		if !slices.Contains(allowed, n.Content[i].Type) {
			return fmt.Errorf("a %s holds a %s", n.Type, n.Content[i].Type)
		}
		if n.Type == "codeBlock" && len(n.Content[i].Marks) > 0 {
			return errors.New("code has marks")
		}
		if err := n.Content[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) checkMarks() error {
	code := false
	for _, m := range n.Marks {
		switch m.Type {
		case "code":
			code = true
		case "link":
			if href, ok := m.Attrs["href"].(string); !ok || href == "" {
				return errors.New("a link leads nowhere")
			}
		case "strong", "em", "strike", "underline", "textColor", "subsup":
		default:
			return fmt.Errorf("there is no mark %q", m.Type)
		}
	}
	if code && slices.ContainsFunc(n.Marks, func(m struct {
		Type  string         `json:"type"`
		Attrs map[string]any `json:"attrs,omitempty"`
	}) bool {
		return m.Type != "code" && m.Type != "link"
	}) {
		return errors.New("code has another mark than a link")
	}
	return nil
}

// read gathers what a reader sees.
func (n *node) read(r *Reading, b *strings.Builder) {
	top := b == nil
	if top {
		b = &strings.Builder{}
	}
	switch n.Type {
	case "text":
		b.WriteString(n.Text)
		for _, m := range n.Marks {
			if href, ok := m.Attrs["href"].(string); ok {
				r.Links = append(r.Links, href)
			}
		}
	case "hardBreak":
		b.WriteByte('\n')
	case "mention", "emoji", "media", "inlineCard", "blockCard", "extension", "inlineExtension", "status", "date":
		r.Active = append(r.Active, n.Type)
	}
	for i := range n.Content {
		n.Content[i].read(r, b)
	}
	switch n.Type {
	case "paragraph", "heading", "codeBlock":
		b.WriteByte('\n')
	}
	if top {
		r.Text = b.String()
	}
}

// CheckDocument is an error where a text is not of the Atlassian Document Format.
func CheckDocument(raw json.RawMessage) error {
	var doc node
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("reading a document: %w", err)
	}
	return doc.check()
}
