// Package scope is scoping as code: named sets of assets by rule, with owner, mission
// impact, risk tolerance and rules of engagement. Pure.
//
// It is also the home of the small words that policies and routes share with scopes
// (Duration, Glob, FieldError), being the lowest package that both may import.
package scope

// Scope is a named set of assets. An asset may be in several.
type Scope struct {
	Name          string      `yaml:"name" json:"name" doc:"Name of the scope: letters, digits, dots, dashes and underscores."`
	Include       []Rule      `yaml:"include" json:"include" doc:"Rules for the assets that belong to the scope; any matching rule includes."`
	Exclude       []Rule      `yaml:"exclude" json:"exclude,omitempty" doc:"Rules for the assets that don't; any matching rule excludes, whatever includes."`
	Owner         string      `yaml:"owner" json:"owner,omitempty" doc:"Team that answers for the scope where nothing more specific names one."`
	MissionImpact Impact      `yaml:"mission_impact" json:"mission_impact,omitempty" doc:"SSVC mission and well-being impact of losing these assets: low, medium or high. Unset is unknown, and decided on the worst case."`
	Internet      string      `yaml:"internet" json:"internet,omitempty" doc:"Whether these assets can be reached from the internet: yes, no or unknown."`
	Tolerance     string      `yaml:"tolerance" json:"tolerance,omitempty" doc:"Outcome up to which exposures may wait: track, track_star or attend. Unset leaves it to the policy. A remediation timeline of three days never waits."`
	Engagement    *Engagement `yaml:"engagement" json:"engagement,omitempty" doc:"Rules of engagement. Without them the scope says nothing about probes; with probe false it forbids them, whatever other scopes allow."`
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

// Rank orders impacts: unknown 0, low 1, medium 2, high 3.
func (i Impact) Rank() int {
	switch i {
	case ImpactLow:
		return 1
	case ImpactMedium:
		return 2
	case ImpactHigh:
		return 3
	case ImpactUnknown:
	}
	return 0
}

// Rule matches an asset when every field that is set matches.
type Rule struct {
	Kind       string            `yaml:"kind" json:"kind,omitempty" doc:"Kind of asset, such as host or cloud_resource."`
	Name       string            `yaml:"name" json:"name,omitempty" doc:"Pattern over the name, FQDNs and hostnames; * stands for any text and ? for one character, in any case."`
	Network    string            `yaml:"network" json:"network,omitempty" doc:"Network that one of the IP addresses is in, such as 10.0.0.0/8."`
	Zone       string            `yaml:"zone" json:"zone,omitempty" doc:"Network zone."`
	Identifier string            `yaml:"identifier" json:"identifier,omitempty" doc:"Pattern over kind:value of an identifier, such as cloud_resource:arn:aws:*:123456789012:*."`
	Tags       map[string]string `yaml:"tags" json:"tags,omitempty" doc:"Tags that must all be there, each value a pattern."`
	Source     string            `yaml:"source" json:"source,omitempty" doc:"Name of a source that reported the asset."`
}

// Engagement is the rules of engagement: may the assets be probed, when, how fast, from
// where. The zero value forbids every probe.
type Engagement struct {
	Probe       bool     `yaml:"probe" json:"probe" doc:"Consent to probe these assets."`
	Consent     string   `yaml:"consent" json:"consent,omitempty" doc:"Who consented, and where it is written."`
	Vantage     string   `yaml:"vantage" json:"vantage,omitempty" doc:"Vantage point that probes run from, such as internet or dc1. Unset allows any."`
	Windows     []Window `yaml:"windows" json:"windows,omitempty" doc:"Weekly times in which probes may run; none means any time."`
	RatePerHost float64  `yaml:"rate_per_host" json:"rate_per_host,omitempty" doc:"Requests a second to one host; unset means 5."`
	Protocols   []string `yaml:"protocols" json:"protocols,omitempty" doc:"Protocols out of http, dns, tcp and ssl; none means all four."`
	Networks    []string `yaml:"networks" json:"networks,omitempty" doc:"Networks that a resolved address must be in; none means public addresses only. A private or otherwise special address wants a network inside its own range: 0.0.0.0/0 doesn't grant 127.0.0.1."`
	Ports       []string `yaml:"ports" json:"ports,omitempty" doc:"Ports, such as 443 or 8000-8999; none means all."`

	// Also holds the rules of the asset's other scopes, all of which must allow a probe
	// too. Set.EngagementFor fills it; it isn't configured.
	Also []Engagement `yaml:"-" json:"also,omitempty"`
}

// Window is a weekly time in which probes may run. It follows the wall clock of its
// location, so daylight saving moves it along.
type Window struct {
	Days     []Day  `yaml:"days" json:"days,omitempty" doc:"Days on which the window opens: mon, tue, wed, thu, fri, sat, sun. None means every day."`
	From     string `yaml:"from" json:"from" doc:"Opening time, such as 22:00."`
	To       string `yaml:"to" json:"to" doc:"Closing time, such as 06:00; at or before the opening time it means the next day."`
	Location string `yaml:"location" json:"location,omitempty" doc:"IANA time zone, such as Europe/Berlin; unset means UTC."`
}
