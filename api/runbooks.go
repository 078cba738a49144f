package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/runbook"
)

// RunbookRuns asks for, decides on and knows the runs of runbooks.
//
//nolint:interfacebloat // one record, from the request over its approval to what came of it
type RunbookRuns interface {
	RunbookStatuses(ctx context.Context) ([]lifecycle.RunbookStatus, error)
	AskRun(ctx context.Context, in lifecycle.RunRequest) (runbook.Run, error)
	DecideRun(ctx context.Context, in lifecycle.RunDecision) (runbook.Run, error)
	MayApproveRun(r *runbook.Run, name, role string) bool
	// RunAnswered takes a runbook's word on a run of its own, by the ID of its call.
	RunAnswered(ctx context.Context, name, call string, answer runbook.Answer) (runbook.Run, error)
	Run(ctx context.Context, id string) (runbook.Run, error)
	RunsOf(ctx context.Context, remediation string) ([]runbook.Run, error)
	FindRuns(ctx context.Context, runbook string, state runbook.State, l exposure.List) (exposure.Page[runbook.Run], error)
}

// RunView is a run as people see it.
type RunView struct {
	runbook.Run
	Mine bool `json:"mine,omitempty"` // it waits for the caller's approval
}

// AskRunRequest asks for a run of a runbook.
type AskRunRequest struct {
	Runbook string `json:"runbook"`
	Reason  string `json:"reason"`
}

// RunDecisionRequest decides on a run that waits.
type RunDecisionRequest struct {
	Kind   runbook.Decision `json:"kind"` // approve, decline, withdraw
	Reason string           `json:"reason,omitempty"`
}

func runDecisions() []runbook.Decision {
	return []runbook.Decision{runbook.Approve, runbook.Decline, runbook.Withdraw}
}

func runbookRoutes() []route {
	of, all := prefix+"/remediations/{remediation}/runs", prefix+"/runbook-runs"
	key := text("Idempotency-Key", "Makes a repeat of the request the same run.")
	return []route{
		{method: http.MethodPost, path: "/hooks/runbooks/{runbook}", name: "runbookHook", tag: "deliveries", summary: "Hear from a runbook how a run of it goes",
			doc: "Signed as Standard Webhooks has it, with the key that our call was signed with. done is a claim, and leads to a re-test. " +
				"What is said is stored durably before the answer, and a repeated call is one.",
			access: open(), body: &upload{types: []string{"application/json"}, doc: `{"run": "run_…", "status": "started", "done" or "failed", "detail": "…"}`},
			out: Heard{}, status: http.StatusAccepted, handle: (*Server).runbookHook},
		{method: http.MethodGet, path: prefix + "/runbooks", name: "runbooks", tag: "work", summary: "The configured runbooks", access: needs(RoleViewer),
			out: Items[lifecycle.RunbookStatus]{}, handle: (*Server).listRunbooks},
		{method: http.MethodPost, path: of, name: "askRun", tag: "work", summary: "Ask for a run of a runbook for a remediation",
			doc:    "It is called once others have approved it, as the runbook's approval says. It is about the exposures that the runbook is for, as they are now. One run at a time for a remediation.",
			access: needs(RoleOperator), headers: []param{key}, in: AskRunRequest{}, out: RunView{}, status: http.StatusCreated, handle: (*Server).askRun},
		{method: http.MethodGet, path: of, name: "remediationRuns", tag: "work", summary: "The runs of runbooks for a remediation, oldest first", access: needs(RoleViewer),
			out: Items[RunView]{}, handle: (*Server).remediationRuns},
		{method: http.MethodGet, path: all, name: "runbookRuns", tag: "work", summary: "Find runs of runbooks, newest first",
			doc: "What the caller may not see is left out, which makes pages shorter.", access: needs(RoleViewer),
			query: append(pageParams(), choice("state", "Where it stands.", stateWords()), text("runbook", "Of this runbook."), yesNo("mine", "True: only those that wait for the caller's approval.")),
			out:   exposure.Page[RunView]{}, handle: (*Server).listRunbookRuns},
		{method: http.MethodGet, path: all + "/{run}", name: "runbookRun", tag: "work", summary: "One run of a runbook", access: needs(RoleViewer),
			out: RunView{}, handle: (*Server).getRunbookRun},
		{method: http.MethodPost, path: all + "/{run}/decisions", name: "decideRun", tag: "work", summary: "Approve, decline or withdraw a run that waits",
			doc:    "Whoever asked can't approve. The last approval that it takes lets the runbook be called.",
			access: needs(RoleOperator), in: RunDecisionRequest{}, out: RunView{}, handle: (*Server).decideRun},
	}
}

func stateWords() []string {
	out := make([]string, 0, len(runbook.States()))
	for _, s := range runbook.States() {
		out = append(out, string(s))
	}
	return out
}

// runView is a run without what only machines need.
func (s *Server) runView(c *call, r *runbook.Run) RunView {
	v := RunView{Run: *r}
	v.Body, v.Heard = nil, nil
	v.Mine = s.deps.RunbookRuns != nil && c.token.Role.may(RoleOperator) && s.deps.RunbookRuns.MayApproveRun(r, c.token.Name, string(c.token.Role))
	return v
}

func (s *Server) listRunbooks(c *call) error {
	out := Items[lifecycle.RunbookStatus]{Items: []lifecycle.RunbookStatus{}}
	if s.deps.RunbookRuns != nil {
		all, err := s.deps.RunbookRuns.RunbookStatuses(c.Request().Context())
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "reading the runbooks")
		}
		out.Items = listed(all)
	}
	return c.json(http.StatusOK, out)
}

