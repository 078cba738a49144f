package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

func TestAMessageAboutAnUnownedAssetNamesTheAsset(t *testing.T) {
	a := newRig(t, nil)
	ask := func(e exposure.Exposure, nudge string) connectors.Message {
		told, err := a.unownedMessages(t.Context(), &e, nudge, 1)
		require.NoError(t, err)
		require.Len(t, told, 1)
		return told[0]
	}
	one := ask(exposure.Exposure{ID: "one", Asset: "host", Title: "One"}, "unowned/0/1")
	two := ask(exposure.Exposure{ID: "two", Asset: "host", Title: "Two"}, "unowned/0/2")

	require.Equal(t, one.Cause, two.Cause, "the asset is told of once, whichever of its exposures comes first")
	require.Contains(t, one.Subjects, "host", "so that it is found from the others too")
	require.Contains(t, two.Subjects, "host")
}

// people is a directory of one manager and one scope's owner.
type people struct{}

func (people) Manager(team string) string { return map[string]string{"web": "mia"}[team] }

func (people) ScopeOwners(scopes []string) []string { return scopes }

func TestTheLikelyAreAskedThenTheirManagersThenTheScopesOwnerThenTheEscalation(t *testing.T) {
	a := newRig(t, nil)
	a.Directory = people{}
	a.Policy.UnownedTo = []string{"likely", "managers", "scope", "escalation", "@ciso"}
	e := exposure.Exposure{ID: "one", Asset: "host", Title: "One", Scopes: []string{"shop"},
		Owner: exposure.Owner{Since: epoch, Likely: []exposure.Guess{{Team: "web", Confidence: 0.5, Why: "tag team=web"}, {Team: "dba", Confidence: 0.4}, {Team: "soc", Confidence: 0.1}}}}
	to := func(e exposure.Exposure, step string) (out []string) {
		told, err := a.unownedMessages(t.Context(), &e, "unowned/"+step+"/1", 1)
		require.NoError(t, err)
		causes := map[string]bool{}
		for _, m := range told {
			out = append(out, m.To)
			require.Equal(t, "unowned", m.Kind)
			require.Equal(t, []string{"claim", "not_ours"}, []string{m.Actions[0].Kind, m.Actions[1].Kind})
			require.Equal(t, "exposure:one", m.Actions[0].Subject)
			require.Contains(t, m.Text, "by 2026-03-09", "its own deadline")
			require.False(t, causes[m.Cause], "each is one message")
			causes[m.Cause] = true
		}
		return out
	}
	require.Equal(t, []string{"web", "dba"}, to(e, "0"))
	require.Equal(t, []string{"@mia"}, to(e, "1"))
	require.Equal(t, []string{"shop"}, to(e, "2"))
	require.Equal(t, []string{"escalation"}, to(e, "3"))
	require.Equal(t, []string{"@ciso"}, to(e, "4"))
	e.Owner.Likely, e.Scopes = nil, nil
	for _, step := range []string{"0", "1", "2"} {
		require.Equal(t, []string{"escalation"}, to(e, step), "nothing waits for nobody")
	}
}
