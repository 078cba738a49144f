package gcpapi

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// CertHost is where Google publishes the keys that it signs tokens with.
const CertHost = "www.googleapis.com"

const certPath = "/oauth2/v3/certs"

// Pushes verifies the pushes of Pub/Sub subscriptions that authenticate themselves: a
// token of OpenID Connect, signed by Google, for our audience and in the name of a
// service account that we know.
type Pushes struct {
	http     *http.Client
	audience string
	email    string

	mu      sync.Mutex
	keys    map[string]*rsa.PublicKey
	fetched time.Time
}

// NewPushes makes a verifier. Without audience or account all is denied.
func NewPushes(over *http.Client, audience, email string) *Pushes {
	return &Pushes{http: over, audience: audience, email: email}
}

// claims are what the token says.
type claims struct {
	jwt.RegisteredClaims

	Email    string `json:"email"`
	Verified bool   `json:"email_verified"`
}

func denied(why string) error { return fault.New(fault.Denied, "verifying a webhook: %s", why) }

// Verify checks a call and gives the ID of its message.
func (p *Pushes) Verify(header http.Header, body []byte, now time.Time) (string, error) {
	if p.audience == "" || p.email == "" {
		return "", denied("no audience and service account are configured")
	}
	const scheme = "bearer "
	value := header.Get("Authorization")
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", denied("there is no token")
	}
	const leeway = time.Minute
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience(p.audience), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithLeeway(leeway), jwt.WithIssuedAt())
	var c claims
	var unreachable error
	_, err := parser.ParseWithClaims(value[len(scheme):], &c, func(token *jwt.Token) (any, error) {
		id, _ := token.Header["kid"].(string) // none is no key's
		key, err := p.key(id, now)
		unreachable = err
		return key, err
	})
	switch {
	case unreachable != nil && !fault.Is(unreachable, fault.Denied):
		return "", unreachable
	case err != nil: // the library's words may quote the token
		return "", denied("the token is not valid")
	case c.Issuer != "https://accounts.google.com" && c.Issuer != "accounts.google.com":
		return "", denied("the token is not of Google")
	case !c.Verified || !strings.EqualFold(c.Email, p.email):
		return "", denied("the token is of another account")
	}
	var push struct {
		Message struct {
			ID string `json:"messageId"`
		} `json:"message"`
	}
	_ = json.Unmarshal(body, &push) // the decoder will say what is wrong with it
	return push.Message.ID, nil
}

// Keys are kept for an hour, and asked for again sooner where one is not known, but not at
// every call of a stranger.
const (
	keepKeys  = time.Hour
	askAgain  = time.Minute
	mostKeys  = 32
	largeKeys = 256 << 10
)

func (p *Pushes) key(id string, now time.Time) (*rsa.PublicKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	age := now.Sub(p.fetched)
	if key := p.keys[id]; key != nil && age < keepKeys {
		return key, nil
	}
	if p.keys == nil || age >= askAgain || age < 0 {
		keys, err := p.fetch()
		if err != nil {
			return nil, err
		}
		p.keys, p.fetched = keys, now
	}
	if key := p.keys[id]; key != nil {
		return key, nil
	}
	return nil, denied("the token's key is not one of Google's")
}

func (p *Pushes) fetch() (map[string]*rsa.PublicKey, error) {
	if p.http == nil {
		return nil, fault.New(fault.Unavailable, "getting Google's keys: there is no network here")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second) // verifiers are given no context
	defer cancel()
	var set struct {
		Keys []struct {
			ID       string `json:"kid"`
			Kind     string `json:"kty"`
			Modulus  string `json:"n"`
			Exponent string `json:"e"`
		} `json:"keys"`
	}
	api := httpclient.API{HTTP: p.http, Base: "https://" + CertHost, Vendor: "Google", Largest: largeKeys}
	if _, err := api.Get(ctx, httpclient.Call{Path: certPath}, &set); err != nil {
		return nil, err //nolint:wrapcheck // it says what was called
	}
	out := map[string]*rsa.PublicKey{}
	for _, k := range set.Keys {
		n, err1 := base64.RawURLEncoding.DecodeString(k.Modulus)
		e, err2 := base64.RawURLEncoding.DecodeString(k.Exponent)
		exponent := new(big.Int).SetBytes(e)
		if err1 != nil || err2 != nil || k.Kind != "RSA" || len(out) >= mostKeys {
			continue
		}
		if public := exponent.Int64(); !exponent.IsInt64() || public < 3 || public >= 1<<31 {
			continue
		}
		out[k.ID] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}
	}
	return out, nil
}
