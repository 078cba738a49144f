package daemon

import (
	"bufio"
	"context"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// counting ends with as many as it was sent of signals.
const counting = `n=0; trap 'n=$((n+1))' INT TERM; echo ready; while [ $n -eq 0 ]; do sleep 0.05; done; sleep 0.5; exit $n`

// TestItIsAskedToEndOnce lets the context end and stops it as well, as Ctrl-C does: the
// second signal kills a quell that is ending.
func TestItIsAskedToEndOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d := &Daemon{exited: make(chan struct{}), cmd: exec.CommandContext(ctx, "sh", "-c", counting)}
	out, err := d.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, d.launch())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	cancel()
	require.Error(t, d.Stop())
	require.Equal(t, 1, d.cmd.ProcessState.ExitCode(), "signals")
}
