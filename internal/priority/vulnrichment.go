package priority

import (
	"bytes"
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

// Points are the SSVC decision points that CISA publishes for one CVE (Vulnrichment). An
// empty value isn't known.
type Points struct {
	CVE             CVE
	Exploitation    Value
	Automatable     Value
	TechnicalImpact Value
	At              time.Time // when CISA looked
}

// Assessed are the decision points of many CVEs. It is immutable; the zero Assessed is
// empty.
type Assessed struct {
	points []Points
	digest string
}

const maxRecordBytes = 8 << 20

// ReadVulnrichmentAll reads CVE records one after the other, and tells fn the points of
// those that have any.
func ReadVulnrichmentAll(r io.Reader, fn func(Points) error) error {
	dec := json.NewDecoder(r)
	for n := 0; ; n++ {
		var record json.RawMessage
		err := dec.Decode(&record)
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading CVE records near byte %d: %w", dec.InputOffset(), err)
		}
		p, err := ReadVulnrichment(bytes.NewReader(record))
		if err != nil {
			return err
		}
		if p.Exploitation == "" && p.Automatable == "" && p.TechnicalImpact == "" {
			continue
		}
		if err := fn(p); err != nil {
			return err
		}
	}
}

// Points are all of them, by CVE; not to be changed.
func (a *Assessed) Points() []Points {
	if a == nil {
		return nil
	}
	return a.points
}

// ReadVulnrichment reads one CVE record (JSON 5.x) as CISA enriches it. A record without
// decision points gives Points with nothing but the CVE.
func ReadVulnrichment(r io.Reader) (Points, error) {
	var record struct {
		Meta struct {
			ID string `json:"cveId"`
		} `json:"cveMetadata"`
		Containers struct {
			ADP []struct {
				Metrics []struct {
					Other struct {
						Type    string          `json:"type"`
						Content json.RawMessage `json:"content"`
					} `json:"other"`
				} `json:"metrics"`
			} `json:"adp"`
		} `json:"containers"`
	}
	dec := json.NewDecoder(&limitedReader{r: r, left: maxRecordBytes})
	if err := dec.Decode(&record); err != nil {
		return Points{}, fmt.Errorf("reading a CVE record near byte %d: %w", dec.InputOffset(), err)
	}
	var p Points
	var ok bool
	if p.CVE, ok = ParseCVE(record.Meta.ID); !ok {
		return Points{}, fmt.Errorf("reading a CVE record: %.40q is not a CVE", record.Meta.ID)
	}
	for _, container := range record.Containers.ADP {
		for _, metric := range container.Metrics {
			if metric.Other.Type != "ssvc" {
				continue
			}
			if err := p.read(metric.Other.Content); err != nil {
				return Points{}, fmt.Errorf("reading the SSVC points of %s: %w", p.CVE, err)
			}
		}
	}
	return p, nil
}

func (p *Points) read(content json.RawMessage) error {
	var ssvc struct {
		At      time.Time           `json:"timestamp"`
		Options []map[string]string `json:"options"`
	}
	if err := json.Unmarshal(content, &ssvc); err != nil {
		return err
	}
	p.At = ssvc.At.UTC().Truncate(time.Millisecond)
	for _, option := range ssvc.Options {
		for name, text := range option {
			value, known := Value(strings.TrimPrefix(strings.ToLower(text), "public ")), true
			switch name {
			case "Exploitation":
				_, known = index(value, None, PoC, Active)
				p.Exploitation = value
			case "Automatable":
				_, known = index(value, No, Yes)
				p.Automatable = value
			case "Technical Impact":
				_, known = index(value, Partial, Total)
				p.TechnicalImpact = value
			}
			if !known {
				return fmt.Errorf("%.40q is not a value of %s", text, name)
			}
		}
	}
	return nil
}

// NewAssessed collects points; of one CVE the newest count.
func NewAssessed(points []Points) *Assessed {
	sorted := slices.Clone(points)
	slices.SortStableFunc(sorted, func(a, b Points) int { return cmp.Or(cmp.Compare(a.CVE, b.CVE), b.At.Compare(a.At)) })
	a := &Assessed{points: slices.CompactFunc(sorted, func(a, b Points) bool { return a.CVE == b.CVE })}
	a.digest = hashOf(a.Marshal())
	return a
}

// Len is the number of CVEs.
func (a *Assessed) Len() int {
	if a == nil {
		return 0
	}
	return len(a.points)
}

// Find gives the points of a CVE.
func (a *Assessed) Find(c CVE) (Points, bool) {
	if a == nil {
		return Points{}, false
	}
	i, ok := slices.BinarySearchFunc(a.points, c, func(p Points, c CVE) int { return cmp.Compare(p.CVE, c) })
	if !ok {
		return Points{}, false
	}
	return a.points[i], true
}

// Digest names the content.
func (a *Assessed) Digest() string {
	if a == nil {
		return ""
	}
	return a.digest
}

const assessedHeader = "quell ssvc 1\n"

// packed are the values in the order of their bytes in the packed form; new ones go last.
func packed() []Value { return []Value{"", None, PoC, Active, No, Yes, Partial, Total} }

// Marshal packs the points for the store.
func (a *Assessed) Marshal() []byte {
	b := []byte(assessedHeader)
	b = binary.AppendUvarint(b, uint64(len(a.points)))
	var before CVE
	for _, p := range a.points {
		b = binary.AppendUvarint(b, uint64(p.CVE-before))
		for _, v := range [...]Value{p.Exploitation, p.Automatable, p.TechnicalImpact} {
			b = binary.AppendUvarint(b, uint64(max(0, slices.Index(packed(), v)))) // one byte
		}
		b = packTime(b, p.At)
		before = p.CVE
	}
	return b
}

// UnmarshalAssessed unpacks what Marshal packed.
func UnmarshalAssessed(b []byte) (*Assessed, error) {
	var points []Points
	err := unpack(b, assessedHeader, func(u *unpacker) {
		const least = 5 // bytes of an entry
		n := u.count(least)
		points = make([]Points, 0, n)
		value := func() Value {
			if i := int(u.byte()); i < len(packed()) {
				return packed()[i]
			}
			u.fail()
			return ""
		}
		var before CVE
		for range n {
			before = u.next(before)
			points = append(points, Points{before, value(), value(), value(), u.time()})
		}
	})
	if err != nil {
		return nil, err
	}
	for _, p := range points {
		_, ok1 := index(p.Exploitation, "", None, PoC, Active)
		_, ok2 := index(p.Automatable, "", No, Yes)
		_, ok3 := index(p.TechnicalImpact, "", Partial, Total)
		if !ok1 || !ok2 || !ok3 {
			return nil, errors.New("unpacking SSVC points: a value stands where it doesn't belong")
		}
	}
	return NewAssessed(points), nil
}
