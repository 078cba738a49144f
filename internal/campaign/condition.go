package campaign

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Condition says which exposures a campaign is about: the filter that exposures are listed
// by, without what says how the work on them stands. Values of one field are alternatives,
// the fields must all match.
type Condition struct {
	Decisions  []exposure.DecisionOutcome `json:"decision,omitempty"`
	Severities []exposure.Severity        `json:"severity,omitempty"`
	Owners     []string                   `json:"owner,omitempty"` // the empty text means unowned
	Scopes     []string                   `json:"scope,omitempty"`
	Sources    []string                   `json:"source,omitempty"`
	Assets     []asset.ID                 `json:"asset,omitempty"`
	CVE        string                     `json:"cve,omitempty"`
	Weakness   string                     `json:"weakness,omitempty"`
	KEV        bool                       `json:"kev,omitempty"`        // known to be exploited
	Text       string                     `json:"text,omitempty"`       // part of the title, in any case
	DueBefore  time.Time                  `json:"due_before,omitzero"`  // due before this time
	FirstAfter time.Time                  `json:"first_after,omitzero"` // first seen at or after this time
	Search     string                     `json:"q,omitempty"`          // part of any text
	Vendor     []string                   `json:"vendor,omitempty"`     // KEY=VALUE or KEY in vendors' own fields
}

// live are the states of exposures that may join.
func live() []exposure.State {
	var out []exposure.State
	for _, s := range exposure.States() {
		if s.Live() {
			out = append(out, s)
		}
	}
	return out
}

// Filter finds the exposures that are to join: the live ones.
func (c *Condition) Filter() exposure.Filter {
	return exposure.Filter{
		States: live(), Decisions: c.Decisions, Severities: c.Severities, Owners: c.Owners, Scopes: c.Scopes, Sources: c.Sources, Assets: c.Assets,
		CVE: strings.ToUpper(c.CVE), Weakness: c.Weakness, KEV: c.KEV, Text: c.Text, DueBefore: c.DueBefore, Search: c.Search, Vendor: c.Vendor,
	}
}

// Takes reports whether an exposure that the filter finds meets what no filter asks.
func (c *Condition) Takes(e *exposure.Exposure) bool {
	return e.State.Live() && (c.FirstAfter.IsZero() || !e.FirstSeen.Before(c.FirstAfter))
}

// Looks reports whether what the condition matches can't be counted without being read.
func (c *Condition) Looks() bool {
	return c.Search != "" || len(c.Vendor) > 0 || !c.FirstAfter.IsZero()
}

const (
	maxValues = 100
	maxValue  = 512
)

var cveID = regexp.MustCompile(`^CVE-[0-9]{4}-[0-9]{4,10}$`)

// Problems are what is wrong with a condition.
func (c *Condition) Problems() []Problem {
	var out []Problem
	add := func(field, detail string) { out = append(out, Problem{"where." + field, detail}) }
	for _, o := range c.Decisions {
		if o.Rank() == 0 {
			add("decision", fmt.Sprintf("%q is none of track, track_star, attend, act", o))
		}
	}
	for _, s := range c.Severities {
		if s.Rank() == 0 && s != exposure.SeverityUnknown {
			add("severity", fmt.Sprintf("%q is no severity", s))
		}
	}
	for name, values := range map[string][]string{"owner": c.Owners, "scope": c.Scopes, "source": c.Sources, "vendor": c.Vendor, "asset": texts(c.Assets),
		"cve": {c.CVE}, "weakness": {c.Weakness}, "text": {c.Text}, "q": {c.Search}} {
		switch {
		case len(values) > maxValues:
			add(name, fmt.Sprintf("has more than %d values", maxValues))
		case slices.ContainsFunc(values, func(v string) bool { return len(v) > maxValue }):
			add(name, fmt.Sprintf("is longer than %d bytes", maxValue))
		}
	}
	for _, v := range c.Vendor {
		if key, _, _ := strings.Cut(v, "="); strings.Trim(key, ". ") == "" {
			add("vendor", "must be KEY=VALUE or KEY, such as vpr.score=9.1")
		}
	}
	if c.CVE != "" && !cveID.MatchString(strings.ToUpper(c.CVE)) {
		add("cve", "must be a CVE ID, such as CVE-2024-3094")
	}
	if len(out) == 0 && c.Words() == "" {
		add("", "is required: a campaign about everything is none")
		out[0].Field = "where"
	}
	slices.SortFunc(out, func(a, b Problem) int { return strings.Compare(a.Field+a.Detail, b.Field+b.Detail) })
	return out
}

// Words says what the condition asks, for people: "known to be exploited; scope perimeter".
func (c *Condition) Words() string {
	var out []string
	add := func(what string, values ...string) {
		values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		if len(values) > 0 {
			out = append(out, what+" "+strings.Join(values, " or "))
		}
	}
	if c.KEV {
		out = append(out, "known to be exploited")
	}
	add("decision", texts(c.Decisions)...)
	add("severity", texts(c.Severities)...)
	owners := slices.Clone(c.Owners)
	for i := range owners {
		if owners[i] == "" {
			owners[i] = "nobody"
		}
	}
	add("owner", owners...)
	add("scope", slices.Clone(c.Scopes)...)
	add("source", slices.Clone(c.Sources)...)
	add("asset", texts(c.Assets)...)
	add("CVE", strings.ToUpper(c.CVE))
	add("weakness", c.Weakness)
	add("title with", c.Text)
	if !c.DueBefore.IsZero() {
		add("due before", c.DueBefore.UTC().Format(time.DateOnly))
	}
	if !c.FirstAfter.IsZero() {
		add("first seen since", c.FirstAfter.UTC().Format(time.DateOnly))
	}
	add("anywhere", c.Search)
	add("vendor's own", slices.Clone(c.Vendor)...)
	return strings.Join(out, "; ")
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}
