package fake

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// The headers of the scanner's API and webhooks.
const (
	HeaderNext      = "X-Fake-Next"      // cursor of the page after this one; absent on the last
	HeaderSignature = "X-Fake-Signature" // hex HMAC-SHA256 over timestamp, ".", body
	HeaderTimestamp = "X-Fake-Timestamp" // Unix seconds
	HeaderDelivery  = "X-Fake-Delivery"  // the delivery's ID
)

const (
	longestCursor = 1 << 10
	largestPage   = 64 << 20
	clockSkew     = 5 * time.Minute
)

// doer is the part of an HTTP client that is used.
type doer interface {
	Do(request *http.Request) (*http.Response, error)
}

// Pull implements connectors.Puller: one page of findings, and where the next one begins.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	next, err := in.page(ctx, req.Cursor, page)
	if err != nil || next != "" {
		return connectors.Pulled{Next: next}, err
	}
	return connectors.Pulled{Run: exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{Name + ":*"}}}, nil
}

func (in *Instance) page(ctx context.Context, cursor string, page io.Writer) (next string, err error) {
	if in.config.URL == "" || in.http == nil {
		return "", fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	response, err := in.get(ctx, cursor)
	if err != nil {
		return "", fmt.Errorf("fetching page %q: %w", cursor, err)
	}
	defer func() { _ = response.Body.Close() }() // what was read is what counts
	if err := refused(response); err != nil {
		return "", fmt.Errorf("fetching page %q: %w", cursor, err)
	}
	n, err := io.Copy(page, io.LimitReader(response.Body, largestPage+1))
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, fmt.Sprintf("reading page %q", cursor))
	}
	if n > largestPage {
		return "", fault.New(fault.Invalid, "reading page %q: it is larger than %d bytes", cursor, largestPage)
	}
	next = response.Header.Get(HeaderNext)
	if len(next) > longestCursor || next != "" && next == cursor {
		return "", fault.New(fault.Invalid, "reading page %q: the next cursor is the same, or too long", cursor)
	}
	return next, nil
}

func (in *Instance) get(ctx context.Context, cursor string) (*http.Response, error) {
	query := url.Values{"limit": {strconv.Itoa(in.config.Page)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	address := strings.TrimSuffix(in.config.URL, "/") + "/findings?" + query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "making the request")
	}
	request.Header.Set("Authorization", "Bearer "+in.config.Token.Reveal())
	request.Header.Set("Accept", "application/json")
	response, err := in.http.Do(request)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "asking the scanner")
	}
	return response, nil
}

// refused maps the vendor's answers to our kinds of error, this once.
func refused(response *http.Response) error {
	switch code := response.StatusCode; {
	case code == http.StatusOK:
		return nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fault.New(fault.Denied, "the scanner answered %s: check the token", response.Status)
	case code == http.StatusNotFound:
		return fault.New(fault.NotFound, "the scanner answered %s: check the url", response.Status)
	case code == http.StatusTooManyRequests:
		seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
		if err != nil || seconds < 0 {
			seconds = 0 // unknown: the caller backs off by itself
		}
		return &fault.Error{Kind: fault.Throttled, Msg: "the scanner asks to wait", RetryAfter: time.Duration(seconds) * time.Second}
	case code >= http.StatusInternalServerError:
		return fault.New(fault.Unavailable, "the scanner answered %s", response.Status)
	default:
		return fault.New(fault.Invalid, "the scanner answered %s", response.Status)
	}
}

// VerifyWebhook implements connectors.WebhookVerifier.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	if in.config.Secret.Empty() {
		return "", fault.New(fault.Denied, "verifying a webhook: %s has no secret configured", in.source)
	}
	stamp := header.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > clockSkew {
		return "", fault.New(fault.Denied, "verifying a webhook: the timestamp is missing or more than %s off", clockSkew)
	}
	given, err := hex.DecodeString(header.Get(HeaderSignature))
	if err != nil || !hmac.Equal(given, sign(in.config.Secret.Reveal(), stamp, body)) {
		return "", fault.New(fault.Denied, "verifying a webhook: the signature does not fit")
	}
	return header.Get(HeaderDelivery), nil
}

// Sign gives the signature that the scanner would send, for those who play its part.
func Sign(key, timestamp string, body []byte) string {
	return hex.EncodeToString(sign(key, timestamp, body))
}

func sign(key, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}
