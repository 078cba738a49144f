package httpclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/quellsec/quell/internal/fault"
)

// API is one vendor's HTTP API.
type API struct {
	HTTP *http.Client // nil, as it is offline: every call is refused
	Base string       // "https://tenant.vendor.example/api", without a final slash
	// Auth adds the credentials to a request.
	Auth func(r *http.Request)
	// Refused maps the vendor's own ways to refuse; nil and what it gives nil for go by the
	// status code. It may read the body, of which it sees the first 64 KiB.
	Refused func(status int, header http.Header, body []byte) error
	Largest int64 // bytes of one response's body, uncompressed; zero: 256 MiB
	Vendor  string
}

// Call is one request.
type Call struct {
	Method string // empty: GET, or POST where there is a body
	// Path is added to Base; or the whole URL of a next page, which must be on Base's host.
	Path   string
	Query  url.Values
	JSON   any        // body, encoded as JSON
	Form   url.Values // body, as a form
	Raw    []byte     // body, as it is, of the media type Type
	Type   string
	Accept string // empty: application/json
	Header http.Header
}

const (
	largest   = 256 << 20
	largestNo = 64 << 10 // of a refusing answer
)

// Copy writes the body of a good answer to w as it comes and gives the answer's header.
// Errors have a kind: denied for 401 and 403, not_found for 404 and 410, throttled for
// 429, unavailable for 408, 425, 5xx and what is wrong on the way, conflict for 409,
// invalid for everything else. None repeats a query or a credential.
func (a API) Copy(ctx context.Context, c Call, w io.Writer) (http.Header, error) {
	response, err := a.do(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // what was read is what counts
	most := a.Largest
	if most == 0 {
		most = largest
	}
	n, err := io.Copy(w, io.LimitReader(response.Body, most+1))
	if err != nil {
		return nil, a.wrap(ctx, err, "reading an answer of ")
	}
	if n > most {
		return nil, fault.New(fault.Invalid, "reading an answer of %s: it is larger than %d bytes", a.name(), most)
	}
	return response.Header, nil
}

// Get decodes the JSON body of a good answer into out, as encoding/json does.
func (a API) Get(ctx context.Context, c Call, out any) (http.Header, error) {
	var body bytes.Buffer
	header, err := a.Copy(ctx, c, &body)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body.Bytes(), out); err != nil {
		return nil, fault.New(fault.Unavailable, "reading an answer of %s: it is not the JSON that was asked for", a.name())
	}
	return header, nil
}

func (a API) name() string {
	if a.Vendor != "" {
		return a.Vendor
	}
	return "the vendor"
}

func (a API) do(ctx context.Context, c Call) (*http.Response, error) {
	if a.HTTP == nil {
		return nil, fault.New(fault.Invalid, "calling %s: there is no network here", a.name())
	}
	r, err := a.request(ctx, c)
	if err != nil {
		return nil, err
	}
	response, err := a.HTTP.Do(r)
	if err != nil {
		return nil, a.wrap(ctx, err, "calling ")
	}
	if response.StatusCode >= 200 && response.StatusCode <= 299 {
		return response, nil
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, largestNo)) // half an explanation is one
	_ = response.Body.Close()                                       // likewise
	if a.Refused != nil {
		if err := a.Refused(response.StatusCode, response.Header, body); err != nil {
			return nil, err
		}
	}
	return nil, a.refusal(response)
}

