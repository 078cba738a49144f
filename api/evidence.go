package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Evidence keeps what verdicts rest on, by its hash.
type Evidence interface {
	PutBlobAs(ctx context.Context, sha string, r io.Reader, limit int64) error // fault.Invalid where the hash differs
	Blob(ctx context.Context, sha string) (io.ReadCloser, error)               // fault.NotFound
}

const maxEvidence = 1 << 20

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

func evidenceRoutes() []route {
	return []route{
		{method: http.MethodPut, path: prefix + "/evidence/{sha256}", name: "putEvidence", tag: "evidence", summary: "Store what a verdict rests on",
			doc: "At most 1 MiB, of exactly this hash. A probe's token may do this and nothing else.", access: needs(RoleProbe),
			body: &upload{types: []string{jsonType}, doc: "The evidence, as JSON."}, status: http.StatusNoContent, handle: (*Server).putEvidence},
		{method: http.MethodGet, path: prefix + "/evidence/{sha256}", name: "evidence", tag: "evidence", summary: "Read what a verdict rests on",
			access: needs(RoleViewer), query: []param{text("exposure", "The exposure that it belongs to; a token that sees some scopes only must name it.")},
			out: exposure.Evidence{}, handle: (*Server).getEvidence},
	}
}

func (c *call) sha() (string, error) {
	sha := c.param("sha256")
	if !sha256Hex.MatchString(sha) {
		return "", invalid(FieldError{Field: "sha256", Detail: "must be 64 lower-case hex digits"})
	}
	return sha, nil
}

func (s *Server) putEvidence(c *call) error {
	sha, err := c.sha()
	if err != nil {
		return err
	}
	body := &watched{r: &limited{r: c.Request().Body, limit: maxEvidence, what: "evidence is cut by the probe"}}
	err = s.deps.Evidence.PutBlobAs(c.Request().Context(), sha, body, maxEvidence)
	if body.err != nil {
		return body.err
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "storing evidence")
	}
	return c.NoContent(http.StatusNoContent)
}

// getEvidence gives a blob that is evidence. Bodies of deliveries are blobs too, and are
// not given.
func (s *Server) getEvidence(c *call) error {
	sha, err := c.sha()
	if err != nil {
		return err
	}
	if err := s.mayReadEvidence(c, sha); err != nil {
		return err
	}
	missing := fault.New(fault.NotFound, "there is no evidence %s", sha)
	blob, err := s.deps.Evidence.Blob(c.Request().Context(), sha)
	if fault.Is(err, fault.NotFound) {
		return missing
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading evidence")
	}
	b, err := io.ReadAll(io.LimitReader(blob, maxEvidence+1))
	if closing := blob.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading evidence")
	}
	var out exposure.Evidence
	if len(b) > maxEvidence || json.Unmarshal(b, &out) != nil || out.Kind == "" || out.At.IsZero() {
		return missing
	}
	c.Response().Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	return c.json(http.StatusOK, out)
}

// mayReadEvidence lets a caller who sees some scopes only read the evidence of exposures
// that he sees.
func (s *Server) mayReadEvidence(c *call, sha string) error {
	id := exposure.ID(c.QueryParam("exposure"))
	if id == "" {
		if c.visible() == nil {
			return nil
		}
		return invalid(FieldError{Field: "exposure", Detail: "name the exposure that the evidence belongs to, as this token sees some scopes only"})
	}
	ctx := c.Request().Context()
	missing := fault.New(fault.NotFound, "exposure %s has no evidence %s", shown(string(id)), sha)
	e, err := s.deps.Exposures.Exposure(ctx, id)
	if err == nil && !c.sees(e.Scopes) || fault.Is(err, fault.NotFound) {
		return missing
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading an exposure")
	}
	story, err := s.story(ctx, id)
	if err != nil {
		return err
	}
	if !slices.Contains(evidenceOf(&e, story.Items), sha) {
		return missing
	}
	return nil
}
