package exposure_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/exposure"
)

// lastWord is the oracle's memory of one source: what it said last, and when it last saw it.
type lastWord struct {
	gone     bool
	at, seen time.Time
}

func TestWhateverSourcesSayOnlyFixedAndCoveringAbsenceProveItGone(t *testing.T) {
	statuses := rapid.SampledFrom(exposure.Statuses())
	rapid.Check(t, func(rt *rapid.T) {
		e := born("nessus:1", "")
		words := map[string]lastWord{"a": {at: epoch, seen: epoch}}
		for i := range rapid.IntRange(1, 12).Draw(rt, "reports") {
			source := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "source")
			at := epoch.Add(time.Duration(i+1) * time.Hour)
			word := words[source]
			switch rapid.IntRange(0, 2).Draw(rt, "what") {
			case 0:
				findings := rapid.SliceOfN(statuses, 1, 2).Draw(rt, "statuses")
				in := exposure.RefreshInput{Asset: host, Source: source, Run: at.String(), CheckedAt: at, At: at}
				word.gone, word.at = true, at
				for n, status := range findings {
					in.Findings = append(in.Findings, exposure.Finding{UID: string(rune('1' + n)), Check: "nessus:1", Status: status})
					word.gone = word.gone && status == "fixed"
					if status == "open" || status == "suppressed" {
						word.seen = at
					}
				}
				e, _ = exposure.Refresh(e, in)
				words[source] = word
			case 1:
				e, _ = exposure.MarkAbsent(e, source, at.String(), at, exposure.VerifiedAbsent)
				if _, reports := words[source]; reports {
					words[source] = lastWord{gone: true, at: at, seen: word.seen}
				}
			case 2:
				e, _ = exposure.MarkAbsent(e, source, at.String(), at, rapid.SampledFrom([]exposure.PresenceStatus{
					exposure.NotObserved, exposure.NotCovered, exposure.Unreachable}).Draw(rt, "silence"))
			}
			want := true
			for _, w := range words {
				want = want && w.gone && w.at.After(w.seen)
			}
			_, proven := exposure.AbsenceProof(e)
			require.Equal(rt, want, proven)
		}
	})
}

func TestWhatIsNotSeenSpeaksOnlyWhereNothingIsAndAFixOnlyAlone(t *testing.T) {
	finding := func(uid string, status exposure.Status, severity exposure.Severity) exposure.Finding {
		return exposure.Finding{UID: uid, Check: "nessus:1", Title: string(status), Status: status, Severity: severity}
	}
	at := epoch.Add(time.Hour)
	e, _ := seen(born("nessus:1", ""), "a", "r", at, finding("1", exposure.StatusArchived, exposure.SeverityCritical), finding("2", exposure.StatusOpen, exposure.SeverityLow))
	require.Equal(t, "open", e.Title)
	e, _ = seen(born("nessus:1", ""), "a", "r", at, finding("1", exposure.StatusFixed, exposure.SeverityCritical), finding("2", exposure.StatusExpired, exposure.SeverityLow))
	require.Equal(t, "expired", e.Title)
	require.Equal(t, exposure.NotObserved, e.Presence.Status)
}

func TestThatASourcePutsAFindingAwayIsNoChangeOfEvidence(t *testing.T) {
	e := born("nessus:1", "")
	before := exposure.EvidenceDigest(e)
	for status, same := range map[exposure.Status]bool{exposure.StatusArchived: true, exposure.StatusExpired: true, exposure.StatusGone: true,
		exposure.StatusNotAffected: true, exposure.StatusFixed: false} {
		changed := e
		changed.Findings = append([]exposure.Finding(nil), e.Findings...)
		changed.Findings[0].Status = status
		require.Equal(t, same, exposure.EvidenceDigest(changed) == before, status)
	}
}

func TestAnApprovedAbsenceNamesItsApproverInProofReasonAndData(t *testing.T) {
	e := born("nessus:1", "")
	e, _ = exposure.MarkApproved(e, e.Sights[0].Source, "run-2", epoch.Add(time.Hour), exposure.VerifiedAbsent, "ann")
	ev, ok := exposure.AbsentEvent(e)
	require.True(t, ok)
	require.Equal(t, "ann", ev.Proof.Absences[0].ApprovedBy)
	require.Equal(t, "ann", ev.Data[exposure.DataApprovedBy])
	require.Contains(t, ev.Reason, "ann approved it")
}
