package exposure

import (
	"time"

	"github.com/quellsec/quell/internal/asset"
)

// Statement is what an author says of one vulnerability in one product: a VEX statement
// of CycloneDX, OpenVEX or CSAF. It overlays the findings that it speaks of, with author,
// justification and date. It is an opinion: it closes nothing.
type Statement struct {
	ID              string             `json:"id"` // stable within the source: document and number, or computed
	Source          string             `json:"source,omitempty"`
	Vulnerability   string             `json:"vulnerability"`     // CVE, or the advisory's own ID
	Aliases         []string           `json:"aliases,omitempty"` // other IDs of the same one
	Product         string             `json:"product,omitempty"` // as the document names it
	Identifiers     []asset.Identifier `json:"identifiers,omitempty"`
	PURLs           []string           `json:"purls,omitempty"`      // of the product, or of components in it
	Components      []string           `json:"components,omitempty"` // purls inside the product; none: the product as a whole
	Status          StatementStatus    `json:"status"`
	Justification   string             `json:"justification,omitempty"` // as VEX spells it: code_not_reachable …
	Impact          string             `json:"impact,omitempty"`        // the author's words
	Action          string             `json:"action,omitempty"`        // what to do, for affected ones
	Author          string             `json:"author,omitempty"`
	At              time.Time          `json:"at,omitzero"` // when it was said last
	Document        string             `json:"document,omitempty"`
	DocumentVersion string             `json:"document_version,omitempty"`
	Version         int64              `json:"version,omitempty"`  // of the record; the store's business
	Withdrawn       time.Time          `json:"withdrawn,omitzero"` // a newer version of the document doesn't have it any more
}

// StatementStatus is the status that a VEX statement gives, as OpenVEX 0.2 spells it.
type StatementStatus string

// The statement statuses.
const (
	StatementNotAffected        StatementStatus = "not_affected"
	StatementAffected           StatementStatus = "affected"
	StatementFixed              StatementStatus = "fixed"
	StatementUnderInvestigation StatementStatus = "under_investigation"
)

// StatementFilter chooses statements. An empty field matches any.
type StatementFilter struct {
	Vulnerability string // in upper case
	Source        string
}
