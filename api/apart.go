package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/fault"
)

// Identity takes assets apart that were made one by mistake, for good.
type Identity interface {
	UndoMerge(ctx context.Context, in Separate) (Separation, error)
	SplitAsset(ctx context.Context, in Separate) (Separation, error)
}

// Separate says what is to be taken apart, by whom and why.
type Separate struct {
	Asset       asset.ID
	Other       asset.ID           // undo: what was merged into it; empty = what was merged last
	Identifiers []asset.Identifier // split: what belongs to the other thing
	By, Reason  string
	Cause       string // idempotency key
}

// Separation is what came of it.
type Separation struct {
	Asset     asset.ID `json:"asset"`
	Other     asset.ID `json:"other"`              // the asset that stands for itself now
	Exposures int      `json:"exposures"`          // that the other has now
	Repeated  bool     `json:"repeated,omitempty"` // it had been done already
}

// UndoRequest asks to take a merge back.
type UndoRequest struct {
	Other  asset.ID `json:"other,omitempty"` // what was merged into the asset; the last one if absent
	Reason string   `json:"reason"`
}

// SplitRequest asks to take identifiers out of an asset.
type SplitRequest struct {
	Identifiers []string `json:"identifiers"` // each as KIND:VALUE, as it stands on the asset
	Reason      string   `json:"reason"`
}

func apartRoutes() []route {
	key := []param{text("Idempotency-Key", "Makes a repeat of the request the same decision; made up if absent.")}
	return []route{
		{method: http.MethodPost, path: prefix + "/assets/{id}/undo", name: "undoMerge", tag: "inventory", summary: "Take the merge of an asset back",
			doc:    "Each exposure goes back to where it was born, or to the asset that its sources see. The two are never merged again, whatever speaks for it.",
			access: needs(RoleOperator), headers: key, in: UndoRequest{}, out: Separation{}, handle: (*Server).undoMerge},
		{method: http.MethodPost, path: prefix + "/assets/{id}/split", name: "splitAsset", tag: "inventory", summary: "Take identifiers out of an asset, for one of their own",
			doc:    "What only the sources of these identifiers saw goes with them. The two are never merged again.",
			access: needs(RoleOperator), headers: key, in: SplitRequest{}, out: Separation{}, handle: (*Server).splitAsset},
	}
}

// separating reads what both have: the asset, the reason and the key.
func (s *Server) separating(c *call, reason string) (Separate, error) {
	switch {
	case strings.TrimSpace(reason) == "":
		return Separate{}, invalid(FieldError{Field: "reason", Detail: "is missing: who looks at the asset in a year wants to know why"})
	case len(reason) > maxReason:
		return Separate{}, invalid(FieldError{Field: "reason", Detail: "is longer than " + bytesText(maxReason)})
	}
	cause, err := s.idempotencyKey(c)
	if err != nil {
		return Separate{}, err
	}
	a, err := s.asset(c, asset.ID(c.param("id")))
	return Separate{Asset: a.ID, By: c.token.Name, Reason: reason, Cause: cause}, err
}

func (s *Server) undoMerge(c *call) error {
	var in UndoRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	what, err := s.separating(c, in.Reason)
	if err != nil {
		return err
	}
	what.Other = in.Other
	out, err := s.deps.Identity.UndoMerge(c.Request().Context(), what)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "")
	}
	s.audit(c, "undo merge", string(out.Asset))
	return c.json(http.StatusOK, out)
}

func (s *Server) splitAsset(c *call) error {
	var in SplitRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	what, err := s.separating(c, in.Reason)
	if err != nil {
		return err
	}
	a, err := s.asset(c, what.Asset)
	if err != nil {
		return err
	}
	if what.Identifiers, err = identifiersNamed(&a, in.Identifiers); err != nil {
		return err
	}
	out, err := s.deps.Identity.SplitAsset(c.Request().Context(), what)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "")
	}
	s.audit(c, "split asset", string(out.Asset))
	return c.json(http.StatusOK, out)
}

// identifiersNamed finds the identifiers that a caller names by kind and value, or by
// their whole key. One that the asset hasn't any more may have gone with a split of the
// same key: whether it has is not for us to say.
func identifiersNamed(a *asset.Asset, names []string) ([]asset.Identifier, error) {
	if len(names) == 0 {
		return nil, invalid(FieldError{Field: "identifiers", Detail: "is empty: name what belongs to the other thing"})
	}
	var out []asset.Identifier
	for _, name := range names {
		kind, value, ok := strings.Cut(name, ":")
		found := false
		for _, k := range a.Identifiers {
			if k.Key() == name || ok && string(k.Kind) == kind && strings.EqualFold(k.Value, value) {
				out, found = append(out, k.Identifier), true
			}
		}
		if !ok && !found {
			return nil, invalid(FieldError{Field: "identifiers", Detail: shown(name) + " is neither KIND:VALUE nor an identifier of the asset"})
		}
		if !found {
			out = append(out, asset.Identifier{Kind: asset.IdentifierKind(kind), Value: value})
		}
	}
	return out, nil
}
