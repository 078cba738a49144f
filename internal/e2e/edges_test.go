package e2e

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

func TestTheDaemonAtItsEdges(t *testing.T) {
	t.Parallel()
	d := newDaemon(t)
	t.Run("a stranger is refused and learns nothing", func(t *testing.T) { refusesStrangers(t, d.in(t)) })
	t.Run("a body that would fill the disk is refused", func(t *testing.T) { refusesBombs(t, d.in(t)) })
	t.Run("a report that breaks off fails with its position, and can be replayed", func(t *testing.T) { failsWithPosition(t, d.in(t)) })
	t.Run("one delivery ID is one delivery", func(t *testing.T) { takesOnce(t, d.in(t)) })
	t.Run("the command line goes round", func(t *testing.T) { goesRound(t, d.in(t)) })
	d.stop()
}

func refusesStrangers(t *testing.T, d *daemon) {
	t.Helper()
	body := []byte(`{"template-id":"x"}`)
	words := ""
	for _, stranger := range []struct{ source, authorization string }{
		{"lab-nuclei", "Bearer wrong"}, {"lab-nuclei", ""}, {"lab-nuclei", "Bearer " + d.info.Token}, {"no-such-source", "Bearer " + hookToken},
	} {
		problem := d.refused(d.send(http.MethodPost, "/hooks/"+stranger.source, map[string]string{"Authorization": stranger.authorization}, body), http.StatusUnauthorized)
		require.Equal(t, fault.Denied, problem.Code)
		if words == "" {
			words = problem.Title + ": " + problem.Detail
		}
		require.Equal(t, words, problem.Title+": "+problem.Detail, "whether there is such a source is nobody's business")
	}
	require.Empty(t, deliveries(t, d, ""), "nothing of theirs is kept")
	d.refused(d.send(http.MethodGet, "/api/v1/exposures", map[string]string{"Authorization": "Bearer " + hookToken}, nil), http.StatusUnauthorized)
}

func refusesBombs(t *testing.T, d *daemon) {
	t.Helper()
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	_, err := zip.Write(make([]byte, 32<<20))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	problem := d.refused(d.hook("lab-nuclei", map[string]string{"Content-Encoding": "gzip"}, bomb.Bytes()), http.StatusBadRequest)
	require.Contains(t, problem.Detail, "no report does")

	problem = d.refused(d.hook("lab-trivy", nil, make([]byte, 64<<10+1)), http.StatusRequestEntityTooLarge)
	require.Contains(t, problem.Detail, "64 KiB", "it says what the limit is")
	require.Contains(t, problem.Detail, "max_body", "and what to do")
	require.Empty(t, deliveries(t, d, ""))
}

func failsWithPosition(t *testing.T, d *daemon) {
	t.Helper()
	whole := testdata(t, "trivy.json")
	cut := whole[:len(whole)*2/3]
	accepted, err := d.api.Upload(t.Context(), "lab-trivy", "cut.json", bytes.NewReader(cut), "")
	require.NoError(t, err, "what is wrong with a body shows when it is read, and it is kept before")
	failed := d.ended(accepted.Value.Delivery)
	require.Equal(t, exposure.DeliveryFailed, failed.Status)
	require.Regexp(t, `(line|byte|offset) \d+`, failed.Error)

	require.NoError(t, d.api.Replay(t.Context(), failed.ID))
	var again exposure.Delivery
	d.until("the replay to end", func() bool {
		found, err := d.api.Delivery(t.Context(), failed.ID)
		require.NoError(t, err)
		again = found.Value
		return again.EndedAt.After(failed.EndedAt)
	})
	require.Equal(t, exposure.DeliveryFailed, again.Status, "the same body fails in the same way")
	require.Equal(t, failed.Error, again.Error)
	require.Equal(t, failed.Body, again.Body)

	d.take("lab-trivy", whole) // a bad delivery keeps no other waiting
}

func takesOnce(t *testing.T, d *daemon) {
	t.Helper()
	body := reportOnNothing(t)
	const callers = 6
	calls, answers := make([]*http.Request, callers), make([]answer, callers)
	for i := range calls {
		calls[i] = d.request(http.MethodPost, "/hooks/lab-nuclei", hookHeader(map[string]string{"X-Delivery": "one-and-the-same"}), body)
	}
	var under errgroup.Group
	for i := range calls {
		under.Go(func() (err error) {
			answers[i], err = call(calls[i])
			return err
		})
	}
	require.NoError(t, under.Wait())
	deliveryID := ""
	fresh := 0
	for _, got := range answers {
		taken := d.accepted(got)
		if deliveryID == "" {
			deliveryID = taken.Delivery
		}
		require.Equal(t, deliveryID, taken.Delivery)
		if !taken.Repeated {
			fresh++
		}
	}
	require.Equal(t, 1, fresh, "one call brought something new")
	require.Len(t, deliveries(t, d, "lab-nuclei"), 1)
	done := d.ended(deliveryID)
	require.Equal(t, exposure.DeliveryDone, done.Status, done.Error)
	require.EqualValues(t, strings.Count(string(body), "\n"), done.Counts["findings"])
}

// deliveries gives those of a source; empty = all.
func deliveries(t *testing.T, d *daemon, source string) []exposure.Delivery {
	t.Helper()
	var found []exposure.Delivery
	for item, err := range d.api.Deliveries(t.Context(), source, "", 0) {
		require.NoError(t, err)
		found = append(found, item.Value)
	}
	return found
}
