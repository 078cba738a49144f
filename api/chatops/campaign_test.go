package chatops_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/api/chatops"
	"github.com/quellsec/quell/internal/campaign"
)

func TestCampaignsAreToldOfInTheChat(t *testing.T) {
	r := newRig(t, func(d *chatops.Deps) {
		s, ok := d.Exposures.(chatops.Campaigns)
		require.True(t, ok)
		d.Campaigns = s
	})
	require.Contains(t, r.run(ann, "campaign"), "No campaign is open")
	c := campaign.Campaign{ID: "kev-by-friday", Version: 1, Name: "KEV by <!channel> Friday", Lead: "ann", Where: campaign.Condition{KEV: true}, State: campaign.Open, Until: epoch.Add(48 * time.Hour), CreatedAt: epoch}
	c.Advance(campaign.Counts{Total: 4, Open: 3, Done: 1}, epoch)
	_, _, err := r.store.ClaimCampaign(t.Context(), c)
	require.NoError(t, err)
	list := r.run(ann, "campaign")
	require.Contains(t, list, "kev-by-friday")
	require.Contains(t, list, "1 of 4 done, 3 open, 0 set aside")
	require.NotContains(t, list, "<!channel>")
	one := r.run(ann, "campaign kev-by-friday")
	require.Contains(t, one, "known to be exploited")
	require.Contains(t, one, "Planned for now: 4 open")
	require.Contains(t, r.run(ann, "campaign nothing"), "there is no campaign nothing")
}
