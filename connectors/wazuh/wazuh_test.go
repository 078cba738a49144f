package wazuh_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/wazuh"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func config(indexer string) *wazuh.Config {
	c := &wazuh.Config{Manager: "https://wazuh.example.org:55000", ManagerUser: "quell", ManagerPassword: secret.New("hunter2hunter2"), Index: "wazuh-states-vulnerabilities-*"}
	if indexer != "" {
		c.Indexer, c.IndexerUser, c.IndexerPassword = indexer, "quell", secret.New("hunter2hunter2")
	}
	return c
}

const indexer = "https://wazuh.example.org:9200"

func TestConformance(t *testing.T) { connectortest.Conform(t, wazuh.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, wazuh.Registration(), nil)
	}
	connectortest.Counts(t, wazuh.Registration(), nil)
}

func TestSamplesBecomeWhatTheyMean(t *testing.T) {
	for _, sample := range wazuh.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, wazuh.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, wazuh.Registration(), "wazuh") }

// exchanges are an invented cluster of version 4.8 as it answers.
func exchanges(t *testing.T, indexed bool) *connectortest.Replay {
	t.Helper()
	agents, err := os.ReadFile("testdata/agents.json")
	require.NoError(t, err)
	hits, err := os.ReadFile("testdata/hits.json")
	require.NoError(t, err)
	items, err := os.ReadFile("testdata/v4-7.json")
	require.NoError(t, err)
	const manager = "https://wazuh.example.org:55000"
	none := []byte(`{"data":{"affected_items":[],"failed_items":[],"total_affected_items":0},"error":0}`)
	list := []connectortest.Exchange{{Method: "POST", URL: manager + "/security/user/authenticate", Status: 200, Body: []byte(`{"data":{"token":"t"},"error":0}`)}}
	if indexed {
		list = append(list,
			connectortest.Exchange{Method: "GET", URL: manager + "/agents?offset=0&limit=500&sort=%2Bid", Status: 200, Body: agents},
			connectortest.Exchange{Method: "POST", URL: indexer + "/wazuh-states-vulnerabilities-*/_search", Status: 200, Body: []byte(strings.Replace(string(hits), "125", "4", 1))})
	} else {
		list = append(list,
			connectortest.Exchange{Method: "GET", URL: manager + "/agents?offset=0&limit=20&sort=%2Bid", Status: 200, Body: agents},
			connectortest.Exchange{Method: "GET", URL: manager + "/vulnerability/000?offset=0&limit=500", Status: 200, Body: none},
			connectortest.Exchange{Method: "GET", URL: manager + "/vulnerability/001?offset=0&limit=500", Status: 200, Body: items},
			connectortest.Exchange{Method: "GET", URL: manager + "/vulnerability/002?offset=0&limit=500", Status: 200, Body: none})
	}
	return connectortest.NewReplay(t, list)
}

func TestAClusterOfEitherVersionIsPulled(t *testing.T) {
	for name, indexed := range map[string]bool{"4.8": true, "4.7": false} {
		t.Run(name, func(t *testing.T) {
			c := config("")
			if indexed {
				c = config(indexer)
			}
			got := connectortest.ConformPuller(t, wazuh.Registration(), c, func(t *testing.T) *connectortest.Replay {
				t.Helper()
				return exchanges(t, indexed)
			})
			require.Len(t, got.Covered, 3)
			require.Len(t, got.Observed, 3)
			require.True(t, got.Run.Complete, got.Run.Why)
			outcomes := map[string]exposure.Outcome{}
			for _, cov := range got.Covered {
				outcomes[cov.Asset.Name] = cov.Outcome
			}
			require.Equal(t, map[string]exposure.Outcome{"db1.quell-lab.net": exposure.TargetOK, "wazuh": exposure.TargetPartial, "old": exposure.TargetPartial}, outcomes)
			p := exchanges(t, indexed)
			connectortest.Sync(t, wazuh.Registration(), c, p.Client(), time.Time{})
			require.Empty(t, p.Unasked())
		})
	}
}

func TestAllHitsOfOneSyncWereSeenAtOnce(t *testing.T) {
	got := connectortest.Sync(t, wazuh.Registration(), config(indexer), exchanges(t, true).Client(), time.Time{})
	for _, obs := range got.Observed {
		require.Equal(t, time.Unix(1_700_000_000, 0).UTC(), obs.Finding.LastSeen)
	}
}

