// Package scope is scoping as code: named sets of assets by rule, with owner, mission
// impact, risk tolerance and rules of engagement. Pure.
package scope

import "time"

// Scope is a named set of assets. An asset may be in several.
type Scope struct {
	Name          string     `json:"name"`
	Include       []Rule     `json:"include"`           // any matching rule includes
	Exclude       []Rule     `json:"exclude,omitempty"` // any matching rule excludes, whatever includes
	Owner         string     `json:"owner,omitempty"`   // team that answers for the scope
	MissionImpact Impact     `json:"mission_impact,omitempty"`
	Internet      string     `json:"internet,omitempty"`  // yes, no, or unknown: asset.InternetYes …
	Tolerance     string     `json:"tolerance,omitempty"` // outcome up to which exposures may wait: track, track_star
	Engagement    Engagement `json:"engagement,omitzero"`
}

// Impact is SSVC's Mission and Well-Being Impact; empty is unknown.
type Impact string

// The impacts.
const (
	ImpactUnknown Impact = ""
	ImpactLow     Impact = "low"
	ImpactMedium  Impact = "medium"
	ImpactHigh    Impact = "high"
)

// Rule matches an asset when every field that is set matches.
type Rule struct {
	Kind       string            `json:"kind,omitempty"`       // asset kind
	Name       string            `json:"name,omitempty"`       // glob over name, FQDN and hostname identifiers
	Network    string            `json:"network,omitempty"`    // CIDR over IP identifiers
	Zone       string            `json:"zone,omitempty"`       // network zone
	Identifier string            `json:"identifier,omitempty"` // glob over "kind:value"
	Tags       map[string]string `json:"tags,omitempty"`       // each value a glob
	Source     string            `json:"source,omitempty"`     // reported by this source
}

// Engagement is the rules of engagement: may the assets be probed, when, how fast, from
// where. The zero value forbids every probe.
type Engagement struct {
	Probe       bool     `json:"probe"`                   // consent
	Consent     string   `json:"consent,omitempty"`       // who gave it, and where it is written
	Vantage     string   `json:"vantage,omitempty"`       // "internet", "dc1"; the probe's task queue
	Windows     []Window `json:"windows,omitempty"`       // none = any time
	RatePerHost float64  `json:"rate_per_host,omitempty"` // requests a second; zero = 5
	Protocols   []string `json:"protocols,omitempty"`     // of http, dns, tcp, ssl; none = all four
	Networks    []string `json:"networks,omitempty"`      // CIDRs that a resolved address must be in; none = public addresses only
	Ports       []string `json:"ports,omitempty"`         // "443", "8000-8999"; none = all
}

// Window is a weekly time in which probes may run.
type Window struct {
	Days     []time.Weekday `json:"days,omitempty"`     // none = every day
	From     string         `json:"from"`               // "22:00"
	To       string         `json:"to"`                 // "06:00"; before From means the next day
	Location string         `json:"location,omitempty"` // IANA zone; empty = UTC
}
