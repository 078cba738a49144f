package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// drive keeps campaigns in memory.
type drive struct{ all map[string]campaign.Campaign }

func (d *drive) Campaign(_ context.Context, id string) (campaign.Campaign, error) {
	c, ok := d.all[id]
	if !ok {
		return c, fault.New(fault.NotFound, "none")
	}
	return c, nil
}

func (d *drive) FindCampaigns(_ context.Context, state campaign.State, _ exposure.List) (exposure.Page[campaign.Campaign], error) {
	var out exposure.Page[campaign.Campaign]
	for _, id := range slices.Sorted(maps.Keys(d.all)) {
		if c := d.all[id]; state == "" || c.State == state {
			out.Items = append(out.Items, c)
		}
	}
	return out, nil
}

func (*drive) Draft(in CampaignRequest, by, cause string) (campaign.Campaign, []campaign.Problem) {
	until, _ := campaign.Deadline(in.Until, noon, nil)
	c := campaign.Campaign{ID: campaign.Slug(in.Name), Name: in.Name, Where: in.Where, Until: until, Lead: by, Tracker: "local", State: campaign.Open, Cause: cause, CreatedAt: noon}
	problems := c.Problems(noon)
	return c, problems
}

func (d *drive) Start(_ context.Context, c campaign.Campaign) (campaign.Campaign, error) {
	if known, ok := d.all[c.ID]; ok {
		if known.Cause != c.Cause {
			return c, fault.New(fault.Conflict, "it is one already")
		}
		return known, nil
	}
	d.all[c.ID] = c
	return c, nil
}

func (d *drive) Move(_ context.Context, id string, in CampaignMoveRequest, by, cause string) (campaign.Campaign, error) {
	c := d.all[id]
	until, _ := campaign.Deadline(in.Until, noon, nil)
	if _, problem := c.Move(campaign.Move{Cause: cause, To: until, By: by, At: noon, Reason: in.Reason}); problem != nil {
		return c, fault.New(fault.Conflict, "moving: %s", problem.Detail)
	}
	d.all[id] = c
	return c, nil
}

func (d *drive) End(_ context.Context, id string, as campaign.State, by, why string) (campaign.Campaign, error) {
	c := d.all[id]
	c.End(as, by, why, noon)
	d.all[id] = c
	return c, nil
}

func campaigning(t *testing.T) (*rig, *drive) {
	t.Helper()
	d := &drive{all: map[string]campaign.Campaign{}}
	return newRig(t, func(deps *Deps) { deps.Campaigns = d }), d
}

func aRequest() CampaignRequest {
	return CampaignRequest{Name: "The shop", Until: noon.Add(72 * time.Hour).Format(time.RFC3339), Where: campaign.Condition{Scopes: []string{"shop"}}}
}

func TestACampaignIsStartedOnceForEachKeyAndADryRunStartsNone(t *testing.T) {
	r, d := campaigning(t)
	in := aRequest()
	in.DryRun = true
	dry := into[CampaignStarted](t, r.post(prefix+"/campaigns", in), http.StatusOK)
	require.Empty(t, d.all)
	require.NotZero(t, dry.Matches)
	require.Equal(t, []string{"shop"}, r.filters[len(r.filters)-1].Scopes)
	require.Len(t, r.filters[len(r.filters)-1].States, 5, "only what is live matches")
	for range 2 {
		got := into[CampaignStarted](t, r.post(prefix+"/campaigns", aRequest(), "Idempotency-Key", "k1"), http.StatusOK)
		require.Equal(t, "the-shop", got.Campaign.ID)
		require.Equal(t, "operator-token", got.Campaign.Lead)
	}
	refused(t, r.post(prefix+"/campaigns", aRequest(), "Idempotency-Key", "k2"), http.StatusConflict)
	require.Len(t, d.all, 1)
}

func TestWhatIsWrongWithANewCampaignIsSaidFieldByField(t *testing.T) {
	r, d := campaigning(t)
	in := aRequest()
	in.Name, in.Where = " ", campaign.Condition{}
	p := refused(t, r.post(prefix+"/campaigns", in), http.StatusBadRequest)
	require.Len(t, p.Errors, 2)
	require.Equal(t, "name", p.Errors[0].Field)
	require.Equal(t, "where", p.Errors[1].Field)
	refused(t, r.post(prefix+"/campaigns", `{"name":"x","where":{"state":["open"]},"until":"2026-12-01"}`, "Content-Type", "application/json"), http.StatusBadRequest)
	require.Empty(t, d.all)
}

