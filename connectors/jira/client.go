package jira

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	gojira "github.com/andygrunwald/go-jira"
	"golang.org/x/oauth2"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// client speaks Jira's REST API: go-jira builds the requests and reads the answers, over
// an HTTP client that logs in, keeps the limits, and gives errors their kinds before the
// library makes one text of them.
type client struct {
	jira   *gojira.Client
	prefix string // rest/api/3/ or rest/api/2/
	limits *limits
}

const (
	largestAnswer  = 16 << 20
	largestRefusal = 64 << 10
)

// door is what go-jira sends requests through.
type door struct {
	http   *http.Client
	auth   func(r *http.Request) error
	limits *limits
}

// Do implements go-jira's httpClient. The body of a good answer is read whole.
func (d *door) Do(r *http.Request) (*http.Response, error) {
	if d.http == nil {
		return nil, fault.New(fault.Invalid, "calling Jira: there is no network here")
	}
	if err := d.limits.take(r); err != nil {
		return nil, err
	}
	r.Header.Del(pageHeader)
	if err := d.auth(r); err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "quell")
	r.Header.Set("Accept", "application/json")
	response, err := d.http.Do(r) //nolint:gosec // its address is the configured one, which the client guards
	if err != nil {
		return nil, outage(r.Context(), err)
	}
	defer func() { _ = response.Body.Close() }() // what was read is what counts
	good := response.StatusCode >= 200 && response.StatusCode <= 299
	most := int64(largestAnswer)
	if !good {
		most = largestRefusal
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case good && err != nil:
		return nil, outage(r.Context(), err)
	case good && int64(len(text)) > most:
		return nil, fault.New(fault.Invalid, "reading an answer of Jira: it is larger than %d bytes", most)
	}
	if err := d.limits.told(r, response); err != nil {
		return nil, err
	}
	// Some sites take whoever is refused for an anonymous visitor, who finds nothing.
	if why := response.Header.Get("X-Seraph-LoginReason"); strings.Contains(why, "AUTHENTICATED_FAILED") || strings.Contains(why, "AUTHENTICATION_DENIED") {
		return nil, fault.New(fault.Denied, "Jira doesn't take quell's credentials: check them, and sign in to Jira once if it asks for a CAPTCHA")
	}
	if !good {
		return nil, refusal(response, text)
	}
	response.Body = io.NopCloser(bytes.NewReader(text))
	return response, nil
}

// outage is an error on the way, without the address that it quotes.
func outage(ctx context.Context, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return fault.Wrap(known.Kind, known, "calling Jira")
	}
	var token *oauth2.RetrieveError
	if errors.As(err, &token) {
		return fault.New(fault.Denied, "getting a token of Jira: it was refused; check client_id and client_secret")
	}
	if ctx.Err() != nil {
		return fault.Wrap(fault.Unavailable, ctx.Err(), "calling Jira")
	}
	var quoted *url.Error
	if errors.As(err, &quoted) {
		err = quoted.Err
	}
	return fault.Wrap(fault.Unavailable, err, "calling Jira")
}

// refused is an answer that says no, with what Jira says of it by field.
type refused struct {
	status   int
	messages []string
	fields   map[string]string
}

// Error implements error. What Jira says is foreign text.
func (e *refused) Error() string {
	parts := append([]string{"Jira answered " + http.StatusText(e.status)}, e.messages...)
	for _, field := range slices.Sorted(maps.Keys(e.fields)) {
		parts = append(parts, field+": "+e.fields[field])
	}
	return connectors.Cut(strings.Join(parts, "; "), 500)
}

func refusal(r *http.Response, text []byte) error {
	said := &refused{status: r.StatusCode, fields: map[string]string{}}
	var answer struct {
		ErrorMessages []string          `json:"errorMessages"`
		Errors        map[string]string `json:"errors"`
	}
	if json.Unmarshal(text, &answer) == nil {
		for _, m := range answer.ErrorMessages {
			said.messages = append(said.messages, connectors.Redact(connectors.Title(m, 200)))
		}
		for field, m := range answer.Errors {
			said.fields[connectors.Title(field, 60)] = connectors.Redact(connectors.Title(m, 200))
		}
	}
	wait := httpclient.RetryAfter(r.Header)
	switch code := r.StatusCode; {
	case code == http.StatusUnauthorized:
		return fault.New(fault.Denied, "Jira answered 401: check the credentials")
	case code == http.StatusForbidden:
		return fault.Wrap(fault.Denied, said, "asking Jira")
	case code == http.StatusNotFound, code == http.StatusGone:
		return fault.Wrap(fault.NotFound, said, "asking Jira")
	case code == http.StatusConflict:
		return fault.Wrap(fault.Conflict, said, "asking Jira")
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= http.StatusInternalServerError:
		return &fault.Error{Kind: fault.Unavailable, Msg: "asking Jira: it answered " + http.StatusText(code), RetryAfter: wait}
	default:
		return fault.Wrap(fault.Invalid, said, "asking Jira")
	}
}

// newClient makes the client of a configuration.
func newClient(c *Config, env *connectors.Env, now clock) (*client, error) {
	d := &door{http: env.HTTP, limits: newLimits(env, c, now)}
	d.auth = authOf(c, env.HTTP)
	j, err := gojira.NewClient(d, c.base())
	if err != nil {
		return nil, fault.New(fault.Invalid, "opening Jira: its address makes no URL")
	}
	out := &client{jira: j, prefix: "rest/api/3/", limits: d.limits}
	if c.Deployment == datacenter {
		out.prefix = "rest/api/2/"
	}
	return out, nil
}

// call makes one request below the API's own path. in and out may be nil.
func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	address := c.prefix + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r, err := c.jira.NewRequestWithContext(ctx, method, address, in)
	if err != nil {
		return fault.New(fault.Internal, "encoding a request to Jira")
	}
	if _, err = c.jira.Do(r, out); err != nil {
		var known *fault.Error
		if errors.As(err, &known) {
			return known
		}
		return fault.New(fault.Unavailable, "reading an answer of Jira: it is not the JSON that was asked for")
	}
	return nil
}

func (c *client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.call(ctx, http.MethodGet, path, query, nil, out)
}

// authOf adds credentials to requests.
func authOf(c *Config, over *http.Client) func(r *http.Request) error {
	switch {
	case c.OAuth.ClientID != "":
		tokens := oauthTokens(&c.OAuth, over)
		return func(r *http.Request) error {
			token, err := tokens.Token()
			if err != nil {
				return outage(r.Context(), err)
			}
			token.SetAuthHeader(r)
			return nil
		}
	case c.User != "":
		return func(r *http.Request) error {
			r.SetBasicAuth(c.User, c.Token.Reveal())
			return nil
		}
	}
	return func(r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
		return nil
	}
}

// segment makes a key or ID fit for a path.
func segment(s string) string { return url.PathEscape(strings.TrimSpace(s)) }
