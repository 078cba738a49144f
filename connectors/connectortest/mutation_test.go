package connectortest_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
)

func mutationsAreSurvived(tb testing.TB, reg connectors.Registration) {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2)) // the same mutations every time
	const rounds = 300
	decoder := connectortest.Open(tb, reg, nil)
	for _, body := range samples(tb, reg) {
		for range rounds {
			mutant := bytes.Clone(body)
			for range 1 + random.IntN(4) {
				mutate(random, &mutant)
			}
			var rec connectortest.Recorder
			err := decoder.Decode(tb.Context(), bytes.NewReader(mutant), &rec)
			var syntax *connectors.SyntaxError
			require.True(tb, err == nil || errors.As(err, &syntax), "%v", err)
			for _, obs := range rec.Observed {
				connectortest.CheckObservation(tb, obs)
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
		*body = slices.Delete(b, min(i, j), max(i, j))
	case 2:
		*body = slices.Insert(b, i, bytes.Repeat([]byte{"[{<\"&,"[random.IntN(6)]}, 100)...)
	case 3:
		*body = slices.Insert(b, i, bytes.Clone(b[min(i, j):max(i, j)])...)
	}
}
