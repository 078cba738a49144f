package jira

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	gojira "github.com/andygrunwald/go-jira"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/connectors/jira/jiratest"
)

const sample = "**payments** owns *this*, see [quell](https://quell.example.org/x_y?a=1|2) and https://example.org/a_b.\n\n## Why\n\n- one `a|b`\n  - deeper\n1. first\n2. second\n\n" +
	"> said [x](javascript:alert(1))\n\n| asset | where |\n|---|---|\n| web1 | 443/tcp |\n|  | a\\|b |\n\n```\n{noformat} code\n```\n\n---\n\nh1. not a heading ![img](https://evil.example/x.png) <b>html</b>\n"

func TestMarkdownInWikiMarkup(t *testing.T) {
	want := strings.Join([]string{
		`*payments* owns _this_, see [quell|https://quell.example.org/x_y?a=1%7C2] and [https://example.org/a_b].`, "",
		"h2. Why", "",
		"* one {{a&#124;b}}", "** deeper", "",
		"# first", "# second", "",
		"bq. said x", "",
		"||asset||where||", "|web1|443/tcp|", "| |a&#124;b|", "",
		"{noformat}", "{\u200bnoformat} code", "{noformat}", "",
		"----", "",
		`&#104;1. not a heading [img|https://evil.example/x.png] <b>html</b>`,
	}, "\n")
	require.Equal(t, want, wikiOf(sample, longestBlock))
}

func TestMarkdownInDocuments(t *testing.T) {
	doc, err := json.Marshal(node{Type: "doc", Version: 1, Content: nodesOf(sample, longestBlock)})
	require.NoError(t, err)
	read := jiratest.ReadDocument(doc)
	require.Empty(t, read.Active)
	require.Equal(t, []string{"https://quell.example.org/x_y?a=1%7C2", "https://example.org/a_b", "https://evil.example/x.png"}, read.Links)
	for _, words := range []string{"payments owns this, see quell", "a|b", "deeper", "said x", "443/tcp", "{noformat} code", "h1. not a heading", "<b>html</b>"} {
		require.Contains(t, read.Text, words)
	}
	for _, kind := range []string{"heading", "bulletList", "orderedList", "blockquote", "table", "tableHeader", "codeBlock", "rule"} {
		require.Contains(t, string(doc), `"type":"`+kind+`"`)
	}
}

// harmless holds what we make of a text against what readers of both languages see.
func harmless(t require.TestingT, markdown string) {
	text := wikiOf(markdown, longestBlock)
	require.True(t, utf8.ValidString(text))
	require.LessOrEqual(t, utf8.RuneCountInString(text), longestBlock)
	read := jiratest.ReadWiki(text)
	require.Empty(t, read.Active, "%q gave %q", markdown, text)
	onlyWeb(t, read.Links)
	doc, err := json.Marshal(node{Type: "doc", Version: 1, Content: nodesOf(markdown, longestBlock)})
	require.NoError(t, err)
	inDocument := jiratest.ReadDocument(doc)
	require.Empty(t, inDocument.Active)
	onlyWeb(t, inDocument.Links)
	require.NoError(t, jiratest.CheckDocument(doc), "%q gave %s", markdown, doc)

	once, written := wikiWith("Ann's words.\r\n\r\n", markdown)
	require.True(t, written)
	again, written := wikiWith(once, markdown)
	require.False(t, written, "%q", markdown)
	require.Equal(t, once, again)
	other, _ := wikiWith(once, "all is well")
	require.True(t, strings.HasPrefix(other, "Ann's words."))
	require.Equal(t, "all is well", wikiPart(other))

	first, written, err := adfWith(nil, markdown)
	require.NoError(t, err)
	require.True(t, written)
	kept, err := json.Marshal(first)
	require.NoError(t, err)
	_, written, err = adfWith(kept, markdown)
	require.NoError(t, err)
	require.False(t, written, "%q", markdown)
}

func onlyWeb(t require.TestingT, links []string) {
	for _, l := range links {
		require.True(t, strings.HasPrefix(l, "http://") || strings.HasPrefix(l, "https://"), l)
	}
}

