package jiratest

import (
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Reading is what a reader gets to see of a text.
type Reading struct {
	Text   string   // markup resolved
	Links  []string // where they lead
	Active []string // what acts: macros, mentions, embedded images and media, cards
}

// longestText is jira.text.field.character.limit.
const longestText = 32767

// keep takes a text of the API in: a string in version 2, a document in version 3.
func (s *Server) keep(raw json.RawMessage) (json.RawMessage, string) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, ""
	}
	if s.o.Mode == DataCenter {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return nil, "Operation value must be a string"
		}
		if utf8.RuneCountInString(text) > longestText {
			return nil, "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
		}
		return raw, ""
	}
	var doc node
	if json.Unmarshal(raw, &doc) != nil || doc.Type != "doc" || doc.Version != 1 || doc.check() != nil {
		return nil, "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
	}
	var r Reading
	doc.read(&r, nil)
	if utf8.RuneCountInString(r.Text) > longestText {
		return nil, "CONTENT_LIMIT_EXCEEDED"
	}
	return raw, ""
}

// give gives a text out. Cloud adds local IDs to some nodes of its own.
func (s *Server) give(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	if s.o.Mode == DataCenter {
		return raw
	}
	var doc map[string]any
	if json.Unmarshal(raw, &doc) != nil || doc == nil {
		return raw // null is a map of nothing, which takes no content
	}
	return localIDs(doc)
}

func localIDs(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if kind := v["type"]; kind == "table" || kind == "tableRow" || kind == "paragraph" {
			attrs, ok := v["attrs"].(map[string]any)
			if !ok {
				attrs = map[string]any{}
			}
			attrs["localId"] = "c0ffee"
			if kind == "table" {
				attrs["isNumberColumnEnabled"], attrs["layout"] = false, "default"
			}
			v["attrs"] = attrs
		}
		v["content"] = localIDs(v["content"])
		if v["content"] == nil {
			delete(v, "content")
		}
	case []any:
		for i := range v {
			v[i] = localIDs(v[i])
		}
	}
	return v
}

// reader reads a text as this Jira's readers do.
func (s *Server) reader(raw json.RawMessage) Reading {
	if s.o.Mode == DataCenter {
		var text string
		_ = json.Unmarshal(raw, &text) // null is empty
		return ReadWiki(text)
	}
	return ReadDocument(raw)
}

// ReadDocument reads a text in the Atlassian Document Format.
func ReadDocument(raw json.RawMessage) Reading {
	var doc node
	var r Reading
	if json.Unmarshal(raw, &doc) == nil {
		doc.read(&r, nil)
	}
	return r
}

// The macros that Jira knows out of the box, and the way any other is recognised.
var (
	macro    = regexp.MustCompile(`\{([a-zA-Z][\w-]*)(?::[^}\n]*)?\}`)
	image    = regexp.MustCompile(`(^|[^\\\w])!([^\s!][^!\n]*)!`)
	escaped  = regexp.MustCompile(`(^|[^\\])\\([-#*_+?^~|%{}\[\]()!@])`)
	linkMark = regexp.MustCompile(`(^|[^\\])\[([^\[\]\n]+)\]`)
	bareLink = regexp.MustCompile(`(?i)\b(?:https?|ftps?|mailto|nntp|news|irc|file):[^\s|\]]+`)
	phrase   = regexp.MustCompile(`(^|[^\w\\])[*_](\S|\S[^\n]*?[^\s\\])[*_]($|[^\w])`)
	lead     = regexp.MustCompile(`^\s*(?:[*#-]+ |h[1-6]\. |bq\. )`)
)

// ReadWiki reads wiki markup, by the rules of Atlassian's renderer: macros first, then
// links and images, then the backslashes go away that kept the rest from being any, and
// entities last (com.atlassian.renderer.v2).
func ReadWiki(text string) Reading {
	var r Reading
	var out []string
	literal := ""
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r", ""), "\n") {
		trimmed := strings.TrimSpace(line)
		if name := strings.Trim(trimmed, "{}"); (name == "noformat" || name == "code") && trimmed == "{"+name+"}" {
			switch literal {
			case "":
				literal = name
				continue
			case name:
				literal = ""
				continue
			}
		}
		if literal != "" {
			out = append(out, line)
			continue
		}
		out = append(out, r.wikiLine(line))
	}
	r.Text = strings.Join(out, "\n")
	return r
}

// wikiLine reads one line.
func (r *Reading) wikiLine(line string) string {
	line = lead.ReplaceAllString(line, "")
	line = strings.NewReplacer("{{", "", "}}", "").Replace(line)
	for _, m := range macro.FindAllStringIndex(line, -1) {
		if m[0] == 0 || line[m[0]-1] != '\\' {
			r.Active = append(r.Active, "macro "+line[m[0]:m[1]])
		}
	}
	line = linkMark.ReplaceAllStringFunc(line, func(found string) string {
		m := linkMark.FindStringSubmatch(found)
		label, target, both := strings.Cut(m[2], "|")
		if !both {
			target = label
		}
		if strings.HasPrefix(target, "~") {
			r.Active = append(r.Active, "mention "+target)
		} else {
			r.Links = append(r.Links, html.UnescapeString(strings.TrimSpace(target)))
		}
		return m[1] + strings.ReplaceAll(label, ":", "\x01") // is linked once
	})
	for _, m := range image.FindAllString(line, -1) {
		r.Active = append(r.Active, "image "+m)
	}
	r.Links = append(r.Links, bareLink.FindAllString(line, -1)...)
	line = phrase.ReplaceAllString(line, "$1$2$3")
	line = escaped.ReplaceAllString(escaped.ReplaceAllString(line, "$1$2"), "$1$2")
	line = strings.Join(slices.DeleteFunc(strings.Split(line, "|"), func(c string) bool { return c == "" }), " ")
	return html.UnescapeString(strings.ReplaceAll(line, "\x01", ":"))
}
