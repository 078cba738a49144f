package priority

import (
	"strconv"
	"strings"
)

// CVE is a CVE identifier packed into eight bytes, year<<32 | number, so that hundreds of
// thousands of them are cheap to hold and quick to find.
type CVE uint64

// ParseCVE reads "CVE-2024-1709" in any case.
func ParseCVE(text string) (CVE, bool) {
	const prefix = "CVE-"
	if len(text) < len("CVE-2024-0001") || !strings.EqualFold(text[:len(prefix)], prefix) || text[8] != '-' {
		return 0, false
	}
	year, err := strconv.ParseUint(text[4:8], 10, 16)
	if err != nil || year < 1990 {
		return 0, false
	}
	digits := text[9:]
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || len(digits) > 4 && digits[0] == '0' {
		return 0, false
	}
	return CVE(year<<32 | n), true
}

// String writes the identifier with at least four digits, as CVE does.
func (c CVE) String() string {
	n := strconv.FormatUint(uint64(c)&0xffffffff, 10)
	if len(n) < 4 {
		n = "0000"[len(n):] + n
	}
	return "CVE-" + strconv.FormatUint(uint64(c)>>32, 10) + "-" + n
}
