package csvpull

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
)

func TestRowsAreReadByTheNamesOfTheirColumns(t *testing.T) {
	r := NewReader(iotest.OneByteReader(strings.NewReader("\ufeffIP Address;cve_id;Note\n10.0.0.1;CVE-1;\"a;b\"\n;;\n10.0.0.2;CVE-2\n")), "test CSV")
	require.True(t, r.Header("ip address", "CVE-ID"))
	require.True(t, r.Row())
	require.Equal(t, "10.0.0.1", r.Get("none", "ipaddress"))
	require.Equal(t, map[string]any{"note": "a;b"}, r.Rest("ip_address", "cveid"))
	require.Equal(t, 2, r.Position().Line)
	require.True(t, r.Row())
	require.Equal(t, "CVE-2", r.Get("cve id"))
	require.Empty(t, r.Get("note"))
	require.False(t, r.Row())
	require.NoError(t, r.Err())
}

func TestWhatIsNoSuchTableIsASyntaxError(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": "", "another table": "a,b\n1,2\n", "a row without an end": "ip\n\"" + strings.Repeat("x", 2*longestRow),
	} {
		r := NewReader(strings.NewReader(body), "test CSV")
		for r.Header("ip") && r.Row() { // only the error matters
		}
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, r.Err(), &syntax, name)
		require.Positive(t, syntax.Line, name)
	}
	broken := errors.New("the connection broke")
	r := NewReader(iotest.ErrReader(broken), "test CSV")
	require.False(t, r.Header("ip"))
	require.ErrorIs(t, r.Err(), broken)
}
