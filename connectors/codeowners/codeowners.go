// Package codeowners reads CODEOWNERS files of GitHub, GitLab and their kin: whose a
// repository is, and whose its parts are.
package codeowners

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "codeowners"

const format = "CODEOWNERS"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "CODEOWNERS",
		Summary:   "Reads CODEOWNERS files: whose a repository and its parts are.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Reach:     reach,
		API:       "GitHub REST API 2022-11-28 (contents), or a file's address",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "pulled.jsonl", Assets: 2}},
	}
}

// recognize goes by the file's name, or by what a pulled page begins with: the lines of
// such a file look like many others.
func recognize(head []byte, name string) int {
	switch {
	case report.Has(report.Head(head), "quell_codeowners"):
		return 100
	case len(head) > 0 && path.Base(strings.ReplaceAll(name, `\`, "/")) == "CODEOWNERS":
		return 95
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok {
		return nil
	}
	var out []string
	if c.URL != "" {
		out = append(out, httpclient.HostOf(c.URL))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		out = append(out, httpclient.HostOf(c.Files[name]))
	}
	return slices.Compact(out)
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, http: env.HTTP}, nil
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// InventoryOnly reports that the source tells of assets alone.
func (*Instance) InventoryOnly() bool { return true }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	head, body := report.Peek(body)
	if !bytes.HasPrefix(head, []byte("{")) {
		body = in.enveloped(body)
	}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

// enveloped puts a file as it stands in a repository into the envelope of a pulled one. A
// file is small, so that it can be held whole.
func (in *Instance) enveloped(body io.Reader) io.Reader {
	text, err := io.ReadAll(io.LimitReader(body, largestFile+1))
	switch {
	case err != nil:
		return failing{err}
	case len(text) > largestFile:
		return failing{syntax(fmt.Errorf("it is larger than %d bytes", largestFile))}
	case !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0:
		return failing{syntax(errors.New("it is no text"))}
	}
	var out bytes.Buffer
	if err := write(&out, cmp.Or(in.config.Repository, "repository of "+in.source), string(text)); err != nil {
		return failing{err}
	}
	return &out
}

func syntax(err error) error {
	return &connectors.SyntaxError{Position: connectors.Position{Line: 1}, Format: format, Err: err}
}

// failing is a reader that has gone wrong.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	first string
}

// document reads one file in its envelope.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	var file envelope
	if _, ok := r.Into(2*largestFile, &file); !ok || file.Repository == "" {
		r.Fail("it is no file of a repository")
		return nil
	}
	if d.first == "" {
		d.first = file.Repository
	}
	a, named := describe(file.Repository, file.Text, e.Skip)
	if !named {
		r.Fail("no line of it names an owner")
		return nil
	}
	return e.Asset(a)
}

func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{ID: connectors.UID(Name, d.source, d.first), Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Tool: Name}
}
