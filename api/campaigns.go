package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Campaigns keeps campaigns.
//
//nolint:interfacebloat // one record, from its draft over its deadlines to its end
type Campaigns interface {
	Campaign(ctx context.Context, id string) (campaign.Campaign, error)
	// FindCampaigns gives those in a state, or in any for "", by their deadlines.
	FindCampaigns(ctx context.Context, state campaign.State, l exposure.List) (exposure.Page[campaign.Campaign], error)
	// Draft fills in what a campaign that is to begin leaves open, or gives what is wrong.
	Draft(in CampaignRequest, by, cause string) (campaign.Campaign, []campaign.Problem)
	// Start begins a campaign, once for each cause; conflict where its ID is another one's.
	Start(ctx context.Context, c campaign.Campaign) (campaign.Campaign, error)
	// Move moves a deadline, once for each cause. Invalid: what is wrong with the deadline;
	// conflict: it has ended, or has that deadline already.
	Move(ctx context.Context, id string, in CampaignMoveRequest, by, cause string) (campaign.Campaign, error)
	// End ends one, as closed or cancelled; conflict where it has ended otherwise.
	End(ctx context.Context, id string, as campaign.State, by, why string) (campaign.Campaign, error)
}

// CampaignRequest is a campaign that is to begin.
type CampaignRequest struct {
	Name    string             `json:"name"`
	Goal    string             `json:"goal,omitempty"`
	Where   campaign.Condition `json:"where"`             // which exposures it is about
	Until   string             `json:"until"`             // the deadline: a day, which ends with its working day, or an RFC 3339 time
	Lead    string             `json:"lead,omitempty"`    // the person who is told; the caller if absent
	Channel string             `json:"channel,omitempty"` // where its regular word goes: a channel such as #security, or a team
	Tracker string             `json:"tracker,omitempty"` // that its ticket is in; where new tickets go if absent
	DryRun  bool               `json:"dry_run,omitempty"` // only say what matches now
}

// CampaignStarted is a campaign that begins, or would.
type CampaignStarted struct {
	Campaign campaign.Campaign `json:"campaign"`
	Matches  int64             `json:"matches"`          // live exposures that match now
	Teams    map[string]int64  `json:"teams,omitempty"`  // whose they are; "" is nobody's
	States   map[string]int64  `json:"states,omitempty"` // in which states
}

// CampaignStatus is a campaign with how it stands now.
type CampaignStatus struct {
	campaign.Campaign
	Now      campaign.Counts `json:"now"`
	Ideal    int64           `json:"ideal"`             // how many would be open now if all were fixed evenly
	Forecast time.Time       `json:"forecast,omitzero"` // when nothing is open, at the pace of the last two weeks
	Overdue  bool            `json:"overdue,omitempty"`
}

// CampaignMoveRequest moves a campaign's deadline.
type CampaignMoveRequest struct {
	Until  string `json:"until"`  // the deadline: a day, which ends with its working day, or an RFC 3339 time
	Reason string `json:"reason"` // why: it stands on its ticket
}

// CampaignEnd ends a campaign.
type CampaignEnd struct {
	Reason string `json:"reason"` // why: it stands on its ticket
}

