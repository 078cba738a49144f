package probe

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

// Uploader puts evidence where the daemon keeps it, through its API. It holds a token
// for that alone.
type Uploader struct {
	base   *url.URL
	token  secret.String
	client *http.Client
	pause  time.Duration // before the second attempt; doubled before the third
}

// NewUploader makes an Uploader for the API at base. A token goes over plain HTTP to
// loopback only, unless plain allows it.
func NewUploader(base string, token secret.String, plain bool) (*Uploader, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fault.New(fault.Invalid, "reading the evidence URL: it must be http(s)://host[:port][/path]")
	case u.Scheme == "http" && !plain && !onLoopback(u.Hostname()):
		return nil, fault.New(fault.Invalid, "reading the evidence URL: plain http would show the token on the network; use https, or allow it by name")
	case token.Empty():
		return nil, fault.New(fault.Invalid, "reading the evidence token: it is empty")
	}
	const timeout, pause = 30 * time.Second, time.Second
	transport := &http.Transport{Proxy: nil, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute}
	return &Uploader{base: u, token: token, pause: pause, client: &http.Client{Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

func onLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Put implements EvidenceStore. It tries three times where trying again can help.
func (u *Uploader) Put(ctx context.Context, sum string, body []byte) error {
	const attempts = 3
	pause := u.pause
	for attempt := 1; ; attempt++ {
		err := u.put(ctx, sum, body)
		if kind := fault.KindOf(err); err == nil || attempt == attempts || kind != fault.Unavailable && kind != fault.Throttled {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, ctx.Err())
		}
		pause *= 2
	}
}

func (u *Uploader) put(ctx context.Context, sum string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, u.base.JoinPath("api", "v1", "evidence", sum).String(), bytes.NewReader(body))
	if err != nil {
		return fault.Wrap(fault.Internal, err, "uploading evidence")
	}
	request.Header.Set("Authorization", "Bearer "+u.token.Reveal())
	request.Header.Set("Content-Type", "application/json")
	response, err := u.client.Do(request)
	if err != nil {
		return fault.Wrap(fault.Unavailable, errors.New(plain(err)), "uploading evidence to "+u.base.Host)
	}
	_ = response.Body.Close() // the status is the answer
	switch status := response.StatusCode; {
	case status < http.StatusMultipleChoices:
		return nil
	case status == http.StatusTooManyRequests:
		return fault.New(fault.Throttled, "uploading evidence to %s: too many requests", u.base.Host)
	case status >= http.StatusInternalServerError || status == http.StatusRequestTimeout:
		return fault.New(fault.Unavailable, "uploading evidence to %s: status %d", u.base.Host, status)
	default:
		// A wrong token or address is the operator's to mend, after which the probe can be made again.
		return fault.New(fault.Denied, "uploading evidence to %s: status %d; is the token one for evidence?", u.base.Host, status)
	}
}
