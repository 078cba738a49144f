package store

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// FuzzCursor holds that any cursor is either refused as invalid or is a whole position.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{"", "bnVsbA", "e30", `{"s":"due","a":[1,2]}`, `{"s":"due","a":[1,"x"]}`, `{"s":"due","a":[null,2]}`,
		`{"s":"due","a":[1e400,2]}`, `{"s":"due","a":["1",2]}`, `{"s":"due","a":[[],{}]}`} {
		f.Add(seed)
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(seed)))
	}
	due := sorts[exposure.SortDue]
	f.Fuzz(func(t *testing.T, cursor string) {
		at, err := due.after(&exposures, cursor)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			return
		}
		if cursor == "" {
			require.Nil(t, at)
			return
		}
		require.Len(t, at, 2)
		require.IsType(t, int64(0), at[0])
		again, err := due.after(&exposures, due.cursor(at))
		require.NoError(t, err)
		require.Equal(t, at, again)
	})
}

func TestACursorIsGoodForItsOwnSortOnly(t *testing.T) {
	t.Parallel()
	cursor := sorts[exposure.SortDue].cursor([]any{int64(1), int64(2)})
	_, err := sorts[exposure.SortDue].after(&exposures, cursor)
	require.NoError(t, err)
	for name, sort := range sorts {
		if name == "" || name == exposure.SortDue {
			continue
		}
		_, err := sort.after(&exposures, cursor)
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", name, err)
	}
}
