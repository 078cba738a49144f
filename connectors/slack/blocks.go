package slack

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/connectors"
)

// section is markup as a block. Verbatim: Slack finds no links and mentions of its own.
func section(markup string) kit.Block {
	return kit.NewSectionBlock(kit.NewTextBlockObject(kit.MarkdownType, markup, false, true), nil, nil)
}

func header(text string) kit.Block {
	if text = plain(text, mostHeader); text == "" {
		text = "quell"
	}
	return kit.NewHeaderBlock(kit.NewTextBlockObject(kit.PlainTextType, text, false, false))
}

func footer(markup string) kit.Block {
	return kit.NewContextBlock("", kit.NewTextBlockObject(kit.MarkdownType, cutMarkup(markup, mostSection), false, true))
}

// Sections are Markdown as blocks. Links lead only to the addresses given.
func Sections(markdown string, links ...string) []kit.Block {
	ours := func(address string) bool { return slices.Contains(links, address) }
	parts := pieces(mrkdwn(markdown, ours), mostSection-100, 12)
	out := make([]kit.Block, 0, len(parts))
	for _, part := range parts {
		out = append(out, section(part))
	}
	return out
}

// CardBlocks show a card so that it fits on a phone: one column, what matters first.
func CardBlocks(c connectors.Card) []kit.Block {
	title := c.Title
	if c.Done {
		title = "✔ " + title
	}
	out := []kit.Block{header(title)}
	const mostLine, mostWhy = 300, 4
	var lines []string
	add := func(name, text string) {
		if text = plain(text, mostLine); text != "" {
			lines = append(lines, "*"+name+"* "+escape(text))
		}
	}
	add("Where", c.Where)
	for i, why := range c.Why {
		switch {
		case i == 0:
			add("Why now", why)
		case i < mostWhy:
			lines = append(lines, "    • "+escape(plain(why, mostLine)))
		}
	}
	if !c.Due.IsZero() && !c.Done {
		lines = append(lines, "*Due* "+day(c.Due))
	}
	owner := c.Owner
	if owner == "" && !c.Done {
		owner = "nobody yet"
	}
	add("Who", owner)
	add("State", c.State)
	add("Proof", c.Proof)
	out = append(out, section(cutMarkup(strings.Join(lines, "\n"), mostSection)))
	var small []string
	for _, word := range []string{c.Decision, c.Severity} {
		if word != "" {
			small = append(small, escape(plain(strings.ReplaceAll(word, "_", " "), 40)))
		}
	}
	if c.Ticket != "" {
		small = append(small, link(c.URL, plain(c.Ticket, 80)))
	}
	if len(small) > 0 {
		out = append(out, footer(strings.Join(small, "  ·  ")))
	}
	return out
}

// day is a date that each reader sees in his own time zone.
func day(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty}|%s>", t.Unix(), t.UTC().Format(time.DateOnly))
}

// blocks show a message: the card where it heads a thread, what is said, and what can be
// decided.
func blocks(m *connectors.Message, heads bool) []kit.Block {
	var out []kit.Block
	if m.Card != nil && heads {
		out = append(out, CardBlocks(*m.Card)...)
	}
	addresses := slices.Collect(maps.Values(m.Links))
	if m.Card != nil && m.Card.URL != "" {
		addresses = append(addresses, m.Card.URL)
	}
	text := strings.TrimSpace(m.Text)
	if m.Card == nil || !heads {
		out = append(out, section("*"+escape(cmp.Or(plain(m.Subject, mostSection/10), "quell"))+"*"))
	}
	if text != "" {
		out = append(out, Sections(text, addresses...)...)
	}
	var links []string
	for _, name := range slices.Sorted(maps.Keys(m.Links)) {
		if httpURL(m.Links[name]) {
			links = append(links, link(m.Links[name], plain(name, 60)))
		}
	}
	if len(links) > 0 {
		out = append(out, footer(strings.Join(links, "  ·  ")))
	}
	return withButtons(out, m.Actions)
}

// withButtons keeps within the number of blocks that Slack takes, the buttons first.
func withButtons(out []kit.Block, actions []connectors.Action) []kit.Block {
	buttons := Buttons(actions)
	if len(out) > mostBlocks-len(buttons) {
		out = out[:mostBlocks-len(buttons)]
	}
	return append(out, buttons...)
}

// fallback is what a notification shows of a message.
func fallback(text string) string { return escape(plain(text, mostText/5)) }
