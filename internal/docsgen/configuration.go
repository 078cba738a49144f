package main

import (
	"reflect"

	"github.com/quellsec/quell/connectors"
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
