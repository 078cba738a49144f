package declarative

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const largestPage = 64 << 20

// client is how the configured API is called.
func client(over *http.Client, p *Pull) httpclient.API {
	api := httpclient.API{HTTP: over, Base: p.URL, Largest: largestPage, Vendor: httpclient.HostOf(p.URL)}
	switch {
	case p.TokenURL != "":
		api.HTTP = httpclient.OAuth2(over, clientcredentials.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret.Reveal(), TokenURL: p.TokenURL, Scopes: p.Scopes})
	case p.User != "":
		api.Auth = func(r *http.Request) { r.SetBasicAuth(p.User, p.Password.Reveal()) }
	case !p.Token.Empty():
		header, prefix := p.Header, p.Prefix
		if header == "" {
			header = "Authorization"
		}
		if prefix == "" && header == "Authorization" {
			prefix = "Bearer "
		}
		api.Auth = func(r *http.Request) { r.Header.Set(header, prefix+p.Token.Reveal()) }
	}
	return api
}

// paging is Paging, compiled.
type paging struct{ next, until *expression }

func (p Paging) compile(env *cel.Env) (paging, []error) {
	next, err1 := compile(env, written{"pull.paging.next", p.Next})
	until, err2 := compile(env, written{"pull.paging.until", p.Until})
	var problems []error
	for _, err := range []error{err1, err2} {
		if err != nil {
			problems = append(problems, err)
		}
	}
	return paging{next, until}, problems
}

// cursor is where a sync stands: what a Pull is told as text.
type cursor struct {
	Next     string `json:"next,omitempty"` // cursor, or address
	Number   int    `json:"number,omitempty"`
	Received int    `json:"received"`
	Since    int64  `json:"since,omitempty"` // Unix milliseconds: later pages ask for the same
}

// Changing is a source whose API can be asked for what changed.
type Changing struct{ *Instance }

// FullEvery implements connectors.Incremental.
func (*Changing) FullEvery() time.Duration { return 24 * time.Hour }

// Pull implements connectors.Puller.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.Pull.URL == "" || in.mapping == nil || in.api.HTTP == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	at := cursor{Number: in.config.Pull.Paging.Start}
	if req.Cursor != "" && json.Unmarshal([]byte(req.Cursor), &at) != nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: this is no cursor of ours", in.source)
	}
	if req.Cursor == "" && !req.Since.IsZero() {
		at.Since = req.Since.UnixMilli()
	}
	header, seen, err := in.fetch(ctx, at, page)
	if err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching page after %d items: %w", at.Received, err)
	}
	next, err := in.after(at, header, seen)
	if err != nil {
		return connectors.Pulled{}, err
	}
	if next == nil {
		return connectors.Pulled{Run: in.wholeRun(at, seen)}, nil
	}
	text, err := json.Marshal(next)
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "writing a cursor")
	}
	if len(text) > connectors.MaxCursor {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: the cursor of the next page is too long", in.source)
	}
	return connectors.Pulled{Next: string(text)}, nil
}

// seen is what a page came to.
type seen struct {
	scope scope
	items int
}

// fetch writes a page and reads it meanwhile, for what paging needs to know.
func (in *Instance) fetch(ctx context.Context, at cursor, page io.Writer) (http.Header, *seen, error) {
	out := &seen{scope: in.newScope(ctx)}
	w := newWalker(in.mapping.items)
	var last any
	w.item = func(_ *report.Emitter, item any) error {
		out.items++
		last = item
		return nil
	}
	w.ended = func(*report.Emitter) error { return nil }
	r, pipe := io.Pipe()
	walked := make(chan error, 1)
	go func() {
		err := read(ctx, in.mapping, w, report.Format{Name: in.mapping.format(), Sink: deaf{}, Run: func(*report.Emitter) exposure.Run { return exposure.Run{} }}, r)
		_, _ = io.Copy(io.Discard, r) // so that the writer never waits for who has given up
		walked <- err
	}()
	header, err := in.api.Copy(ctx, in.call(at), io.MultiWriter(page, pipe))
	_ = pipe.CloseWithError(err) // of a pipe it always succeeds; nil is the end
	broken := <-walked
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // Pull says where
	}
	if broken != nil {
		return nil, nil, fault.Wrap(fault.Unavailable, broken, "reading a page")
	}
	out.scope.vars[nameItem], out.scope.vars[nameDoc], out.scope.vars[nameReceived] = last, w.doc, out.items
	return header, out, nil
}

