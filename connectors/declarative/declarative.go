// Package declarative reads JSON, XML and CSV of tools that have no connector of their
// own, as a source's configuration describes them: where the findings are, and what is
// what in them, in expressions of CEL. Descriptions of some formats are ready-made, in
// profiles.
package declarative

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "declarative"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Declarative",
		Summary:   "Reads JSON, XML or CSV of any tool, from files, an API or webhooks, as the configuration describes it in CEL; with ready-made profiles.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Reach:     reach,
		API:       "as configured",
		Docs:      docs,
		Samples:   samples,
	}
}

// recognize knows the formats of the ready-made profiles that have marks.
func recognize(head []byte, _ string) int {
	if name, marks := marked(head); name != "" {
		const sure, each, most = 50, 10, 85
		return min(sure+each*marks, most)
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok {
		return nil
	}
	var out []string
	for _, address := range []string{c.Pull.URL, c.Pull.TokenURL} {
		if host := httpclient.HostOf(address); host != "" {
			out = append(out, host)
		}
	}
	return out
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	l, err := language()
	if err != nil {
		return nil, err
	}
	m, problems := c.program(l)
	paging, more := c.Pull.Paging.compile(l)
	if err := errors.Join(append(problems, more...)...); err != nil {
		return nil, fmt.Errorf("opening source %s: %w", env.Source, err)
	}
	in := &Instance{source: env.Source, config: *c, mapping: m, paging: paging, api: client(env.HTTP, &c.Pull)}
	if c.Pull.SinceParam != "" {
		return &Changing{in}, nil
	}
	return in, nil
}

// Instance is one configured declarative source.
type Instance struct {
	source  string
	config  Config
	mapping *compiled // nil: by marks
	paging  paging
	api     httpclient.API
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	m        *compiled
	walk     *walker
	scope    scope
	items    int
	target   *asset.Description // of the container that is being read, once it was needed
	last     *asset.Description
	assets   map[uint64]struct{}
	overflow bool
	uids     hash.Hash64
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	head, whole := report.Peek(body)
	m, err := in.choose(head)
	if err != nil {
		if ctx.Err() == nil {
			_, err = readError(whole, err)
		}
		return err
	}
	d := &decoding{Instance: in, m: m, walk: newWalker(m.items), assets: map[uint64]struct{}{}, uids: fnv.New64a()}
	d.scope = in.newScope(ctx)
	d.walk.item, d.walk.ended = d.received, d.containerEnded
	return read(ctx, m, d.walk, report.Format{Name: m.format(), Sink: sink, Run: d.describeRun}, whole)
}

// readError gives the body's own error, if it has one, in place of what it seems to be.
func readError(body io.Reader, otherwise error) (int64, error) {
	n, err := io.Copy(io.Discard, io.LimitReader(body, connectors.RecognizeBytes))
	if err != nil {
		return n, fmt.Errorf("reading a report: %w", err)
	}
	return n, otherwise
}

// choose gives the configured mapping, or the profile that a body bears the marks of.
func (in *Instance) choose(head []byte) (*compiled, error) {
	if in.mapping != nil {
		if !bears(head, in.mapping.Read) {
			return nil, report.Unknown(in.mapping.format(), "this is not the format that the source describes")
		}
		return in.mapping, nil
	}
	name, _ := marked(head)
	if name == "" {
		return nil, report.Unknown("a report", "no profile recognises it, and the source has no mapping of its own")
	}
	p, err := profile(name)
	if err != nil {
		return nil, err
	}
	return p.compile()
}

// format names a format in errors.
func (c *compiled) format() string {
	if c.Title != "" {
		return c.Title
	}
	return "declared " + c.Read.Format
}

func (in *Instance) newScope(ctx context.Context) scope {
	params := in.config.Params
	if params == nil {
		params = map[string]string{}
	}
	return scope{ctx: ctx, vars: map[string]any{nameItem: nil, namePart: nil, nameDoc: map[string]any{}, nameParams: params, nameReceived: 0}, failed: func(string) {}}
}

// read goes through a body in its format.
func read(ctx context.Context, m *compiled, w *walker, f report.Format, body io.Reader) error {
	switch m.Read.Format {
	case "xml":
		return f.XML(ctx, body, w.xml)
	case "csv":
		return f.CSV(ctx, csvpull.NewReader(body, f.Name), m.Read.Columns, w.row)
	}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		w.seen = false
		err := w.json(e, r)
		if err == nil && r.OK() && !w.seen {
			r.Fail("there is no %s in it", m.Read.Items)
		}
		return err
	})
}
