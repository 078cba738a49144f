package openaudit_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/openaudit"
	"github.com/quellsec/quell/internal/asset"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, openaudit.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, openaudit.Registration(), nil)
	}
	connectortest.Counts(t, openaudit.Registration(), nil)
}

func TestGolden(t *testing.T) {
	for _, file := range []string{"server.xml", "two.jsonl"} {
		connectortest.Golden(t, openaudit.Registration(), nil, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, openaudit.Registration(), "open-audit") }

func decode(t *testing.T, body string) asset.Description {
	t.Helper()
	rec, err := connectortest.Decode(t, openaudit.Registration(), nil, []byte(body))
	require.NoError(t, err)
	return rec.Covered[0].Asset
}

func values(t *testing.T, a asset.Description, kind asset.IdentifierKind) (out []string) {
	t.Helper()
	ids, _ := asset.Usable(a, "oa")
	for _, id := range ids {
		if id.Kind == kind {
			out = append(out, id.Value)
		}
	}
	return out
}

func TestPaddedAddressesAreReadAsAddresses(t *testing.T) {
	a := decode(t, `{"sys":{"hostname":"sw1","ip":"192.000.002.007","status":"production"},"ip":[{"ip":"010.000.000.001","mac":"52:54:00:ab:00:01"},{"ip":"127.000.000.001"}]}`)
	require.Equal(t, []string{"10.0.0.1", "192.0.2.7"}, values(t, a, asset.IP))
}

func TestAVMwareMachineIsOneInBothByteOrders(t *testing.T) {
	linux := decode(t, `{"sys":{"hostname":"a","manufacturer":"VMware","serial":"VMware-56 4d aa bb cc dd ee ff-01 02 03 04 05 06 07 08","uuid":"564DAABB-CCDD-EEFF-0102-030405060708"}}`)
	windows := decode(t, `{"sys":{"hostname":"a","manufacturer":"VMware, Inc.","serial":"VMware-56 4d aa bb cc dd ee ff-01 02 03 04 05 06 07 08","uuid":"BBAA4D56-DDCC-FFEE-0102-030405060708"}}`)
	require.Equal(t, values(t, linux, asset.BIOSUUID), values(t, windows, asset.BIOSUUID))
	require.Len(t, values(t, linux, asset.BIOSUUID), 2)
	require.Empty(t, values(t, linux, asset.SerialNumber), "VMware's serial number is copied with the machine")
}

func TestOnlyRetiredAndDeletedDevicesAreGone(t *testing.T) {
	for status, gone := range map[string]bool{"production": false, "maintenance": false, "lost": false, "unallocated": false, "": false, "Retired": true, "deleted": true} {
		require.Equal(t, gone, decode(t, `{"sys":{"hostname":"a","status":"`+status+`"}}`).Gone, status)
	}
}

func TestWhatIsNoAuditIsRefused(t *testing.T) {
	for _, body := range []string{`{"sys":{}}`, `{"network":[]}`, "<system><network/></system>", "<other><sys><hostname/></sys></other>"} {
		_, err := connectortest.Decode(t, openaudit.Registration(), nil, []byte(body))
		var syntax *connectors.SyntaxError
		require.ErrorAs(t, err, &syntax, body)
	}
	body, err := os.ReadFile("testdata/server.xml")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, openaudit.Registration(), nil, body[:strings.LastIndex(string(body), "</system>")])
	require.Error(t, err)
	require.Empty(t, rec.Covered, "half an audit is none")
}
