package connectortest_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
)

func mutationsAreSurvived(t testing.TB, reg connectors.Registration) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same mutations every time
	const rounds = 300
	decoder := connectortest.Open(t, reg, nil)
	for _, body := range samples(t, reg) {
		for range rounds {
			mutant := bytes.Clone(body)
			for range 1 + random.IntN(4) {
				mutate(random, &mutant)
			}
			var rec connectortest.Recorder
			err := decoder.Decode(t.Context(), bytes.NewReader(mutant), &rec)
			var syntax *connectors.SyntaxError
			require.True(t, err == nil || errors.As(err, &syntax), "%v", err)
			for _, obs := range rec.Observed {
				connectortest.CheckObservation(t, obs)
			}
		}
	}
}

func mutate(random *rand.Rand, body *[]byte) {
	b := *body
	if len(b) < 2 {
		return
	}
	i, j := random.IntN(len(b)), random.IntN(len(b))
	switch random.IntN(4) {
	case 0:
		b[i] = byte(random.IntN(256))
	case 1:
		*body = append(b[:min(i, j):min(i, j)], b[max(i, j):]...)
	case 2:
		*body = append(b[:i:i], append(bytes.Repeat([]byte{"[{<\"&,"[random.IntN(6)]}, 100), b[i:]...)...)
	case 3:
		*body = append(b[:i:i], append(bytes.Clone(b[min(i, j):max(i, j)]), b[i:]...)...)
	}
}
