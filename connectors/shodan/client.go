package shodan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const (
	perPage     = 10 // hosts
	largestHost = 32 << 20
)

// errNothing is a host of which Shodan knows nothing.
var errNothing = errors.New("nothing is known of the host")

// cursor names the address that comes next, so that hosts which are added or taken away
// meanwhile move nothing.
type cursor struct {
	Next netip.Addr `json:"n"`
}

// Pull implements connectors.Puller: what Shodan knows of the next few hosts, a line each.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	addresses, err := in.config.addresses()
	if err != nil || len(addresses) == 0 || in.config.URL == "" || in.http == nil {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no hosts or no url is configured", in.source)
	}
	begin := 0
	if req.Cursor != "" {
		var at cursor
		if json.Unmarshal([]byte(req.Cursor), &at) != nil {
			return connectors.Pulled{}, connectors.ErrExpired
		}
		if begin = index(addresses, at.Next); begin < 0 {
			return connectors.Pulled{}, connectors.ErrExpired
		}
	}
	end := min(begin+perPage, len(addresses))
	var lines bytes.Buffer
	for _, addr := range addresses[begin:end] {
		if err := in.host(ctx, addr, &lines); err != nil && !errors.Is(err, errNothing) {
			return connectors.Pulled{}, fmt.Errorf("looking up %s: %w", addr, err)
		}
	}
	if _, err := lines.WriteTo(page); err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Unavailable, err, "writing a page")
	}
	if end == len(addresses) {
		return connectors.Pulled{Run: exposure.Run{Kind: exposure.RunFull, Why: "what Shodan does not show may still be there"}}, nil
	}
	next, err := json.Marshal(cursor{addresses[end]})
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "encoding a cursor")
	}
	return connectors.Pulled{Next: string(next)}, nil
}

func index(addresses []netip.Addr, addr netip.Addr) int {
	for i := range addresses {
		if addresses[i] == addr {
			return i
		}
	}
	return -1
}

func (in *Instance) host(ctx context.Context, addr netip.Addr, lines *bytes.Buffer) error {
	api := httpclient.API{
		HTTP: in.http, Base: in.config.URL, Vendor: "Shodan", Largest: largestHost, Refused: refused,
		Auth: func(r *http.Request) { // the only way that Shodan takes a key
			query := r.URL.Query()
			query.Set("key", in.config.Key.Reveal())
			r.URL.RawQuery = query.Encode()
		},
	}
	var body json.RawMessage
	if _, err := api.Get(ctx, httpclient.Call{Path: "shodan/host/" + addr.String()}, &body); err != nil {
		return err
	}
	if err := json.Compact(lines, body); err != nil {
		return fault.Wrap(fault.Unavailable, err, "reading an answer of Shodan")
	}
	lines.WriteByte('\n')
	return nil
}

// refused knows the 404 that says that there is nothing to know.
func refused(status int, _ http.Header, body []byte) error {
	if status == http.StatusNotFound && strings.Contains(string(body), "No information") {
		return errNothing
	}
	return nil
}

// hook is how Shodan signs, as far as that is known.
var hook = signature.HMAC{ //nolint:gochecknoglobals // a constant
	Header: "SHODAN-SIGNATURE-SHA1", Hash: signature.SHA1, Encoding: signature.Hex, IDHeader: "SHODAN-SIGNATURE-SHA1",
}

// VerifyWebhook implements connectors.WebhookVerifier.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	return hook.Verify(header, body, now, in.config.Key, in.config.PreviousKey)
}
