// Package httpclient is how connectors reach the world: with time-outs, a rate limit, a
// guard that lets a source talk to nobody but its vendor, and one mapping of a vendor's
// answers to our kinds of error.
package httpclient

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/quellsec/quell/internal/fault"
)

// Options are what a client is allowed.
type Options struct {
	// Reach names the hosts that may be talked to, as "host", "host:port", or "*.domain" for
	// all below a domain. Empty: nobody.
	Reach []string
	Rate  float64 // requests a second; zero: 10
	Burst int     // zero: the rate, at least 1
	// Observe, if set, is told of each request's end. Status is zero where none came.
	Observe func(host string, status int, took time.Duration)
	Now     func() time.Time // for Observe; nil: it is told no time
}

const (
	defaultRate    = 10
	connectTimeout = 10 * time.Second
	answerTimeout  = 2 * time.Minute // until the header: exports take their time
	idleTimeout    = 90 * time.Second
	wholeTimeout   = 15 * time.Minute // for one response with its body
	mostRedirects  = 5
)

// New makes a client. Whatever host a URL, a page or a redirect names, it connects only
// to those in Reach, never to link-local addresses (where clouds keep credentials), and
// to loopback only where Reach names a loopback host.
func New(o Options) *http.Client {
	g := &guard{reach: o.Reach, observe: o.Observe, now: o.Now}
	g.limit = rate.NewLimiter(rate.Limit(orElse(o.Rate, defaultRate)), max(o.Burst, int(o.Rate), 1))
	loopback := slices.ContainsFunc(o.Reach, isLoopback)
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		return dialable(address, loopback)
	}}
	g.next = &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: connectTimeout,
		ResponseHeaderTimeout: answerTimeout, IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: 4,
		Proxy: http.ProxyFromEnvironment,
	}
	return &http.Client{Transport: g, Timeout: wholeTimeout, CheckRedirect: g.redirect}
}

func orElse(v, otherwise float64) float64 {
	if v > 0 {
		return v
	}
	return otherwise
}

// guard is the transport that checks and waits before each request.
type guard struct {
	reach   []string
	limit   *rate.Limiter
	next    http.RoundTripper
	observe func(host string, status int, took time.Duration)
	now     func() time.Time
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.allowed(r.URL); err != nil {
		return nil, err
	}
	if err := g.limit.Wait(r.Context()); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "waiting for the rate limit")
	}
	var began time.Time
	if g.now != nil {
		began = g.now()
	}
	response, err := g.next.RoundTrip(r)
	if g.observe != nil {
		status, took := 0, time.Duration(0)
		if response != nil {
			status = response.StatusCode
		}
		if g.now != nil {
			took = g.now().Sub(began)
		}
		g.observe(r.URL.Hostname(), status, took)
	}
	return response, err //nolint:wrapcheck // http.Client says the rest
}

func (g *guard) allowed(u *url.URL) error {
	if u.Scheme != "https" && u.Scheme != "http" {
		return fault.New(fault.Denied, "calling out: %q is neither http nor https", u.Scheme)
	}
	for _, pattern := range g.reach {
		if reaches(pattern, u) {
			return nil
		}
	}
	return fault.New(fault.Denied, "calling out: %s is not a host of this source", u.Hostname())
}

// reaches reports whether a pattern of Reach names the host of a URL.
func reaches(pattern string, u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	pattern = strings.ToLower(pattern)
	if domain, ok := strings.CutPrefix(pattern, "*."); ok {
		return strings.HasSuffix(host, "."+domain)
	}
	if h, port, err := net.SplitHostPort(pattern); err == nil {
		return host == h && port == portOf(u)
	}
	return host == strings.Trim(pattern, "[]")
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}

// redirect follows few, never from TLS to plain text, and only where we may go.
func (g *guard) redirect(r *http.Request, via []*http.Request) error {
	if len(via) >= mostRedirects {
		return fault.New(fault.Invalid, "following redirects: more than %d", mostRedirects)
	}
	if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return fault.New(fault.Denied, "following a redirect: it leads from https to %s", r.URL.Scheme)
	}
	return g.allowed(r.URL)
}

// metadata are addresses outside the link-local networks at which clouds keep credentials.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("192.0.0.192")} //nolint:gochecknoglobals // a constant

// dialable judges an address once its name is resolved, so that no name can lead where
// we must not go.
func dialable(address string, loopback bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "connecting to "+address)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "connecting to "+address)
	}
	ip = ip.WithZone("").Unmap()
	switch {
	case ip.IsLinkLocalUnicast(), ip.IsMulticast(), ip.IsUnspecified(), slices.Contains(metadata, ip):
		return fault.New(fault.Denied, "connecting to %s: such an address is never a vendor's", ip)
	case ip.IsLoopback() && !loopback:
		return fault.New(fault.Denied, "connecting to %s: only a source whose address is a loopback one may", ip)
	}
	return nil
}

func isLoopback(pattern string) bool {
	host := pattern
	if h, _, err := net.SplitHostPort(pattern); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// HostOf gives what Reach wants of a configured address: its host with its port. Empty
// for what is no http address, or holds a password.
func HostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return ""
	}
	return net.JoinHostPort(u.Hostname(), portOf(u))
}

// CheckURL says what is wrong with a configured address, without repeating it, since it
// may hold a password. Nil for a good one; an empty one is good.
func CheckURL(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("this is not a URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("wants to begin with https:// and a host")
	case u.User != nil:
		return errors.New("holds a password; use the setting that is made for it")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("wants to end with the path, without ? or #")
	}
	return nil
}
