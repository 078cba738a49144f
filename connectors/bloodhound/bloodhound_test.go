package bloodhound_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/bloodhound"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, bloodhound.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, bloodhound.Registration(), nil)
	}
	connectortest.Counts(t, bloodhound.Registration(), nil)
}

func TestDocuments(t *testing.T) {
	for _, s := range bloodhound.Registration().Samples {
		connectortest.Golden(t, bloodhound.Registration(), nil, s.File, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, bloodhound.Registration(), "bloodhound") }

func read(t *testing.T, file string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return body
}

func decode(t *testing.T, body []byte) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, bloodhound.Registration(), nil, body)
	require.NoError(t, err)
	return rec
}

// found is the description of an asset by its identifier, with all edges told of it.
func found(rec *connectortest.Recorder, id string) (a asset.Description) {
	for _, cov := range rec.Covered {
		if cov.Asset.Identifiers[0].Value == id {
			edges := slices.Concat(a.Edges, cov.Asset.Edges)
			if a.Name == "" {
				a = cov.Asset
			}
			a.Edges = edges
		}
	}
	return a
}

func TestACollectionTellsOfHostsAndOfWhatLeadsToThem(t *testing.T) {
	rec := decode(t, read(t, "computers.json"))
	require.Equal(t, map[string]int{"directory_object_of_no_asset_kind": 1}, rec.Skipped)
	ws := found(rec, "S-1-5-21-101-202-303-1104")
	require.Equal(t, asset.Host, ws.Kind)
	require.Equal(t, "active_directory", ws.Identifiers[0].Scope)
	require.Equal(t, "fqdn||ws1.corp.quell-lab.net", ws.Identifiers[1].Key())
	require.Equal(t, "false", ws.Tags["haslaps"])
	notes := map[string]asset.EdgeKind{}
	for _, e := range ws.Edges {
		notes[e.Note+" "+e.To.Value[len(e.To.Value)-4:]] = e.Kind
	}
	require.Equal(t, map[string]asset.EdgeKind{" -303": asset.EdgePartOf, "primary group -515": asset.EdgeMemberOf, "AllowedToDelegate 1105": asset.EdgeCanAccess, "HasSession 2001": asset.EdgeCanAccess}, notes,
		"two sessions of one user are one relation")
	admin := found(rec, "S-1-5-21-101-202-303-2002")
	require.Equal(t, "AdminTo, SeRemoteInteractiveLogonRight", admin.Edges[0].Note)
	require.Equal(t, ws.Identifiers[0], admin.Edges[0].To)
	require.Empty(t, found(rec, "S-1-5-21-101-202-303-512").Name, "what administrators may do by design is left out")
	require.Equal(t, "Authenticated Users@CORP.QUELL-LAB.NET", found(rec, "CORP.QUELL-LAB.NET-S-1-5-11").Name)
	require.True(t, found(rec, "S-1-5-21-101-202-303-1106").Gone)
	require.Equal(t, "AdminTo", found(rec, "S-1-5-21-101-202-303-2003").Edges[0].Note, "older versions have local administrators apart")
	require.False(t, rec.Last().Complete)
	require.Empty(t, rec.Last().Checks, "a collection proves nothing")
}

func TestMembersLeadToTheirGroup(t *testing.T) {
	rec := decode(t, read(t, "groups.json"))
	require.Equal(t, asset.EdgeMemberOf, found(rec, "S-1-5-21-101-202-303-500").Edges[0].Kind)
	require.Equal(t, []string{"AddMember, WriteDacl"}, []string{found(rec, "S-1-5-21-101-202-303-2004").Edges[0].Note})
	require.Len(t, found(rec, "S-1-5-21-101-202-303-519").Edges, 1, "its membership counts, its rights are by design")
}

