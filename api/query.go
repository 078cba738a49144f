package api

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// param is one query parameter or header of a route: what the OpenAPI document says of it
// and what is checked before the handler runs.
type param struct {
	name string
	doc  string
	kind string   // string, integer, boolean or time
	enum []string // the values, where they are a list
	many bool     // may be repeated: the values are alternatives
}

func text(name, doc string) param   { return param{name: name, doc: doc, kind: "string"} }
func number(name, doc string) param { return param{name: name, doc: doc, kind: "integer"} }
func yesNo(name, doc string) param  { return param{name: name, doc: doc, kind: "boolean"} }
func moment(name, doc string) param { return param{name: name, doc: doc, kind: "time"} }
func (p param) repeated() param     { p.many = true; return p }
func choice[T ~string](name, doc string, of []T) param {
	p := text(name, doc)
	for _, w := range of {
		p.enum = append(p.enum, string(w))
	}
	return p
}

const (
	maxValues = 100 // of one parameter
	maxValue  = 512 // bytes
	maxCursor = 4096
	maxLimit  = 1000
)

// checkQuery names every parameter that is unknown, repeated without leave, or not of its
// kind, so that a misspelt filter isn't taken for none.
func checkQuery(params []param, query url.Values) error {
	var errs []FieldError
	for name, values := range query {
		i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
		if i < 0 {
			errs = append(errs, FieldError{Field: name, Detail: "is not a parameter of this address"})
			continue
		}
		if why := params[i].wrong(values); why != "" {
			errs = append(errs, FieldError{Field: name, Detail: why})
		}
	}
	if len(errs) == 0 {
		return nil
	}
	slices.SortFunc(errs, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	return invalid(errs...)
}

// wrong says what is wrong with the values of a parameter.
func (p param) wrong(values []string) string {
	switch {
	case len(values) > 1 && !p.many:
		return "may be given only once"
	case len(values) > maxValues:
		return "may be given at most " + strconv.Itoa(maxValues) + " times"
	}
	for _, v := range values {
		if why := p.wrongValue(v); why != "" {
			return why
		}
	}
	return ""
}

func (p param) wrongValue(v string) string {
	longest := maxValue
	if p.name == "cursor" {
		longest = maxCursor
	}
	switch {
	case len(v) > longest:
		return "is longer than " + strconv.Itoa(longest) + " bytes"
	case !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl):
		return "holds bytes that are not text"
	case len(p.enum) > 0 && !slices.Contains(p.enum, v):
		return "must be one of " + strings.Join(p.enum, ", ")
	}
	switch p.kind {
	case "integer":
		if n, err := strconv.Atoi(v); err != nil || n < 1 || n > maxLimit {
			return "must be a whole number from 1 to " + strconv.Itoa(maxLimit)
		}
	case "boolean":
		if v != "true" && v != "false" {
			return "must be true or false"
		}
	case "time":
		if _, err := time.Parse(time.RFC3339, v); err != nil {
			return "must be an RFC 3339 time, such as 2026-11-23T00:00:00Z"
		}
	}
	return ""
}

// at reads a time that checkQuery has passed.
func at(query url.Values, name string) time.Time {
	t, err := time.Parse(time.RFC3339, query.Get(name))
	if err != nil {
		return time.Time{} // absent
	}
	return ms(t)
}

// sorts are the orders of exposures.
func sorts() []exposure.Sort {
	return []exposure.Sort{exposure.SortDue, exposure.SortDueDesc, exposure.SortSeverity, exposure.SortDecision,
		exposure.SortFirstSeen, exposure.SortNewest, exposure.SortUpdated, exposure.SortID}
}

func outcomes() []exposure.DecisionOutcome {
	return []exposure.DecisionOutcome{exposure.Track, exposure.TrackStar, exposure.Attend, exposure.Act}
}

func severities() []exposure.Severity {
	return []exposure.Severity{exposure.SeverityUnknown, exposure.SeverityInfo, exposure.SeverityLow, exposure.SeverityMedium,
		exposure.SeverityHigh, exposure.SeverityCritical}
}

// pageParams are those of every list.
func pageParams() []param {
	return []param{
		number("limit", "How many to give at most; 50 if absent."),
		text("cursor", "The `next` of the page before."),
	}
}

