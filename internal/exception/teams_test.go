package exception_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/ownership"
)

func TestATeamThatNobodyConfiguredIsNone(t *testing.T) {
	rules := exception.NewRules(exception.DefaultPolicy(), ownership.Config{Teams: []ownership.Team{{Name: "payments"}, {Name: "platform"}}}, nil)
	require.NoError(t, rules.KnownTeam("payments"))
	require.EqualError(t, rules.KnownTeam("Paymnts"), `there is no team "Paymnts"; did you mean payments?`)
	require.EqualError(t, rules.KnownTeam("x"), `there is no team "x"; there are payments, platform`)
	require.NoError(t, exception.Default().KnownTeam("anything"))
}
