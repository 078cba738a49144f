package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
)

// answer is what a look of our own at the target got.
type answer struct {
	request, response string
	status            int
	header            http.Header
}

// agent is how our own requests name themselves, so that the probed can tell who it was.
const agent = "quell-probe"

// reach says in words why the target can't be reached; empty: it can.
type reach struct {
	why    string
	closed bool // it refused the connection: a live host with a closed port
}

// reachability reads an error of dialling or asking.
func reachability(doing string, err error) reach {
	var timeout net.Error
	switch {
	case err == nil:
		return reach{}
	case errors.Is(err, syscall.ECONNREFUSED):
		return reach{why: doing + ": the port is closed", closed: true}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return reach{why: doing + ": it timed out"}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return reach{why: doing + ": the host can't be reached"}
	}
	return reach{why: doing + ": " + plain(err)}
}

// plain is an error without the URL that net/http puts before it.
func plain(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// connects tries a TCP connection to the target's port.
func (p *Prober) connects(ctx context.Context, w *wall, t target) reach {
	conn, err := w.dial(ctx, t.hostport(), p.opts.RequestTimeout)
	if err == nil {
		err = conn.Close()
	}
	return reachability("connecting to "+t.hostport(), err)
}

// ask makes one GET request to the target's URL over the wall. No redirect is followed.
func (p *Prober) ask(ctx context.Context, w *wall, t target) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*p.opts.RequestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url.String(), http.NoBody)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("User-Agent", agent)
	const maxHead = 256 << 10
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHead,
		ResponseHeaderTimeout: p.opts.RequestTimeout, TLSHandshakeTimeout: p.opts.RequestTimeout,
		DialContext: func(ctx context.Context, _, to string) (net.Conn, error) {
			return w.dial(ctx, to, p.opts.RequestTimeout)
		},
		TLSClientConfig: lookAnyway(),
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(p.opts.MaxResponse)))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return answer{}, err
	}
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s\r\n", response.Proto, response.Status)
	if err := response.Header.Write(&head); err != nil {
		return answer{}, err
	}
	return answer{request: fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n\r\n", t.url.RequestURI(), t.url.Host, agent),
		response: head.String() + "\r\n" + string(body), status: response.StatusCode, header: response.Header}, nil
}

// lookAnyway is the TLS configuration of a look at a host that may be misconfigured:
// what it sends is evidence, never trusted, so that old versions and bad certificates
// don't stop the look.
func lookAnyway() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10} //nolint:gosec // see above
}

// unproven says why an HTTP response of the target proves nothing about what is behind
// it; empty: it was the target itself that answered.
func unproven(t target, response string) string {
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(response)), nil)
	if err != nil {
		return "" // an answer to a raw request need not be HTTP; its matchers have judged it
	}
	_ = r.Body.Close() // it is read from the text below
	_, body, _ := strings.Cut(response, "\r\n\r\n")
	return unprovenParts(t, r.StatusCode, r.Header, body)
}

func unprovenParts(t target, status int, header http.Header, body string) string {
	if name := blockPage(status, header, body); name != "" {
		return fmt.Sprintf("a block page of %s answered (status %d)", name, status)
	}
	switch {
	case status == http.StatusTooManyRequests:
		return "the target is limiting requests (status 429)"
	case status >= http.StatusInternalServerError:
		return fmt.Sprintf("the target failed (status %d)", status)
	case status < 300 || status >= 400 || header.Get("Location") == "":
		return ""
	}
	to, err := url.Parse(header.Get("Location"))
	if err != nil {
		return "the target redirects to something that is not a URL"
	}
	if to = t.url.ResolveReference(to); !t.origin(to) {
		return fmt.Sprintf("the target redirects to %s://%s, which is off target", to.Scheme, to.Host)
	}
	return ""
}

// alive looks whether the target is there and answers for itself. For HTTP that is a
// request of our own; for all else a connection.
func (p *Prober) alive(ctx context.Context, w *wall, t target) (answer, string) {
	if t.url == nil {
		return answer{}, p.connects(ctx, w, t).why
	}
	got, err := p.ask(ctx, w, t)
	if err != nil {
		return got, reachability("asking "+t.hostport(), err).why
	}
	_, body, _ := strings.Cut(got.response, "\r\n\r\n")
	return got, unprovenParts(t, got.status, got.header, body)
}

// withScheme turns a host:port that a web template is to be run on into a URL: https if
// a TLS handshake succeeds there.
func (p *Prober) withScheme(ctx context.Context, w *wall, t target) (target, string) {
	if t.url != nil {
		return t, ""
	}
	conn, err := w.dial(ctx, t.hostport(), p.opts.RequestTimeout)
	if err != nil {
		return t, reachability("connecting to "+t.hostport(), err).why
	}
	defer func() { _ = conn.Close() }() // only a look
	if err := conn.SetDeadline(time.Now().Add(p.opts.RequestTimeout)); err != nil {
		return t, err.Error()
	}
	config := lookAnyway()
	config.ServerName = t.host
	t.url = &url.URL{Scheme: "http", Host: t.hostport()}
	if tls.Client(conn, config).HandshakeContext(ctx) == nil {
		t.url.Scheme = "https"
	}
	return t, ""
}