func campaignRoutes() []route {
	all, one := prefix+"/campaigns", prefix+"/campaigns/{campaign}"
	end := func(verb, name, summary, doc string, handle func(*Server, *call) error) route {
		return route{method: http.MethodPost, path: one + "/" + verb, name: name, tag: "work", summary: summary, doc: doc,
			access: needs(RoleOperator).entirely(), in: CampaignEnd{}, out: CampaignStatus{}, handle: handle}
	}
	return []route{
		{method: http.MethodGet, path: all, name: "campaigns", tag: "work", summary: "Find campaigns, by their deadlines", access: needs(RoleViewer).entirely(),
			query: append(pageParams(), choice("state", "Where it stands.", campaign.States())), out: exposure.Page[CampaignStatus]{}, handle: (*Server).listCampaigns},
		{method: http.MethodPost, path: all, name: "startCampaign", tag: "work", summary: "Start a campaign: a named set of exposures that is to be fixed by a day",
			doc:    "Live exposures that match join, those that match later too until it ends. It makes due dates earlier, never later, and closes nothing. With dry_run it only says what matches now.",
			access: needs(RoleOperator).entirely(), headers: []param{text("Idempotency-Key", "Makes a repeat of the request the same campaign; made up if absent.")},
			in: CampaignRequest{}, out: CampaignStarted{}, handle: (*Server).startCampaign},
		{method: http.MethodGet, path: one, name: "campaign", tag: "work", summary: "One campaign with its burn-down, counted now", access: needs(RoleViewer).entirely(),
			out: CampaignStatus{}, handle: (*Server).getCampaign},
		{method: http.MethodGet, path: one + "/members", name: "campaignMembers", tag: "work", summary: "The members of a campaign", access: needs(RoleViewer).entirely(),
			query: append(pageParams(), choice("state", "Only in this state.", exposure.States()).repeated(), choice("sort", "The order; ties are broken by ID.", sorts())),
			out:   exposure.Page[Summary]{}, handle: (*Server).campaignMembers},
		{method: http.MethodPost, path: one + "/move", name: "moveCampaign", tag: "work", summary: "Move a campaign's deadline",
			doc:    "Its ticket, its digests and the due dates of its members follow; no member is due later than policy says. Who moved it, when and why stays on record. A deadline in the past and a campaign that has ended are refused.",
			access: needs(RoleOperator).entirely(), headers: []param{text("Idempotency-Key", "Makes a repeat of the request the same move; made up if absent.")},
			in: CampaignMoveRequest{}, out: CampaignStatus{}, handle: (*Server).moveCampaign},
		end("close", "closeCampaign", "End a campaign with members open", "What is open is due as policy says from then on, and work on it goes on.", (*Server).closeCampaign),
		end("cancel", "cancelCampaign", "Take a campaign back", "As close does, but it says that the campaign was a mistake.", (*Server).cancelCampaign),
	}
}

func (s *Server) campaign(c *call) (campaign.Campaign, error) {
	id := c.param("campaign")
	missing := fault.New(fault.NotFound, "there is no campaign %s: quell campaigns list tells which there are", shown(id))
	if s.deps.Campaigns == nil || !campaign.ValidID(id) {
		return campaign.Campaign{}, missing
	}
	found, err := s.deps.Campaigns.Campaign(c.Request().Context(), id)
	if fault.Is(err, fault.NotFound) {
		return found, missing
	}
	return found, fault.Wrap(fault.KindOf(err), err, "reading a campaign")
}

// statusOf is a campaign as it was counted last.
func (s *Server) statusOf(c campaign.Campaign) CampaignStatus {
	now := s.now()
	out := CampaignStatus{Campaign: c, Now: c.Now(), Ideal: c.Ideal(c.Now(), now), Overdue: c.Overdue(now)}
	out.Points = listed(c.Points)
	if at, ok := c.Forecast(now); ok {
		out.Forecast = at
	}
	return out
}

func (s *Server) listCampaigns(c *call) error {
	out := exposure.Page[CampaignStatus]{Items: []CampaignStatus{}}
	if s.deps.Campaigns == nil {
		return c.json(http.StatusOK, out)
	}
	page, err := s.deps.Campaigns.FindCampaigns(c.Request().Context(), campaign.State(c.QueryParam("state")), listOf(c.QueryParams()))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding campaigns")
	}
	for i := range page.Items {
		out.Items = append(out.Items, s.statusOf(page.Items[i]))
	}
	out.Next = page.Next
	return c.json(http.StatusOK, out)
}

func (s *Server) getCampaign(c *call) error {
	found, err := s.campaign(c)
	if err != nil {
		return err
	}
	states, err := s.deps.Exposures.CountExposures(c.Request().Context(), exposure.Filter{Campaign: found.ID}, "state")
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "counting the members of a campaign")
	}
	if !found.Began.IsZero() {
		found.Record(campaign.Tally(states), ms(s.now()))
	}
	return c.json(http.StatusOK, s.statusOf(found))
}

