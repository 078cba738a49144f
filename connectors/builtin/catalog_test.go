package builtin

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCatalogGivesEveryConnectorFreshDefaults(t *testing.T) {
	var catalog Catalog
	require.Len(t, catalog.Names(), len(List()))
	for _, name := range catalog.Names() {
		first, ok := catalog.Defaults(name)
		require.True(t, ok, name)
		second, _ := catalog.Defaults(name)
		require.Equal(t, reflect.Pointer, reflect.TypeOf(first).Kind(), name)
		require.Equal(t, first, second, name)
		reg, err := catalog.Find(name)
		require.NoError(t, err)
		require.Equal(t, name, reg.Name)
	}
	_, ok := catalog.Defaults("nucleii")
	require.False(t, ok)
}
