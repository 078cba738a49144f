package api

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/fault"
)

// Intel imports threat intelligence and knows how fresh it is.
type Intel interface {
	// Import reads a body of a kind (see intelKinds: "kev" is CISA's JSON) as a stream,
	// keeps it, and has decisions made anew.
	Import(ctx context.Context, kind string, body io.Reader, by string) (IntelImport, error)
	Status(ctx context.Context) ([]IntelStatus, error)
}

// IntelImport is what an import did.
type IntelImport struct {
	Kind    string    `json:"kind"`
	Digest  string    `json:"digest"`
	Taken   time.Time `json:"taken,omitzero"` // the date that the snapshot itself gives
	Entries int64     `json:"entries"`
	Changed int64     `json:"changed"` // exposures that are decided differently now
}

// IntelStatus is how fresh one kind of intelligence is.
type IntelStatus struct {
	Kind    string    `json:"kind"`
	Digest  string    `json:"digest,omitempty"`
	Taken   time.Time `json:"taken,omitzero"`
	Entries int64     `json:"entries"`
	Fresh   bool      `json:"fresh"`
	Missing string    `json:"missing,omitempty"` // what is missing, and what to do about it
}

// Upkeep redoes what can be redone from the store.
type Upkeep interface {
	Reassess(ctx context.Context, by string) (UpkeepResult, error) // decides on every exposure anew
	Rebuild(ctx context.Context, by string) (UpkeepResult, error)  // starts every workflow anew
}

// UpkeepResult is what was looked at and what changed by it.
type UpkeepResult struct {
	Looked  int64  `json:"looked"`
	Changed int64  `json:"changed"`
	Message string `json:"message,omitempty"`
}

// TokenView is a token as it is shown: without its hash.
type TokenView struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Scopes   []string  `json:"scopes,omitempty"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
}

// TokenRequest asks for a token.
type TokenRequest struct {
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Scopes  []string  `json:"scopes,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// TokenMade is a new token with its text, which is shown this once.
type TokenMade struct {
	TokenView
	Token string `json:"token"`
}

const maxIntel = 512 << 20

func intelKinds() []string { return []string{"kev", "epss", "vulnrichment", "nvd"} }

func adminRoutes() []route {
	tokens := prefix + "/tokens"
	return append(evidenceRoutes(), []route{
		{method: http.MethodGet, path: prefix + "/intel", name: "intel", tag: "admin", summary: "How fresh the threat intelligence is", access: needs(RoleViewer),
			out: Items[IntelStatus]{}, handle: (*Server).intelStatus},
		{method: http.MethodPost, path: prefix + "/intel/{kind}", name: "importIntel", tag: "admin", summary: "Import threat intelligence",
			doc: "kev: CISA's JSON; epss: FIRST's CSV; vulnrichment: CVE records as CISA enriches them; nvd: answers of the NVD's API 2.0. The last two add to what is known. Content-Encoding gzip is taken.", access: needs(RoleOperator).entirely(),
			body: &upload{types: []string{"*/*"}, doc: "The file as it is published."}, out: IntelImport{}, handle: (*Server).importIntel},
		{method: http.MethodPost, path: prefix + "/reassess", name: "reassess", tag: "admin", summary: "Decide on every exposure anew",
			access: needs(RoleOperator).entirely(), out: UpkeepResult{}, handle: (*Server).reassess},
		{method: http.MethodPost, path: prefix + "/rebuild", name: "rebuild", tag: "admin", summary: "Start every workflow anew from the store",
			access: needs(RoleAdmin).entirely(), out: UpkeepResult{}, handle: (*Server).rebuild},
		{method: http.MethodGet, path: tokens, name: "tokens", tag: "admin", summary: "List tokens", access: needs(RoleAdmin).entirely(),
			out: Items[TokenView]{}, handle: (*Server).listTokens},
		{method: http.MethodPost, path: tokens, name: "createToken", tag: "admin", summary: "Make a token", doc: "Its text is in the answer, and nowhere else.",
			access: needs(RoleAdmin).entirely(), in: TokenRequest{}, out: TokenMade{}, status: http.StatusCreated, handle: (*Server).createToken},
		{method: http.MethodDelete, path: tokens + "/{id}", name: "revokeToken", tag: "admin", summary: "Revoke a token, at once and for good",
			access: needs(RoleAdmin).entirely(), status: http.StatusNoContent, handle: (*Server).revokeToken},
	}...)
}

