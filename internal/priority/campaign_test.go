package priority_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/priority"
)

func TestACampaignHastensADueDateAndNeverPutsItOff(t *testing.T) {
	seen := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	e := exposure.Exposure{Severity: exposure.SeverityLow, Title: "old TLS", Weakness: "nessus:1", FirstSeen: seen}
	decide := func(members ...exposure.Membership) (exposure.Decision, time.Time) {
		e.Campaigns = members
		return priority.Decide(priority.Facts(e, asset.Asset{}, nil, priority.Intel{}), priority.DefaultPolicy(), seen)
	}
	plain, due := decide()
	require.False(t, due.IsZero())
	kev := exposure.Membership{Campaign: "kev", Name: "KEV by Friday", Until: due.Add(-48 * time.Hour), Joined: seen}
	tls := exposure.Membership{Campaign: "tls", Name: "TLS", Until: due.Add(-24 * time.Hour), Joined: seen}
	over := kev
	over.Until = time.Time{}
	later := kev
	later.Until = due.Add(time.Hour)
	tests := []struct {
		name    string
		members []exposure.Membership
		due     time.Time
	}{
		{"it is due by the campaign's deadline", []exposure.Membership{kev}, kev.Until},
		{"of several the first counts", []exposure.Membership{tls, kev}, kev.Until},
		{"a later deadline changes nothing", []exposure.Membership{later}, due},
		{"one that has ended hastens nothing", []exposure.Membership{over}, due},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, got := decide(tt.members...)
			require.Equal(t, tt.due, got)
			if !tt.due.Equal(due) {
				require.Contains(t, d.Why, "due "+got.Format(time.DateOnly)+": the campaign KEV by Friday wants it fixed by then; without it, "+plain.Why[len(plain.Why)-2])
				require.NotEqual(t, plain.Digest, d.Digest, "it is decided anew")
			}
		})
	}
	d, _ := decide(over)
	require.Equal(t, plain.Digest, d.Digest, "after its end it is decided as before")
}

func TestWhatACampaignIsAboutIsWorkedOn(t *testing.T) {
	seen := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	in := priority.Inputs{Since: seen, KEVTaken: seen, Exploitation: priority.Fact{Value: priority.None, From: "test"}, Automatable: priority.Fact{Value: priority.No, From: "test"},
		TechnicalImpact: priority.Fact{Value: priority.Partial, From: "test"}, MissionImpact: priority.Fact{Value: priority.Low, From: "test"}, PubliclyExposed: priority.Fact{Value: priority.No, From: "test"},
		KEV: priority.Fact{Value: priority.No, From: "test"}}
	plain, _ := priority.Decide(in, priority.DefaultPolicy(), seen)
	require.False(t, plain.Admit)
	in.Campaign = &exposure.Membership{Campaign: "tls", Name: "TLS", Until: seen.Add(240 * time.Hour)}
	d, _ := priority.Decide(in, priority.DefaultPolicy(), seen)
	require.True(t, d.Admit)
	require.Contains(t, d.Why, "worked on: it is part of the campaign TLS")
	require.Equal(t, plain.Outcome, d.Outcome, "it is no more dangerous than it was")
}
