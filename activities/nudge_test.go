package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
)

func TestAMessageAboutAnUnownedAssetNamesTheAsset(t *testing.T) {
	a := &Activities{}
	steps := []ownership.Step{{After: 0, To: "@ciso"}}
	tell := func(id exposure.ID, since time.Time) connectors.Message {
		return a.unownedMessage(&exposure.Exposure{ID: id, Asset: "host", Title: string(id)}, ownership.UnownedLadder(steps, since)[0].Cause, 1)
	}
	one, two := tell("one", epoch), tell("two", epoch.Add(time.Hour))
	require.Equal(t, "@ciso", one.To, "whom the step names")
	require.NotEqual(t, one.Cause, tell("one", epoch.Add(10*day)).Cause, "an asset that loses its owner again is told of again")

	require.Equal(t, one.Cause, two.Cause, "the asset is told of once, whichever of its exposures comes first")
	require.Contains(t, one.Subjects, "host", "so that it is found from the others too")
	require.Contains(t, two.Subjects, "host")
}
