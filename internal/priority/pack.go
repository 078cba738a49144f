package priority

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// The snapshots' own compact form: a header, then numbers in varints, identifiers as the
// distance to the one before. Equal content gives equal bytes, so their hash names it.

var errTorn = errors.New("the bytes end early or hold what was never written")

// unpacker reads what was packed. After the first error everything is zero.
type unpacker struct {
	b   []byte
	err error
}

func (u *unpacker) fail() {
	if u.err == nil {
		u.err = errTorn
	}
	u.b = nil
}

func (u *unpacker) uint() uint64 {
	v, n := binary.Uvarint(u.b)
	if n <= 0 {
		u.fail()
		return 0
	}
	u.b = u.b[n:]
	return v
}

func (u *unpacker) int() int64 {
	v, n := binary.Varint(u.b)
	if n <= 0 {
		u.fail()
		return 0
	}
	u.b = u.b[n:]
	return v
}

func (u *unpacker) byte() byte {
	if len(u.b) == 0 {
		u.fail()
		return 0
	}
	c := u.b[0]
	u.b = u.b[1:]
	return c
}

func (u *unpacker) text() string {
	n := u.uint()
	if n > uint64(len(u.b)) {
		u.fail()
		return ""
	}
	s := string(u.b[:n])
	u.b = u.b[n:]
	return s
}

func (u *unpacker) float32() float32 {
	const size = 4
	if len(u.b) < size {
		u.fail()
		return 0
	}
	v := math.Float32frombits(binary.LittleEndian.Uint32(u.b))
	u.b = u.b[size:]
	return v
}

func (u *unpacker) time() time.Time {
	if ms := u.int(); ms != 0 {
		return time.UnixMilli(ms).UTC()
	}
	return time.Time{}
}

// count reads how many entries follow. Each takes at least size bytes, so that a forged
// count can't make us allocate more than was sent.
func (u *unpacker) count(size int) int {
	n := u.uint()
	if n > math.MaxInt32 || int(n) > len(u.b)/size {
		u.fail()
		return 0
	}
	return int(n)
}

// next reads a CVE that comes after the one before.
func (u *unpacker) next(before CVE) CVE {
	step := CVE(u.uint())
	if step == 0 || before+step < before {
		u.fail()
		return before
	}
	return before + step
}

// unpack checks the header and that nothing is left over.
func unpack(b []byte, header string, read func(*unpacker)) error {
	rest, ok := strings.CutPrefix(string(b), header)
	if !ok {
		return fmt.Errorf("unpacking an intelligence snapshot: it doesn't start with %q", header)
	}
	u := unpacker{b: []byte(rest)}
	read(&u)
	if u.err == nil && len(u.b) > 0 {
		u.fail()
	}
	if u.err != nil {
		return fmt.Errorf("unpacking %s: %w", strings.TrimSpace(header), u.err)
	}
	return nil
}

func packTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(b, 0)
	}
	return binary.AppendVarint(b, t.UnixMilli())
}

func packText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
