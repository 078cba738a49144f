package crowdstrike_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/crowdstrike"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func config() *crowdstrike.Config {
	return &crowdstrike.Config{URL: "https://api.crowdstrike.com", ClientID: "id", ClientSecret: secret.New("hunter2hunter2"), Limit: 400}
}

func TestConformance(t *testing.T) { connectortest.Conform(t, crowdstrike.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, crowdstrike.Registration(), nil)
	}
	connectortest.Counts(t, crowdstrike.Registration(), nil)
}

func TestSamplesBecomeWhatTheyMean(t *testing.T) {
	for _, sample := range crowdstrike.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, crowdstrike.Registration(), nil, sample.File, *update)
		})
	}
}

func FuzzDecode(f *testing.F) {
	connectortest.Fuzz(f, crowdstrike.Registration(), "crowdstrike-spotlight")
}

// vulnsURL and devicesURL are what we ask for where the recording asked for less: not for
// what is closed, and not for hosts that were not seen for long.
const (
	devicesURL = "https://api.crowdstrike.com/devices/queries/devices-scroll/v1?limit=250"
	vulnsURL   = "https://api.crowdstrike.com/spotlight/combined/vulnerabilities/v1?facet=cve&facet=host_info&facet=remediation&limit=400&sort=created_timestamp%7Casc&filter=status%3A%5B%27open%27%2C%27reopen%27%2C%27closed%27%2C%27expired%27%5D"
)

