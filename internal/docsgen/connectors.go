package main

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/exposure"
)

// connectorPages are the index and one page for each connector.
func connectorPages() map[string]string {
	out := map[string]string{}
	var index strings.Builder
	index.WriteString("# Connectors\n\nA source, tracker or notifier of the [configuration](../configuration.md) names one of these as its `connector`. " +
		"W: takes webhooks. P: is pulled on a schedule. F: reads files, by upload or command line. Every source also takes webhooks that " +
		"[its configuration](../configuration.md) authenticates; W stands where the connector knows the vendor's own signature.\n\n")
	header(&index, "connector", "how", "reads or does")
	for _, reg := range builtin.List() {
		row(&index, "["+reg.Title+"]("+reg.Name+".md) `"+reg.Name+"`", ways(reg), reg.Summary)
		out["connectors/"+reg.Name+".md"] = connectorPage(reg)
	}
	out["connectors/README.md"] = index.String()
	return out
}

// roles are what a connector can do, found as the daemon finds it.
type roles struct{ decodes, pulls, verifies, feeds, incremental bool }

func rolesOf(reg connectors.Registration) (r roles) {
	in, err := reg.Open(connectors.Env{Source: "docs"}, reg.Config())
	if err != nil {
		return r
	}
	_, r.decodes = in.(connectors.Decoder)
	_, r.pulls = in.(connectors.Puller)
	_, r.verifies = in.(connectors.WebhookVerifier)
	_, r.feeds = in.(connectors.Feed)
	_, r.incremental = in.(connectors.Incremental)
	return r
}

func ways(reg connectors.Registration) string {
	r := rolesOf(reg)
	var out []string
	for _, w := range []struct {
		has    bool
		letter string
	}{{r.verifies, "W"}, {r.pulls, "P"}, {r.decodes || r.feeds, "F"}} {
		if w.has {
			out = append(out, w.letter)
		}
	}
	return strings.Join(out, " ")
}

func connectorPage(reg connectors.Registration) string {
	var b strings.Builder
	b.WriteString("# " + reg.Title + "\n\n" + reg.Summary + "\n\n")
	if reg.Inventory {
		b.WriteString("It is an inventory: on what a thing is, how it is called and whose it is, its word holds against a scanner's unless [`precedence`](../inventory.md) says otherwise.\n\n")
	}
	for _, part := range []struct{ heading, text string }{
		{"What it needs", reg.Docs.Needs},
		{"What becomes what", reg.Docs.Maps},
		{"When a weakness is gone", reg.Docs.Fixed},
		{"What a run covers", reg.Docs.Coverage},
		{"Limits", reg.Docs.Limits},
	} {
		if part.text != "" {
			b.WriteString("## " + part.heading + "\n\n" + strings.TrimSpace(part.text) + "\n\n")
		}
	}
	statusTable(&b, reg)
	pulling(&b, reg)
	b.WriteString("## Configuration\n\n")
	if reg.Docs.Example != "" {
		b.WriteString("```yaml\n" + strings.TrimRight(reg.Docs.Example, "\n") + "\n```\n\n")
	}
	if v := defaults(reg); v.IsValid() && v.NumField() > 0 {
		f := &fieldTables{level: 3, visited: map[reflect.Type]string{}}
		f.table(v, "")
		b.WriteString("Below `config`:\n\n" + f.b.String())
	} else {
		b.WriteString("It has no settings of its own.\n")
	}
	return b.String()
}

// statusTable says what the vendor's words for the state of a finding mean.
func statusTable(b *strings.Builder, reg connectors.Registration) {
	if len(reg.Statuses) == 0 {
		return
	}
	words := map[exposure.Status][]string{}
	for _, word := range slices.Sorted(maps.Keys(reg.Statuses)) {
		words[reg.Statuses[word]] = append(words[reg.Statuses[word]], "`"+word+"`")
	}
	b.WriteString("## What the vendor's words mean\n\nOnly `fixed` is evidence that a weakness is gone. A word that is not here reads as open.\n\n")
	header(b, "it says", "which means")
	for _, status := range exposure.Statuses() {
		if len(words[status]) > 0 {
			row(b, strings.Join(words[status], ", "), "`"+string(status)+"`")
		}
	}
	b.WriteString("\n")
}

// pulling says how the vendor's API is asked.
func pulling(b *strings.Builder, reg connectors.Registration) {
	r := rolesOf(reg)
	if !r.pulls {
		return
	}
	b.WriteString("## How it is pulled\n\n" + reg.API + ". " + spoken(cmp.Or(reg.Every, time.Hour)) + " unless the source's `sync` says otherwise")
	switch {
	case r.incremental:
		b.WriteString("; between full syncs only what changed is asked for, which proves no absence.\n\n")
	default:
		b.WriteString(", everything each time.\n\n")
	}
	if hosts := reg.Reach(reg.Config()); len(hosts) > 0 {
		b.WriteString("As configured by default it talks to `" + strings.Join(hosts, "`, `") + "` and to nobody else.\n\n")
	}
}

func spoken(d time.Duration) string {
	switch {
	case d == time.Hour:
		return "Every hour"
	case d%(24*time.Hour) == 0 && d == 24*time.Hour:
		return "Every day"
	case d%time.Hour == 0:
		return "Every " + strings.TrimSuffix(d.String(), "h0m0s") + " hours"
	}
	return "Every " + strings.TrimSuffix(d.String(), "0s")
}
