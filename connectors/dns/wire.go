package dns

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is held at once.
const (
	largestRecord = 1 << 20
	shortText     = 1 << 10
	mostNames     = 500_000 // of a zone that is checked as a whole
	mostLookups   = 1000    // targets asked for, of one page
)

// envelope is what a pulled page is wrapped in.
type envelope struct {
	Version int               `json:"quell_dns"`
	Zone    string            `json:"zone,omitempty"`
	Whole   bool              `json:"whole,omitempty"`   // the page is all of the zone
	Lookups map[string]string `json:"lookups,omitempty"` // targets outside of it: found or missing
	Page    json.RawMessage   `json:"page"`
}

// What a resolver said of a target. Everything else it may say proves nothing.
const (
	found   = "found"
	missing = "missing"
)

// record is one of Cloudflare's, or of a transfer: both say it so.
type record struct {
	ID       wire.Text  `json:"id"`
	ZoneName wire.Text  `json:"zone_name"` // until 2024
	Name     wire.Text  `json:"name"`
	Type     wire.Text  `json:"type"`
	Content  wire.Text  `json:"content"`
	Proxied  wire.Flag  `json:"proxied"`
	TTL      wire.Text  `json:"ttl"`
	Comment  wire.Text  `json:"comment"`
	Tags     wire.Texts `json:"tags"`
	Modified wire.Time  `json:"modified_on"`
	Disabled wire.Flag  `json:"disabled"`
	// Of a zone in a list of them: it has no content.
	Status      wire.Text  `json:"status"`
	Paused      wire.Flag  `json:"paused"`
	NameServers wire.Texts `json:"name_servers"`
	Account     accountOf  `json:"account"`
	Kind        wire.Text  `json:"kind"` // of PowerDNS: Native, Master, Slave
}

// accountOf is {id, name} at Cloudflare and a text at PowerDNS.
type accountOf string

// UnmarshalJSON implements json.Unmarshaler.
func (a *accountOf) UnmarshalJSON(b []byte) error {
	var text wire.Text
	if len(b) > 0 && b[0] == '{' {
		var account struct {
			Name wire.Text `json:"name"`
		}
		_ = wire.Unmarshal(b, &account) // what doesn't fit is absent
		*a = accountOf(account.Name.String())
		return nil
	}
	err := text.UnmarshalJSON(b)
	*a = accountOf(text.String())
	return err
}

// rrset is one of PowerDNS's sets of records.
type rrset struct {
	Name    wire.Text `json:"name"`
	Type    wire.Text `json:"type"`
	TTL     wire.Text `json:"ttl"`
	Records wire.List[struct {
		Content  wire.Text `json:"content"`
		Disabled wire.Flag `json:"disabled"`
		Modified wire.Time `json:"modified_at"`
	}] `json:"records"`
	Comments wire.List[struct {
		Content wire.Text `json:"content"`
	}] `json:"comments"`
}
