package priority

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// KEV is one release of CISA's catalogue of known exploited vulnerabilities. It is
// immutable; the zero KEV is empty.
type KEV struct {
	Version  string    // "2025.08.25"
	Released time.Time // as CISA says
	entries  []KEVEntry
	digest   string
}

// KEVEntry is one line of the catalogue.
type KEVEntry struct {
	CVE        CVE
	Added      time.Time // the day it came into the catalogue
	Due        time.Time // CISA's own due date; zero where there is none
	Ransomware bool      // known to be used in ransomware campaigns
}

// Limits of what is read: some sixty times the catalogue of 2025.
const (
	maxKEVBytes   = 64 << 20
	maxKEVEntries = 100_000
)

// Len is the number of entries.
func (k *KEV) Len() int {
	if k == nil {
		return 0
	}
	return len(k.entries)
}

// Find gives the entry of a CVE.
func (k *KEV) Find(c CVE) (KEVEntry, bool) {
	if k == nil {
		return KEVEntry{}, false
	}
	i, ok := slices.BinarySearchFunc(k.entries, c, func(e KEVEntry, c CVE) int { return cmp.Compare(e.CVE, c) })
	if !ok {
		return KEVEntry{}, false
	}
	return k.entries[i], true
}

// Digest names the content: equal digests, equal catalogues.
func (k *KEV) Digest() string {
	if k == nil {
		return ""
	}
	return k.digest
}

// ReadKEV reads CISA's JSON, entry by entry. It is strict: a catalogue that is cut short,
// names a CVE twice or counts wrongly is refused, since a missing entry would say "not
// exploited".
func ReadKEV(r io.Reader) (*KEV, error) {
	limited := &limitedReader{r: r, left: maxKEVBytes}
	dec := json.NewDecoder(limited)
	k, err := readKEV(dec)
	if err != nil {
		return nil, fmt.Errorf("reading a KEV catalogue near byte %d: %w", dec.InputOffset(), err)
	}
	return k, nil
}

func readKEV(dec *json.Decoder) (*KEV, error) {
	if err := delim(dec, '{'); err != nil {
		return nil, err
	}
	var k KEV
	count, listed := -1, false
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		switch key {
		case "catalogVersion":
			err = dec.Decode(&k.Version)
		case "dateReleased":
			err = dec.Decode(&k.Released)
		case "count":
			err = dec.Decode(&count)
		case "vulnerabilities":
			if listed {
				return nil, errors.New("it lists vulnerabilities twice")
			}
			listed = true
			k.entries, err = readEntries(dec)
		default:
			var skipped json.RawMessage
			err = dec.Decode(&skipped)
		}
		if err != nil {
			return nil, fmt.Errorf("%v: %w", key, err)
		}
	}
	if err := delim(dec, '}'); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the catalogue")
	}
	switch {
	case !listed || k.Version == "" || k.Released.IsZero():
		return nil, errors.New("it isn't CISA's catalogue: catalogVersion, dateReleased or vulnerabilities is missing")
	case count != len(k.entries):
		return nil, fmt.Errorf("it says that it has %d entries, and has %d", count, len(k.entries))
	case len(k.Version) > maxVersion:
		return nil, errors.New("its version is too long")
	}
	k.Released = k.Released.UTC().Truncate(time.Millisecond)
	return sealKEV(k)
}

const maxVersion = 64

// sealKEV sorts the entries, refuses repeated ones, and hashes.
func sealKEV(k KEV) (*KEV, error) {
	slices.SortFunc(k.entries, func(a, b KEVEntry) int { return cmp.Compare(a.CVE, b.CVE) })
	for i := 1; i < len(k.entries); i++ {
		if k.entries[i].CVE == k.entries[i-1].CVE {
			return nil, fmt.Errorf("it has %s twice", k.entries[i].CVE)
		}
	}
	k.digest = hashOf(k.Marshal())
	return &k, nil
}

func readEntries(dec *json.Decoder) ([]KEVEntry, error) {
	if err := delim(dec, '['); err != nil {
		return nil, err
	}
	var entries []KEVEntry
	for dec.More() {
		var wire struct {
			CVE        string `json:"cveID"`
			Added      string `json:"dateAdded"`
			Due        string `json:"dueDate"`
			Ransomware string `json:"knownRansomwareCampaignUse"`
		}
		if err := dec.Decode(&wire); err != nil {
			return nil, err
		}
		if len(entries) == maxKEVEntries {
			return nil, fmt.Errorf("more than %d entries", maxKEVEntries)
		}
		e := KEVEntry{Ransomware: strings.EqualFold(wire.Ransomware, "known")}
		var ok bool
		if e.CVE, ok = ParseCVE(wire.CVE); !ok {
			return nil, fmt.Errorf("entry %d: %.40q is not a CVE", len(entries)+1, wire.CVE)
		}
		var err error
		if e.Added, err = date(wire.Added); err != nil {
			return nil, fmt.Errorf("entry %d: dateAdded: %w", len(entries)+1, err)
		}
		if wire.Due != "" {
			if e.Due, err = date(wire.Due); err != nil {
				return nil, fmt.Errorf("entry %d: dueDate: %w", len(entries)+1, err)
			}
		}
		entries = append(entries, e)
	}
	return entries, delim(dec, ']')
}

func date(text string) (time.Time, error) {
	t, err := time.Parse(day, text)
	if err != nil || t.Year() < 2000 {
		return time.Time{}, fmt.Errorf("%.40q is not a date", text)
	}
	return t, nil
}

func delim(dec *json.Decoder, want json.Delim) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%v where %v belongs", token, want)
	}
	return nil
}

// limitedReader fails past its limit, where io.LimitedReader would look like the end.
type limitedReader struct {
	r    io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errors.New("it is larger than anything that was ever published")
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

const kevHeader = "quell kev 1\n"

// Marshal packs the catalogue for the store.
func (k *KEV) Marshal() []byte {
	b := []byte(kevHeader)
	b = packText(b, k.Version)
	b = packTime(b, k.Released)
	b = binary.AppendUvarint(b, uint64(len(k.entries)))
	var before CVE
	for _, e := range k.entries {
		b = binary.AppendUvarint(b, uint64(e.CVE-before))
		b = packTime(b, e.Added)
		b = packTime(b, e.Due)
		flag := byte(0)
		if e.Ransomware {
			flag = 1
		}
		b = append(b, flag)
		before = e.CVE
	}
	return b
}

// UnmarshalKEV unpacks what Marshal packed.
func UnmarshalKEV(b []byte) (*KEV, error) {
	var k KEV
	err := unpack(b, kevHeader, func(u *unpacker) {
		k.Version, k.Released = u.text(), u.time()
		const least = 4 // bytes of an entry
		n := u.count(least)
		k.entries = make([]KEVEntry, 0, n)
		var before CVE
		for range n {
			e := KEVEntry{CVE: u.next(before), Added: u.time(), Due: u.time(), Ransomware: u.byte() == 1}
			k.entries = append(k.entries, e)
			before = e.CVE
		}
	})
	if err != nil {
		return nil, err
	}
	return sealKEV(k)
}
