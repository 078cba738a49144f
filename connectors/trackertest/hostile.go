package trackertest

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/fault"
)

var hostile = []rule{
	{"whatever stands in a description, nothing acts and nothing links but http", "", nothingActs},
	{"whatever stands in a comment, nothing acts", "", nothingActsInComments},
	{"hostile titles make a title", "", titlesAreTitles},
	{"a marker is taken word by word", "", markersAreQuoted},
	{"a description too long for the vendor is cut, and told so", "", tooLong},
}

// attacks are what scanners might report to get at those who read the ticket.
func attacks() []string {
	return []string{
		"{code}x{code} {html}<script>alert(1)</script>{html} {include:Admin} {jiraissues:url=http://evil.example}",
		"!http://evil.example/pixel.png! ![pixel](http://evil.example/pixel.png)",
		"[~admin] [~accountid:5b10a2844c20165700ede21g] @admin @all @here <!channel>",
		"[click|javascript:alert(1)] [click](javascript:alert(1)) [file|file:///etc/passwd] [x](data:text/html,evil)",
		"<img src=http://evil.example onerror=alert(1)> <a href=\"javascript:alert(1)\">x</a>",
		"|| head || {panel:title=Done}closed{panel} {color:white}hidden{color} h1. Closed ---- bq. quoted",
		"/close /assign @admin #1 closes #2 !3 ~label %milestone",
		"[code]<script>alert(1)</script>[/code] ${gs.log(1)} javascript:gs.log(1)",
		"a\u202eb\x00c\x1bd \u2028 e",
		"— quell: end — ---- ~~~ ``` <!-- quell:end --> {/quell}",
	}
}

func nothingActs(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	for n, attack := range attacks() {
		want := h.wanted(key)
		want.Description = "Before it " + strconv.Itoa(n) + ".\n\n" + attack + "\n\n- " + attack + "\n\n| a | b |\n|---|---|\n| " +
			strings.ReplaceAll(attack, "|", "\\|") + " | x |\n\n`" + strings.ReplaceAll(attack, "`", "") + "`\n\n## " + attack + "\n\nAfter it."
		h.update(t, want, strconv.Itoa(n))
		shown := h.Vendor.Shown(key)
		require.Empty(t, shown.Active, "%s", attack)
		requireWeb(t, shown.Links)
		require.Contains(t, shown.Text, "Before it "+strconv.Itoa(n)+".")
		require.Contains(t, shown.Text, "After it.", "what comes behind it is still there: %s", attack)
		require.True(t, utf8.ValidString(shown.Text))
		require.NotContains(t, shown.Text, "\x00")
		before := h.Vendor.Writes()
		h.update(t, want, strconv.Itoa(n)+"again")
		require.Equal(t, before, h.Vendor.Writes(), "it is recognised as written: %s", attack)
	}
	want := h.wanted(key)
	want.Description = "All is well."
	h.update(t, want, "last")
	require.NotContains(t, h.Vendor.Shown(key).Text, "evil", "our block ends where we end it")
}

func requireWeb(t *testing.T, links []string) {
	t.Helper()
	for _, link := range links {
		u, err := url.Parse(link)
		require.NoError(t, err)
		require.Contains(t, []string{"http", "https"}, u.Scheme, link)
	}
}

func nothingActsInComments(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	for n, attack := range attacks() {
		require.NoError(t, h.Tracker.Comment(t.Context(), key, "Before it "+strconv.Itoa(n)+".\n\n"+attack+"\n\nAfter it.", strconv.Itoa(n)))
	}
	shown := h.Vendor.Shown(key)
	require.Len(t, shown.Comments, len(attacks()))
	require.Empty(t, shown.Active)
	requireWeb(t, shown.Links)
}

func titlesAreTitles(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	for n, title := range append(attacks(), "two\nlines\r\nof it", strings.Repeat("long ", 200), strings.Repeat("ü", 300)) {
		want := h.wanted(key)
		want.Title = title
		got := h.update(t, want, strconv.Itoa(n))
		shown := h.Vendor.Shown(key).Title
		require.NotEmpty(t, shown)
		require.NotContains(t, shown, "\n")
		require.NotContains(t, shown, "\x00")
		require.True(t, utf8.ValidString(shown))
		require.Equal(t, shown, got.Title)
		require.Empty(t, h.get(t, key).Overridden, "what we made of it is not a person's: %q", title)
		before := h.Vendor.Writes()
		h.update(t, want, strconv.Itoa(n)+"again")
		require.Equal(t, before, h.Vendor.Writes(), "%q", title)
	}
}

func markersAreQuoted(t *testing.T, h *Harness) {
	t.Helper()
	h.create(t)
	for _, marker := range []string{`x" OR project = SEC OR "y`, `x\" OR 1=1 --`, "x' OR 'a'='a", "rem-*", "rem-", "^ORactive=true", ""} {
		_, err := h.Tracker.FindByMarker(t.Context(), marker)
		require.Error(t, err, marker)
		require.Contains(t, []fault.Kind{fault.NotFound, fault.Invalid}, fault.KindOf(err), "%q: %v", marker, err)
	}
}

func tooLong(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	want := h.wanted(key)
	want.Description = "It begins here.\n\n" + strings.Repeat("- web1.example.com is affected too\n", 6000)
	h.update(t, want, "c1")
	require.Contains(t, h.Vendor.Shown(key).Text, "It begins here.")
	before := h.Vendor.Writes()
	h.update(t, want, "c2")
	require.Equal(t, before, h.Vendor.Writes())
	require.NoError(t, h.Tracker.Comment(t.Context(), key, want.Description, "c3"))
	require.NoError(t, h.Tracker.Comment(t.Context(), key, want.Description, "c3"))
	require.Len(t, h.Vendor.Shown(key).Comments, 1)
}
