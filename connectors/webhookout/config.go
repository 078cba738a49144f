package webhookout

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one receiver.
type Config struct {
	URL      string        `yaml:"url" json:"url,omitempty" doc:"Where messages are posted."`
	Secret   secret.String `yaml:"secret" json:"secret,omitzero" doc:"Key that the receiver checks with: whsec_ and base64 of 24 to 64 random bytes (signed as v1), or whsk_ and base64 of an Ed25519 private key (signed as v1a)."`
	Previous secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The key before; while it is set, messages are signed with both."`
}

const (
	symmetric  = "whsec_"
	asymmetric = "whsk_"
	leastKey   = 24 // bytes, as the specification recommends
	mostKey    = 64
)

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.URL == "" {
		problems = append(problems, errors.New("url: is missing"))
	} else if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.Secret.Empty() {
		problems = append(problems, errors.New("secret: is missing: the receiver could not tell our messages from others"))
	}
	for name, s := range map[string]secret.String{"secret": c.Secret, "previous_secret": c.Previous} {
		if strings.HasPrefix(s.Reveal(), "${") {
			continue // a reference that isn't resolved: the configuration is checked without its secrets
		}
		if _, err := signerOf(s); !s.Empty() && err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	return problems
}

// signerOf reads a key, without repeating it.
func signerOf(s secret.String) (signer, error) {
	if text, ok := strings.CutPrefix(s.Reveal(), asymmetric); ok {
		raw, err := base64.StdEncoding.DecodeString(text)
		switch {
		case err != nil:
		case len(raw) == ed25519.SeedSize:
			return signer{private: ed25519.NewKeyFromSeed(raw)}, nil
		case len(raw) == ed25519.PrivateKeySize:
			return signer{private: ed25519.PrivateKey(raw)}, nil
		}
		return signer{}, errors.New("behind whsk_ wants base64 of the 32 or 64 bytes of an Ed25519 private key")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), symmetric))
	if err != nil || !strings.HasPrefix(s.Reveal(), symmetric) || len(raw) < leastKey || len(raw) > mostKey {
		return signer{}, errors.New("wants whsec_ and base64 of 24 to 64 random bytes: echo whsec_$(openssl rand -base64 32)")
	}
	return signer{key: raw}, nil
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant
	Needs: "A receiver that takes a POST with JSON, checks the signature as [Standard Webhooks](https://www.standardwebhooks.com) says, and answers 2xx.",
	Maps: "Each message is one call: `type` is `quell.` and the message's kind, `timestamp` when it was sent, `data` the message with its cause, subject, text (markdown), links, subjects, card and actions. " +
		"`webhook-id` is made from the cause and stays the same however often a call is repeated, so a receiver that remembers IDs gets each message once.",
	Fixed:    "It is told when something is fixed, and decides nothing.",
	Coverage: "Nothing: it takes messages, and reports on nothing.",
	Limits: "Redirects are not followed. 410 says that nobody listens any more: the address is shown as bad, and messages go to the escalation. What is not answered within 25 seconds is sent again. " +
		"Addresses of clouds' metadata services are never called, and loopback ones only where url names one.",
	Example: `notifiers:
  - name: soar
    connector: webhookout
    config:
      url: https://soar.example.com/hooks/quell
      secret: ${env:SOAR_WEBHOOK_SECRET}
`,
}
