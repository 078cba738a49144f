package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/demo"
	"github.com/quellsec/quell/internal/demo/weakapp"
)

func TestTheDemoLivesThroughTheWholeLoop(t *testing.T) {
	awaitWeakPorts(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	dir := t.TempDir()
	var told strings.Builder
	began := time.Now()

	err := demo.Run(ctx, demo.Options{Binary: binary(t), Dir: dir, Out: &told})

	t.Logf("%s\n(%s with start and stop)", told.String(), time.Since(began).Round(time.Millisecond))
	require.NoError(t, err)
	for _, passage := range []string{"is a false positive", "is real", "closed with proof", "ended early", "one unbroken chain"} {
		require.Contains(t, told.String(), passage)
	}
	require.Empty(t, processesOf(t, dir), "the demo leaves no process behind")
}

// awaitWeakPorts waits until nobody uses the demo's ports. They are fixed, and somebody else
// may be living through it right now.
func awaitWeakPorts(t *testing.T) {
	t.Helper()
	fixed := weakapp.Fixed()
	(&daemon{t: t}).until("the ports of the weak application", func() bool {
		return portFree(fixed.Portal) && portFree(fixed.PortalTLS) && portFree(fixed.Files) && portFree(fixed.Console)
	})
}
