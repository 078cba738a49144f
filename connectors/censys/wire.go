package censys

import "github.com/quellsec/quell/connectors/wire"

// text is what Censys writes as a text.
type text = wire.Text

// message is what a webhook sends: an event in the manner of CloudEvents.
type message struct {
	Event *struct {
		ID   text      `json:"id"`
		Type text      `json:"type"`
		Time wire.Time `json:"time"`
		Data risk      `json:"data"`
	} `json:"event"`
}

type risk struct {
	Workspace   text      `json:"workspace_id"`
	ID          text      `json:"risk_id"`
	Name        text      `json:"risk_name"`
	Description text      `json:"risk_description"`
	FirstSeen   wire.Time `json:"first_seen_at"`
	LastSeen    wire.Time `json:"last_seen_at"`
	Severity    text      `json:"risk_severity"`
	Asset       text      `json:"impacted_asset"` // "Host: 192.0.2.1"
	Categories  text      `json:"categories"`     // JSON in a text: "[[\"Vulnerability\",…]]"
	Link        text      `json:"link"`
}
