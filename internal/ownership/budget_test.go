package ownership

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATeamsBudgetIsItsOwnOrTheDefault(t *testing.T) {
	t.Parallel()
	c := Config{Defaults: Budget{WIP: 10, Intake: 3}, Teams: []Team{{Name: "web"}, {Name: "db", WIP: 2}, {Name: "sre", WIP: -1, Intake: -1}}}
	tree, errs := Compile(c)
	require.Empty(t, errs)
	for team, want := range map[string]Budget{"web": {10, 3}, "db": {2, 3}, "sre": {}, "unheard-of": {10, 3}, "": {}} {
		require.Equal(t, want, tree.Budget(team), team)
	}
	c.Teams[1].WIP, c.Defaults.Intake = 7, 9
	other, errs := Compile(c)
	require.Empty(t, errs)
	require.Equal(t, tree.Digest(), other.Digest(), "budgets route nothing: nothing is decided anew for them")

	c.Teams[0].WIP, c.Teams[1].Intake, c.Defaults = -2, -3, Budget{WIP: -1, Intake: -1}
	_, errs = Compile(c)
	require.Len(t, errs, 4)
}
