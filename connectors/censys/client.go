package censys

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

// VerifyWebhook implements connectors.WebhookVerifier. Censys signs nothing, so a shared
// secret is all there is: basic, bearer, or bare in a header. The delivery's ID is the
// event's.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, _ time.Time) (string, error) {
	c := &in.config
	name := cmp.Or(c.Header, "Authorization")
	var err error
	if c.Username != "" {
		err = c.basic(header)
	} else if err = signature.Token(header, name, "Bearer ", c.Secret, c.PreviousSecret); err != nil {
		err = signature.Token(header, name, "", c.Secret, c.PreviousSecret)
	}
	if err != nil {
		return "", err
	}
	var envelope struct {
		Event struct {
			ID text `json:"id"`
		} `json:"event"`
	}
	_ = json.Unmarshal(body, &envelope) // what is no event has no ID; the decoder says so
	return envelope.Event.ID.String(), nil
}

func (c *Config) basic(header http.Header) error {
	r := http.Request{Header: header}
	user, password, ok := r.BasicAuth()
	if !ok || !secret.New(c.Username).Equal(user) {
		return fault.New(fault.Denied, "verifying a webhook: it does not show the configured user")
	}
	return signature.Token(http.Header{"Password": {password}}, "Password", "", c.Secret, c.PreviousSecret)
}
