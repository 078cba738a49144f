package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/store/engine"
)

func TestAConditionMeansTheSameForEveryKindOfValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		cond  engine.Cond
		value any
		want  bool
	}{
		{"a text is one of several", engine.Cond{Op: engine.In, Values: []any{"a", "b"}}, "b", true},
		{"the empty text is a value", engine.Cond{Op: engine.In, Values: []any{""}}, "", true},
		{"nil equals nothing", engine.Cond{Op: engine.In, Values: []any{""}}, nil, false},
		{"one of several texts is one of several", engine.Cond{Op: engine.In, Values: []any{"x", "b"}}, []string{"a", "b"}, true},
		{"none of several texts is", engine.Cond{Op: engine.In, Values: []any{"x"}}, []string{"a", "b"}, false},
		{"no value is met by nothing", engine.Cond{Op: engine.In}, "a", false},
		{"below leaves the limit out", engine.Cond{Op: engine.Below, Values: []any{int64(5)}}, int64(5), false},
		{"from has the limit in", engine.Cond{Op: engine.From, Values: []any{int64(5)}}, int64(5), true},
		{"nil is below nothing", engine.Cond{Op: engine.Below, Values: []any{int64(5)}}, nil, false},
		{"a part is contained letter for letter", engine.Cond{Op: engine.Contains, Values: []any{".*"}}, "a.*b", true},
		{"and is no pattern", engine.Cond{Op: engine.Contains, Values: []any{".*"}}, "ab", false},
		{"none of several has to be there", engine.Cond{Op: engine.NotIn, Values: []any{"a"}}, nil, false},
		{"none of several is another", engine.Cond{Op: engine.NotIn, Values: []any{"a"}}, "b", true},
		{"none of several is not one of them", engine.Cond{Op: engine.NotIn, Values: []any{"a", "b"}}, "b", false},
		{"none of none is any", engine.Cond{Op: engine.NotIn}, "b", true},
		{"has", engine.Cond{Op: engine.Has}, int64(0), true},
		{"lacks", engine.Cond{Op: engine.Lacks}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, c.cond.Meets(c.value))
		})
	}
}
