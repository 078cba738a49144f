package chatops

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// TestWhoMayDecideWhat is the table of docs/slack.md.
func TestWhoMayDecideWhat(t *testing.T) {
	people := map[string]person{
		"viewer":        {role: viewer, teams: []string{"payments"}},
		"operator":      {role: operator, teams: []string{"payments"}},
		"another's":     {role: operator, teams: []string{"platform"}},
		"without teams": {role: operator},
		"approver":      {role: approver},
	}
	for _, tt := range []struct {
		kind, owner, target string
		may                 string
	}{
		{"show", "payments", "", "viewer operator another's without teams approver"},
		{"claim", "", "payments", "operator approver"},
		{"claim", "platform", "payments", "operator approver"},
		{"claim", "payments", "platform", "another's approver"},
		{"reassign", "payments", "platform", "operator approver"},
		{"reassign", "", "payments", "operator another's without teams approver"},
		{"not_ours", "payments", "", "operator approver"},
		{"not_ours", "", "payments", "operator approver"},
		{"not_ours", "", "", "operator another's without teams approver"},
		{"fix_claimed", "payments", "", "operator approver"},
		{"fix_claimed", "", "", "operator another's without teams approver"},
		{"snooze", "payments", "", "operator approver"},
		{"snooze", "", "", "approver"},
		{"mark_false_positive", "payments", "", "operator approver"},
		{"mark_false_positive", "", "", "approver"},
		{"mitigate", "payments", "", "operator approver"},
		{"retest", "payments", "", "operator another's without teams approver"},
		{"reopen", "payments", "", "operator another's without teams approver"},
		{"accept_risk", "payments", "", "operator approver"},
		{"approve", "payments", "", "operator another's without teams approver"},
		{"decline", "payments", "", "operator another's without teams approver"},
		{"withdraw", "payments", "", "operator another's without teams approver"},
		{"launch", "payments", "", ""},
	} {
		for name, p := range people {
			err := p.allowed(tt.kind, tt.owner, tt.target)
			if strings.Contains(" "+tt.may+" ", " "+name+" ") {
				require.NoError(t, err, "%s of %q to %q by %s", tt.kind, tt.owner, tt.target, name)
				continue
			}
			require.Error(t, err, "%s of %q to %q by %s", tt.kind, tt.owner, tt.target, name)
			require.Contains(t, []fault.Kind{fault.Denied, fault.Invalid}, fault.KindOf(err))
		}
	}
}

func TestEveryDecisionHasARightAndAVerb(t *testing.T) {
	for _, kind := range lifecycle.DecisionKinds() {
		require.Contains(t, rights(), string(kind))
		require.NotEqual(t, string(kind)+"?", verb(string(kind))+"?x")
		require.True(t, offered(string(kind)))
	}
	require.False(t, offered("launch"))
}

func TestAWrongWordSuggestsTheNearest(t *testing.T) {
	for word, want := range map[string]string{"clam": "claim", "sh": "show", "snoze": "snooze", "retset": "retest", "hlep": "help", "unown": "unowned", "xyzzy": "", "": ""} {
		got := closest(word)
		if want == "" {
			require.Empty(t, got, word)
			continue
		}
		require.Equal(t, want, got[0], word)
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.StringMatching(`[a-d]{0,8}`).Draw(t, "a"), rapid.StringMatching(`[a-d]{0,8}`).Draw(t, "b")
		require.Equal(t, distance(a, b), distance(b, a))
		require.Equal(t, a == b, distance(a, b) == 0)
		require.LessOrEqual(t, distance(a, b), max(len(a), len(b)))
		require.GreaterOrEqual(t, distance(a, b), max(len(a), len(b))-min(len(a), len(b)))
	})
}

func TestADayEndsWhereThePersonIs(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	require.NoError(t, err)
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	c := New(Deps{Now: func() time.Time { return now }})
	p := &person{zone: vienna}
	for text, want := range map[string]string{"2026-03-10": "2026-03-10T22:59:00Z", "7d": "2026-03-09T09:00:00Z", "2w": "2026-03-16T09:00:00Z", "2026-03-29": "2026-03-29T21:59:00Z"} {
		got, err := c.until(p, text)
		require.NoError(t, err)
		require.Equal(t, want, got.Format(time.RFC3339), text)
	}
	for _, bad := range []string{"", "tomorrow", "7", "99999d", "2026-13-01", "7d7d"} {
		_, err := c.until(p, bad)
		require.Equal(t, fault.Invalid, fault.KindOf(err), bad)
	}
}

func TestTheIDsOfExposuresAreKnownFromTheKeysOfTickets(t *testing.T) {
	require.Regexp(t, exposureID, string(exposure.NewID("a", "b", "c")))
	require.NotRegexp(t, exposureID, "PAY-7")
	require.NotRegexp(t, exposureID, lifecycle.RemediationID("payments", "x", 1))
}
