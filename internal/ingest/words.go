package ingest

import (
	"github.com/quellsec/quell/internal/exposure"
)

// words are the exposures that a report speaks of, by what it says of them; packed keys
// once they are sorted.
type words struct {
	sights []byte
	fixed  []byte // all that it says of them is that they are fixed
	told   []byte // it doesn't see them, for whatever other reason
}

func (w *words) add(p *pending) {
	key := exposure.SeenKey{ID: p.id, Digest: p.digest}
	switch {
	case sees(p.findings):
		w.sights = exposure.AppendKey(w.sights, key)
	case allFixed(p.findings):
		w.fixed = exposure.AppendKey(w.fixed, key)
	default:
		w.told = exposure.AppendKey(w.told, key)
	}
}

// join takes in the other words.
func (w *words) join(other *words) {
	w.sights = append(w.sights, other.sights...)
	w.fixed = append(w.fixed, other.fixed...)
	w.told = append(w.told, other.told...)
}

// sort puts each exposure under the one word that counts of all that the report says of
// it: a sight before anything, a fix after everything. The digest is over all of it.
func (w *words) sort() {
	w.sights, w.fixed, w.told = exposure.SortKeys(w.sights), exposure.SortKeys(w.fixed), exposure.SortKeys(w.told)
	w.told = exposure.FoldKeys(w.sights, w.told)
	w.fixed = exposure.FoldKeys(w.sights, w.fixed)
	w.fixed = exposure.FoldKeys(w.told, w.fixed)
}

// digest is over all that a sorted report says of an exposure.
func (w *words) digest(id exposure.ID) (uint64, bool) {
	for _, list := range [...][]byte{w.sights, w.told, w.fixed} {
		if digest, ok := exposure.DigestOf(list, id); ok {
			return digest, true
		}
	}
	return 0, false
}
