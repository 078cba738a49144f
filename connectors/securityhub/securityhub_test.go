package securityhub_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/securityhub"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, securityhub.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, securityhub.Registration(), nil)
	}
	connectortest.Counts(t, securityhub.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range securityhub.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, securityhub.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, securityhub.Registration(), "aws-securityhub") }

func decode(t *testing.T, body []byte) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, securityhub.Registration(), nil, body)
	require.NoError(t, err)
	return rec
}

func TestOnlyACheckOrAProductsOwnWordIsAFix(t *testing.T) {
	tests := []struct {
		name, fields string
		want         exposure.Status
	}{
		{"active", `"RecordState":"ACTIVE","Workflow":{"Status":"NEW"}`, exposure.StatusOpen},
		{"notified", `"RecordState":"ACTIVE","Workflow":{"Status":"NOTIFIED"}`, exposure.StatusOpen},
		{"archived", `"RecordState":"ARCHIVED","Workflow":{"Status":"NEW"}`, exposure.StatusArchived},
		{"archived though it failed", `"RecordState":"ARCHIVED","Compliance":{"Status":"FAILED"}`, exposure.StatusArchived},
		{"suppressed", `"RecordState":"ACTIVE","Workflow":{"Status":"SUPPRESSED"}`, exposure.StatusSuppressed},
		{"resolved by somebody", `"RecordState":"ACTIVE","Workflow":{"Status":"RESOLVED"}`, exposure.StatusArchived},
		{"resolved by somebody and archived by its product", `"RecordState":"ARCHIVED","Workflow":{"Status":"RESOLVED"}`, exposure.StatusFixed},
		{"resolved by somebody while the control fails", `"RecordState":"ACTIVE","Workflow":{"Status":"RESOLVED"},"Compliance":{"Status":"FAILED"}`, exposure.StatusOpen},
		{"resolved, archived, and failing", `"RecordState":"ARCHIVED","Workflow":{"Status":"RESOLVED"},"Compliance":{"Status":"FAILED"}`, exposure.StatusArchived},
		{"passed", `"RecordState":"ACTIVE","Compliance":{"Status":"PASSED"}`, exposure.StatusFixed},
		{"passed and archived", `"RecordState":"ARCHIVED","Compliance":{"Status":"PASSED"}`, exposure.StatusFixed},
		{"closed by Inspector", `"RecordState":"ARCHIVED","ProductFields":{"aws/inspector/FindingStatus":"CLOSED"}`, exposure.StatusFixed},
		{"a word that nobody knows", `"RecordState":"VANISHED","Workflow":{"Status":"GONE"}`, exposure.StatusOpen},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, []byte(`[{"SchemaVersion":"2018-10-08","Id":"x","GeneratorId":"g","LastObservedAt":"2026-11-19T10:00:00Z","UpdatedAt":"2026-11-19T11:00:00Z","Resources":[{"Id":"arn:aws:s3:::b"}],`+tt.fields+`}]`))
			f := rec.Observed[0].Finding
			require.Equal(t, tt.want, f.Status)
			require.Equal(t, tt.want == exposure.StatusFixed, f.LastSeen.Hour() == 11, "a fix is later than the last sight")
		})
	}
}

// TestBothShapesOfAFindingMapToOne decodes the pairs of ASFF and OCSF of one finding.
func TestBothShapesOfAFindingMapToOne(t *testing.T) {
	for _, pair := range [][2]string{{"ocsf/sechub-pci.raw", "ocsf/sechub-pci.ocsf"}} {
		raw, err := os.ReadFile(connectortest.Shared(t, pair[0]))
		if err != nil {
			t.Skip("no samples at " + connectortest.Shared(t, pair[0]))
		}
		ocsf, err := os.ReadFile(connectortest.Shared(t, pair[1]))
		require.NoError(t, err)
		same(t, decode(t, raw), decode(t, ocsf))
	}
	one, err := os.ReadFile("testdata/event.json")
	require.NoError(t, err)
	two, err := os.ReadFile("testdata/event_v2.json")
	require.NoError(t, err)
	same(t, decode(t, one), decode(t, two))
}

func same(t *testing.T, one, two *connectortest.Recorder) {
	t.Helper()
	require.Len(t, two.Observed, len(one.Observed))
	for i := range one.Observed {
		a, b := one.Observed[i], two.Observed[i]
		require.Equal(t, a.Finding.UID, b.Finding.UID)
		require.Equal(t, a.Finding.Check, b.Finding.Check)
		require.Equal(t, a.Finding.Title, b.Finding.Title)
		require.Equal(t, a.Finding.Class, b.Finding.Class)
		require.Equal(t, a.Finding.Status, b.Finding.Status)
		require.Equal(t, a.Finding.Severity, b.Finding.Severity)
		require.Equal(t, a.Finding.LastSeen, b.Finding.LastSeen)
		require.Equal(t, a.Asset.Identifiers, b.Asset.Identifiers)
	}
}