func TestAFewHitsOfManyAreNotComplete(t *testing.T) {
	body, err := os.ReadFile("testdata/hits.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, wazuh.Registration(), nil, body)
	require.NoError(t, err)
	require.False(t, rec.Last().Complete)
	require.Equal(t, "the answer holds 4 of 125", rec.Last().Why)
	require.Equal(t, map[string]int{"claimed": 125, "received": 4}, rec.Last().Counts)
}

// index is an indexer with so many documents.
type index struct {
	t       *testing.T
	ids     []string
	total   int // as it says; zero: as there are
	failed  int // shards
	queries []string
}

func (x *index) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"data":{"token":"t"}}`
	switch {
	case r.URL.Path == "/agents":
		body = `{"data":{"affected_items":[{"id":"001","name":"a","status":"active","lastKeepAlive":"2026-04-15T10:00:00Z"}],"total_affected_items":1}}`
	case strings.HasSuffix(r.URL.Path, "/_search"):
		text, err := io.ReadAll(r.Body)
		require.NoError(x.t, err)
		x.queries = append(x.queries, string(text))
		var query struct {
			Size  int      `json:"size"`
			After []string `json:"search_after"`
		}
		require.NoError(x.t, json.Unmarshal(text, &query))
		from := 0
		if len(query.After) > 0 {
			from = slices.Index(x.ids, query.After[0]) + 1
		}
		page := x.ids[from:min(from+query.Size, len(x.ids))]
		hits := make([]string, 0, len(page))
		for _, id := range page {
			hits = append(hits, fmt.Sprintf(`{"_id":%q,"_source":{"agent":{"id":"001"},"package":{"name":%q},"vulnerability":{"id":"CVE-2026-0001"}}}`, id, id))
		}
		total := x.total
		if total == 0 {
			total = len(x.ids)
		}
		body = fmt.Sprintf(`{"timed_out":false,"_shards":{"failed":%d},"hits":{"total":{"value":%d},"hits":[%s]}}`, x.failed, total, strings.Join(hits, ","))
		if x.failed > 0 {
			x.failed--
		}
	}
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestTheIndexerIsReadToItsLastHit(t *testing.T) {
	sync := func(x *index, n int) *connectortest.Synced {
		x.t = t
		for i := range n {
			x.ids = append(x.ids, fmt.Sprintf("%06d", i))
		}
		return connectortest.Sync(t, wazuh.Registration(), config(indexer), &http.Client{Transport: x}, time.Time{})
	}
	x := &index{}
	got := sync(x, 2500)
	require.Len(t, got.Observed, 2500)
	require.True(t, got.Run.Complete, got.Run.Why)
	require.Len(t, x.queries, 3)
	require.Contains(t, x.queries[1], `"search_after":["000999"]`)
	require.Len(t, sync(&index{}, 2000).Observed, 2000, "a last page that is full is followed by an empty one")
	require.False(t, sync(&index{total: 2000}, 1500).Run.Complete, "it says that there are more")
	require.False(t, sync(&index{}, 0).Run.Complete, "an empty index is one that is being made")
	got = sync(&index{failed: 1}, 3)
	require.Equal(t, 1, got.Faults, "a shard that did not answer is asked again")
	require.Len(t, got.Observed, 3)
}

func TestNoStatusIsAFix(t *testing.T) {
	for word, status := range wazuh.Registration().Statuses {
		require.NotEqual(t, exposure.StatusFixed, status, word)
	}
	require.Equal(t, exposure.StatusArchived, wazuh.Registration().Statuses.Of("OBSOLETE"))
}

func TestAnswersWithoutAnAgentAreOfTheConfiguredOne(t *testing.T) {
	body, err := os.ReadFile("testdata/v4-7.json")
	require.NoError(t, err)
	c := config("")
	c.Agent = "007"
	rec, err := connectortest.Decode(t, wazuh.Registration(), c, body)
	require.NoError(t, err)
	require.Equal(t, "agent||007", rec.Observed[0].Asset.Identifiers[0].Key())
}

func TestIdentityOutlivesVersionAndSeverity(t *testing.T) {
	body, err := os.ReadFile("testdata/hits.json")
	require.NoError(t, err)
	read := func(replace ...string) *exposure.Finding {
		rec, err := connectortest.Decode(t, wazuh.Registration(), nil, []byte(strings.NewReplacer(replace...).Replace(string(body))))
		require.NoError(t, err)
		return rec.Observed[0].Finding
	}
	one, two := read(), read("6.8.0-60.63", "6.8.0-60.64", "Critical", "Low", "b5f8c1a3", "c5f8c1a3")
	require.Equal(t, [3]string{one.UID, one.Check, one.Location}, [3]string{two.UID, two.Check, two.Location})
	require.Equal(t, "pkg:deb/ubuntu/linux-image-6.8.0-60-generic", one.Location, "as image scanners name it")
}
