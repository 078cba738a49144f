package nvd

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

func TestConformance(t *testing.T) { connectortest.Conform(t, Registration(), nil) }

func answer(query string, start, per, total int) connectortest.Exchange {
	return connectortest.Exchange{Method: http.MethodGet, URL: defaults().URL + "?" + query, Status: http.StatusOK,
		Body: fmt.Appendf(nil, `{"resultsPerPage":%d,"startIndex":%d,"totalResults":%d,"vulnerabilities":[]}`, per, start, total)}
}

func TestAllOfTheDatabaseIsReadPageByPage(t *testing.T) {
	config := defaults()
	config.APIKey = secret.New("hunter2hunter2")
	got := connectortest.ConformPuller(t, Registration(), config, func(t *testing.T) *connectortest.Replay {
		t.Helper()
		return connectortest.NewReplay(t, []connectortest.Exchange{answer("resultsPerPage=2000&startIndex=0", 0, 2000, 2001), answer("resultsPerPage=2000&startIndex=2000", 2000, 1, 2001)})
	})
	require.Len(t, got.Pages, 2)
	require.Equal(t, []time.Duration{pauseWith}, got.Waits, "it keeps to what the API allows")
}

func TestChangesAreAskedForInWindowsOf120Days(t *testing.T) {
	now := time.Unix(1_700_000_000, 0).UTC() // the harness's clock
	since := now.Add(-150 * 24 * time.Hour)
	middle := since.Add(window)
	query := func(from, until time.Time) string {
		return "resultsPerPage=2000&startIndex=0&lastModStartDate=" + from.Format(stamp) + "&lastModEndDate=" + until.Format(stamp)
	}
	replay := connectortest.NewReplay(t, []connectortest.Exchange{answer(query(since, middle), 0, 0, 0), answer(query(middle, now), 0, 3, 3)})
	got := connectortest.Sync(t, Registration(), defaults(), replay.Client(), since)
	require.Len(t, got.Pages, 2)
	require.Empty(t, replay.Unasked())
}

func TestAnAnswerOfAnotherPageIsNotTaken(t *testing.T) {
	for _, e := range []connectortest.Exchange{answer("resultsPerPage=2000&startIndex=0", 2000, 1, 2001), answer("resultsPerPage=2000&startIndex=0", 0, 0, 10)} {
		in := &Instance{source: "x", config: *defaults(), http: connectortest.NewReplay(t, []connectortest.Exchange{e}).Client()}
		var page bytes.Buffer
		_, err := in.Pull(t.Context(), connectors.PullRequest{}, &page)
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		require.Zero(t, page.Len())
	}
}
