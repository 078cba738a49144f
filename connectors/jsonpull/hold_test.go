package jsonpull_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
)

func TestHeldValuesComeBackInOrder(t *testing.T) {
	r := jsonpull.NewReader(strings.NewReader(`{"a":[1,"two",{"b":[3]}]}`), "test JSON")
	h := jsonpull.NewHold(1 << 10)
	for o := r.Object(); r.Field(o); {
		for a := r.Array(); r.Elem(a); {
			require.True(t, h.Add(r.Raw(1<<10)))
		}
	}
	require.NoError(t, r.Err())
	require.Equal(t, 3, h.Len())
	var got []string
	require.NoError(t, h.Each(r, func(r *jsonpull.Reader) error {
		got = append(got, string(r.Raw(1<<10)))
		return nil
	}))
	require.Equal(t, []string{"1", `"two"`, `{"b":[3]}`}, got)

	enough := errors.New("enough")
	require.ErrorIs(t, h.Each(r, func(*jsonpull.Reader) error { return enough }), enough)
}

func TestAHoldTakesNoMoreThanFits(t *testing.T) {
	h := jsonpull.NewHold(0)
	n := 0
	for h.Add([]byte(strings.Repeat(`"`+strings.Repeat("x", n)+`",`, 1000))) && n < 1<<12 {
		n++
	}
	require.Less(t, n, 1<<12)
}

func TestAHeldValueThatIsBrokenBreaksItsReport(t *testing.T) {
	r := jsonpull.NewReader(strings.NewReader(`{}`), "test JSON")
	r.Skip()
	h := jsonpull.NewHold(1 << 10)
	require.True(t, h.Add([]byte(`{"a":tru}`)))
	require.NoError(t, h.Each(r, func(r *jsonpull.Reader) error {
		var v any
		r.Into(1<<10, &v)
		return nil
	}))
	var syntax *connectors.SyntaxError
	require.ErrorAs(t, r.Err(), &syntax)
}