func (s *Server) campaignMembers(c *call) error {
	found, err := s.campaign(c)
	if err != nil {
		return err
	}
	f := exposure.Filter{Campaign: found.ID, States: convert[exposure.State](c.QueryParams()["state"])}
	page, err := s.deps.Exposures.FindExposures(c.Request().Context(), f, listOf(c.QueryParams()))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding the members of a campaign")
	}
	out := exposure.Page[Summary]{Items: make([]Summary, len(page.Items)), Next: page.Next}
	for i := range page.Items {
		out.Items[i] = summaryOf(page.Items[i])
	}
	return c.json(http.StatusOK, out)
}

func (s *Server) startCampaign(c *call) error {
	var in CampaignRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	cause, err := s.idempotencyKey(c)
	if err != nil {
		return err
	}
	if s.deps.Campaigns == nil {
		return fault.New(fault.Unavailable, "starting a campaign: none are kept here")
	}
	draft, problems := s.deps.Campaigns.Draft(in, c.token.Name, cause)
	if len(problems) > 0 {
		var errs []FieldError
		for _, p := range problems {
			errs = append(errs, FieldError(p))
		}
		return invalid(errs...)
	}
	out := CampaignStarted{Campaign: draft}
	if err := s.matches(c, &out); err != nil {
		return err
	}
	if in.DryRun {
		out.Campaign.Points = listed(out.Campaign.Points)
		return c.json(http.StatusOK, out)
	}
	if out.Campaign, err = s.deps.Campaigns.Start(c.Request().Context(), draft); err != nil {
		return err
	}
	s.audit(c, "campaign started", out.Campaign.ID)
	out.Campaign.Points = listed(out.Campaign.Points)
	return c.json(http.StatusOK, out)
}

// matches counts what a campaign is about now. What no index knows is read.
func (s *Server) matches(c *call, out *CampaignStarted) error {
	ctx, where := c.Request().Context(), &out.Campaign.Where
	f := where.Filter()
	if where.Looks() {
		if err := c.unhurried(); err != nil {
			return err
		}
		out.Teams, out.States = map[string]int64{}, map[string]int64{}
		err := s.deps.Exposures.EachExposure(ctx, f, func(e exposure.Exposure) error {
			if where.Takes(&e) {
				out.Matches++
				out.Teams[e.Owner.Team]++
				out.States[string(e.State)]++
			}
			return ctx.Err()
		})
		return fault.Wrap(fault.KindOf(err), err, "looking for what matches a campaign")
	}
	var err error
	if out.Teams, err = s.deps.Exposures.CountExposures(ctx, f, "owner"); err == nil {
		out.States, err = s.deps.Exposures.CountExposures(ctx, f, "state")
	}
	out.Matches = total(out.States)
	return fault.Wrap(fault.KindOf(err), err, "counting what matches a campaign")
}

func (s *Server) moveCampaign(c *call) error {
	var in CampaignMoveRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := givenReason(&in.Reason); err != nil {
		return err
	}
	cause, err := s.idempotencyKey(c)
	if err != nil {
		return err
	}
	found, err := s.campaign(c)
	if err != nil {
		return err
	}
	moved, err := s.deps.Campaigns.Move(c.Request().Context(), found.ID, in, c.token.Name, cause)
	if err != nil {
		return err
	}
	s.audit(c, "deadline of campaign moved", moved.ID)
	return c.json(http.StatusOK, s.statusOf(moved))
}

// givenReason refuses a reason that says nothing, or too much.
func givenReason(reason *string) error {
	if *reason = strings.TrimSpace(*reason); *reason == "" || len(*reason) > maxReason {
		return invalid(FieldError{Field: "reason", Detail: "must hold something, and at most " + bytesText(maxReason)})
	}
	return nil
}

func (s *Server) closeCampaign(c *call) error  { return s.endCampaign(c, campaign.Closed) }
func (s *Server) cancelCampaign(c *call) error { return s.endCampaign(c, campaign.Cancelled) }

func (s *Server) endCampaign(c *call, as campaign.State) error {
	var in CampaignEnd
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := givenReason(&in.Reason); err != nil {
		return err
	}
	found, err := s.campaign(c)
	if err != nil {
		return err
	}
	ended, err := s.deps.Campaigns.End(c.Request().Context(), found.ID, as, c.token.Name, in.Reason)
	if err != nil {
		return err
	}
	s.audit(c, "campaign "+string(as), ended.ID)
	return c.json(http.StatusOK, s.statusOf(ended))
}