// zipped makes an archive of members, by Go's writer, which puts the sizes behind them.
func zipped(t *testing.T, members ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		f, err := w.Create(m[0])
		require.NoError(t, err)
		_, err = f.Write([]byte(m[1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestAZipIsReadAsOneCollection(t *testing.T) {
	computers, groups := string(read(t, "computers.json")), string(read(t, "groups.json"))
	body := zipped(t, [2]string{"20261126_computers.json", computers}, [2]string{"cache.bin", "\x00\x01"}, [2]string{"20261126_groups.json", groups})
	require.Positive(t, bloodhound.Registration().Recognize(body[:200], "x.zip"))
	rec := decode(t, body)
	one, two := decode(t, []byte(computers)), decode(t, []byte(groups))
	require.Equal(t, append(one.Covered, two.Covered...), rec.Covered)
	require.Equal(t, map[string]int{"claimed": 4, "received": 5}, rec.Last().Counts)

	var bytewise connectortest.Recorder
	require.NoError(t, connectortest.Open(t, bloodhound.Registration(), nil).Decode(t.Context(), iotest.OneByteReader(bytes.NewReader(body)), &bytewise))
	require.Equal(t, rec.Covered, bytewise.Covered)
	for cut := 1; cut < len(body)-1; cut += 7 {
		short, err := connectortest.Decode(t, bloodhound.Registration(), nil, body[:cut])
		if err == nil { // behind the last member there is only the directory
			require.Len(t, short.Covered, len(rec.Covered), cut)
			continue
		}
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, "cut at %d", cut)
	}
}

func TestAHostileZipIsRefused(t *testing.T) {
	bomb := zipped(t, [2]string{"x_users.json", `{"data":[` + strings.Repeat(" ", 64<<20) + `]}`})
	_, err := connectortest.Decode(t, bloodhound.Registration(), nil, bomb)
	require.ErrorContains(t, err, "unpacks to far more")
	locked := zipped(t, [2]string{"x_users.json", "{}"})
	locked[6] |= 1
	_, err = connectortest.Decode(t, bloodhound.Registration(), nil, locked)
	require.ErrorContains(t, err, "password")
	var syntax *connectors.SyntaxError
	for i := 4; i < len(locked); i++ { // whatever byte is wrong, no panic
		wrong := bytes.Clone(zipped(t, [2]string{"x_users.json", string(read(t, "groups.json"))}))
		wrong[min(i, len(wrong)-1)] ^= 0xff
		if _, err := connectortest.Decode(t, bloodhound.Registration(), nil, wrong); err != nil {
			require.ErrorAs(t, err, &syntax)
		}
	}
}

func TestWordsThatLookLikeAFixAreNone(t *testing.T) {
	body := string(read(t, "findings.json"))
	for word, want := range map[string]exposure.Status{
		"active": exposure.StatusOpen, "accepted": exposure.StatusSuppressed, "remediated": exposure.StatusFixed, "deprecated": exposure.StatusArchived, "orphaned": exposure.StatusGone, "new": exposure.StatusOpen,
	} {
		rec := decode(t, []byte(strings.Replace(body, `"status": "active"`, `"status": "`+word+`"`, 1)))
		require.Equal(t, want, rec.Observed[0].Finding.Status, word)
	}
}

func TestDetailsOfADomainAreTheSameFindings(t *testing.T) {
	old := `{"count":1,"data":[{"id":7,"Finding":"T0GenericWrite","DomainSID":"S-1-5-21-101-202-303","FromPrincipal":"S-1-5-21-101-202-303-2004","FromPrincipalKind":"User","FromPrincipalProps":{"name":"ANN@CORP.QUELL-LAB.NET"},
"ToPrincipal":"S-1-5-21-101-202-303-1105","ToPrincipalKind":"Computer","ToPrincipalProps":{"name":"DC1.CORP.QUELL-LAB.NET"},"Accepted":true,"Severity":"critical","created_at":"2026-11-01T00:00:00Z","updated_at":"2026-11-02T00:00:00Z"}]}`
	a, b := decode(t, []byte(old)).Observed[0], decode(t, read(t, "findings.json")).Observed[0]
	require.Equal(t, b.Finding.UID, a.Finding.UID)
	require.Equal(t, b.Asset.Identifiers, a.Asset.Identifiers)
	require.Equal(t, exposure.StatusSuppressed, a.Finding.Status)
}

func TestAnAzureAccountMeetsTheOneOnPremises(t *testing.T) {
	rec := decode(t, []byte(`{"data":[{"kind":"AZUser","data":{"id":"AAAA0000-0000-0000-0000-000000000001","userPrincipalName":"ann@quell-lab.net","onPremisesSecurityIdentifier":"S-1-5-21-101-202-303-2004","tenantId":"t"}},
{"kind":"AZGroupMember","data":{"groupId":"g","members":[]}}],"meta":{"type":"azure","version":5,"count":2}}`))
	require.Len(t, rec.Covered, 1)
	require.Equal(t, "source_asset|entra|aaaa0000-0000-0000-0000-000000000001", rec.Covered[0].Asset.Identifiers[0].Key())
	require.Equal(t, "source_asset|active_directory|S-1-5-21-101-202-303-2004", rec.Covered[0].Asset.Identifiers[1].Key())
	require.Equal(t, map[string]int{"azure_relation": 1}, rec.Skipped)
}

// vector was computed with another implementation, Python's hmac, link by link.
const vector = "F5AWKkHzI4zscRTt/bHTX9qhebJwBr/hsUQlSwaFTjQ="

func TestTheChainOfHMACs(t *testing.T) {
	require.Equal(t, vector, bloodhound.Sign("hunter2hunter2", "GET", "/api/v2/test/resource?x=1", "2020-12-01T23:59:60Z", nil))
	require.Equal(t, vector, bloodhound.Sign("hunter2hunter2", "GET", "/api/v2/test/resource?x=1", "2020-12-01T23:00:00Z", nil), "only the hour counts")
	require.NotEqual(t, vector, bloodhound.Sign("hunter2hunter2", "GET", "/api/v2/test/resource?x=1", "2020-12-01T23:59:60Z", []byte("{}")))
	require.NotEqual(t, vector, bloodhound.Sign("hunter2hunter2", "POST", "/api/v2/test/resource?x=1", "2020-12-01T23:59:60Z", nil))
}

func config() *bloodhound.Config {
	return &bloodhound.Config{URL: "https://lab.bloodhound.example.org", TokenID: "id-1", TokenKey: secret.New("hunter2hunter2"), Page: 2}
}

// asked is a page of findings of a status, of those of the sample.
func asked(t *testing.T, status string, skip, count int, which ...int) connectortest.Exchange {
	t.Helper()
	var all struct{ Data []map[string]any }
	require.NoError(t, json.Unmarshal(read(t, "findings.json"), &all))
	data := make([]any, 0, len(which))
	for _, i := range which {
		f := all.Data[i%3]
		f["status"], f["target_principal_id"] = status, "S-1-5-21-101-202-303-"+strconv.Itoa(3000+i)
		data = append(data, f)
	}
	body, err := json.Marshal(map[string]any{"count": count, "skip": skip, "limit": 2, "data": data})
	require.NoError(t, err)
	return connectortest.Exchange{Method: "GET", Status: 200, Body: body,
		URL: "https://lab.bloodhound.example.org/api/v2/attack-paths/findings?limit=2&skip=" + strconv.Itoa(skip) + "&sort_by=first_seen&status=eq:" + status}
}

func TestPullingAsksForEachStatusInTurn(t *testing.T) {
	exchanges := []connectortest.Exchange{
		asked(t, "active", 0, 3, 0, 1), asked(t, "active", 2, 3, 2), asked(t, "accepted", 0, 0), asked(t, "remediated", 0, 1, 5),
	}
	got := connectortest.ConformPuller(t, bloodhound.Registration(), config(), func(t *testing.T) *connectortest.Replay {
		t.Helper()
		return connectortest.NewReplay(t, exchanges)
	})
	require.Len(t, got.Observed, 4)
	require.Equal(t, exposure.StatusFixed, got.Observed[3].Finding.Status)
	require.True(t, got.Run.Complete, got.Run.Why)
	require.Equal(t, map[string]int{"claimed": 4, "received": 4}, got.Run.Counts)
	require.True(t, got.Run.Covers(got.Covered[0], "bloodhound:Kerberoasting", ""))
	p := connectortest.NewReplay(t, exchanges)
	connectortest.Sync(t, bloodhound.Registration(), config(), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())

	short := append([]connectortest.Exchange{}, exchanges...)
	short[1] = asked(t, "active", 2, 3)
	require.False(t, connectortest.Sync(t, bloodhound.Registration(), config(), connectortest.NewReplay(t, short).Client(), time.Time{}).Run.Complete)
}
