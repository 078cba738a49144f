package apiclient

import (
	"context"
	"iter"
	"net/url"
	"time"

	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
)

// Campaign is a campaign with how it stands now.
type Campaign struct {
	campaign.Campaign
	Now      campaign.Counts `json:"now"`
	Ideal    int64           `json:"ideal"`
	Forecast time.Time       `json:"forecast"` // zero where nobody can tell
	Overdue  bool            `json:"overdue"`
}

// NewCampaign is a campaign that is to begin.
type NewCampaign struct {
	Name    string             `json:"name"`
	Goal    string             `json:"goal,omitempty"`
	Where   campaign.Condition `json:"where"`
	Until   string             `json:"until"` // a day, or an RFC 3339 time
	Lead    string             `json:"lead,omitempty"`
	Channel string             `json:"channel,omitempty"`
	Tracker string             `json:"tracker,omitempty"`
	DryRun  bool               `json:"dry_run,omitempty"`
}

// CampaignStarted is a campaign that begins, or would, with what matches now.
type CampaignStarted struct {
	Campaign campaign.Campaign `json:"campaign"`
	Matches  int64             `json:"matches"`
	Teams    map[string]int64  `json:"teams"`
	States   map[string]int64  `json:"states"`
}

// Campaigns walks over campaigns, by their deadlines.
func (c *Client) Campaigns(ctx context.Context, query url.Values, limit int) iter.Seq2[Item[Campaign], error] {
	return All[Campaign](ctx, c, "/campaigns", query, limit)
}

// Campaign reads one, counted now.
func (c *Client) Campaign(ctx context.Context, id string) (Item[Campaign], error) {
	return get[Campaign](ctx, c, "/campaigns"+seg(id), nil)
}

// CampaignMembers walks over the members of a campaign.
func (c *Client) CampaignMembers(ctx context.Context, id string, query url.Values, limit int) iter.Seq2[Item[exposure.Exposure], error] {
	return All[exposure.Exposure](ctx, c, "/campaigns"+seg(id)+"/members", query, limit)
}

// StartCampaign begins a campaign. The same key again is the same campaign.
func (c *Client) StartCampaign(ctx context.Context, in NewCampaign, key string) (Item[CampaignStarted], error) {
	return post[CampaignStarted](ctx, c, "/campaigns", in, map[string]string{"Idempotency-Key": key})
}

// EndCampaign ends a campaign: how is close or cancel.
func (c *Client) EndCampaign(ctx context.Context, id, how, reason string) (Item[Campaign], error) {
	return post[Campaign](ctx, c, "/campaigns"+seg(id)+"/"+how, map[string]string{"reason": reason}, nil)
}

// MoveCampaign moves a campaign's deadline: until is a day, or an RFC 3339 time. The same
// key again is the same move.
func (c *Client) MoveCampaign(ctx context.Context, id, until, reason, key string) (Item[Campaign], error) {
	return post[Campaign](ctx, c, "/campaigns"+seg(id)+"/move", map[string]string{"until": until, "reason": reason}, map[string]string{"Idempotency-Key": key})
}
