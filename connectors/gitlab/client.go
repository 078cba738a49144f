package gitlab

import (
	"cmp"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors/signature"
)

// VerifyWebhook implements connectors.WebhookVerifier: the signature of Standard Webhooks
// where there is one, else the shared token. What can't show the one can't fall back on the
// other, unless both are configured.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	c := &in.config
	signed := !c.SigningToken.Empty() || !c.PreviousSigningToken.Empty()
	if signed && (header.Get("webhook-signature") != "" || c.Secret.Empty()) {
		return signature.StandardWebhooks().Verify(header, body, now, c.SigningToken, c.PreviousSigningToken) //nolint:wrapcheck // it says what was being done
	}
	if err := signature.Token(header, "X-Gitlab-Token", "", c.Secret, c.PreviousSecret); err != nil {
		return "", err //nolint:wrapcheck // likewise
	}
	return cmp.Or(header.Get("Idempotency-Key"), header.Get("X-Gitlab-Event-UUID")), nil
}