func TestACampaignIsShownAsItStandsNow(t *testing.T) {
	r, d := campaigning(t)
	c := campaign.Campaign{ID: "shop", Name: "Shop", State: campaign.Open, Until: noon.Add(48 * time.Hour), CreatedAt: noon.Add(-24 * time.Hour)}
	c.Advance(campaign.Counts{Total: 4, Open: 4}, noon.Add(-24*time.Hour))
	d.all["shop"] = c
	got := into[CampaignStatus](t, r.get(prefix+"/campaigns/shop"), http.StatusOK)
	require.Equal(t, "shop", r.filters[len(r.filters)-1].Campaign)
	require.Len(t, got.Points, 2, "yesterday, and now")
	require.Equal(t, got.Now, got.Points[1].Counts)
	list := into[exposure.Page[CampaignStatus]](t, r.get(prefix+"/campaigns?state=open"), http.StatusOK)
	require.Len(t, list.Items, 1)
	require.EqualValues(t, 3, list.Items[0].Ideal)
	require.Empty(t, into[exposure.Page[CampaignStatus]](t, r.get(prefix+"/campaigns?state=met"), http.StatusOK).Items)
	into[exposure.Page[Summary]](t, r.get(prefix+"/campaigns/shop/members?state=open&limit=1"), http.StatusOK)
	f := r.filters[len(r.filters)-1]
	require.Equal(t, "shop", f.Campaign)
	require.Equal(t, []exposure.State{exposure.Open}, f.States)
	for _, id := range []string{"nothing", "..%2Fx", strings.Repeat("a", 200)} {
		require.Contains(t, refused(t, r.get(prefix+"/campaigns/"+id), http.StatusNotFound).Detail, "quell campaigns list")
	}
}

func TestWhoEndsACampaignSaysWhy(t *testing.T) {
	r, d := campaigning(t)
	d.all["shop"] = campaign.Campaign{ID: "shop", State: campaign.Open, Until: noon.Add(time.Hour)}
	refused(t, r.post(prefix+"/campaigns/shop/close", CampaignEnd{Reason: " "}), http.StatusBadRequest)
	require.Equal(t, campaign.Open, d.all["shop"].State)
	refused(t, r.ask(http.MethodPost, prefix+"/campaigns/shop/close", r.tokens[RoleViewer], CampaignEnd{Reason: "enough"}), http.StatusForbidden)
	got := into[CampaignStatus](t, r.post(prefix+"/campaigns/shop/close", CampaignEnd{Reason: "enough"}), http.StatusOK)
	require.Equal(t, campaign.Closed, got.State)
	require.Equal(t, "operator-token", got.EndedBy)
	d.all["tls"] = campaign.Campaign{ID: "tls", State: campaign.Open}
	require.Equal(t, campaign.Cancelled, into[CampaignStatus](t, r.post(prefix+"/campaigns/tls/cancel", CampaignEnd{Reason: "a mistake"}), http.StatusOK).State)
	require.Contains(t, r.log.String(), "campaign cancelled")
}

func TestWhoMovesADeadlineSaysWhyAndARepeatIsTheSameMove(t *testing.T) {
	r, d := campaigning(t)
	d.all["shop"] = campaign.Campaign{ID: "shop", State: campaign.Open, Until: noon.Add(time.Hour)}
	in := CampaignMoveRequest{Until: noon.AddDate(0, 0, 7).Format(time.RFC3339), Reason: " the vendor is late "}
	refused(t, r.post(prefix+"/campaigns/shop/move", CampaignMoveRequest{Until: in.Until, Reason: " "}), http.StatusBadRequest)
	refused(t, r.ask(http.MethodPost, prefix+"/campaigns/shop/move", r.tokens[RoleViewer], in), http.StatusForbidden)
	refused(t, r.post(prefix+"/campaigns/nothing/move", in), http.StatusNotFound)
	require.Empty(t, d.all["shop"].Moves)
	for range 2 {
		got := into[CampaignStatus](t, r.post(prefix+"/campaigns/shop/move", in, "Idempotency-Key", "k1"), http.StatusOK)
		require.Equal(t, noon.AddDate(0, 0, 7), got.Until)
		require.Len(t, got.Moves, 1)
	}
	require.Equal(t, "operator-token", d.all["shop"].Moves[0].By)
	require.Equal(t, "the vendor is late", d.all["shop"].Moves[0].Reason)
	refused(t, r.post(prefix+"/campaigns/shop/move", in), http.StatusConflict)
	require.Contains(t, r.log.String(), "deadline of campaign moved")
}
