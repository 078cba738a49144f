package trackertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/fault"
)

var finding = []rule{
	{"an issue that there never was is not found", "", neverWas},
	{"a deleted issue is surely gone", "remover", deletedIsGone},
	{"an issue that may not be seen any more is denied, and not gone", "denier", hiddenIsDenied},
	{"a moved issue is found under its old key and has its new one", "mover", movedIsFound},
	{"a copy of an issue is not ours", "cloner", copiesAreNotOurs},
	{"a copy is not ours though the original is deleted", "cloner remover", copiesOfTheDeletedAreNotOurs},
}

func neverWas(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	last := key[len(key)-1]
	_, err := h.Tracker.Get(t.Context(), key[:len(key)-1]+"90071"+string(last))
	requireKind(t, fault.NotFound, err)
	h.clean(t, err)
}

func deletedIsGone(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	vendor[Remover](t, h).Delete(key)
	h.settle()
	_, err := h.Tracker.Get(t.Context(), key)
	requireKind(t, fault.NotFound, err)
	_, err = h.Tracker.FindByMarker(t.Context(), Marker)
	requireKind(t, fault.NotFound, err)
	_, err = h.Tracker.Update(t.Context(), h.wanted(key), "c1")
	requireKind(t, fault.NotFound, err)
	requireKind(t, fault.NotFound, h.Tracker.Comment(t.Context(), key, "still there", "c1"))
}

func hiddenIsDenied(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	denier := vendor[Denier](t, h)
	denier.Hide(key)
	_, err := h.Tracker.Get(t.Context(), key)
	requireKind(t, fault.Denied, err)
	h.clean(t, err)
	_, err = h.Tracker.Update(t.Context(), h.wanted(key), "c1")
	requireKind(t, fault.Denied, err)
	denier.Show(key)
	require.Equal(t, Marker, h.get(t, key).Marker)
	require.Len(t, h.Vendor.Made(), 1)
}

func movedIsFound(t *testing.T, h *Harness) {
	t.Helper()
	old := h.create(t).Key
	now := vendor[Mover](t, h).MoveAway(old)
	require.NotEqual(t, old, now)
	h.settle()
	require.Equal(t, now, h.get(t, old).Key)
	found, err := h.Tracker.FindByMarker(t.Context(), Marker)
	require.NoError(t, err)
	require.Equal(t, now, found.Key)
	require.Empty(t, found.Overridden, "moving it is not changing it")
	want := h.wanted(old)
	want.Title = "Upgrade npm/lodash on 2 assets"
	require.Equal(t, now, h.update(t, want, "c1").Key)
	require.Equal(t, want.Title, h.Vendor.Shown(now).Title)
}

func copiesAreNotOurs(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	copied := vendor[Cloner](t, h).Clone(key, "bob")
	h.settle()
	require.NotEqual(t, key, copied)
	found, err := h.Tracker.FindByMarker(t.Context(), Marker)
	require.NoError(t, err)
	require.Equal(t, key, found.Key)
	require.Empty(t, h.get(t, copied).Marker, "what we did not make has no marker of ours")
}

func copiesOfTheDeletedAreNotOurs(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	vendor[Cloner](t, h).Clone(key, "bob")
	vendor[Remover](t, h).Delete(key)
	h.settle()
	_, err := h.Tracker.FindByMarker(t.Context(), Marker)
	requireKind(t, fault.NotFound, err)
}
