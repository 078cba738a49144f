package ingest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/scope"
)

func TestWhatAPersonDecidedStandsAsLongAsTheTeamDoes(t *testing.T) {
	at := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	tree, errs := ownership.Compile(ownership.Config{Teams: []ownership.Team{{Name: "web"}, {Name: "old", Members: []string{"ann"}}}, People: []ownership.Person{{Name: "ann", Left: "2026-01-01"}}})
	require.Empty(t, errs)
	set, errs := scope.Compile(nil)
	require.Empty(t, errs)
	j := NewJudge(Grounds{Policy: priority.DefaultPolicy(), Scopes: set, Owners: tree})
	j.Remember(tree.NewMemory(at, func(func(ownership.Count) bool) {}, ownership.Census{}))
	a := asset.Asset{ID: "A1", OwnerHints: []asset.OwnerHint{{Value: "web", From: "tag team", Source: "aws", At: at}}}
	for team, how := range map[string]string{"old": "everybody in old has left > root > tag team=web", "gone": "there is no team gone any more > root > tag team=web"} {
		owner := exposure.Owner{Team: team, Manual: true}
		as := j.Assess(exposure.Exposure{Owner: owner}, a, at)
		require.True(t, as.Reassigns(&owner), team)
		require.Equal(t, "web", as.Successor().Team)
		require.Equal(t, how, as.Successor().How)
	}
	mine := exposure.Owner{Team: "web", Manual: true}
	as := j.Assess(exposure.Exposure{Owner: mine}, asset.Asset{ID: "A1"}, at)
	require.False(t, as.Reassigns(&mine), "rules don't take back what a person decided")
	j.Change(Grounds{Policy: priority.DefaultPolicy(), Scopes: set, Owners: tree})
	require.NotNil(t, j.Owners().Memory(), "new grounds forget nothing")
}