func (s *Server) intelStatus(c *call) error {
	all, err := s.deps.Intel.Status(c.Request().Context())
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the state of the intelligence")
	}
	return c.json(http.StatusOK, Items[IntelStatus]{Items: listed(all)})
}

func (s *Server) importIntel(c *call) error {
	kind := c.param("kind")
	if !slices.Contains(intelKinds(), kind) {
		return fault.New(fault.NotFound, "there is no intelligence of the kind %q; there are %s", shown(kind), strings.Join(intelKinds(), ", "))
	}
	zipped, err := encoded(c.Request().Header)
	if err != nil {
		return err
	}
	const what = "this is no file as it is published"
	body, err := plain(&limited{r: newPatient(c), limit: maxIntel, what: what}, zipped, maxIntel, what)
	if err != nil {
		return err
	}
	watched := &watched{r: body}
	out, err := s.deps.Intel.Import(c.Request().Context(), kind, watched, c.token.Name)
	if watched.err != nil {
		return watched.err
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "importing "+kind)
	}
	s.audit(c, "intelligence imported", kind+" "+out.Digest)
	c.persist()
	return c.json(http.StatusOK, out)
}

func (s *Server) reassess(c *call) error { return s.upkeep(c, "reassessed", s.deps.Upkeep.Reassess) }
func (s *Server) rebuild(c *call) error  { return s.upkeep(c, "rebuilt", s.deps.Upkeep.Rebuild) }

// upkeep runs what may take minutes with a million exposures.
func (s *Server) upkeep(c *call, what string, do func(context.Context, string) (UpkeepResult, error)) error {
	if err := c.unhurried(); err != nil {
		return err
	}
	out, err := do(c.Request().Context(), c.token.Name)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "")
	}
	s.audit(c, what, "all")
	c.persist()
	return c.json(http.StatusOK, out)
}

func (s *Server) listTokens(c *call) error {
	all, err := s.deps.Tokens.Tokens(c.Request().Context())
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the tokens")
	}
	out := Items[TokenView]{Items: make([]TokenView, len(all))}
	for i := range all {
		out.Items[i] = viewOf(all[i])
	}
	slices.SortFunc(out.Items, func(a, b TokenView) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return c.json(http.StatusOK, out)
}

func viewOf(t Token) TokenView {
	return TokenView{ID: t.ID, Name: t.Name, Role: t.Role, Scopes: t.Scopes, Created: t.Created, Expires: t.Expires, LastUsed: t.LastUsed, Revoked: t.Revoked}
}

func (s *Server) createToken(c *call) error {
	var in TokenRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	ctx, now := c.Request().Context(), s.now()
	t, shownOnce, err := NewToken(in.Name, in.Role, in.Scopes, in.Expires, now)
	if err != nil {
		return err
	}
	all, err := s.deps.Tokens.Tokens(ctx)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the tokens")
	}
	for i := range all {
		// The name is who did it, in every chain: two live tokens of one name are one person.
		if old := &all[i]; old.Name == t.Name && old.Revoked.IsZero() && (old.Expires.IsZero() || old.Expires.After(now)) {
			return fault.New(fault.Conflict, "making a token: %s has one already, %s; revoke it first or choose another name", t.Name, old.ID)
		}
	}
	if err := s.deps.Tokens.PutToken(ctx, t); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "keeping a token")
	}
	s.audit(c, "token made with role "+string(t.Role), t.ID)
	return c.json(http.StatusCreated, TokenMade{TokenView: viewOf(t), Token: shownOnce.Reveal()})
}

func (s *Server) revokeToken(c *call) error {
	id := c.param("id")
	err := s.deps.Tokens.RevokeToken(c.Request().Context(), id, ms(s.now()))
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "there is no token %s", shown(id))
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "revoking a token")
	}
	s.audit(c, "token revoked", id)
	return c.NoContent(http.StatusNoContent)
}
