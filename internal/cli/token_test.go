package cli

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheFirstTokenGoesToStandardOutputAlone(t *testing.T) {
	var out, problems bytes.Buffer
	code := Run(t.Context(), Deps{Out: &out, Err: &problems, Environ: func(string) (string, bool) { return "", false },
		FirstToken: func(_ context.Context, o DaemonOptions) (string, error) {
			return "quell_text_of_" + o.Config[len(o.Config)-9:], nil
		}},
		[]string{"token", "first", "--config", "/etc/quell/a.yaml"})
	require.Zero(t, code, problems.String())
	require.Equal(t, "quell_text_of_ll/a.yaml\n", out.String())
	require.Contains(t, problems.String(), "not shown again")
}
