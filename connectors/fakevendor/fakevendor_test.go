package fakevendor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFaultHitsBeforeOrAfterTheWorkAsOftenAsPlanned(t *testing.T) {
	done := 0
	var f Faults
	vendor := httptest.NewServer(f.Over(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { done++ })))
	defer vendor.Close()
	ask := func(method string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, vendor.URL+"/a/b", http.NoBody)
		require.NoError(t, err)
		response, err := vendor.Client().Do(r)
		if err != nil {
			return 0
		}
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, response.Body.Close())
		if err != nil {
			return 0
		}
		return response.StatusCode
	}
	f.Add(Fault{Method: http.MethodPost, Status: 503})
	f.Add(Fault{Method: http.MethodPost, Path: "/b", Status: 502, After: true})
	f.Add(Fault{Method: http.MethodPost, Path: "/c", Status: 500})
	f.Add(Fault{Method: http.MethodPut, Drop: true, After: true, Times: 2})
	require.Equal(t, 200, ask(http.MethodGet))
	require.Equal(t, 1, done)
	require.Equal(t, 503, ask(http.MethodPost))
	require.Equal(t, 1, done)
	require.Equal(t, 502, ask(http.MethodPost))
	require.Equal(t, 2, done)
	require.Equal(t, 200, ask(http.MethodPost))
	require.Zero(t, ask(http.MethodPut))
	require.Zero(t, ask(http.MethodPut))
	require.Equal(t, 200, ask(http.MethodPut))
	require.Equal(t, 6, done)
	require.Equal(t, 3, f.Calls(http.MethodPost))
	f.Chance(func(r *http.Request) (Fault, bool) { return Fault{Status: 429}, r.Method == http.MethodGet })
	require.Equal(t, 429, ask(http.MethodGet))
	require.True(t, f.Clear(), "one never came")
	require.False(t, f.Clear())
	f.Add(Fault{Kind: Read, Skip: 1, Status: 418})
	require.Equal(t, 200, ask(http.MethodDelete))
	require.Equal(t, 200, ask(http.MethodGet))
	require.Equal(t, 418, ask(http.MethodGet))
	require.Equal(t, 200, ask(http.MethodGet))
}