func (a API) request(ctx context.Context, c Call) (*http.Request, error) {
	address := c.Path
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		address = strings.TrimSuffix(a.Base, "/") + "/" + strings.TrimPrefix(c.Path, "/")
	} else if err := a.Same(address); err != nil {
		return nil, err
	}
	var body io.Reader = http.NoBody
	method, contentType := http.MethodGet, ""
	switch {
	case c.JSON != nil:
		text, err := json.Marshal(c.JSON)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "encoding a request")
		}
		method, contentType, body = http.MethodPost, "application/json", bytes.NewReader(text)
	case c.Form != nil:
		method, contentType, body = http.MethodPost, "application/x-www-form-urlencoded", strings.NewReader(c.Form.Encode())
	case c.Raw != nil:
		method, contentType, body = http.MethodPost, c.Type, bytes.NewReader(c.Raw)
	}
	if c.Method != "" {
		method = c.Method
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fault.New(fault.Invalid, "calling %s: its address makes no URL", a.name())
	}
	if len(c.Query) > 0 {
		query := r.URL.Query()
		for k, v := range c.Query {
			query[k] = v
		}
		r.URL.RawQuery = query.Encode()
	}
	for k, v := range c.Header {
		r.Header[k] = v
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("Accept", orText(c.Accept, "application/json"))
	r.Header.Set("User-Agent", "quell")
	if a.Auth != nil {
		a.Auth(r)
	}
	return r, nil
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Same refuses the address of a next page that is on another host than Base: our
// credentials go nowhere else.
func (a API) Same(next string) error {
	n, err1 := url.Parse(next)
	base, err2 := url.Parse(a.Base)
	if err1 != nil || err2 != nil || !strings.EqualFold(n.Host, base.Host) || n.Scheme != base.Scheme {
		return fault.New(fault.Denied, "following the next page: it is not on the host of %s", a.name())
	}
	return nil
}

// wrap gives an error of the transport its kind, without the URL that it quotes.
func (a API) wrap(ctx context.Context, err error, doing string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s%s: %w", doing, a.name(), ctx.Err())
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return fault.Wrap(known.Kind, known, doing+a.name())
	}
	var token *oauth2.RetrieveError
	if errors.As(err, &token) {
		if token.Response != nil {
			return fault.Wrap(fault.KindOf(a.refusal(token.Response)), a.refusal(token.Response), "getting a token of "+a.name())
		}
		return fault.New(fault.Denied, "getting a token of %s: it was refused", a.name())
	}
	var quoted *url.Error
	if errors.As(err, &quoted) {
		err = quoted.Err
	}
	return fault.Wrap(fault.Unavailable, err, doing+a.name())
}

// refusal maps a status code, this once.
func (a API) refusal(r *http.Response) error {
	who := a.name()
	switch code := r.StatusCode; {
	case code == http.StatusUnauthorized:
		return fault.New(fault.Denied, "%s answered %s: check the credentials", who, r.Status)
	case code == http.StatusForbidden:
		return fault.New(fault.Denied, "%s answered %s: check what the credentials are allowed", who, r.Status)
	case code == http.StatusNotFound, code == http.StatusGone:
		return fault.New(fault.NotFound, "%s answered %s: check the address", who, r.Status)
	case code == http.StatusTooManyRequests:
		return &fault.Error{Kind: fault.Throttled, Msg: who + " asks to wait", RetryAfter: RetryAfter(r.Header)}
	case code == http.StatusConflict:
		return fault.New(fault.Conflict, "%s answered %s", who, r.Status)
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= http.StatusInternalServerError:
		return &fault.Error{Kind: fault.Unavailable, Msg: who + " answered " + r.Status, RetryAfter: RetryAfter(r.Header)}
	default:
		return fault.New(fault.Invalid, "%s answered %s", who, r.Status)
	}
}

// RetryAfter reads how long a vendor asks to wait: Retry-After in seconds or as a date
// beside the answer's own Date, else the usual X-RateLimit headers. Zero where it doesn't
// say; at most an hour, so that nobody can put us to sleep.
func RetryAfter(h http.Header) time.Duration {
	const longest = time.Hour
	for _, name := range []string{"Retry-After", "X-RateLimit-ToWait-Sec", "X-RateLimit-Reset-After"} {
		value := strings.TrimSpace(h.Get(name))
		if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 {
			return min(time.Duration(min(seconds, longest.Seconds())*float64(time.Second)), longest)
		}
		if wait := until(value, h); wait > 0 {
			return min(wait, longest)
		}
	}
	for _, name := range []string{"X-RateLimit-Reset", "X-Rate-Limit-Reset"} {
		const past1970 = 1e9 // a moment in Unix seconds, not a number of them
		if at, err := strconv.ParseInt(strings.TrimSpace(h.Get(name)), 10, 64); err == nil && at > past1970 {
			if date, err := http.ParseTime(h.Get("Date")); err == nil {
				return min(max(time.Unix(at, 0).Sub(date), 0), longest)
			}
		}
	}
	return 0
}

func until(value string, h http.Header) time.Duration {
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(at.Sub(date), 0)
}

// NextLink gives the address of the next page out of a Link header (RFC 8288), or empty.
func NextLink(h http.Header) string {
	for _, value := range h.Values("Link") {
		for part := range strings.SplitSeq(value, ",") {
			address, params, ok := strings.Cut(strings.TrimSpace(part), ">")
			if ok && strings.HasPrefix(address, "<") && (strings.Contains(params, `rel="next"`) || strings.Contains(params, "rel=next")) {
				return address[1:]
			}
		}
	}
	return ""
}

// OAuth2 gives a client that gets and renews tokens by client credentials, over the given
// client. Nil for nil.
func OAuth2(over *http.Client, config clientcredentials.Config) *http.Client {
	if over == nil {
		return nil
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, over)
	client := config.Client(ctx)
	client.Timeout = over.Timeout
	client.CheckRedirect = over.CheckRedirect
	return client
}