// call is the request for a page.
func (in *Instance) call(at cursor) httpclient.Call {
	p := &in.config.Pull
	c := httpclient.Call{Method: p.Method, Path: p.URL, Query: url.Values{}, Header: http.Header{}}
	for name, value := range p.Headers {
		c.Header.Set(name, value)
	}
	if p.Paging.By == "next" || p.Paging.By == "link" {
		if at.Next != "" {
			c.Path = at.Next
			return in.withBody(c, nil) // the address says all else
		}
	}
	for name, value := range p.Query {
		c.Query.Set(name, value)
	}
	if at.Since > 0 && p.SinceParam != "" {
		c.Query.Set(p.SinceParam, sinceText(p.SinceFormat, time.UnixMilli(at.Since).UTC()))
	}
	more := map[string]any{}
	switch p.Paging.By {
	case "cursor":
		if at.Next != "" {
			more[p.Paging.Param] = at.Next
		}
	case "page", "offset":
		more[p.Paging.Param] = at.Number
	}
	if p.Paging.SizeParam != "" && p.Paging.Size > 0 {
		more[p.Paging.SizeParam] = p.Paging.Size
	}
	if p.Paging.In == "body" {
		return in.withBody(c, more)
	}
	for name, value := range more {
		c.Query.Set(name, fmt.Sprint(value))
	}
	return in.withBody(c, nil)
}

func (in *Instance) withBody(c httpclient.Call, more map[string]any) httpclient.Call {
	p := &in.config.Pull
	if p.Body == "" && more == nil {
		return c
	}
	body, _ := object(p.Body) // Validate has seen it
	maps.Copy(body, more)
	c.JSON = body
	return c
}

// object reads a JSON object; an empty text is an empty one.
func object(text string) (map[string]any, bool) {
	out := map[string]any{}
	if strings.TrimSpace(text) == "" {
		return out, true
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return out, d.Decode(&out) == nil && out != nil
}

// after gives where the sync goes on; nil at its end.
func (in *Instance) after(at cursor, header http.Header, page *seen) (*cursor, error) {
	p := &in.config.Pull.Paging
	next := cursor{Received: at.Received + page.items, Since: at.Since, Number: at.Number}
	if p.By == "" || page.items == 0 || page.scope.truth(in.paging.until) {
		return nil, nil //nolint:nilnil // the end is no error
	}
	switch p.By {
	case "page", "offset":
		if p.Size > 0 && page.items < p.Size {
			return nil, nil //nolint:nilnil // likewise
		}
		next.Number++
		if p.By == "offset" {
			next.Number = at.Number + page.items
		}
		return &next, nil
	case "link":
		next.Next = httpclient.NextLink(header)
	default:
		next.Next = page.scope.text(in.paging.next)
	}
	switch {
	case next.Next == "":
		return nil, nil //nolint:nilnil // likewise
	case next.Next == at.Next:
		return nil, fault.New(fault.Invalid, "pulling from %s: the next page is the same again", in.source)
	case p.By != "cursor":
		address, err := absolute(in.config.Pull.URL, next.Next)
		if err != nil {
			return nil, err
		}
		next.Next = address
		return &next, in.api.Same(address) //nolint:wrapcheck // it says what was done
	}
	return &next, nil
}

// absolute resolves the address of a next page against the list's own.
func absolute(base, next string) (string, error) {
	b, err := url.Parse(base)
	if err != nil {
		return "", fault.New(fault.Invalid, "following the next page: the url is none")
	}
	n, err := b.Parse(next)
	if err != nil {
		return "", fault.New(fault.Invalid, "following the next page: its address is no URL")
	}
	return n.String(), nil
}

// wholeRun is what a sync came to, by its last page.
func (in *Instance) wholeRun(at cursor, page *seen) exposure.Run {
	m, s := in.mapping, &page.scope
	run := exposure.Run{Kind: exposure.RunFull, Checks: s.texts(m.at("run.checks")), Tool: s.text(m.at("run.tool")), Counts: map[string]int{"received": at.Received + page.items}}
	claimed, said := s.number(m.at("run.claimed"))
	if said {
		run.Counts["claimed"] = int(claimed)
	}
	switch {
	case at.Since > 0:
		run.Kind, run.Why = exposure.RunPartial, "only what changed was asked for"
	case !in.config.Pull.Full:
		run.Why = "nobody has said that the list holds everything that is open: see pull.full"
	case said && int(claimed) != at.Received+page.items:
		run.Why = fmt.Sprintf("%d items were announced and %d came", int(claimed), at.Received+page.items)
	case m.has("run.complete") && !s.truth(m.at("run.complete")):
		run.Why = "the source says that it is not complete"
	default:
		run.Complete = true
	}
	return run
}

var epoch = time.Unix(1, 0).UTC() //nolint:gochecknoglobals // a constant

// sinceText writes a time as an API wants it; empty for a notation that is not known.
func sinceText(format string, at time.Time) string {
	switch format {
	case "", "rfc3339":
		return at.Format(time.RFC3339)
	case "date":
		return at.Format(time.DateOnly)
	case "unix":
		return strconv.FormatInt(at.Unix(), 10)
	case "unix_ms":
		return strconv.FormatInt(at.UnixMilli(), 10)
	}
	return ""
}

// deaf is a sink that wants nothing.
type deaf struct{}

// Run implements connectors.Sink.
func (deaf) Run(exposure.Run) error { return nil }

// Cover implements connectors.Sink.
func (deaf) Cover(exposure.Coverage) error { return nil }

// Observe implements connectors.Sink.
func (deaf) Observe(exposure.Observation) error { return nil }

// Statement implements connectors.Sink.
func (deaf) Statement(exposure.Statement) error { return nil }

// Skip implements connectors.Sink.
func (deaf) Skip(string, connectors.Position) {}
