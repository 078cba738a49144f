// Package apiclient talks to quell's REST API on behalf of the command line, the demo and
// the end-to-end tests. It knows the API's manners (problems, pages, idempotency keys) and
// the shapes of its answers, and decides nothing.
package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/fault"
)

// Prefix is where the REST interface is.
const Prefix = "/api/v1"

// Options say which daemon to talk to, and as whom.
type Options struct {
	URL   string // http://127.0.0.1:8088
	Token string // empty = none, for health checks
	Agent string // User-Agent
}

// Client calls one daemon. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	token string
	agent string
	http  *http.Client
}

// New makes a client. It does no I/O.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" {
		return nil, fault.New(fault.Invalid, "the daemon's address wants to be like http://127.0.0.1:8088, without user, password or query")
	}
	if strings.ContainsFunc(o.Token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return nil, fault.New(fault.Invalid, "the token holds characters that no token has; was something else pasted?")
	}
	const (
		dial   = 10 * time.Second
		answer = 5 * time.Minute // imports and rebuilds answer when they are done
		idle   = time.Minute
	)
	return &Client{base: base, token: o.Token, agent: o.Agent, http: &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: dial}).DialContext,
			TLSHandshakeTimeout:   dial,
			ResponseHeaderTimeout: answer,
			IdleConnTimeout:       idle,
		},
		// The token is for this daemon and goes nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// URL is the daemon's address.
func (c *Client) URL() string { return c.base.String() }

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// request is one call.
type request struct {
	method string
	path   string // from the root
	query  url.Values
	header map[string]string
	body   io.Reader
	accept string
}

// maxAnswer bounds an answer that is read whole.
const maxAnswer = 64 << 20

// send makes a call and gives its answer, whose body the caller closes. Whatever isn't
// a success is an error that tells what the API said.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	at, err := url.Parse(c.base.String() + r.path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "making the address of %s: %w", r.path, err)
	}
	at.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, at.String(), r.body)
	if err != nil {
		return nil, fault.New(fault.Invalid, "making the request for %s: %w", r.path, err)
	}
	for name, value := range r.header {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.agent != "" {
		req.Header.Set("User-Agent", c.agent)
	}
	if r.accept == "" {
		r.accept = "application/json"
	}
	req.Header.Set("Accept", r.accept)
	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "calling "+c.base.Host)
		}
		return nil, &fault.Error{Kind: fault.Unavailable, Err: &UnreachableError{URL: c.base.String(), Err: plain(err)}}
	}
	if resp.StatusCode < http.StatusOK || resp.StatusCode >= http.StatusMultipleChoices {
		defer func() { _ = resp.Body.Close() }() // it is read as far as it matters
		return nil, problemOf(resp)
	}
	return resp, nil
}

// plain takes the address out of what net/http says: the caller names it already.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// fetch makes a call and reads its whole answer.
func (c *Client) fetch(ctx context.Context, r request) (json.RawMessage, error) {
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, err, "reading the answer to "+r.path)
	case len(body) > maxAnswer:
		return nil, fault.New(fault.Unavailable, "the answer to %s is larger than %d bytes", r.path, maxAnswer)
	}
	return body, nil
}

// decoded makes a call and decodes its answer, kept as it was too.
func decoded[T any](ctx context.Context, c *Client, r request) (Item[T], error) {
	var out Item[T]
	body, err := c.fetch(ctx, r)
	if err != nil {
		return out, err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return out, nil // 204, or an answer without words
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return out, fault.New(fault.Unavailable, "reading the answer to %s: %w (is this a quell daemon, of about this version?)", r.path, err)
	}
	return out, nil
}

// Item is one answer, decoded and as it was: programs get every field of it.
type Item[T any] struct {
	Value T
	JSON  json.RawMessage
}

// UnmarshalJSON keeps the text beside what it says.
func (i *Item[T]) UnmarshalJSON(b []byte) error {
	i.JSON = bytes.Clone(b)
	return json.Unmarshal(b, &i.Value)
}

// MarshalJSON gives the text back.
func (i Item[T]) MarshalJSON() ([]byte, error) {
	if len(i.JSON) == 0 {
		return json.Marshal(i.Value)
	}
	return i.JSON, nil
}

// jsonRequest makes a call that sends a value.
func jsonRequest(method, path string, v any) (request, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return request{}, fault.Wrap(fault.Internal, err, "encoding the request")
	}
	return request{method: method, path: Prefix + path, body: &b, header: map[string]string{"Content-Type": "application/json"}}, nil
}

// seg is one segment of a path, from data.
func seg(text string) string { return "/" + url.PathEscape(text) }

// UnreachableError says that no daemon answered.
type UnreachableError struct {
	URL string
	Err error
}

// Error implements error.
func (e *UnreachableError) Error() string { return fmt.Sprintf("no answer from %s: %v", e.URL, e.Err) }

// Unwrap gives the network's error.
func (e *UnreachableError) Unwrap() error { return e.Err }