func (s *Server) askRun(c *call) error {
	var in AskRunRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := fitReason(in.Reason); err != nil {
		return err
	}
	cause, err := s.idempotencyKey(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	rem, err := s.remediation(ctx, c)
	if err != nil {
		return err
	}
	if s.deps.RunbookRuns == nil {
		return fault.New(fault.NotFound, "there are no runbooks in the configuration")
	}
	r, err := s.deps.RunbookRuns.AskRun(ctx, lifecycle.RunRequest{Cause: cause, Remediation: rem.ID, Runbook: in.Runbook, By: c.token.Name, Role: string(c.token.Role), Reason: in.Reason, Via: "api"})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "asking for a run")
	}
	s.audit(c, "run of runbook "+r.Runbook+" asked for", r.ID)
	return c.json(http.StatusCreated, s.runView(c, &r))
}

func fitReason(reason string) error {
	if len(reason) > maxReason {
		return invalid(FieldError{Field: "reason", Detail: "is longer than " + bytesText(maxReason)})
	}
	return nil
}

func (s *Server) remediationRuns(c *call) error {
	ctx := c.Request().Context()
	rem, err := s.remediation(ctx, c)
	if err != nil {
		return err
	}
	out, err := s.runsOf(ctx, c, rem.ID)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, Items[RunView]{Items: out})
}

// runsOf are the runs for a remediation that the caller may see.
func (s *Server) runsOf(ctx context.Context, c *call, remediation string) ([]RunView, error) {
	out := []RunView{}
	if s.deps.RunbookRuns == nil || remediation == "" {
		return out, nil
	}
	runs, err := s.deps.RunbookRuns.RunsOf(ctx, remediation)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading the runs for a remediation")
	}
	for i := range runs {
		out = append(out, s.runView(c, &runs[i]))
	}
	return out, nil
}

// runsAbout are the runs of an exposure's remediation that are about it.
func (s *Server) runsAbout(c *call, e *exposure.Exposure) ([]RunView, error) {
	ctx := c.Request().Context()
	if s.deps.RunbookRuns == nil || e.RemediationID == "" {
		return nil, nil
	}
	if ok, err := s.seesRemediation(ctx, c, e.RemediationID); err != nil || !ok { // a run speaks of all of it
		return nil, err
	}
	all, err := s.runsOf(ctx, c, e.RemediationID)
	return slices.DeleteFunc(all, func(v RunView) bool { return !v.About(e.ID) }), err
}

func (s *Server) listRunbookRuns(c *call) error {
	ctx, q := c.Request().Context(), c.QueryParams()
	out := exposure.Page[RunView]{Items: []RunView{}}
	if s.deps.RunbookRuns == nil {
		return c.json(http.StatusOK, out)
	}
	state := runbook.State(q.Get("state"))
	if q.Get("mine") == "true" {
		state = runbook.Requested
	}
	page, err := s.deps.RunbookRuns.FindRuns(ctx, q.Get("runbook"), state, listOf(q))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding runs")
	}
	out.Next = page.Next
	for i := range page.Items {
		ok, err := s.seesRemediation(ctx, c, page.Items[i].Remediation)
		if err != nil {
			return err
		}
		if v := s.runView(c, &page.Items[i]); ok && (v.Mine || q.Get("mine") != "true") {
			out.Items = append(out.Items, v)
		}
	}
	return c.json(http.StatusOK, out)
}

// run reads a run that the caller may see.
func (s *Server) runbookRun(ctx context.Context, c *call) (runbook.Run, error) {
	id := c.param("run")
	if s.deps.RunbookRuns == nil {
		return runbook.Run{}, fault.New(fault.NotFound, "there is no run %s", shown(id))
	}
	r, err := s.deps.RunbookRuns.Run(ctx, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return r, fault.Wrap(fault.KindOf(err), err, "reading a run")
	}
	ok := err == nil
	if ok {
		if ok, err = s.seesRemediation(ctx, c, r.Remediation); err != nil {
			return r, err
		}
	}
	if !ok {
		return runbook.Run{}, fault.New(fault.NotFound, "there is no run %s", shown(id))
	}
	return r, nil
}

func (s *Server) getRunbookRun(c *call) error {
	r, err := s.runbookRun(c.Request().Context(), c)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, s.runView(c, &r))
}

func (s *Server) decideRun(c *call) error {
	var in RunDecisionRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := fitReason(in.Reason); err != nil {
		return err
	}
	if !slices.Contains(runDecisions(), in.Kind) {
		return invalid(FieldError{Field: "kind", Detail: "must be one of " + words(runDecisions())})
	}
	if in.Kind == runbook.Decline && strings.TrimSpace(in.Reason) == "" {
		return invalid(FieldError{Field: "reason", Detail: "is required: whoever asked is told"})
	}
	ctx := c.Request().Context()
	r, err := s.runbookRun(ctx, c)
	if err != nil {
		return err
	}
	r, err = s.deps.RunbookRuns.DecideRun(ctx, lifecycle.RunDecision{Run: r.ID, Decision: in.Kind, Decider: runbook.Decider{Name: c.token.Name, Role: string(c.token.Role), Via: "api", Reason: in.Reason}})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "")
	}
	s.audit(c, "run of runbook "+r.Runbook+": "+string(in.Kind), r.ID)
	return c.json(http.StatusOK, s.runView(c, &r))
}
