package connectors

import (
	"strings"

	"github.com/quellsec/quell/internal/asset"
)

// MachineUUIDs gives a machine's SMBIOS UUID as identifiers: as the source wrote it and,
// where the serial number proves that the machine is VMware's, in the other byte order
// too. SMBIOS 2.6 stores the first three fields with their bytes reversed; VMware's serial
// number ("VMware-56 4d 13 6d …") holds the bytes as they lie, and sources differ in
// whether they turn them. For other makers there is nothing to tell by, so their UUID
// stays as it is.
func MachineUUIDs(uuid, serial string) []asset.Identifier {
	uuid = strings.TrimSpace(uuid)
	if uuid == "" {
		return nil
	}
	out := []asset.Identifier{{Kind: asset.BIOSUUID, Value: uuid}}
	given := hexOf(uuid)
	prefix, bytes, ok := strings.Cut(strings.ToLower(strings.TrimSpace(serial)), "-")
	if lies := hexOf(bytes); ok && prefix == "vmware" && len(given) == 32 && (given == lies || turned(given) == lies) && turned(given) != given {
		out = append(out, asset.Identifier{Kind: asset.BIOSUUID, Value: dashed(turned(given))})
	}
	return out
}

var braces = strings.NewReplacer("-", "", " ", "", "{", "", "}", "")

// hexOf gives the hex digits of a text that has nothing else but separators, in lower case.
func hexOf(text string) string {
	out := braces.Replace(strings.ToLower(text))
	if strings.Trim(out, "0123456789abcdef") != "" {
		return ""
	}
	return out
}

// turned reverses the bytes of the first three fields of 32 hex digits.
func turned(hex string) string {
	if len(hex) != 32 {
		return ""
	}
	reverse := func(field string) string {
		var b strings.Builder
		for i := len(field) - 2; i >= 0; i -= 2 {
			b.WriteString(field[i : i+2])
		}
		return b.String()
	}
	return reverse(hex[:8]) + reverse(hex[8:12]) + reverse(hex[12:16]) + hex[16:]
}

func dashed(hex string) string {
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:]
}
