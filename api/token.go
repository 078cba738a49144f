package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

// Role is what a token allows. Each of viewer, operator, approver and admin includes the
// ones before it; probe stands apart and may upload evidence, nothing else.
type Role string

// The roles.
const (
	RoleViewer   Role = "viewer"   // reads
	RoleOperator Role = "operator" // works: decides on exposures, uploads, comments
	RoleApprover Role = "approver" // accepts risks, too
	RoleAdmin    Role = "admin"    // makes and revokes tokens, rebuilds
	RoleProbe    Role = "probe"    // uploads evidence
)

// Roles are all of them, least first, the probe's last.
func Roles() []Role { return []Role{RoleViewer, RoleOperator, RoleApprover, RoleAdmin, RoleProbe} }

// may reports whether a role is enough where another is needed.
func (r Role) may(need Role) bool {
	if r == RoleProbe || need == RoleProbe {
		return need == RoleProbe && (r == RoleProbe || r == RoleAdmin)
	}
	have, want := slices.Index(Roles(), r), slices.Index(Roles(), need)
	return want >= 0 && have >= want
}

// Token is a bearer token as it is kept: its hash, never its text.
type Token struct {
	ID       string    `json:"id"`
	Hash     string    `json:"hash"` // SHA-256 of the whole text, hex
	Name     string    `json:"name"` // who it is for: the actor of all that is done with it
	Role     Role      `json:"role"`
	Scopes   []string  `json:"scopes,omitempty"` // the scopes it sees; none = all
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"` // zero = never
	LastUsed time.Time `json:"last_used,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
}

// Tokens keeps tokens.
type Tokens interface {
	PutToken(ctx context.Context, t Token) error
	TokenByHash(ctx context.Context, hash string) (Token, error) // fault.NotFound
	Tokens(ctx context.Context) ([]Token, error)
	RevokeToken(ctx context.Context, id string, at time.Time) error // fault.NotFound
	TouchToken(ctx context.Context, id string, at time.Time) error  // the last use
}

var tokenName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,63}$`)

// reserved are the names under which quell itself acts: a person must not be taken for it.
var reserved = []string{"quell", "system", "sweep", "ingest", "policy"}

var tokenEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewToken makes a token: the record to keep and the text to give away, which cannot be
// had again. Scopes nil means all; expires zero means never. Errors are of kind invalid.
func NewToken(name string, role Role, scopes []string, expires, now time.Time) (Token, secret.String, error) {
	switch {
	case !tokenName.MatchString(name):
		return Token{}, secret.String{}, invalid(FieldError{Field: "name", Detail: "must be 1 to 64 of a-z, 0-9 and . _ @ + -, and start with a letter or digit"})
	case slices.Contains(reserved, name):
		return Token{}, secret.String{}, invalid(FieldError{Field: "name", Detail: "is a name of quell's own"})
	case !slices.Contains(Roles(), role):
		return Token{}, secret.String{}, invalid(FieldError{Field: "role", Detail: "must be one of " + words(Roles())})
	case scopes != nil && len(scopes) == 0, slices.Contains(scopes, ""):
		return Token{}, secret.String{}, invalid(FieldError{Field: "scopes", Detail: "must name at least one scope; leave it out to see all"})
	case !expires.IsZero() && !expires.After(now):
		return Token{}, secret.String{}, invalid(FieldError{Field: "expires", Detail: "is in the past"})
	}
	id := tokenEncoding.EncodeToString(randomBytes(6))
	text := "quell_" + id + "_" + tokenEncoding.EncodeToString(randomBytes(32))
	return Token{ID: id, Hash: HashToken(text), Name: name, Role: role, Scopes: slices.Clone(scopes),
		Created: ms(now), Expires: ms(expires)}, secret.New(text), nil
}

// randomBytes are from the system's generator, which does not fail (crypto/rand.Read).
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // documented never to return an error
	return b
}

// HashToken is the hash under which a token's text is kept.
func HashToken(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// unauthorized is one answer for every token that isn't good, so that none can be told
// from another.
func unauthorized() *Problem {
	return problem(http.StatusUnauthorized, fault.Denied,
		"send a valid token as Authorization: Bearer quell_…; it may be missing, unknown, expired or revoked")
}

// authenticate finds the token of a request.
func (s *Server) authenticate(ctx context.Context, header string) (Token, error) {
	scheme, text, ok := strings.Cut(header, " ")
	const longest = 256
	if !ok || !strings.EqualFold(scheme, "Bearer") || !strings.HasPrefix(text, "quell_") || len(text) > longest {
		return Token{}, unauthorized()
	}
	hash := HashToken(text)
	// What the look-up's time may tell is about the hash, from which nothing leads back.
	t, err := s.deps.Tokens.TokenByHash(ctx, hash)
	if fault.Is(err, fault.NotFound) {
		return Token{}, unauthorized()
	}
	if err != nil {
		return Token{}, fault.Wrap(fault.KindOf(err), err, "looking up a token")
	}
	now := s.now()
	good := subtle.ConstantTimeCompare([]byte(hash), []byte(t.Hash)) == 1
	if !good || !t.Revoked.IsZero() || !t.Expires.IsZero() && !now.Before(t.Expires) {
		return Token{}, unauthorized()
	}
	s.uses.touch(ctx, t, now)
	return t, nil
}

// ms is a time as every store engine keeps it.
func ms(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// words joins names for a sentence.
func words[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, w := range list {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}
