package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

//nolint:gochecknoglobals // constant declarations
var (
	tokens   = engine.Collection{Name: "tokens", Fields: []engine.Field{{Name: "hash"}}, Indexes: []engine.Index{{Fields: []string{"hash"}}}}
	settings = engine.Collection{Name: "settings"}
)

// Token is an API token as it is kept: its hash, never its text.
type Token struct {
	ID       string    `json:"id"`
	Hash     string    `json:"hash"` // SHA-256 of the text, hex
	Name     string    `json:"name"`
	Role     string    `json:"role"`
	Scopes   []string  `json:"scopes,omitempty"` // the scopes it sees; none = all
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
}

// keptToken is a token with the version that its changes are guarded by.
type keptToken struct {
	Token
	Version int64 `json:"version"`
}

func (s *Store) tokens() of[keptToken] {
	return of[keptToken]{Collection: &tokens, e: s.engine,
		id:     func(x *keptToken) string { return x.ID },
		at:     func(x *keptToken) int64 { return x.Version },
		values: func(x *keptToken) []any { return []any{x.Hash} }}
}

// PutToken keeps a new token; fault.Conflict if its ID is taken.
func (s *Store) PutToken(ctx context.Context, t Token) error {
	inserted, err := s.tokens().insert(ctx, keptToken{Token: t, Version: 1})
	if err == nil && !inserted[0] {
		err = fault.New(fault.Conflict, "keeping a token: the ID %q is taken", t.ID)
	}
	return err
}

// TokenByHash gives the token of a hash, also a revoked or expired one; fault.NotFound.
func (s *Store) TokenByHash(ctx context.Context, hash string) (Token, error) {
	found, err := s.engine.Find(ctx, &tokens, engine.Query{Where: where{{Field: "hash", Values: []any{asText(hash)}}}, Sort: []string{engine.ID}, Limit: 1})
	if err != nil {
		return Token{}, err
	}
	if len(found) == 0 { // without the hash: it is as good as a name of the secret
		return Token{}, fault.New(fault.NotFound, "reading a token: there is none with that hash")
	}
	t, err := s.tokens().decode(found[0].Body)
	return t.Token, err
}

// Tokens gives all tokens, oldest first.
func (s *Store) Tokens(ctx context.Context) ([]Token, error) {
	kept, err := s.tokens().all(ctx)
	out := make([]Token, len(kept))
	for i, k := range kept {
		out[i] = k.Token
	}
	slices.SortFunc(out, func(a, b Token) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	return out, err
}

// RevokeToken ends a token; fault.NotFound. A second time changes nothing.
func (s *Store) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return s.changeToken(ctx, id, func(t *Token) bool {
		if !t.Revoked.IsZero() {
			return false
		}
		t.Revoked = whole(at)
		return true
	})
}

// TouchToken notes a token's last use; an earlier one than is known changes nothing.
func (s *Store) TouchToken(ctx context.Context, id string, at time.Time) error {
	return s.changeToken(ctx, id, func(t *Token) bool {
		if !whole(at).After(t.LastUsed) {
			return false
		}
		t.LastUsed = whole(at)
		return true
	})
}

// changeToken changes a token unless there is nothing to change, over the races.
func (s *Store) changeToken(ctx context.Context, id string, change func(*Token) bool) error {
	for {
		t, err := s.tokens().one(ctx, id)
		if err != nil || !change(&t.Token) {
			return err
		}
		t.Version++
		if ok, err := swapOne(ctx, s.tokens(), t); ok || err != nil {
			return err
		}
	}
}

type setting struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

func (s *Store) settings() of[setting] {
	return of[setting]{Collection: &settings, e: s.engine,
		id:     func(x *setting) string { return claimID(x.Key) },
		at:     func(*setting) int64 { return 1 },
		values: func(*setting) []any { return nil }}
}

// Setting gives what was put under a key; fault.NotFound.
func (s *Store) Setting(ctx context.Context, key string) ([]byte, error) {
	x, err := s.settings().one(ctx, claimID(key))
	return x.Value, err
}

// PutSetting keeps a value under a key, whatever was there.
func (s *Store) PutSetting(ctx context.Context, key string, value []byte) error {
	return s.settings().put(ctx, setting{Key: key, Value: value})
}
