package shodan

import (
	"context"
	"encoding/json"

	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

const (
	largestHostBody = 32 << 20
	largestBanner   = 8 << 20
)

// text is what Shodan writes as a text.
type text = wire.Text

// banner is what a crawler saw at one port; of a look-up also the host as a whole, which
// has its banners in data.
type banner struct {
	IP        text            `json:"ip_str"`
	Port      wire.Number     `json:"port"`
	Transport text            `json:"transport"`
	Hostnames wire.Texts      `json:"hostnames"`
	Domains   wire.Texts      `json:"domains"`
	OS        text            `json:"os"`
	Org       text            `json:"org"`
	ASN       text            `json:"asn"`
	Product   text            `json:"product"`
	Version   text            `json:"version"`
	Timestamp wire.Time       `json:"timestamp"`
	SSL       json.RawMessage `json:"ssl"`
	HTTP      struct {
		Title text `json:"title"`
	} `json:"http"`
	Tags   wire.Texts `json:"tags"`
	Vulns  vulns      `json:"vulns"`
	Data   payload    `json:"data"`
	Shodan *struct {
		Module text `json:"module"`
		Alert  struct {
			ID      text `json:"id"`
			Name    text `json:"name"`
			Trigger text `json:"trigger"`
		} `json:"alert"`
	} `json:"_shodan"`
	raw []byte
}

// vulns are by CVE, or a bare list of them.
type vulns map[string]vuln

type vuln struct {
	Verified   *wire.Flag  `json:"verified"`
	CVSS       wire.Number `json:"cvss"`
	EPSS       wire.Number `json:"epss"`
	KEV        wire.Flag   `json:"kev"`
	Summary    text        `json:"summary"`
	References wire.Texts  `json:"references"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *vulns) UnmarshalJSON(b []byte) error {
	*v = nil
	var full map[string]json.RawMessage
	if json.Unmarshal(b, &full) == nil {
		*v = make(vulns, len(full))
		for id, raw := range full {
			var one vuln
			wire.Unmarshal(raw, &one)
			(*v)[id] = one
		}
		return nil
	}
	var list []string
	if json.Unmarshal(b, &list) == nil {
		*v = make(vulns, len(list))
		for _, id := range list {
			(*v)[id] = vuln{}
		}
	}
	return nil
}

// payload is a banner's raw data, or a host's banners.
type payload struct {
	text    string
	banners []json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *payload) UnmarshalJSON(b []byte) error {
	*p = payload{}
	if json.Unmarshal(b, &p.text) != nil {
		_ = json.Unmarshal(b, &p.banners) // what is neither is nothing
	}
	return nil
}

// value reads a banner, a host with its banners, or the answer to a search.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	switch r.Kind() {
	case jsonpull.Array:
		return r.Each(ctx, func() error { return d.one(e, r) })
	case jsonpull.Object:
	default:
		r.Fail("banners come in an object")
		return nil
	}
	// An answer to a search has its banners under matches, however many; anything else is
	// one element.
	found := false
	rest := map[string]json.RawMessage{}
	size := 0
	err := r.Fields(func(key string) error {
		if key == "matches" {
			found = true
			return r.Each(ctx, func() error { return d.one(e, r) })
		}
		if raw := r.Raw(largestHostBody); raw != nil && size < largestHostBody {
			size += len(raw) + len(key)
			rest[key] = append(json.RawMessage(nil), raw...)
		}
		return nil
	})
	if err != nil || found || !r.OK() {
		return err
	}
	if !d.host(e, encoded(rest)) {
		r.Fail("there is neither an address nor a port")
		return nil
	}
	return d.err
}

// encoded is an object of fields as they stood; nothing for what is none.
func encoded(fields map[string]json.RawMessage) []byte {
	whole, err := json.Marshal(fields)
	if err != nil {
		return nil
	}
	return whole
}

// one reads one banner of a list.
func (d *decoding) one(e *report.Emitter, r *jsonpull.Reader) error {
	raw := r.Raw(largestBanner)
	if raw == nil || !d.host(e, raw) {
		e.Skip("banner_without_address")
	}
	return d.err
}

// host emits a banner, or the banners of a host. It reports false for what is neither.
func (d *decoding) host(e *report.Emitter, raw []byte) bool {
	var b banner
	if !wire.Unmarshal(raw, &b) || b.IP == "" {
		return false
	}
	b.raw = raw
	if len(b.Data.banners) == 0 {
		d.err = d.emit(e, &b)
		return true
	}
	for _, one := range b.Data.banners {
		inner := banner{IP: b.IP, Hostnames: b.Hostnames, Org: b.Org, ASN: b.ASN, OS: b.OS, raw: one}
		if !wire.Unmarshal(one, &inner) {
			e.Skip("banner_unreadable")
			continue
		}
		if d.err = d.emit(e, &inner); d.err != nil {
			break
		}
	}
	return true
}
