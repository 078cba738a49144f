package api

import (
	"net/http"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// WaitingRequest is a request for an exception that waits, as an approver sees it.
type WaitingRequest struct {
	Exposure Summary          `json:"exposure"`
	Request  exposure.Request `json:"request"`
	Mine     bool             `json:"mine"`    // the caller may approve it, and hasn't
	Missing  int              `json:"missing"` // how many more approvals it takes
}

func approvalRoutes() []route {
	return []route{{
		method: http.MethodGet, path: prefix + "/approvals", name: "approvals", tag: "exposures", summary: "Find requests for exceptions that wait",
		doc:    "Those that wait for the caller's approval; with all, everybody's. What is left out makes pages shorter.",
		access: needs(RoleViewer), query: append(pageParams(), yesNo("all", "True: also those that wait for others.")),
		out: exposure.Page[WaitingRequest]{}, handle: (*Server).listApprovals,
	}}
}

func (s *Server) listApprovals(c *call) error {
	page, err := s.deps.Exposures.FindExposures(c.Request().Context(), exposure.Filter{Requested: true, Visible: c.visible()}, listOf(c.QueryParams()))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding requests that wait")
	}
	all := c.QueryParam("all") == "true"
	out := exposure.Page[WaitingRequest]{Items: []WaitingRequest{}, Next: page.Next}
	for i := range page.Items {
		e := &page.Items[i]
		q := e.Request
		if q == nil {
			continue
		}
		item := WaitingRequest{Exposure: summaryOf(*e), Request: *q, Mine: s.mayApprove(c, e), Missing: max(0, q.Quorum-len(s.deps.Rules.Standing(q.Approvals, s.now())))}
		if item.Mine || all {
			out.Items = append(out.Items, item)
		}
	}
	return c.json(http.StatusOK, out)
}

// mayApprove reports whether a request waits for the caller.
func (s *Server) mayApprove(c *call, e *exposure.Exposure) bool {
	name := s.deps.Rules.Person(c.token.Name)
	return e.State.Live() && c.token.Role.may(RoleOperator) && s.deps.Rules.MayApprove(e, name, string(c.token.Role), s.now()) &&
		!e.Request.ApprovedBy(name) && (e.Request.Own || !exposure.SamePerson(e.Request.By, name))
}