func TestIdentityHoldsNeitherVersionNorSeverity(t *testing.T) {
	body, err := os.ReadFile("testdata/findings.json")
	require.NoError(t, err)
	later := strings.NewReplacer("1.4.2", "1.4.3", "MEDIUM", "HIGH", "2026-11-19", "2026-11-20").Replace(string(body))
	one, two := decode(t, body), decode(t, []byte(later))
	for i := range one.Observed {
		a, b := one.Observed[i].Finding, two.Observed[i].Finding
		require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
	}
}

func config() *securityhub.Config {
	c, _ := securityhub.Registration().Config().(*securityhub.Config)
	c.Region, c.AccessKeyID, c.SecretKey = "eu-west-1", "AKIDEXAMPLE", secret.New("hunter2hunter2")
	return c
}

// replay answers GetFindings from hand-made pages: two with findings, one that is empty
// but has a successor, as the API gives where a filter leaves nothing of a page.
func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	body, err := os.ReadFile("testdata/list.json")
	require.NoError(t, err)
	var findings []json.RawMessage
	require.NoError(t, json.Unmarshal(body, &findings))
	page := func(token, next string, findings ...json.RawMessage) connectortest.Exchange {
		answer, err := json.Marshal(map[string]any{"Findings": append([]json.RawMessage{}, findings...), "NextToken": next})
		require.NoError(t, err)
		return connectortest.Exchange{Method: http.MethodPost, URL: "https://securityhub.eu-west-1.amazonaws.com/findings", RequestBody: token, Status: http.StatusOK, Body: answer}
	}
	p := connectortest.NewReplay(t, []connectortest.Exchange{page("", "t1", findings[0]), page("t1", "t2"), page("t2", "", findings[1])})
	p.Same = func(r *http.Request, body []byte, e *connectortest.Exchange) bool {
		var q struct{ NextToken string }
		return json.Unmarshal(body, &q) == nil && q.NextToken == e.RequestBody && r.URL.String() == e.URL && r.Method == e.Method &&
			strings.Contains(r.Header.Get("Authorization"), "AKIDEXAMPLE")
	}
	return p
}

func TestPullFollowsTheTokensToTheEnd(t *testing.T) {
	var last *connectortest.Replay
	got := connectortest.ConformPuller(t, securityhub.Registration(), config(), func(t *testing.T) *connectortest.Replay {
		t.Helper()
		last = replay(t)
		return last
	})
	require.Len(t, got.Observed, 2)
	require.Len(t, got.Pages, 2, "an empty page leaves none behind")
	require.Equal(t, exposure.RunFull, got.Run.Kind)
	require.False(t, got.Run.Complete)

	p := replay(t)
	var asked string
	inner := p.Same
	p.Same = func(r *http.Request, body []byte, e *connectortest.Exchange) bool {
		asked = string(body)
		return inner(r, body, e)
	}
	got = connectortest.Sync(t, securityhub.Registration(), config(), p.Client(), time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC))
	require.Contains(t, asked, `"UpdatedAt":[{"Start":"2026-11-18T23:50:00Z"`)
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
	require.Empty(t, p.Unasked())
}

func TestConfigNamesEveryProblem(t *testing.T) {
	c := config()
	require.Empty(t, c.Validate())
	require.Equal(t, []string{"securityhub.eu-west-1.amazonaws.com"}, securityhub.Registration().Reach(c))
	c.RoleARN, c.Topics = "arn:aws:iam::111122223333:role/quell", []string{"arn:aws:sns:us-east-1:111122223333:t"}
	require.Equal(t, []string{"securityhub.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com", "sns.us-east-1.amazonaws.com"}, securityhub.Registration().Reach(c))
	c.SecretKey, c.Topics, c.Header = secret.String{}, []string{"x"}, ""
	require.Len(t, c.Validate(), 3)
}

func TestAConfirmationOfASubscriptionHoldsNothing(t *testing.T) {
	rec := decode(t, []byte(`{"Type":"SubscriptionConfirmation","MessageId":"m","TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":"You have chosen to subscribe","SubscribeURL":"https://x"}`))
	require.Empty(t, rec.Observed)
	_, err := connectortest.Decode(t, securityhub.Registration(), nil, []byte(`{"Type":"Notification","Message":"hello"}`))
	var syntax *connectors.SyntaxError
	require.ErrorAs(t, err, &syntax)
}
