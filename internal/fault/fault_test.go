package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/fault"
)

func TestTheKindIsThatOfTheOutermostFault(t *testing.T) {
	inner := fault.New(fault.NotFound, "reading page %d: %w", 3, io.ErrUnexpectedEOF)
	for _, c := range []struct {
		name string
		err  error
		kind fault.Kind
	}{
		{"no error has no kind", nil, ""},
		{"an error of nobody's is ours", errors.New("x"), fault.Internal},
		{"a cut-off context can be tried again", fmt.Errorf("waiting: %w", context.Canceled), fault.Unavailable},
		{"a deadline can be tried again", context.DeadlineExceeded, fault.Unavailable},
		{"a fault keeps its kind through wrapping", fmt.Errorf("doing: %w", inner), fault.NotFound},
		{"the outermost fault decides", fault.Wrap(fault.Invalid, inner, "checking"), fault.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.kind, fault.KindOf(c.err))
			require.Equal(t, c.err != nil, fault.Is(c.err, c.kind))
		})
	}
	require.ErrorIs(t, inner, io.ErrUnexpectedEOF)
	require.EqualError(t, fault.Wrap(fault.Invalid, inner, "checking"), "checking: reading page 3: unexpected EOF")
	require.NoError(t, fault.Wrap(fault.Invalid, nil, "checking"))
}

func TestTheTimeToWaitSurvivesWrapping(t *testing.T) {
	throttled := &fault.Error{Kind: fault.Throttled, Msg: "slow down", RetryAfter: time.Minute}
	require.Equal(t, time.Minute, fault.RetryAfter(fault.Wrap(fault.Unavailable, throttled, "fetching")))
	require.Equal(t, time.Minute, fault.RetryAfter(fault.New(fault.Unavailable, "fetching: %w", throttled)))
	require.Zero(t, fault.RetryAfter(errors.New("x")))
}
