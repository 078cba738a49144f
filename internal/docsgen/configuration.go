package main

import (
	"reflect"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/config"
)

const configurationIntro = `# Configuration

One YAML file, ` + "`quell.yaml`" + `, holds everything. It is read strictly: an unknown key is an error, and every problem is reported at
once with its file, line and column and what to do about it.

` + "```" + `
quell config check quell.yaml            # offline; leaves references to secrets alone
quell config check --resolve quell.yaml  # reads the secrets, too
quell config show quell.yaml             # with all defaults, without secrets
` + "```" + `

Secrets never stand in the file. Where a secret is wanted, and anywhere else if it helps, write a reference: ` + "`${env:NAME}`" + ` for an
environment variable, ` + "`${file:/path}`" + ` for a file. An empty file is valid and means the defaults below.

`

func configurationPage() string {
	f := &fieldTables{level: 2, visited: map[reflect.Type]string{}}
	f.table(reflect.ValueOf(config.Default()).Elem(), "")
	return configurationIntro + f.b.String()
}

// connectorPages are the index and one page for each connector.
func connectorPages() map[string]string {
	out := map[string]string{}
	var index strings.Builder
	index.WriteString("# Connectors\n\nA source, tracker or notifier of the [configuration](../configuration.md) names one of these as its `connector`.\n\n")
	header(&index, "connector", "reads or does")
	for _, reg := range builtin.List() {
		row(&index, "["+reg.Title+"]("+reg.Name+".md) `"+reg.Name+"`", reg.Summary)
		out["connectors/"+reg.Name+".md"] = connectorPage(reg)
	}
	out["connectors/README.md"] = index.String()
	return out
}

func connectorPage(reg connectors.Registration) string {
	var b strings.Builder
	b.WriteString("# " + reg.Title + "\n\n" + reg.Summary + "\n\n")
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

// defaults is a connector's configuration struct, or no value where it has none.
func defaults(reg connectors.Registration) reflect.Value {
	if reg.Config == nil {
		return reflect.Value{}
	}
	v := reflect.ValueOf(reg.Config())
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v
}
