package exposure

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// AppendKey appends a key to a list that SortKeys will make into packed keys. An ID that
// NewID didn't make is left out: no sighting can hold it.
func AppendKey(b []byte, k SeenKey) []byte {
	var raw [packedKey]byte
	if rawOf(raw[:rawID], k.ID) != nil {
		return b
	}
	binary.BigEndian.PutUint64(raw[rawID:], k.Digest)
	return append(b, raw[:]...)
}

// SortKeys makes an appended list into packed keys, in place. Packed keys stay as they are.
func SortKeys(b []byte) []byte {
	if s := packed(b); !sort.IsSorted(s) {
		sort.Sort(s)
	}
	return dedupe(b)
}

// UnionKeys joins two packed lists; where both hold an exposure, the digest of a holds.
func UnionKeys(a, b []byte) []byte {
	if len(b) == 0 {
		return a
	}
	out := make([]byte, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := bytes.Compare(a[:rawID], b[:rawID]); {
		case c < 0:
			out, a = append(out, a[:packedKey]...), a[packedKey:]
		case c > 0:
			out, b = append(out, b[:packedKey]...), b[packedKey:]
		default:
			out, a, b = append(out, a[:packedKey]...), a[packedKey:], b[packedKey:]
		}
	}
	return append(append(out, a...), b...)
}

// FoldKeys adds the digests of the exposures that both packed lists hold to the first
// list, in place, and gives what only the second holds.
func FoldKeys(into, from []byte) (rest []byte) {
	for a := into; len(from) >= packedKey; from = from[packedKey:] {
		for len(a) >= packedKey && bytes.Compare(a[:rawID], from[:rawID]) < 0 {
			a = a[packedKey:]
		}
		if len(a) < packedKey || !bytes.Equal(a[:rawID], from[:rawID]) {
			rest = append(rest, from[:packedKey]...)
			continue
		}
		digest := binary.BigEndian.Uint64(a[rawID:packedKey]) + binary.BigEndian.Uint64(from[rawID:packedKey])
		binary.BigEndian.PutUint64(a[rawID:packedKey], digest)
	}
	return rest
}

// WithoutKeys gives the packed keys whose exposures none of the other lists holds.
func WithoutKeys(keys []byte, others ...[]byte) []byte {
	rest := keys
	for _, other := range others {
		if len(rest) > 0 && len(other) > 0 {
			var kept []byte
			DiffKeys(rest, other, func(change KeyChange, k SeenKey) {
				if change == KeyRemoved {
					kept = AppendKey(kept, k)
				}
			})
			rest = kept
		}
	}
	return rest
}

// CountKeys is how many exposures packed keys hold.
func CountKeys(b []byte) int { return len(b) / packedKey }

// DigestOf gives the digest under which packed keys hold an exposure.
func DigestOf(b []byte, id ID) (digest uint64, ok bool) {
	var raw [rawID]byte
	if rawOf(raw[:], id) != nil {
		return 0, false
	}
	n := len(b) / packedKey
	i := sort.Search(n, func(i int) bool { return bytes.Compare(b[i*packedKey:i*packedKey+rawID], raw[:]) >= 0 })
	if i == n || !bytes.Equal(b[i*packedKey:i*packedKey+rawID], raw[:]) {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[i*packedKey+rawID:]), true
}

// EachKey visits packed keys in order.
func EachKey(b []byte, visit func(SeenKey)) {
	for ; len(b) >= packedKey; b = b[packedKey:] {
		visit(unpack(b[:packedKey]))
	}
}
