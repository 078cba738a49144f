package exposure

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// keysOf draws a small set of exposures with digests.
func keysOf(t *rapid.T, label string) map[ID]uint64 {
	out := map[ID]uint64{}
	for _, n := range rapid.SliceOfN(rapid.IntRange(0, 12), 0, 8).Draw(t, label) {
		out[NewID("a", fmt.Sprint(n), "")] += uint64(n) + 1
	}
	return out
}

func packedOf(m map[ID]uint64) []byte {
	var b []byte
	for id, digest := range m {
		b = AppendKey(b, SeenKey{ID: id, Digest: digest})
	}
	return SortKeys(b)
}

func TestAppendedAndSortedKeysAreThoseThatPackKeysMakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := keysOf(t, "keys")
		keys := make([]SeenKey, 0, len(m))
		for id, digest := range m {
			keys = append(keys, SeenKey{ID: id, Digest: digest})
		}
		want, err := PackKeys(keys)
		require.NoError(t, err)
		got := packedOf(m)
		require.Equal(t, string(want), string(got))
		require.Equal(t, string(got), string(SortKeys(slices.Clone(got))))
		for id, digest := range m {
			found, ok := DigestOf(got, id)
			require.True(t, ok)
			require.Equal(t, digest, found)
		}
		_, ok := DigestOf(got, NewID("a", "never", ""))
		require.False(t, ok)
	})
}

func TestAUnionHoldsBothAndPrefersTheFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := keysOf(t, "a"), keysOf(t, "b")
		want := map[ID]uint64{}
		for id, digest := range b {
			want[id] = digest + 100
		}
		second := packedOf(want)
		for id, digest := range a {
			want[id] = digest
		}
		require.Equal(t, string(packedOf(want)), string(UnionKeys(packedOf(a), second)))
	})
}

func TestAnIDThatIsNoneIsLeftOut(t *testing.T) {
	require.Empty(t, AppendKey(nil, SeenKey{ID: "not an id"}))
}
