package exposure

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// FindingDigest is a fast 64-bit digest over what a re-ingest of a finding would change:
// everything but the dates of its sights. Equal digests in two sightings mean that there
// is nothing to write. It is stable over releases and machines; when a field is added,
// the next report refreshes every finding once. It is no defence against a source that
// makes collisions on purpose: that would hide changes of its own findings only.
func FindingDigest(f Finding) uint64 {
	var d digest
	d.text(f.UID)
	d.text(f.Source)
	d.text(f.Connector)
	d.text(string(f.Class))
	d.text(f.Check)
	d.text(f.Title)
	d.text(f.Description)
	d.text(f.Remediation)
	d.text(string(f.Severity))
	d.text(f.RawSeverity)
	d.texts(f.CVEs)
	d.texts(f.CWEs)
	d.texts(f.Advisories)
	d.word(uint64(len(f.CVSS)))
	for i := range f.CVSS {
		c := &f.CVSS[i]
		d.text(c.Version)
		d.text(c.Vector)
		d.word(math.Float64bits(c.Score))
		d.text(c.By)
	}
	d.text(f.Location)
	d.text(f.Target)
	if p := f.Package; p == nil {
		d.word(0)
	} else {
		d.word(1)
		for _, s := range [...]string{p.Name, p.Version, p.FixedIn, p.PURL, p.Path, p.Status} {
			d.text(s)
		}
	}
	d.texts(f.References)
	d.texts(f.Tags)
	d.text(f.Evidence)
	d.text(string(f.Status))
	d.text(f.StatusNote)
	d.text(f.Exploit)
	d.word(math.Float64bits(f.EPSS))
	d.bytes(f.Vendor)
	return d.sum()
}

// digest mixes words by folding a 128-bit product, in the manner of wyhash: a few cycles
// for eight bytes. Every part is preceded by its length, so parts can't run together.
type digest struct{ h uint64 }

const (
	prime1 = 0x9e3779b97f4a7c15
	prime2 = 0xa0761d6478bd642f
)

func (d *digest) word(w uint64) {
	hi, lo := bits.Mul64(d.h^w^prime1, prime2^bits.RotateLeft64(d.h, 32))
	d.h = hi ^ lo
}

func (d *digest) texts(list []string) {
	d.word(uint64(len(list)))
	for _, s := range list {
		d.text(s)
	}
}

func (d *digest) text(s string) { d.bytes([]byte(s)) }

func (d *digest) bytes(b []byte) {
	d.word(uint64(len(b)))
	for len(b) >= 8 {
		d.word(binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	if len(b) > 0 {
		var tail [8]byte
		copy(tail[:], b)
		d.word(binary.LittleEndian.Uint64(tail[:]))
	}
}

func (d *digest) sum() uint64 {
	d.word(prime2)
	return d.h
}
