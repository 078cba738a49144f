package exposure

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"
)

// SeenKey is one exposure in a sighting, with the digest of what was said about it.
type SeenKey struct {
	ID     ID
	Digest uint64
}

// A packed key is the 16 raw bytes of the ID and the digest, big-endian.
const (
	rawID     = 16
	packedKey = rawID + 8
)

// PackKeys packs keys, sorted by ID, into 24 bytes each. Of several keys with one ID
// (two findings of one exposure) the digests become one, whatever their order. It fails
// on an ID that NewID didn't make.
func PackKeys(keys []SeenKey) ([]byte, error) {
	out := make([]byte, len(keys)*packedKey)
	for i := range keys {
		k := out[i*packedKey : (i+1)*packedKey]
		if err := rawOf(k[:rawID], keys[i].ID); err != nil {
			return nil, err
		}
		binary.BigEndian.PutUint64(k[rawID:], keys[i].Digest)
	}
	if s := packed(out); !sort.IsSorted(s) {
		sort.Sort(s)
	}
	return dedupe(out), nil
}

// dedupe joins neighbours with one ID by adding their digests, which is the same for any
// order and, unlike XOR, doesn't cancel equal ones.
func dedupe(b []byte) []byte {
	n := 0
	for i := 0; i < len(b); i += packedKey {
		k := b[i : i+packedKey]
		if n > 0 && bytes.Equal(k[:rawID], b[n-packedKey:n-packedKey+rawID]) {
			last := b[n-packedKey+rawID : n]
			binary.BigEndian.PutUint64(last, binary.BigEndian.Uint64(last)+binary.BigEndian.Uint64(k[rawID:]))
			continue
		}
		n += copy(b[n:], k)
	}
	return b[:n]
}

// UnpackKeys gives the keys back, sorted by ID. Bytes that PackKeys didn't make are an error.
func UnpackKeys(b []byte) ([]SeenKey, error) {
	if len(b)%packedKey != 0 {
		return nil, fmt.Errorf("unpacking sighting keys: %d bytes aren't a whole number of keys", len(b))
	}
	keys := make([]SeenKey, 0, len(b)/packedKey)
	for i := 0; i < len(b); i += packedKey {
		if i > 0 && bytes.Compare(b[i-packedKey:i-packedKey+rawID], b[i:i+rawID]) >= 0 {
			return nil, fmt.Errorf("unpacking sighting keys: key %d is out of order", i/packedKey)
		}
		keys = append(keys, unpack(b[i:i+packedKey]))
	}
	return keys, nil
}

func unpack(k []byte) SeenKey {
	return SeenKey{ID: ID(idEncoding.EncodeToString(k[:rawID])), Digest: binary.BigEndian.Uint64(k[rawID:])}
}

// KeyDiff counts the difference of two sightings.
type KeyDiff struct {
	Added, Changed, Removed, Same int
}

// DiffKeys walks two packed sightings at once and tells visit each key that is only in
// the new one (added), in both with another digest (changed: the new digest), or only in
// the old one (removed: the old digest). Equal keys cost a comparison and no allocation.
// A nil visit only counts.
func DiffKeys(before, after []byte, visit func(KeyChange, SeenKey)) KeyDiff {
	var d KeyDiff
	tell := func(c KeyChange, n *int, k []byte) {
		*n++
		if visit != nil {
			visit(c, unpack(k))
		}
	}
	for len(before) >= packedKey || len(after) >= packedKey {
		var order int
		switch {
		case len(before) < packedKey:
			order = 1
		case len(after) < packedKey:
			order = -1
		default:
			order = bytes.Compare(before[:rawID], after[:rawID])
		}
		switch {
		case order > 0:
			tell(KeyAdded, &d.Added, after[:packedKey])
		case order < 0:
			tell(KeyRemoved, &d.Removed, before[:packedKey])
		case !bytes.Equal(before[:packedKey], after[:packedKey]):
			tell(KeyChanged, &d.Changed, after[:packedKey])
		default:
			d.Same++
		}
		if order >= 0 {
			after = after[packedKey:]
		}
		if order <= 0 {
			before = before[packedKey:]
		}
	}
	return d
}

// KeyChange is what became of a key between two sightings.
type KeyChange string

// The changes of a key.
const (
	KeyAdded   KeyChange = "added"
	KeyChanged KeyChange = "changed"
	KeyRemoved KeyChange = "removed"
)

// HasKey reports whether packed keys hold an exposure.
func HasKey(b []byte, id ID) bool {
	_, ok := DigestOf(b, id)
	return ok
}

// rawOf decodes an ID into its 16 bytes.
func rawOf(dst []byte, id ID) error {
	var text [26]byte
	if len(id) != len(text) {
		return fmt.Errorf("packing sighting keys: %q isn't an exposure's ID", id)
	}
	copy(text[:], id)
	if n, err := idEncoding.Decode(dst, text[:]); err != nil || n != rawID {
		return fmt.Errorf("packing sighting keys: %q isn't an exposure's ID", id)
	}
	return nil
}

// packed sorts packed keys in place; equal IDs by digest, so that the order is total.
type packed []byte

func (p packed) Len() int { return len(p) / packedKey }
func (p packed) Less(i, j int) bool {
	return bytes.Compare(p.at(i), p.at(j)) < 0
}
func (p packed) Swap(i, j int) {
	var t [packedKey]byte
	copy(t[:], p.at(i))
	copy(p.at(i), p.at(j))
	copy(p.at(j), t[:])
}
func (p packed) at(i int) []byte { return p[i*packedKey : (i+1)*packedKey] }
