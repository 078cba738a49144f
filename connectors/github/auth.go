package github

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// appToken is the token of an app's installation, kept until shortly before it runs out.
type appToken struct {
	mu      sync.Mutex
	value   string
	expires time.Time
}

// authorization gives the header's value: the configured token, or the app's.
func (in *Instance) authorization(ctx context.Context) (string, error) {
	if in.config.AppID == "" {
		return "Bearer " + in.config.Token.Reveal(), nil
	}
	const spare = 2 * time.Minute
	in.app.mu.Lock()
	defer in.app.mu.Unlock()
	now := in.now()
	if in.app.value == "" || now.Add(spare).After(in.app.expires) {
		if err := in.renew(ctx, now); err != nil {
			return "", err
		}
	}
	return "Bearer " + in.app.value, nil
}

// renew trades a token that the app's key signs for one of its installation.
func (in *Instance) renew(ctx context.Context, now time.Time) error {
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(in.config.PrivateKey.Reveal()))
	if err != nil { // the parser's message is left out: it could quote the key
		return fault.New(fault.Invalid, "reading private_key: it is no RSA key in PEM")
	}
	const skew, life = time.Minute, 9 * time.Minute // GitHub takes ten minutes at most
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: in.config.AppID, IssuedAt: jwt.NewNumericDate(now.Add(-skew)), ExpiresAt: jwt.NewNumericDate(now.Add(life)),
	}).SignedString(key)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "signing a token for GitHub")
	}
	api := in.api("Bearer " + signed)
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if _, err := api.Get(ctx, httpclient.Call{Method: http.MethodPost, Path: "app/installations/" + in.config.InstallationID + "/access_tokens", JSON: json.RawMessage("{}")}, &answer); err != nil {
		return err
	}
	if answer.Token == "" {
		return fault.New(fault.Unavailable, "getting a token of GitHub: the answer holds none")
	}
	in.app.value, in.app.expires = answer.Token, answer.ExpiresAt
	return nil
}
