package bbot

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// text is what BBOT writes as a text.
type text = wire.Text

// event is one thing that was found.
type event struct {
	Type      text        `json:"type"`
	ID        text        `json:"id"`
	Data      data        `json:"data"`
	DataJSON  data        `json:"data_json"` // in newer versions, where data isn't a text
	Host      text        `json:"host"`
	Port      wire.Number `json:"port"`
	Netloc    text        `json:"netloc"`
	Resolved  wire.Texts  `json:"resolved_hosts"`
	DNS       children    `json:"dns_children"`
	Distance  wire.Number `json:"scope_distance"`
	Scan      text        `json:"scan"`
	Timestamp wire.Time   `json:"timestamp"` // seconds in version 1, ISO 8601 in version 2
	Tags      wire.Texts  `json:"tags"`
	Module    text        `json:"module"`
	Context   text        `json:"discovery_context"`
	raw       []byte
}

type children struct {
	CNAME wire.Texts `json:"CNAME"`
}

// data is a text, or an object whose fields depend on the type.
type data struct {
	Text        string
	Host        text `json:"host"`
	URL         text `json:"url"`
	Name        text `json:"name"`
	Description text `json:"description"`
	Severity    text `json:"severity"`
	Confidence  text `json:"confidence"`
	Technology  text `json:"technology"`
	Protocol    text `json:"protocol"`
	Port        text `json:"port"`
	Status      text `json:"status"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *data) UnmarshalJSON(b []byte) error {
	*d = data{}
	if json.Unmarshal(b, &d.Text) == nil {
		return nil
	}
	type fields data
	var f fields
	if wire.Unmarshal(b, &f) {
		*d = data(f)
	}
	return nil
}

// fields is whichever of the two holds them.
func (ev *event) fields() *data {
	if ev.Data.Text == "" && ev.Data == (data{}) {
		return &ev.DataJSON
	}
	return &ev.Data
}
