package priority

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// NVD is what NIST's National Vulnerability Database says of many CVEs: the CVSS vector
// that it or the CVE's own assigner gives. It is immutable; the zero NVD is empty.
type NVD struct {
	entries []NVDEntry
	digest  string
}

// NVDEntry is what the database says of one CVE.
type NVDEntry struct {
	CVE      CVE
	Vector   string    // of the newest version of CVSS that there is; empty where there is none
	Modified time.Time // when the entry changed last
	Rejected bool      // the CVE was withdrawn
}

// Limits of what is read: some ten times the database of 2026, and one entry's size.
const (
	maxNVDEntries = 4_000_000
	maxNVDBytes   = 16 << 30
)

// nvdMetric is one score of an entry.
type nvdMetric struct {
	Source string `json:"source"`
	Type   string `json:"type"` // Primary, Secondary
	Data   struct {
		Vector string `json:"vectorString"`
	} `json:"cvssData"`
}

// nvdRecord is one element of "vulnerabilities" in the API 2.0.
type nvdRecord struct {
	CVE *struct {
		ID       string `json:"id"`
		Modified string `json:"lastModified"`
		Status   string `json:"vulnStatus"`
		Metrics  struct {
			V40 []nvdMetric `json:"cvssMetricV40"`
			V31 []nvdMetric `json:"cvssMetricV31"`
			V30 []nvdMetric `json:"cvssMetricV30"`
			V2  []nvdMetric `json:"cvssMetricV2"`
		} `json:"metrics"`
	} `json:"cve"`
}

// ReadNVD reads answers of the NVD's API 2.0, one after the other, or single elements of
// their "vulnerabilities", and tells fn each entry.
func ReadNVD(r io.Reader, fn func(NVDEntry) error) error {
	dec := json.NewDecoder(&limitedReader{r: r, left: maxNVDBytes})
	for n := 0; ; n++ {
		var one struct {
			nvdRecord
			Vulnerabilities []nvdRecord `json:"vulnerabilities"`
		}
		err := dec.Decode(&one)
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading NVD entries near byte %d: %w", dec.InputOffset(), err)
		}
		if one.CVE != nil {
			one.Vulnerabilities = append(one.Vulnerabilities, one.nvdRecord)
		}
		for i := range one.Vulnerabilities {
			e, err := one.Vulnerabilities[i].entry()
			if err == nil {
				err = fn(e)
			}
			if err != nil {
				return fmt.Errorf("reading NVD entries near byte %d: %w", dec.InputOffset(), err)
			}
		}
	}
}

func (r *nvdRecord) entry() (e NVDEntry, err error) {
	if r.CVE == nil {
		return e, errors.New("an element without cve: these are no answers of the NVD's")
	}
	var ok bool
	if e.CVE, ok = ParseCVE(r.CVE.ID); !ok {
		return e, fmt.Errorf("%.40q is not a CVE", r.CVE.ID)
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999", time.RFC3339} {
		if t, err := time.Parse(layout, r.CVE.Modified); err == nil {
			e.Modified = t.UTC().Truncate(time.Millisecond)
			break
		}
	}
	e.Rejected = r.CVE.Status == "Rejected"
	m := &r.CVE.Metrics
	for _, metrics := range [][]nvdMetric{m.V40, m.V31, m.V30, m.V2} {
		if e.Vector = primary(metrics); e.Vector != "" {
			return e, nil
		}
	}
	return e, nil
}

// primary is the vector of the primary score, else of the first.
func primary(metrics []nvdMetric) string {
	best := ""
	for _, m := range metrics {
		if m.Data.Vector == "" || len(m.Data.Vector) > maxVector {
			continue
		}
		if m.Type == "Primary" {
			return m.Data.Vector
		}
		if best == "" {
			best = m.Data.Vector
		}
	}
	return best
}

// NewNVD collects entries; of one CVE the one that changed last counts.
func NewNVD(entries []NVDEntry) (*NVD, error) {
	if len(entries) > maxNVDEntries {
		return nil, fmt.Errorf("collecting NVD entries: there are more than %d", maxNVDEntries)
	}
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b NVDEntry) int { return cmp.Or(cmp.Compare(a.CVE, b.CVE), b.Modified.Compare(a.Modified)) })
	n := &NVD{entries: slices.CompactFunc(sorted, func(a, b NVDEntry) bool { return a.CVE == b.CVE })}
	n.digest = hashOf(n.Marshal())
	return n, nil
}

// Entries are all of them, by CVE; not to be changed.
func (n *NVD) Entries() []NVDEntry {
	if n == nil {
		return nil
	}
	return n.entries
}

// Len is the number of CVEs.
func (n *NVD) Len() int { return len(n.Entries()) }

// Find gives the entry of a CVE.
func (n *NVD) Find(c CVE) (NVDEntry, bool) {
	if n == nil {
		return NVDEntry{}, false
	}
	i, ok := slices.BinarySearchFunc(n.entries, c, func(e NVDEntry, c CVE) int { return cmp.Compare(e.CVE, c) })
	if !ok {
		return NVDEntry{}, false
	}
	return n.entries[i], true
}

// Newest is when the entry changed that changed last.
func (n *NVD) Newest() (newest time.Time) {
	for _, e := range n.Entries() {
		if e.Modified.After(newest) {
			newest = e.Modified
		}
	}
	return newest
}

// Digest names the content.
func (n *NVD) Digest() string {
	if n == nil {
		return ""
	}
	return n.digest
}

const nvdHeader = "quell nvd 1\n"

// Marshal packs the entries for the store. Vectors repeat, so each is written once.
func (n *NVD) Marshal() []byte {
	b := []byte(nvdHeader)
	index := map[string]uint64{}
	var vectors []string
	for _, e := range n.entries {
		if _, known := index[e.Vector]; !known {
			index[e.Vector] = uint64(len(vectors))
			vectors = append(vectors, e.Vector)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(vectors)))
	for _, v := range vectors {
		b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
	}
	b = binary.AppendUvarint(b, uint64(len(n.entries)))
	var before CVE
	for _, e := range n.entries {
		b = binary.AppendUvarint(b, uint64(e.CVE-before))
		b = binary.AppendUvarint(b, index[e.Vector])
		rejected := byte(0)
		if e.Rejected {
			rejected = 1
		}
		b = packTime(append(b, rejected), e.Modified)
		before = e.CVE
	}
	return b
}

// UnmarshalNVD unpacks what Marshal packed.
func UnmarshalNVD(b []byte) (*NVD, error) {
	var entries []NVDEntry
	err := unpack(b, nvdHeader, func(u *unpacker) {
		vectors := make([]string, 0, 1024)
		for range u.count(1) {
			vectors = append(vectors, u.text())
		}
		const least = 4 // bytes of an entry
		n := u.count(least)
		entries = make([]NVDEntry, 0, n)
		var before CVE
		for range n {
			before = u.next(before)
			at := u.uint()
			if at >= uint64(len(vectors)) {
				u.fail()
				return
			}
			rejected := u.byte() == 1
			entries = append(entries, NVDEntry{CVE: before, Vector: vectors[at], Rejected: rejected, Modified: u.time()})
		}
	})
	if err != nil {
		return nil, err
	}
	return NewNVD(entries)
}
