package priority

import (
	"bufio"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// EPSS is one day's release of FIRST's exploit prediction scores: the probability that a
// CVE is exploited within 30 days. It is immutable; the zero EPSS is empty.
type EPSS struct {
	Model  string    // "v2025.03.14"
	Scored time.Time // the scores' date; zero where the file doesn't say
	// Skipped counts the rows of ReadEPSS that name something else than a CVE. The store
	// doesn't keep it.
	Skipped int
	cves    []CVE // sorted; apart from the scores, so that a row takes 12 bytes and not 16
	scores  []float32
	digest  string
}

// Limits of what is read: some ten times the release of 2025.
const (
	maxEPSSBytes = 256 << 20
	maxEPSSRows  = 5_000_000
	maxEPSSLine  = 64 << 10
)

// Len is the number of scores.
func (e *EPSS) Len() int {
	if e == nil {
		return 0
	}
	return len(e.cves)
}

// Find gives the score of a CVE.
func (e *EPSS) Find(c CVE) (float32, bool) {
	if e == nil {
		return 0, false
	}
	i, ok := slices.BinarySearch(e.cves, c)
	if !ok {
		return 0, false
	}
	return e.scores[i], true
}

// Digest names the content: equal digests, equal scores.
func (e *EPSS) Digest() string {
	if e == nil {
		return ""
	}
	return e.digest
}

// ReadEPSS reads FIRST's CSV, unpacked, line by line: an optional comment with model and
// date, a header with the columns cve and epss among others, and a row for each CVE. A row
// without a score is left out, one of something else than a CVE is skipped and counted,
// since some republish the scores with their own identifiers among them. It is strict
// about everything else.
func ReadEPSS(r io.Reader) (*EPSS, error) {
	lines := bufio.NewScanner(&limitedReader{r: r, left: maxEPSSBytes})
	lines.Buffer(make([]byte, 0, 4096), maxEPSSLine)
	var e EPSS
	number, err := e.read(lines)
	if err == nil {
		err = e.seal()
	}
	if err != nil {
		return nil, fmt.Errorf("reading EPSS scores, line %d: %w", number, err)
	}
	return &e, nil
}

func (e *EPSS) read(lines *bufio.Scanner) (number int, err error) {
	cveAt, scoreAt, columns := -1, -1, 0
	for lines.Scan() {
		number++
		line := strings.TrimSuffix(lines.Text(), "\r")
		switch {
		case number == 1 && strings.HasPrefix(line, "#"):
			err = e.comment(line[1:])
		case line == "":
		case columns == 0:
			var header []string
			if header, err = fields(line); err != nil {
				return number, err
			}
			columns = len(header)
			cveAt, scoreAt = slices.Index(header, "cve"), slices.Index(header, "epss")
			if cveAt < 0 || scoreAt < 0 {
				return number, errors.New("the header has no columns cve and epss")
			}
		default:
			var row []string
			if row, err = fields(line); err == nil && len(row) != columns {
				err = fmt.Errorf("%d columns where the header has %d", len(row), columns)
			}
			if err == nil {
				err = e.add(row[cveAt], row[scoreAt])
			}
		}
		if err != nil {
			return number, err
		}
	}
	switch {
	case lines.Err() != nil:
		return number + 1, lines.Err()
	case columns == 0:
		return number, errors.New("there is no header with the columns cve and epss")
	case e.Skipped > len(e.cves):
		return number, errors.New("most rows name no CVE in the column cve")
	}
	return number, nil
}

// comment reads "model_version:v2025.03.14,score_date:2025-08-25T00:00:00Z".
func (e *EPSS) comment(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, ":")
		switch key {
		case "model_version":
			if len(value) > maxVersion {
				return errors.New("its model_version is too long")
			}
			e.Model = value
		case "score_date":
			for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", day} {
				if t, err := time.Parse(layout, value); err == nil {
					e.Scored = t.UTC().Truncate(time.Millisecond)
				}
			}
			if e.Scored.IsZero() {
				return fmt.Errorf("score_date %.40q is not a date", value)
			}
		}
	}
	return nil
}

// fields splits a line; only quotes want the CSV reader's care. A value can't go on over
// the line's end.
func fields(line string) ([]string, error) {
	if !strings.Contains(line, `"`) {
		return strings.Split(line, ","), nil
	}
	return csv.NewReader(strings.NewReader(line)).Read()
}

func (e *EPSS) add(cve, score string) error {
	if score == "" {
		return nil
	}
	c, ok := ParseCVE(cve)
	p, err := strconv.ParseFloat(score, 32)
	if err != nil || math.IsNaN(p) || p < 0 || p > 1 {
		return fmt.Errorf("%.40q is not a probability", score)
	}
	if !ok {
		e.Skipped++
		return nil
	}
	if len(e.cves) == maxEPSSRows {
		return fmt.Errorf("more than %d rows", maxEPSSRows)
	}
	e.cves = append(e.cves, c)
	e.scores = append(e.scores, float32(p))
	return nil
}

// seal sorts the rows, refuses a CVE with two scores, and hashes.
func (e *EPSS) seal() error {
	if !slices.IsSorted(e.cves) {
		sort.Sort((*byCVE)(e))
	}
	kept := 0
	for i := range e.cves {
		switch {
		case i == 0 || e.cves[i] != e.cves[kept-1]:
			e.cves[kept], e.scores[kept] = e.cves[i], e.scores[i]
			kept++
		case e.scores[i] != e.scores[kept-1]:
			return fmt.Errorf("%s has two scores", e.cves[i])
		}
	}
	e.cves, e.scores = slices.Clip(e.cves[:kept]), slices.Clip(e.scores[:kept])
	e.digest = hashOf(e.Marshal())
	return nil
}

type byCVE EPSS

func (e *byCVE) Len() int           { return len(e.cves) }
func (e *byCVE) Less(i, j int) bool { return e.cves[i] < e.cves[j] }
func (e *byCVE) Swap(i, j int) {
	e.cves[i], e.cves[j] = e.cves[j], e.cves[i]
	e.scores[i], e.scores[j] = e.scores[j], e.scores[i]
}

const epssHeader = "quell epss 1\n"

// Marshal packs the scores for the store.
func (e *EPSS) Marshal() []byte {
	const perRow = 7
	b := append(make([]byte, 0, 128+perRow*len(e.cves)), epssHeader...)
	b = packText(b, e.Model)
	b = packTime(b, e.Scored)
	b = binary.AppendUvarint(b, uint64(len(e.cves)))
	var before CVE
	for i, c := range e.cves {
		b = binary.AppendUvarint(b, uint64(c-before))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(e.scores[i]))
		before = c
	}
	return b
}

// UnmarshalEPSS unpacks what Marshal packed.
func UnmarshalEPSS(b []byte) (*EPSS, error) {
	var e EPSS
	err := unpack(b, epssHeader, func(u *unpacker) {
		e.Model, e.Scored = u.text(), u.time()
		const least = 5 // bytes of a row
		n := u.count(least)
		e.cves, e.scores = make([]CVE, 0, n), make([]float32, 0, n)
		var before CVE
		for range n {
			before = u.next(before)
			score := u.float32()
			if !(score >= 0 && score <= 1) { // not a number fails too
				u.fail()
			}
			e.cves, e.scores = append(e.cves, before), append(e.scores, score)
		}
	})
	if err != nil {
		return nil, err
	}
	return &e, e.seal()
}
