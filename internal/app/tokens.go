package app

import (
	"context"
	"errors"
	"time"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/secret"
	"github.com/quellsec/quell/internal/store"
)

// tokens keeps the API's tokens in the store.
type tokens struct{ store *store.Store }

func (t tokens) PutToken(ctx context.Context, token api.Token) error {
	return t.store.PutToken(ctx, store.Token{ID: token.ID, Hash: token.Hash, Name: token.Name, Role: string(token.Role), Scopes: token.Scopes,
		Created: token.Created, Expires: token.Expires, LastUsed: token.LastUsed, Revoked: token.Revoked})
}

func (t tokens) TokenByHash(ctx context.Context, hash string) (api.Token, error) {
	token, err := t.store.TokenByHash(ctx, hash)
	return apiToken(token), err
}

func (t tokens) Tokens(ctx context.Context) ([]api.Token, error) {
	stored, err := t.store.Tokens(ctx)
	out := make([]api.Token, 0, len(stored))
	for _, token := range stored {
		out = append(out, apiToken(token))
	}
	return out, err
}

func (t tokens) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return t.store.RevokeToken(ctx, id, at)
}

func (t tokens) TouchToken(ctx context.Context, id string, at time.Time) error {
	return t.store.TouchToken(ctx, id, at)
}

func apiToken(t store.Token) api.Token {
	return api.Token{ID: t.ID, Hash: t.Hash, Name: t.Name, Role: api.Role(t.Role), Scopes: t.Scopes,
		Created: t.Created, Expires: t.Expires, LastUsed: t.LastUsed, Revoked: t.Revoked}
}

// FirstToken makes the first admin token of an installation, straight in its store: every
// other one is made through the API. It is refused where a usable admin token exists.
func FirstToken(ctx context.Context, o ServeOptions) (text secret.String, err error) {
	cfg, err := load(o.Config)
	if err != nil {
		return text, err
	}
	address, err := storeAddress(cfg.Store)
	if err != nil {
		return text, err
	}
	s, err := store.Open(ctx, address, store.Options{Log: o.Log, Now: now})
	if err != nil {
		return text, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return firstToken(ctx, tokens{s})
}

func firstToken(ctx context.Context, kept tokens) (secret.String, error) {
	all, err := kept.Tokens(ctx)
	if err != nil {
		return secret.String{}, err
	}
	for _, t := range all {
		if t.Role == api.RoleAdmin && t.Revoked.IsZero() && (t.Expires.IsZero() || t.Expires.After(now())) {
			return secret.String{}, fault.New(fault.Conflict, "making the first token: there is an admin token already (%s, %s); use it to make others", t.ID, t.Name)
		}
	}
	token, text, err := api.NewToken("first-admin", api.RoleAdmin, nil, now().Add(firstTokenLife), now())
	if err != nil {
		return secret.String{}, err
	}
	return text, kept.PutToken(ctx, token)
}

// firstTokenLife is long enough to make the tokens that are really meant.
const firstTokenLife = 30 * 24 * time.Hour

// tickets gives the API the tickets of the built-in tracker.
type tickets struct{ *store.Store }

func (t tickets) FindTickets(ctx context.Context, status, team string, l exposure.List) (exposure.Page[lifecycle.Ticket], error) {
	return t.Store.FindTickets(ctx, store.TicketFilter{Status: status, Team: team}, l)
}
