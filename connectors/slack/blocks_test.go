package slack

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/connectors"
)

func none(string) bool { return false }

func TestMarkdownBecomesMrkdwn(t *testing.T) {
	ours := func(address string) bool { return address == "https://quell.example.com/x?a=1&b=2" }
	for _, tt := range []struct{ name, in, want string }{
		{"bold and italic", "**a** and *b* and ~~c~~", "*a* and _b_ and ~c~"},
		{"a heading", "## What to do", "*What to do*"},
		{"a list", "- a\n* b", "• a\n• b"},
		{"code", "`a<b` and\n```sh\nrm -rf <x>\n```", "`a&lt;b` and\n```\nrm -rf &lt;x&gt;\n```"},
		{"a fence that never ends", "```\na", "```\na\n```"},
		{"a link of ours", "[see](https://quell.example.com/x?a=1&b=2)", "<https://quell.example.com/x?a=1&amp;b=2|see>"},
		{"another's link leads nowhere", "[see](https://evil.example/)", "see (https://evil.example/)"},
		{"a script is no link", "[x](javascript:alert)", "x (javascript:alert)"},
		{"mentions mention nobody", "<!channel> <!everyone> <@U024BE7LH> <!subteam^S1> <#C1>", "&lt;!channel&gt; &lt;!everyone&gt; &lt;@U024BE7LH&gt; &lt;!subteam^S1&gt; &lt;#C1&gt;"},
		{"Slack's own links", "<https://evil.example|bank>", "&lt;https://evil.example|bank&gt;"},
		{"what was escaped stands for itself", `\<!here\> \*a\* \[b\](c)`, "&lt;!here&gt; *a* [b](c)"},
		{"entities aren't taken for ours", "&lt;!here&gt;", "&amp;lt;!here&amp;gt;"},
		{"text doesn't turn around", "a\u202egnp.exe", "agnp.exe"},
		{"an underscore is one", "snake_case_name", "snake_case_name"},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, mrkdwn(tt.in, ours)) })
	}
}

// made finds what Slack takes for a mention or a link.
var made = regexp.MustCompile(`<[^>]*>`)

func FuzzNoTextMentionsOrLinksAnywhere(f *testing.F) {
	for _, seed := range []string{"<!channel>", "[a](<!here>)", "`<!here>", "\\\\<!here>", "[x](https://a|<!here>)", "```\n<!channel>", "&lt;!here&gt;", "**<@U1>**", "# <!here>", "- [<!here>](http://x)", "\\[a](https://evil)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := mrkdwn(text, none)
		require.Empty(t, made.FindAllString(out, -1), "%q gave %q", text, out)
		require.NotContains(t, out, "<")
		for _, part := range pieces(out, 100, 5) {
			require.LessOrEqual(t, utf8.RuneCountInString(part), 100)
			require.True(t, utf8.ValidString(part))
		}
	})
}

func TestALongLineIsCutBetweenItsMarks(t *testing.T) {
	require.Equal(t, "aaaa…", cutMarkup("aaaa&amp;bbbb", 7))
	require.Equal(t, "aa …", cutMarkup("aa <https://x|text> bb", 12))
	require.Equal(t, "short", cutMarkup("short", 12))
	require.Equal(t, []string{"a\nb", "… and more: the ticket has all of it."}, pieces("a\nb\nc\nd\ne", 4, 2))
}

func texts(t *rapid.T, name string) string {
	return rapid.OneOf(rapid.String(), rapid.StringN(0, 5000, -1), rapid.Just("<!channel> & [x](y)"), rapid.Just("")).Draw(t, name)
}

// TestEveryMessageFitsWhatSlackTakes checks against the limits as Slack documents them.
func TestEveryMessageFitsWhatSlackTakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := connectors.Message{Subject: texts(t, "subject"), Text: rapid.StringN(0, 60_000, -1).Draw(t, "text"), Kind: "ticket", Links: map[string]string{texts(t, "name"): texts(t, "address")}}
		if rapid.Bool().Draw(t, "with a card") {
			m.Card = &connectors.Card{Title: texts(t, "title"), Where: texts(t, "where"), Owner: texts(t, "owner"), State: texts(t, "state"), Proof: texts(t, "proof"),
				Why: rapid.SliceOfN(rapid.String(), 0, 30).Draw(t, "why"), Ticket: texts(t, "ticket"), URL: texts(t, "url"), Decision: texts(t, "decision"),
				Due: time.Unix(rapid.Int64Range(0, 1e10).Draw(t, "due"), 0)}
		}
		for range rapid.IntRange(0, 60).Draw(t, "actions") {
			m.Actions = append(m.Actions, connectors.Action{Kind: rapid.StringMatching(`[a-z_]{0,12}`).Draw(t, "kind"), Subject: texts(t, "subject"), Label: texts(t, "label")})
		}
		raw, err := json.Marshal(blocks(&m, rapid.Bool().Draw(t, "heads")))
		require.NoError(t, err)
		require.NoError(t, fits(raw), "%s", raw)
	})
}

// fits is an oracle that reads the JSON and knows nothing of how it was made.
func fits(raw []byte) error {
	var all []map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	var problems []string
	if len(all) > 50 || len(all) == 0 {
		problems = append(problems, "number of blocks")
	}
	var walk func(v any)
	length := func(v any) int { s, _ := v.(string); return utf8.RuneCountInString(s) }
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			text, _ := v["text"].(map[string]any)
			switch v["type"] {
			case "header":
				if n := length(text["text"]); n < 1 || n > 150 {
					problems = append(problems, "header")
				}
			case "section":
				if n := length(text["text"]); n < 1 || n > 3000 {
					problems = append(problems, "section")
				}
			case "button":
				if length(text["text"]) > 75 || length(text["text"]) < 1 || length(v["value"]) > 2000 || length(v["action_id"]) > 255 {
					problems = append(problems, "button")
				}
			case "actions":
				elements, _ := v["elements"].([]any)
				ids := map[any]bool{}
				for _, e := range elements {
					m, _ := e.(map[string]any)
					if ids[m["action_id"]] {
						problems = append(problems, "action IDs repeat")
					}
					ids[m["action_id"]] = true
				}
				if len(elements) > 25 || len(elements) == 0 {
					problems = append(problems, "actions")
				}
			case "mrkdwn":
				text, _ := v["text"].(string)
				for _, mention := range made.FindAllString(text, -1) {
					if !strings.HasPrefix(mention, "<http") && !strings.HasPrefix(mention, "<!date^") {
						problems = append(problems, "mention "+mention)
					}
				}
				if v["verbatim"] != true {
					problems = append(problems, "Slack looks for links itself")
				}
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	for _, b := range all {
		walk(b)
	}
	if len(problems) > 0 {
		return &json.UnsupportedValueError{Str: strings.Join(problems, ", ")}
	}
	return nil
}

func TestAButtonSaysWhatItDecides(t *testing.T) {
	for _, kind := range []string{"claim", "mark_false_positive", "approve"} {
		got, ok := ActionKind(ActionID(kind, 3))
		require.True(t, ok)
		require.Equal(t, kind, got)
	}
	for _, other := range []string{"", "quell", "quell/", "quell//1", "other/claim/1"} {
		_, ok := ActionKind(other)
		require.False(t, ok, other)
	}
}

func TestAMomentIsReadFromAMessagesName(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 123_000_000, time.UTC)
	require.Equal(t, at, Moment(stamp(at)))
	require.Equal(t, "1772442000.123000", stamp(at))
	for _, bad := range []string{"", "x", "-1", "1e300", "NaN"} {
		require.Zero(t, Moment(bad), bad)
	}
}