func TestNothingThatIsWrittenInADescriptionActs(t *testing.T) {
	parts := []string{"{", "}", "[", "]", "|", "!", "~", "code", "noformat", "x", " ", "\n", "*", "_", "-", "#", "\\", "`", "h1.", "bq.", "http://e.example", "javascript:", "<b>", "(", ")", "&#123;", "\r", ">", "1.", "^", "+", "?", "```", blockEnd, blockBegin, "ä"}
	rapid.Check(t, func(t *rapid.T) {
		harmless(t, strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 14).Draw(t, "parts"), ""))
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{sample, "{code}x{code}", "[~admin]", "!x.png!", "\\{html}", "a | b\n-|-\nc | d", blockEnd, "```\n" + blockEnd + "\n```", "- " + blockBegin, "[a|javascript:x]", "\\\\[x|y]", "{{{noformat}}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, markdown string) { harmless(t, markdown) })
}

func FuzzWebhook(f *testing.F) {
	for _, s := range []string{
		`{"webhookEvent":"jira:issue_updated","timestamp":1,"issue":{"id":"1","key":"SEC-1","fields":{"labels":["quell","quell-rem-1"]}},"changelog":{"id":"7","items":[{"field":"status","toString":"Done"}]}}`,
		`{"webhookEvent":"comment_created","issue":{"key":"SEC-1"},"comment":{"id":7}}`, `{"webhookEvent":"jira:issue_deleted","issue":{"key":"../x"}}`, `[]`, `{"issue":{"fields":{"labels":null}}}`,
	} {
		f.Add([]byte(s), "whk-1")
	}
	tracker := &Tracker{}
	f.Fuzz(func(t *testing.T, body []byte, id string) {
		change, ok := tracker.Ticket(map[string][]string{identifier: {id}}, body)
		if !ok {
			return
		}
		require.Regexp(t, issueKey, change.Key)
		require.NotEmpty(t, change.Cause)
		require.NotEmpty(t, change.What)
		require.NotContains(t, change.What, "\n")
		if change.Marker != "" {
			require.Regexp(t, markerText, change.Marker)
		}
	})
}

func TestHalvesOfABlockThatWasTornApartAreLeftAsPeoples(t *testing.T) {
	whole, _ := wikiWith("", "first")
	noEnd := strings.TrimSuffix(whole, blockEnd) + "Ann: mine"
	again, _ := wikiWith(noEnd, "second")
	require.Contains(t, again, "Ann: mine")
	third, written := wikiWith(again, "third")
	require.True(t, written)
	require.Contains(t, third, "Ann: mine")
	require.NotContains(t, third, "second")
	noBegin := "Ann: mine\n" + strings.TrimPrefix(whole, blockBegin)
	again, _ = wikiWith(noBegin, "second")
	again, _ = wikiWith(again, "third")
	require.Contains(t, again, "Ann: mine")
	require.Equal(t, "third", wikiPart(again))
}

func TestPeoplesNodesAreKeptAsTheyCame(t *testing.T) {
	const theirs = `{"type":"panel","attrs":{"panelType":"info","custom":[1,2.50]},"content":[{"type":"paragraph","content":[{"type":"mention","attrs":{"id":"x"}}]}]}`
	doc, _, err := adfWith(json.RawMessage(`{"type":"doc","version":1,"content":[`+theirs+`]}`), "ours")
	require.NoError(t, err)
	require.True(t, theirs == string(doc.Content[0]), "byte by byte") //nolint:testifylint // JSONEq would take another spelling for the same
	_, _, err = adfWith(json.RawMessage(`"a string"`), "ours")
	require.Error(t, err)
}

func TestAddressesThatMayBeLinkedTo(t *testing.T) {
	for address, good := range map[string]bool{
		"https://example.org/a?b=c#d": true, "http://127.0.0.1:8080/x": true, "javascript:alert(1)": false, "//example.org": false, "https://": false, "https://u:p@example.org": false,
		"mailto:a@example.org": false, "data:text/html,x": false, "https://example.org/" + strings.Repeat("x", 3000): false,
	} {
		require.Equal(t, good, web(address) != "", address)
	}
}

// A transition that a validator refused may have left its property behind.
func TestATransitionIsOursOnlyUnderOurAccount(t *testing.T) {
	tracker := &Tracker{cloud: true, me: &gojira.User{AccountID: "acc-quell"}}
	p := &property{Marker: "rem-1", Moved: &movement{To: "6", After: "20001"}}
	all := []change{{id: "20001", to: "5"}, {id: "20002", from: "5", to: "6", author: &gojira.User{AccountID: "acc-bob"}}}
	mine, err := tracker.mine(t.Context(), all, 1, p)
	require.NoError(t, err)
	require.False(t, mine)
	all[1].author.AccountID = "acc-quell"
	mine, err = tracker.mine(t.Context(), all, 1, p)
	require.NoError(t, err)
	require.True(t, mine)
	all[1].history = &history{Type: "quell", ExtraData: map[string]string{"marker": "rem-2"}}
	p.Moved = nil
	mine, err = tracker.mine(t.Context(), all, 1, p)
	require.NoError(t, err)
	require.False(t, mine, "another remediation's")
}
