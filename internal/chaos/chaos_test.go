package chaos

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNothingHappensTwiceAndNothingIsLost is the short form of `make chaos`: a new experiment each time, or
// that of SEED.
func TestNothingHappensTwiceAndNothingIsLost(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	if err != nil {
		var b [8]byte
		_, err := rand.Read(b[:])
		require.NoError(t, err)
		seed = binary.LittleEndian.Uint64(b[:]) >> 1
	}
	var out bytes.Buffer
	err = Run(t.Context(), Options{Seed: seed, Size: 200, Cohort: 50, Dir: t.TempDir(), Out: &out})
	require.NoError(t, err, "SEED=%d\n%s", seed, out.String())
	require.Contains(t, out.String(), "chaos remediations 200 of 200\n")
	require.NotContains(t, out.String(), "chaos deaths 0 ")
}

func TestASeedIsAnExperimentThatCanBeMadeAgain(t *testing.T) {
	made := func() string {
		var out bytes.Buffer
		require.NoError(t, Run(t.Context(), Options{Seed: 7, Size: 24, Cohort: 6, Dir: t.TempDir(), Out: &out}), out.String())
		return out.String()
	}
	first, again := made(), made()
	require.Equal(t, first, again)
}

func TestWhatMustNeverBeFailsTheExperiment(t *testing.T) {
	total := newTally()
	one := newTally()
	one.see(duplicateTickets, false, "")
	total.add(one)
	require.NoError(t, total.verdict())
	one.see(duplicateTickets, true, "two of %s", "rem-1")
	total.add(one)
	require.ErrorContains(t, total.verdict(), "duplicate_tickets 1 of 3")
	var out bytes.Buffer
	total.print(&out)
	require.Contains(t, out.String(), "chaos duplicate_tickets 1 of 3\n")
	require.Contains(t, out.String(), "two of rem-1")
}

func TestAnExperimentThatIsStoppedSaysSo(t *testing.T) {
	ctx, cancel := cancelled(t)
	cancel()
	require.Error(t, Run(ctx, Options{Seed: 1, Size: 10, Cohort: 10, Dir: t.TempDir(), Out: io.Discard}))
}

func cancelled(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}
