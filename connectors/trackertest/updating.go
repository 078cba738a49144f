package trackertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
)

var updating = []rule{
	{"an update writes what differs", "", updatesWrite},
	{"an update that changes nothing writes nothing", "", noDifferenceNoWrite},
	{"an assignee follows", "assignees", assigneeFollows},
	{"people's words around our block stay, and our block is replaced", "prose", proseStays},
	{"what people write in our block is replaced", "prose", insideIsReplaced},
}

var overriding = []rule{
	{"what a person has changed is kept and told", "editor", overridesAreKept},
	{"what a person has changed is kept, whatever else we write meanwhile", "editor", overridesLast},
	{"what a person gives back follows again", "editor", overridesEnd},
	{"a person's assignee is kept and told", "editor assignees", assigneeIsKept},
}

func updatesWrite(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	want := h.wanted(key)
	want.Title, want.Priority = "Upgrade npm/lodash on 2 assets", h.priority(1)
	want.Due = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	want.Description = "Two assets now.\n\n- web1.example.com\n- web2.example.com\n"
	got := h.update(t, want, "c1")
	for _, issue := range []connectors.Issue{got, h.get(t, key)} {
		require.Equal(t, key, issue.Key)
		require.Equal(t, want.Title, issue.Title)
		require.Equal(t, want.Priority, issue.Priority)
		require.True(t, issue.Due.Equal(want.Due), "%s", issue.Due)
		require.Empty(t, issue.Overridden)
		require.Equal(t, Marker, issue.Marker)
		require.Equal(t, connectors.IssueTodo, issue.Status)
	}
	shown := h.Vendor.Shown(key)
	require.Contains(t, shown.Text, "web2.example.com")
	require.NotContains(t, shown.Text, "known to be exploited")
	require.Len(t, h.Vendor.Made(), 1)
}

func noDifferenceNoWrite(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	before := h.Vendor.Writes()
	h.update(t, h.wanted(key), "c1")
	same := h.wanted(key)
	same.Status = connectors.IssueTodo
	h.update(t, same, "c2")
	require.Equal(t, before, h.Vendor.Writes())
}

func assigneeFollows(t *testing.T, h *Harness) {
	t.Helper()
	want := h.issue(Marker)
	want.Assignee = h.Assignees[0]
	made, err := h.Tracker.Create(t.Context(), want)
	require.NoError(t, err)
	require.Equal(t, h.Assignees[0], h.Vendor.Shown(made.Key).Assignee)
	want.Key, want.Assignee, want.Status = made.Key, h.Assignees[1], ""
	got := h.update(t, want, "c1")
	require.Equal(t, h.Assignees[1], got.Assignee)
	require.Equal(t, h.Assignees[1], h.Vendor.Shown(made.Key).Assignee)
	require.Empty(t, got.Overridden)
}

func proseStays(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	prose := vendor[Prose](t, h)
	prose.Around(key, "Ann: I am on it.", "Bob: see CHG-7.", "bob")
	for n, text := range []string{"The first renewal.", "The second renewal."} {
		want := h.wanted(key)
		want.Description = text
		h.update(t, want, "c"+string(rune('1'+n)))
		shown := h.Vendor.Shown(key).Text
		require.Contains(t, shown, "Ann: I am on it.")
		require.Contains(t, shown, "Bob: see CHG-7.")
		require.Contains(t, shown, text)
		require.NotContains(t, shown, "known to be exploited")
		require.NotContains(t, h.get(t, key).Description, "Ann: I am on it.", "our block is told, and not the rest")
	}
	require.NotContains(t, h.Vendor.Shown(key).Text, "The first renewal.")
	before := h.Vendor.Writes()
	want := h.wanted(key)
	want.Description = "The second renewal."
	h.update(t, want, "c3")
	require.Equal(t, before, h.Vendor.Writes())
}

func insideIsReplaced(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	vendor[Prose](t, h).Inside(key, "nothing to see here", "bob")
	require.Contains(t, h.Vendor.Shown(key).Text, "nothing to see here")
	h.update(t, h.wanted(key), "c1")
	shown := h.Vendor.Shown(key).Text
	require.NotContains(t, shown, "nothing to see here")
	require.Contains(t, shown, "known to be exploited")
}

// other is a change of everything that a person may override.
func (h *Harness) other(key string) connectors.Issue {
	want := h.wanted(key)
	want.Title, want.Priority, want.Due = "Upgrade npm/lodash on 3 assets", h.priority(1), time.Date(2026, 5, 5, 0, 0, 0, 0, time.UTC)
	return want
}

func overridesAreKept(t *testing.T, h *Harness) {
	t.Helper()
	const due = "2026-06-30"
	for field, value := range map[string]string{"title": "Lodash, before the audit", "due": due, "priority": h.priority(1)} {
		marker := Marker + field
		made, err := h.Tracker.Create(t.Context(), h.issue(marker))
		require.NoError(t, err)
		vendor[Editor](t, h).Edit(made.Key, field, value, "bob")
		require.Equal(t, []string{field}, h.get(t, made.Key).Overridden)
		want := h.other(made.Key)
		want.Marker = marker
		if field == "priority" {
			want.Priority = h.priority(0)
		}
		got := h.update(t, want, "c1")
		require.Equal(t, []string{field}, got.Overridden)
		shown := h.Vendor.Shown(made.Key)
		switch field {
		case "title":
			require.Equal(t, value, shown.Title)
			require.Equal(t, value, got.Title)
			require.Equal(t, want.Due.Format(time.DateOnly), shown.Due)
		case "due":
			require.Equal(t, due, shown.Due)
			require.Equal(t, want.Title, shown.Title)
		case "priority":
			require.Equal(t, h.priority(1), got.Priority)
			require.Equal(t, want.Title, shown.Title)
		}
	}
}

func overridesLast(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	vendor[Editor](t, h).Edit(key, "due", "2026-06-30", "bob")
	for n := range 3 {
		want := h.other(key)
		want.Title += string(rune('a' + n))
		require.Equal(t, []string{"due"}, h.update(t, want, "c"+string(rune('1'+n))).Overridden)
	}
	require.Equal(t, "2026-06-30", h.Vendor.Shown(key).Due)
	require.Equal(t, []string{"due"}, h.get(t, key).Overridden)
}

func overridesEnd(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	editor := vendor[Editor](t, h)
	editor.Edit(key, "due", "2026-06-30", "bob")
	h.update(t, h.other(key), "c1")
	editor.Edit(key, "due", h.issue(Marker).Due.Format(time.DateOnly), "bob")
	got := h.update(t, h.other(key), "c2")
	require.Empty(t, got.Overridden)
	require.Equal(t, h.other(key).Due.Format(time.DateOnly), h.Vendor.Shown(key).Due)
}

func assigneeIsKept(t *testing.T, h *Harness) {
	t.Helper()
	want := h.issue(Marker)
	want.Assignee = h.Assignees[0]
	made, err := h.Tracker.Create(t.Context(), want)
	require.NoError(t, err)
	vendor[Editor](t, h).Edit(made.Key, "assignee", h.Assignees[1], "bob")
	want.Key, want.Status, want.Title = made.Key, "", "Upgrade npm/lodash on 2 assets"
	got := h.update(t, want, "c1")
	require.Equal(t, []string{"assignee"}, got.Overridden)
	require.Equal(t, h.Assignees[1], h.Vendor.Shown(made.Key).Assignee)
	require.Equal(t, want.Title, h.Vendor.Shown(made.Key).Title)
}
