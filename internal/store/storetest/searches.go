package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

func searches(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	xs := exposures(1300)
	for i := range xs {
		switch {
		case i%13 == 0:
			xs[i].Findings[0].Vendor = []byte(`{"vpr":{"score":9.1},"Exploit.Known":true,"tags":["KEV","web"],"plugin":[{"id":57582}]}`)
		case i%2 == 0:
			xs[i].Findings[0].Description = "a Kernel bug"
		}
	}
	_, err := s.InsertExposures(t.Context(), xs)
	require.NoError(t, err)

	t.Run("what vendors say in their own fields is found by looking, page by page", func(t *testing.T) {
		for want, found := range map[string]bool{
			"vpr.score=9.1": true, "VPR.Score=9.1": true, "vpr.score": true, "vpr.score=9": false, "exploit.known=true": true, "tags=kev": true,
			"plugin.id=57582": true, "vpr": true, "none": false, "vpr.none": false,
		} {
			n := 0
			f := exposure.Filter{Vendor: []string{want}}
			for cursor := ""; ; {
				page, err := s.FindExposures(t.Context(), f, exposure.List{Sort: exposure.SortID, Limit: 37, Cursor: cursor})
				require.NoError(t, err)
				n += len(page.Items)
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			require.Equal(t, found, n == 100, "%s: %d", want, n)
			require.Equal(t, !found, n == 0)
		}
		streamed := 0
		require.NoError(t, s.EachExposure(t.Context(), exposure.Filter{Vendor: []string{"vpr", "tags=web"}}, func(exposure.Exposure) error { streamed++; return nil }))
		require.Equal(t, 100, streamed)
		page, err := s.FindExposures(t.Context(), exposure.Filter{Search: "KERNEL", Sources: []string{"none"}}, exposure.List{})
		require.NoError(t, err)
		require.Empty(t, page.Items, "other filters hold")
		page, err = s.FindExposures(t.Context(), exposure.Filter{Search: "KERNEL"}, exposure.List{Limit: 1000})
		require.NoError(t, err)
		require.Len(t, page.Items, 600)
		_, err = s.CountExposures(t.Context(), exposure.Filter{Search: "kernel"}, "")
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	})
}
