// Package githubapi is what the connectors that speak to GitHub have in common: how they
// show who they are, how GitHub asks to wait, and how it signs its webhooks.
package githubapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Version is the version of the REST API that is asked for.
const Version = "2022-11-28"

// Credentials are a token, or an app's key and its installation.
type Credentials struct {
	Token          secret.String
	AppID          string // ID or client ID
	InstallationID string
	PrivateKey     secret.String // in PEM
}

// Validate reports what is missing, or too much.
func (c Credentials) Validate() []error {
	app := c.AppID != "" || c.InstallationID != "" || !c.PrivateKey.Empty()
	switch {
	case app && (c.AppID == "" || c.InstallationID == "" || c.PrivateKey.Empty()):
		return []error{errors.New("app_id, installation_id and private_key: are needed together")}
	case app != c.Token.Empty():
		return []error{errors.New("token: this or an app is needed, and not both")}
	}
	return nil
}

// Client speaks to one GitHub on behalf of one connector.
type Client struct {
	API  httpclient.API // without Auth
	Cred Credentials
	Now  func() time.Time

	mu      sync.Mutex
	value   string // of the installation's token
	expires time.Time
}

// Authorized gives the API with credentials: the configured token, or the app's, which is
// kept until shortly before it runs out.
func (c *Client) Authorized(ctx context.Context) (httpclient.API, error) {
	if c.Cred.AppID == "" {
		return c.as("Bearer " + c.Cred.Token.Reveal()), nil
	}
	const spare = 2 * time.Minute
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	if c.value == "" || now.Add(spare).After(c.expires) {
		if err := c.renew(ctx); err != nil {
			return httpclient.API{}, err
		}
	}
	return c.as("Bearer " + c.value), nil
}

// AsApp gives the API as the app itself sees it, not one of its installations.
func (c *Client) AsApp() (httpclient.API, error) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(c.Cred.PrivateKey.Reveal()))
	if err != nil { // the parser's message is left out: it could quote the key
		return httpclient.API{}, fault.New(fault.Invalid, "reading private_key: it is no RSA key in PEM")
	}
	const skew, life = time.Minute, 9 * time.Minute // GitHub takes ten minutes at most
	now := c.Now()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: c.Cred.AppID, IssuedAt: jwt.NewNumericDate(now.Add(-skew)), ExpiresAt: jwt.NewNumericDate(now.Add(life)),
	}).SignedString(key)
	if err != nil {
		return httpclient.API{}, fault.Wrap(fault.Internal, err, "signing a token for GitHub")
	}
	return c.as("Bearer " + signed), nil
}

// renew trades a token that the app's key signs for one of its installation.
func (c *Client) renew(ctx context.Context) error {
	api, err := c.AsApp()
	if err != nil {
		return err
	}
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if _, err := api.Get(ctx, httpclient.Call{Method: http.MethodPost, Path: "app/installations/" + c.Cred.InstallationID + "/access_tokens", JSON: json.RawMessage("{}")}, &answer); err != nil {
		return err
	}
	if answer.Token == "" {
		return fault.New(fault.Unavailable, "getting a token of GitHub: the answer holds none")
	}
	c.value, c.expires = answer.Token, answer.ExpiresAt
	return nil
}

func (c *Client) as(authorization string) httpclient.API {
	api := c.API
	api.Auth = func(r *http.Request) {
		r.Header.Set("Authorization", authorization)
		r.Header.Set("Accept", "application/vnd.github+json")
		r.Header.Set("X-Github-Api-Version", Version)
	}
	return api
}

// Throttled knows GitHub's own way to ask for patience: both of its limits, the hourly and
// the secondary ones, may come as 403. Nil for any other refusal.
func Throttled(status int, header http.Header, body []byte) error {
	if status != http.StatusForbidden && status != http.StatusTooManyRequests {
		return nil
	}
	if header.Get("Retry-After") == "" && header.Get("X-Ratelimit-Remaining") != "0" && !strings.Contains(strings.ToLower(string(body)), "rate limit") {
		return nil
	}
	return &fault.Error{Kind: fault.Throttled, Msg: "GitHub asks to wait", RetryAfter: httpclient.RetryAfter(header)}
}

// Hook is how GitHub signs: over the raw body, without a time.
var Hook = signature.HMAC{ //nolint:gochecknoglobals // a constant
	Header: "X-Hub-Signature-256", Prefix: "sha256=", Hash: signature.SHA256, Encoding: signature.Hex, IDHeader: "X-GitHub-Delivery",
}

// IsFullName reports whether a name is owner/name.
func IsFullName(name string) bool {
	owner, repo, ok := strings.Cut(name, "/")
	return ok && owner != "" && repo != "" && !strings.ContainsAny(name, "?# \\%") && !strings.Contains(repo, "/") && owner != ".." && repo != ".."
}