// filterParams are the fields of exposure.Filter. Values of one are alternatives, all
// parameters must match.
func filterParams() []param {
	return []param{
		choice("state", "The state.", exposure.States()).repeated(),
		choice("decision", "The decision.", outcomes()).repeated(),
		choice("severity", "The worst severity that a source reports.", severities()).repeated(),
		text("owner", "The owning team; an empty value means unowned.").repeated(),
		text("scope", "A scope that the asset is in.").repeated(),
		text("source", "A source that reports it.").repeated(),
		text("asset", "The asset's ID.").repeated(),
		text("cve", "A CVE, such as CVE-2024-3094."),
		text("weakness", "The weakness: a CVE or a scheme-qualified check."),
		text("remediation", "The remediation that it belongs to."),
		text("campaign", "The ID of a campaign that it is or was part of."),
		yesNo("kev", "True: only what is known to be exploited (KEV)."),
		text("text", "Part of the title, in any case."),
		choice("mode", "Who has it in hand.", []exposure.Mode{exposure.ModeStore, exposure.ModeWorkflow}),
		yesNo("queued", "True: only those in the admission queue."),
		moment("due_before", "Due before this time."),
		moment("due_after", "Due after this time."),
		moment("timer_before", "With a timer of the store before this time."),
		moment("wake_before", "With an unread wake older than this time."),
		moment("updated_since", "Changed at or after this time."),
	}
}

// searchParams are what exposures are searched by: no index knows it.
func searchParams() []param {
	return []param{
		text("q", "Part of any text of it, what the sources say in their own fields included, in any case. A page may be short, or empty, and have a next nevertheless."),
		text("vendor", "KEY=VALUE, or KEY alone, in the fields that are a vendor's own; inner keys after a dot. Several must all be there. Pages as with q.").repeated(),
	}
}

var cveID = regexp.MustCompile(`^CVE-[0-9]{4}-[0-9]{4,10}$`)

// filterOf makes the filter of a query that checkQuery has passed. Visible are the scopes
// that the caller may see.
func filterOf(query url.Values, visible []string) (exposure.Filter, error) {
	f := exposure.Filter{
		States:      convert[exposure.State](query["state"]),
		Decisions:   convert[exposure.DecisionOutcome](query["decision"]),
		Severities:  convert[exposure.Severity](query["severity"]),
		Owners:      query["owner"],
		Scopes:      query["scope"],
		Sources:     query["source"],
		Assets:      convert[asset.ID](query["asset"]),
		CVE:         strings.ToUpper(query.Get("cve")),
		Weakness:    query.Get("weakness"),
		Remediation: query.Get("remediation"),
		Campaign:    query.Get("campaign"),
		KEV:         query.Get("kev") == "true",
		Text:        query.Get("text"),
		Mode:        exposure.Mode(query.Get("mode")),
		DueBefore:   at(query, "due_before"),
		DueAfter:    at(query, "due_after"),
		TimerBefore: at(query, "timer_before"),
		WakeBefore:  at(query, "wake_before"),
		Updated:     at(query, "updated_since"),
		Queued:      query.Get("queued") == "true",
		Visible:     visible,
		Search:      query.Get("q"),
		Vendor:      query["vendor"],
	}
	for _, v := range f.Vendor {
		if key, _, _ := strings.Cut(v, "="); strings.Trim(key, ". ") == "" {
			return f, invalid(FieldError{Field: "vendor", Detail: "must be KEY=VALUE or KEY, such as vpr.score=9.1"})
		}
	}
	if f.CVE != "" && !cveID.MatchString(f.CVE) {
		return f, invalid(FieldError{Field: "cve", Detail: "must be a CVE ID, such as CVE-2024-3094"})
	}
	return f, nil
}

// listOf makes the page of a query that checkQuery has passed.
func listOf(query url.Values) exposure.List {
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil {
		limit = 0 // absent: the store's default
	}
	return exposure.List{Sort: exposure.Sort(query.Get("sort")), Limit: limit, Cursor: query.Get("cursor")}
}

func convert[T ~string](list []string) []T {
	if len(list) == 0 {
		return nil
	}
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = T(v)
	}
	return out
}
