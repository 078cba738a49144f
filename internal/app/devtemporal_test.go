package app

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/fault"
)

func TestAPortThatWasAskedForIsTakenOrRefusedAndNeverReplaced(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed when the test ends
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	taken := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a TCP listener has a TCP address

	_, err = choosePort(taken, 0)
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.ErrorContains(t, err, strconv.Itoa(taken), "the message names the port")

	port, err := choosePort(0, taken)
	require.NoError(t, err, "the usual port gives way to a free one")
	require.NotEqual(t, taken, port)
	require.NotZero(t, port)
}
