package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
)

func TestAMessageAboutAnUnownedAssetNamesTheAsset(t *testing.T) {
	a := &Activities{}
	one := a.unownedMessage(&exposure.Exposure{ID: "one", Asset: "host", Title: "One"}, "unowned/0/1", 1)
	two := a.unownedMessage(&exposure.Exposure{ID: "two", Asset: "host", Title: "Two"}, "unowned/0/2", 1)

	require.Equal(t, one.Cause, two.Cause, "the asset is told of once, whichever of its exposures comes first")
	require.Contains(t, one.Subjects, "host", "so that it is found from the others too")
	require.Contains(t, two.Subjects, "host")
}
