package declarative

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors/signature"
)

const (
	algorithmToken    = "token"
	algorithmStandard = "standard"
)

// validate checks the keys where webhooks are taken at all.
func (w *Webhook) validate() []error {
	var problems []error
	switch w.Algorithm {
	case "", "sha256", "sha512", "sha1", algorithmToken, algorithmStandard:
	default:
		problems = append(problems, errors.New("webhook.algorithm: wants to be sha256, sha512, sha1, token or standard"))
	}
	if w.Encoding != "" && w.Encoding != "hex" && w.Encoding != "base64" {
		problems = append(problems, errors.New("webhook.encoding: wants to be hex or base64"))
	}
	if !w.Secret.Empty() && w.Header == "" && w.Algorithm != algorithmStandard {
		problems = append(problems, errors.New("webhook.header: is needed"))
	}
	if w.Signed != "" && !strings.Contains(w.Signed, "{body}") {
		problems = append(problems, errors.New("webhook.signed: wants to hold {body}"))
	}
	if strings.Contains(w.Signed, "{timestamp}") != (w.TimestampHeader != "") {
		problems = append(problems, errors.New("webhook.timestamp_header: goes together with {timestamp} in signed, as a time that isn't signed proves nothing"))
	}
	return problems
}

// scheme is the signature that the configuration describes.
func (w *Webhook) scheme() signature.HMAC {
	if w.Algorithm == algorithmStandard {
		return signature.StandardWebhooks()
	}
	h := signature.HMAC{Header: w.Header, Prefix: w.Prefix, Hash: signature.SHA256, Encoding: signature.Hex, TimeHeader: w.TimestampHeader, IDHeader: w.IDHeader}
	switch w.Algorithm {
	case "sha512":
		h.Hash = signature.SHA512
	case "sha1":
		h.Hash = signature.SHA1
	}
	if w.Encoding == "base64" {
		h.Encoding = signature.Base64
	}
	if w.Signed != "" {
		h.Message = func(header http.Header, body []byte) [][]byte {
			before, after, _ := strings.Cut(w.Signed, "{body}") // not replaced in the body, which may hold the words
			fill := strings.NewReplacer("{timestamp}", header.Get(w.TimestampHeader), "{id}", header.Get(w.IDHeader))
			message := append([]byte(fill.Replace(before)), body...)
			return [][]byte{append(message, fill.Replace(after)...)}
		}
	}
	return h
}

// VerifyWebhook implements connectors.WebhookVerifier.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	w := &in.config.Webhook
	if w.Algorithm == algorithmToken {
		if err := signature.Token(header, w.Header, w.Prefix, w.Secret, w.PreviousSecret); err != nil {
			return "", err //nolint:wrapcheck // it says what was done
		}
		return header.Get(w.IDHeader), nil
	}
	return w.scheme().Verify(header, body, now, w.Secret, w.PreviousSecret) //nolint:wrapcheck // it says what was done
}

// Sign gives the header's value as the configured tool would write it, for those who play
// its part.
func Sign(w *Webhook, header http.Header, body []byte) string {
	return w.scheme().Sign(w.Secret, header, body)
}
