package trackertest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
)

var talking = []rule{
	{"a comment is made once per cause", "", commentedOnce},
	{"a comment is made once though many came since", "", commentedOnceAmongMany},
	{"what people say is no comment of ours", "person", peoplesCommentsAreTheirs},
	{"a file is attached once", "filed", attachedOnce},
}

func (h *Harness) commentsWith(key, text string) int {
	n := 0
	for _, c := range h.Vendor.Shown(key).Comments {
		if strings.Contains(c, text) {
			n++
		}
	}
	return n
}

func commentedOnce(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	for range 3 {
		require.NoError(t, h.Tracker.Comment(t.Context(), key, "Still there on **web1**.", "cause-1"))
	}
	require.Len(t, h.Vendor.Shown(key).Comments, 1)
	require.Equal(t, 1, h.commentsWith(key, "Still there on"))
	require.NoError(t, h.Tracker.Comment(t.Context(), key, "Still there on **web1**.", "cause-2"))
	require.Len(t, h.Vendor.Shown(key).Comments, 2, "the same words of another cause are another comment")
}

func commentedOnceAmongMany(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	require.NoError(t, h.Tracker.Comment(t.Context(), key, "the first", "cause-first"))
	const many = 120 // more than vendors give on a page
	for n := range many {
		require.NoError(t, h.Tracker.Comment(t.Context(), key, "later", "cause-"+strconv.Itoa(n)))
	}
	for _, cause := range []string{"cause-first", "cause-60", "cause-119"} {
		require.NoError(t, h.Tracker.Comment(t.Context(), key, "again", cause))
	}
	require.Len(t, h.Vendor.Shown(key).Comments, many+1)
}

func peoplesCommentsAreTheirs(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	// A person quotes what we wrote, with all that is seen of it.
	require.NoError(t, h.Tracker.Comment(t.Context(), key, "Still there.", "cause-1"))
	said := h.Vendor.Shown(key).Comments[0]
	other := strings.ReplaceAll(said, "cause-1", "cause-2")
	vendor[Person](t, h).Say(key, other, "bob")
	require.NoError(t, h.Tracker.Comment(t.Context(), key, "Proof: closed.", "cause-2"))
	require.Equal(t, 1, h.commentsWith(key, "Proof: closed."), "a person's comment keeps none of ours away")
}

func attachedOnce(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	attacher, ok := h.Tracker.(connectors.Attacher)
	require.True(t, ok)
	file := connectors.Attachment{Name: "evidence-9f86d081884c7d659a2feaa0c55ad015.txt", Type: "text/plain", Body: []byte("HTTP/1.1 200 OK\r\n\r\n")}
	for range 3 {
		require.NoError(t, attacher.Attach(t.Context(), key, file))
	}
	require.Equal(t, []string{file.Name}, vendor[Filed](t, h).Files(key))
	if !as[Faulty](h) {
		return
	}
	faulty := vendor[Faulty](t, h)
	faulty.Fail(Fault{Writing: true, After: true, Cut: true})
	file.Name = "evidence-60303ae22b998861bce3b28f33eec1be.txt"
	err := attacher.Attach(t.Context(), key, file)
	require.Error(t, err)
	h.clean(t, err)
	require.NoError(t, attacher.Attach(t.Context(), key, file))
	require.Len(t, vendor[Filed](t, h).Files(key), 2)
}
