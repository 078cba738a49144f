package webhookout

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Endpoint is where signed messages are posted.
type Endpoint struct {
	url     string
	http    *http.Client
	signers []signer
	now     func() time.Time
}

// NewEndpoint makes an endpoint of an address, a guarded client and the keys that messages
// are signed with: the present one, and the one before while it is being rotated.
func NewEndpoint(url string, client *http.Client, now func() time.Time, own, before secret.String) (*Endpoint, error) {
	signers, err := signersOf(own, before)
	return &Endpoint{url: url, http: straight(client), signers: signers, now: now}, err
}

// straight is a client that follows no redirect.
func straight(client *http.Client) *http.Client {
	if client == nil {
		return nil
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// Call posts a body under an ID, by which the receiver knows a repetition, and gives the
// body of a good answer. Errors have a kind: throttled and unavailable may be tried again,
// and may have arrived.
func (e *Endpoint) Call(ctx context.Context, id string, body []byte) ([]byte, error) {
	if e.http == nil || len(e.signers) == 0 {
		return nil, fault.New(fault.Invalid, "calling the webhook: there is no network or no secret here")
	}
	stamp := strconv.FormatInt(e.now().Unix(), 10)
	signatures := make([]string, len(e.signers))
	for i, s := range e.signers {
		signatures[i] = s.sign(id, stamp, body)
	}
	api := httpclient.API{HTTP: e.http, Base: e.url, Vendor: "the webhook's receiver", Largest: mostAnswer, Refused: gone,
		Auth: func(r *http.Request) {
			r.Header.Set("Webhook-Id", id)
			r.Header.Set("Webhook-Timestamp", stamp)
			r.Header.Set("Webhook-Signature", strings.Join(signatures, " "))
		}}
	var answer bytes.Buffer
	_, err := api.Copy(ctx, httpclient.Call{Path: e.url, Raw: body, Type: "application/json"}, &answer)
	return answer.Bytes(), err //nolint:wrapcheck // it says what was being done
}

// mostAnswer is more than any answer to a webhook that we look at.
const mostAnswer = 1 << 20

// gone says of 410 what Standard Webhooks means by it.
func gone(status int, _ http.Header, _ []byte) error {
	if status == http.StatusGone {
		return fault.New(fault.NotFound, "the webhook's receiver answered 410: nobody listens there any more")
	}
	return nil
}

// signer signs with one key.
type signer struct {
	key     []byte
	private ed25519.PrivateKey
}

func signersOf(own, before secret.String) ([]signer, error) {
	var out []signer
	for _, s := range []secret.String{own, before} {
		if s.Empty() {
			continue
		}
		key, err := signerOf(s)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "reading a webhook's secret")
		}
		out = append(out, key)
	}
	return out, nil
}

// sign gives the signature of a message, with its version in front.
func (s signer) sign(id, stamp string, body []byte) string {
	message := bytes.Join([][]byte{[]byte(id), []byte(stamp), body}, []byte{'.'})
	if s.private != nil {
		return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(s.private, message))
	}
	mac := hmac.New(sha256.New, s.key)
	mac.Write(message)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
