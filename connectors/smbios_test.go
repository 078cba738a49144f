package connectors

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
)

func TestAVMwareMachineHasOneUUIDInBothByteOrders(t *testing.T) {
	const serial = "VMware-56 4d aa bb cc dd ee ff-01 02 03 04 05 06 07 08"
	lies, turned := "564daabb-ccdd-eeff-0102-030405060708", "BBAA4D56-DDCC-FFEE-0102-030405060708"
	values := func(uuid, serial string) (out []string) {
		for _, id := range MachineUUIDs(uuid, serial) {
			clean, ok, why := asset.Clean(id)
			require.True(t, ok, why)
			out = append(out, clean.Value)
		}
		return out
	}
	require.ElementsMatch(t, values(lies, serial), values(turned, serial), "whoever writes it, it is the same machine")
	require.Len(t, values(lies, serial), 2)
	require.Len(t, values(lies, "QM-0001"), 1, "other makers' numbers say nothing of the order")
	require.Len(t, values("11112222-3333-4444-5555-666677778888", serial), 1, "a UUID that isn't the serial number's")
	require.Len(t, values("00000000-0000-0000-0102-030405060709", "VMware-00 00 00 00 00 00 00 00-01 02 03 04 05 06 07 09"), 1, "one that is the same in both")
	require.Empty(t, MachineUUIDs(" ", serial))
}
