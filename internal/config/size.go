package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as "512MiB", "5GiB" or plain bytes.
type Size int64 //nolint:recvcheck // reading a text needs a pointer, writing one a value

// units in falling order, so that the longest suffix that fits is found first.
var units = [...]struct {
	name  string
	bytes int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	for _, u := range units {
		number, ok := strings.CutSuffix(t, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > (1<<50)/u.bytes {
			break
		}
		*s = Size(n * u.bytes)
		return nil
	}
	return fmt.Errorf("reading size %q: write it as 512MiB, 5GiB or a number of bytes", t)
}

// MarshalText writes a size with the largest unit that keeps it whole.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes a size with the largest unit that keeps it whole.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && int64(s)%u.bytes == 0 && u.bytes > 1 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