func TestARecordedTenantIsPulled(t *testing.T) {
	replay := func(t *testing.T) *connectortest.Replay {
		t.Helper()
		exchanges := connectortest.Recording(t, "crowdstrike-spotlight/har-vulns")
		exchanges[0].URL, exchanges[1].URL = vulnsURL, devicesURL
		p := connectortest.NewReplay(t, exchanges)
		p.Token = connectortest.TokenAnswer("/oauth2/token") //nolint:bodyclose // a function that makes answers
		return p
	}
	got := connectortest.ConformPuller(t, crowdstrike.Registration(), config(), replay)
	require.Len(t, got.Covered, 4)
	require.Len(t, got.Observed, 5)
	require.True(t, got.Run.Complete, got.Run.Why)
	p := replay(t)
	connectortest.Sync(t, crowdstrike.Registration(), config(), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
	require.Equal(t, 3, p.Requests(), "a token behind the last page is not followed")
}

// falcon is a tenant with so many hosts and vulnerabilities, two a page.
type falcon struct {
	t              *testing.T
	hosts, vulns   int
	claimed        int // vulnerabilities that it says there are
	forget         int // how often a token has run out
	filters, asked []string
}

func (f *falcon) RoundTrip(r *http.Request) (*http.Response, error) {
	const perPage = 2
	q, code, body := r.URL.Query(), http.StatusOK, ""
	page := func(total int, token, key string) (from, to int, meta string) {
		if token != "" {
			_, err := fmt.Sscan(token, &from)
			require.NoError(f.t, err)
		}
		to = min(from+perPage, total)
		return from, to, fmt.Sprintf(`{"pagination":{"total":%d,%q:"%d"}}`, total, key, to) // a token even behind the last
	}
	switch r.URL.Path {
	case "/oauth2/token":
		code, body = http.StatusCreated, `{"access_token":"t","token_type":"bearer","expires_in":1799}`
	case "/devices/queries/devices-scroll/v1":
		if q.Get("offset") != "" && f.forget > 0 {
			f.forget--
			code, body = http.StatusBadRequest, `{"errors":[{"code":400,"message":"offset expired"}]}`
			break
		}
		from, to, meta := page(f.hosts, q.Get("offset"), "offset")
		var ids []string
		for i := from; i < to; i++ {
			ids = append(ids, fmt.Sprintf(`"host%d"`, i))
		}
		body = fmt.Sprintf(`{"meta":%s,"resources":[%s],"errors":[]}`, meta, strings.Join(ids, ","))
	case "/devices/entities/devices/v2":
		var ids struct {
			IDs []string `json:"ids"`
		}
		require.NoError(f.t, json.NewDecoder(r.Body).Decode(&ids))
		list := make([]string, 0, len(ids.IDs))
		for _, id := range ids.IDs {
			list = append(list, fmt.Sprintf(`{"device_id":%q}`, id))
		}
		body = `{"resources":[` + strings.Join(list, ",") + `]}`
	case "/spotlight/combined/vulnerabilities/v1":
		f.filters = append(f.filters, q.Get("filter"))
		from, to, meta := page(f.vulns, q.Get("after"), "after")
		if f.claimed > 0 {
			meta = strings.Replace(meta, fmt.Sprintf(`"total":%d`, f.vulns), fmt.Sprintf(`"total":%d`, f.claimed), 1)
		}
		var list []string
		for i := from; i < to; i++ {
			list = append(list, fmt.Sprintf(`{"id":"v%d","aid":"host0","status":"open","cve":{"id":"CVE-2026-000%d"}}`, i, i))
		}
		body = fmt.Sprintf(`{"meta":%s,"resources":[%s]}`, meta, strings.Join(list, ","))
	}
	f.asked = append(f.asked, r.URL.Path)
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func sync(t *testing.T, f *falcon, c *crowdstrike.Config, since time.Time) *connectortest.Synced {
	t.Helper()
	f.t = t
	return connectortest.Sync(t, crowdstrike.Registration(), c, &http.Client{Transport: f}, since)
}

func TestPagingEndsAtTheTotalOrAtAnEmptyPage(t *testing.T) {
	got := sync(t, &falcon{hosts: 5, vulns: 3}, config(), time.Time{})
	require.Len(t, got.Covered, 5)
	require.Len(t, got.Observed, 3)
	require.True(t, got.Run.Complete, got.Run.Why)

	got = sync(t, &falcon{hosts: 1, vulns: 3, claimed: 9}, config(), time.Time{})
	require.Len(t, got.Observed, 3)
	require.False(t, got.Run.Complete, "it said that there were more")
	require.Len(t, sync(t, &falcon{}, config(), time.Time{}).Pages, 1, "an empty tenant")
}

func TestATokenThatRanOutBeginsTheSyncAnew(t *testing.T) {
	got := sync(t, &falcon{hosts: 5, vulns: 1, forget: 1}, config(), time.Time{})
	require.Equal(t, 1, got.Faults)
	require.Len(t, got.Covered, 5)
	require.True(t, got.Run.Complete)
}

func TestAnIncrementalOrFilteredSyncIsNotComplete(t *testing.T) {
	f := &falcon{hosts: 1, vulns: 1}
	got := sync(t, f, config(), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
	require.Equal(t, "status:['open','reopen','closed','expired']+updated_timestamp:>'2026-05-01T00:00:00Z'", f.filters[0])
	c := config()
	c.Filter = "cve.severity:['CRITICAL']"
	got = sync(t, &falcon{hosts: 1, vulns: 1}, c, time.Time{})
	require.False(t, got.Run.Complete)
	_, err := url.ParseQuery(f.filters[0])
	require.NoError(t, err)
}

func TestExpiredIsNotFixed(t *testing.T) {
	for word, want := range map[string]exposure.Status{"open": exposure.StatusOpen, "reopen": exposure.StatusOpen, "CLOSED": exposure.StatusFixed, "expired": exposure.StatusExpired, "archived": exposure.StatusOpen} {
		require.Equal(t, want, crowdstrike.Registration().Statuses.Of(word), word)
	}
}

func TestErrorsUnderAGoodStatusAreNoPage(t *testing.T) {
	rec, err := connectortest.Decode(t, crowdstrike.Registration(), nil, []byte(`{"resources":[],"errors":[{"code":500}]}`))
	require.NoError(t, err)
	require.NotEqual(t, connectors.OnePage, rec.Last().Why, "a page with errors spoils its sync")
}

func TestIdentityOutlivesSeverityAndVersion(t *testing.T) {
	read := func(severity, version string) *exposure.Finding {
		rec, err := connectortest.Decode(t, crowdstrike.Registration(), nil, []byte(`[{"id":"a_1","aid":"a","status":"open","apps":[{"product_name_version":"curl `+version+`"}],"cve":{"id":"CVE-2026-0001","severity":"`+severity+`"}}]`))
		require.NoError(t, err)
		return rec.Observed[0].Finding
	}
	one, two := read("HIGH", "8.1"), read("LOW", "8.2")
	require.Equal(t, [3]string{one.UID, one.Check, one.Location}, [3]string{two.UID, two.Check, two.Location})
	require.Equal(t, &exposure.Package{Name: "curl", Version: "8.2"}, two.Package)
}
