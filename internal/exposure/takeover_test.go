package exposure

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheSurvivorIsTheOneWithATicketElseTheAdmittedElseTheOlder(t *testing.T) {
	early, late := time.Unix(1000, 0).UTC(), time.Unix(2000, 0).UTC()
	for _, c := range []struct {
		name        string
		stays, goes Exposure
	}{
		{"a ticket outweighs age", Exposure{ID: "b", Ticket: "QT-1", FirstSeen: late}, Exposure{ID: "a", Mode: ModeWorkflow, FirstSeen: early}},
		{"one whose ticket is being made counts too", Exposure{ID: "b", RemediationID: "r", FirstSeen: late}, Exposure{ID: "a", FirstSeen: early}},
		{"an admitted one outweighs age", Exposure{ID: "b", Mode: ModeWorkflow, FirstSeen: late}, Exposure{ID: "a", Mode: ModeStore, FirstSeen: early}},
		{"else the older", Exposure{ID: "b", FirstSeen: early}, Exposure{ID: "a", FirstSeen: late}},
		{"else the smaller ID", Exposure{ID: "a", FirstSeen: early}, Exposure{ID: "b", FirstSeen: early}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, pair := range [][2]Exposure{{c.stays, c.goes}, {c.goes, c.stays}} {
				survivor, other := PickSurvivor(pair[0], pair[1])
				require.Equal(t, c.stays.ID, survivor.ID)
				require.Equal(t, c.goes.ID, other.ID)
			}
		})
	}
}

func TestTakingOverTwiceIsTakingOverOnce(t *testing.T) {
	at := time.Unix(1000, 0).UTC()
	e := Exposure{ID: "a", Sources: []string{"one"}, Sights: []Sight{{Source: "one", Presence: VerifiedAbsent, CheckedAt: at}},
		Findings: []Finding{{UID: "1", Source: "one", Severity: SeverityLow}}}
	other := Exposure{ID: "b", Sources: []string{"one", "two"}, Sights: []Sight{
		{Source: "one", Presence: Observed, LastSeen: at.Add(time.Hour), CheckedAt: at.Add(time.Hour)},
		{Source: "two", Presence: Observed, LastSeen: at, CheckedAt: at}},
		Findings: []Finding{{UID: "1", Source: "one"}, {UID: "9", Source: "two", Severity: SeverityCritical, Title: "worst"}}}
	once, changed := TakeOver(e, other)
	require.True(t, changed)
	require.Equal(t, []string{"one", "two"}, once.Sources)
	require.Equal(t, Observed, once.Presence.Status, "the newer sight holds")
	require.Equal(t, SeverityCritical, once.Severity)
	require.Len(t, once.Findings, 2)
	again, changed := TakeOver(once, other)
	require.False(t, changed)
	require.Equal(t, once, again)
}

func TestTheEvidenceDigestTellsChangedFindingsWhateverTheirOrder(t *testing.T) {
	a, b := Finding{UID: "1", Title: "x"}, Finding{UID: "2", Title: "y"}
	first := EvidenceDigest(Exposure{Findings: []Finding{a, b}})
	require.Equal(t, first, EvidenceDigest(Exposure{Findings: []Finding{b, a}}))
	b.Title = "z"
	require.NotEqual(t, first, EvidenceDigest(Exposure{Findings: []Finding{a, b}}))
}
