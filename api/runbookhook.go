package api

import (
	"net/http"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/runbook"
)

// RunbookHook is a configured runbook that calls to say how a run of it goes.
type RunbookHook struct {
	Name     string
	Verifier WebhookVerifier
}

const (
	runbookBody  = 64 << 10
	runbookRate  = 50
	runbookBurst = 100
)

// runbookHook takes in a runbook's call. An unknown runbook and a bad signature are answered
// alike, and take the same work. Nothing is parsed before the signature fits.
func (s *Server) runbookHook(c *call) error {
	leave, err := s.spools.enter()
	if err != nil {
		return err
	}
	defer leave()
	hook, known := RunbookHook{}, false
	if s.deps.RunbookHook != nil {
		hook, known = s.deps.RunbookHook(c.param("runbook"))
	}
	source := s.decoy
	if known {
		source = SourceInfo{Name: "runbooks/" + hook.Name, Verifier: hook.Verifier, Rate: runbookRate, Burst: runbookBurst}
	}
	source.MaxBody = runbookBody
	if c.Request().Header.Get("Content-Encoding") != "" {
		return problem(http.StatusUnsupportedMediaType, fault.Invalid, "a runbook's call is taken as it is signed: without Content-Encoding")
	}
	body, id, err := s.verified(c, &source)
	if err != nil {
		s.metrics.heard(source.Name, "refused", known)
		return err
	}
	defer s.letGo(body)
	answer, err := runbook.ParseAnswer(body.memory.Bytes())
	if err != nil {
		s.metrics.heard(source.Name, "invalid", known)
		return fault.Wrap(fault.Invalid, err, "reading a runbook's answer")
	}
	if _, err := s.deps.RunbookRuns.RunAnswered(c.Request().Context(), hook.Name, id, answer); err != nil {
		s.metrics.heard(source.Name, "failed", known)
		return fault.Wrap(fault.KindOf(err), err, "hearing of a run")
	}
	s.metrics.heard(source.Name, "accepted", known)
	return c.json(http.StatusAccepted, Heard{Status: "heard"})
}
