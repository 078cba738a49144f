package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store/engine"
)

// crusade is a campaign followed as its workflow would.
type crusade struct {
	*life
	reassessed []exposure.Filter
	causes     []string
	during     func() // while due dates are decided anew
	n          int
}

func (c *crusade) Reassess(_ context.Context, f exposure.Filter, cause string, _ func(ingest.Progress)) (ingest.Reassessed, error) {
	c.reassessed, c.causes = append(c.reassessed, f), append(c.causes, cause)
	if during := c.during; during != nil {
		c.during = nil
		during()
	}
	return ingest.Reassessed{}, nil
}

func (*crusade) WakeCampaign(context.Context, string, string) error { return nil }

func newCrusade(t *testing.T, wrap func(engine.Engine) engine.Engine) *crusade {
	t.Helper()
	c := &crusade{life: &life{}}
	c.at.Store(-1)
	c.rig = newRigOver(t, nil, wrap)
	c.Campaigns, c.Activities.Reassess, c.Beckon, c.Waker = c.store, c, c, asleep{}
	return c
}

// open puts live exposures of a scope into the store.
func (c *crusade) open(scope string, many int) []exposure.ID {
	c.t.Helper()
	of := asset.Asset{ID: "01WEB", Version: 1, Kind: asset.Host, Name: "web1", Scopes: []string{scope}}
	ids := make([]exposure.ID, 0, many)
	for range many {
		c.n++
		check := fmt.Sprintf("nuclei:c%d", c.n)
		e := exposure.NewExposure(exposure.BornInput{Asset: of, Source: "nessus-dc1", Run: "r1", CheckedAt: c.clock.Add(-time.Hour), At: c.clock, Cause: "d1",
			Actor:   exposure.Actor{Kind: exposure.Source, Name: "nessus-dc1"},
			Finding: exposure.Finding{UID: check, Check: check, Title: "weak login", Severity: exposure.SeverityHigh, Status: exposure.StatusOpen}})
		e.Owner, e.Scopes = exposure.Owner{Team: "payments"}, []string{scope}
		_, err := c.store.InsertExposures(c.t.Context(), []exposure.Exposure{e})
		require.NoError(c.t, err)
		ids = append(ids, e.ID)
	}
	return ids
}

func (c *crusade) begin(until time.Time) campaign.Campaign {
	c.t.Helper()
	x := campaign.Campaign{ID: "perimeter", Version: 1, Name: "The perimeter", Where: campaign.Condition{Scopes: []string{"dmz"}}, Until: until, Lead: "ann", Channel: "#security",
		Tracker: "local", State: campaign.Open, CreatedBy: "ann", CreatedAt: c.clock, Look: c.clock, UpdatedAt: c.clock}
	_, _, err := c.store.ClaimCampaign(c.t.Context(), x)
	require.NoError(c.t, err)
	return x
}

// followOn does what the workflow would until there is nothing left to do now, each call
// repeated until it comes back.
func (c *crusade) followOn() CampaignPlan {
	c.t.Helper()
	step := CampaignStep{ID: "perimeter"}
	var p CampaignPlan
	for range 6 {
		c.insist(func(ctx context.Context) (err error) { p, err = c.LookAtCampaign(ctx, step); return err })
		if p.Done || p.Gone || !p.Create && !p.Write && len(p.Messages)+len(p.Comments) == 0 {
			return p
		}
		if len(p.Messages) > 0 {
			in := CampaignStep{ID: step.ID, Intents: p.Messages}
			c.insist(func(ctx context.Context) error { _, err := c.TellOfCampaign(ctx, in); return err })
		}
		if p.Create {
			c.insist(func(ctx context.Context) error { _, err := c.CreateCampaignTicket(ctx, step); return err })
		}
		if p.Write {
			c.insist(func(ctx context.Context) error { _, err := c.SyncCampaignTicket(ctx, step); return err })
		}
		if len(p.Comments) > 0 {
			in := CampaignStep{ID: step.ID, Intents: p.Comments}
			c.insist(func(ctx context.Context) error { _, err := c.CommentOnCampaign(ctx, in); return err })
		}
	}
	return p
}

func (c *crusade) stands() campaign.Campaign {
	c.t.Helper()
	x, err := c.store.Campaign(c.t.Context(), "perimeter")
	require.NoError(c.t, err)
	return x
}

func (c *crusade) member(id exposure.ID) *exposure.Membership {
	e := c.exposureNow(id)
	return e.MemberOf("perimeter")
}
func (c *crusade) counts() campaign.Counts { x := c.stands(); return x.Now() }
func (c *crusade) missed() bool            { x := c.stands(); return x.Missed() }
func (c *crusade) given() bool             { x := c.stands(); return x.Ticket.Given() }

// accepted sets an exposure aside.
func (c *crusade) accepted(id exposure.ID) {
	c.t.Helper()
	_, err := c.Ledger.Apply(c.t.Context(), ledger.Change{ID: id, As: exposure.ModeStore, Event: exposure.Event{Kind: exposure.EventAccept, Actor: exposure.Actor{Kind: exposure.Person, Name: "bob"},
		Cause: "accept", Exception: &exposure.Exception{Kind: exposure.Accepted, By: "bob", Reason: "old", At: c.clock, Until: c.clock.Add(30 * day)}}})
	require.NoError(c.t, err)
}

// gone closes exposures with proof.
func (c *crusade) gone(ids ...exposure.ID) {
	c.t.Helper()
	for _, id := range ids {
		_, err := c.Ledger.Apply(c.t.Context(), ledger.Change{ID: id, As: exposure.ModeStore, Event: exposure.Event{Kind: exposure.EventAbsent, Actor: system("test"), Cause: "absent", CheckedAt: c.clock},
			Edit: func(e *exposure.Exposure) {
				for i := range e.Sights {
					e.Sights[i].Presence, e.Sights[i].CheckedAt, e.Sights[i].Run = exposure.VerifiedAbsent, c.clock, "r2"
				}
			}})
		require.NoError(c.t, err)
		require.Equal(c.t, exposure.Closed, c.exposureNow(id).State)
	}
}

// told are the causes and readers of what the inbox got.
func (c *crusade) told() []string {
	c.t.Helper()
	page, err := c.store.FindMessages(c.t.Context(), "", false, exposure.List{})
	require.NoError(c.t, err)
	out := make([]string, 0, len(page.Items))
	for _, m := range page.Items {
		out = append(out, m.To+": "+m.Subject)
	}
	slices.Sort(out)
	return out
}

func TestWhoMatchesJoinsOnceAndStaysCounted(t *testing.T) {
	c := newCrusade(t, nil)
	ids := c.open("dmz", 4)
	c.open("elsewhere", 2)
	until := c.clock.Add(30 * day)
	c.begin(until)
	c.followOn()
	require.Equal(t, campaign.Counts{Total: 4, Open: 4}, c.counts())
	m := c.member(ids[0])
	require.NotNil(t, m)
	require.Equal(t, until, m.Until)
	version := c.exposureNow(ids[0]).Version

	c.clock = c.clock.Add(day)
	late := c.open("dmz", 1)
	c.gone(ids[1])
	c.accepted(ids[2])
	c.followOn()
	require.Equal(t, campaign.Counts{Total: 5, Open: 3, Done: 1, Excepted: 1, Added: 1}, c.counts())
	require.NotNil(t, c.member(late[0]))
	require.Equal(t, version, c.exposureNow(ids[0]).Version, "a member is not written again")
	require.Len(t, c.stands().Points, 2)

	// What no longer matches stays a member.
	_, _, err := c.Ledger.Touch(t.Context(), ids[3], func(e *exposure.Exposure) bool { e.Scopes = []string{"elsewhere"}; return true })
	require.NoError(t, err)
	c.clock = c.clock.Add(time.Hour)
	c.followOn()
	require.EqualValues(t, 5, c.counts().Total)
}

func TestOnlyWhatChangedIsLookedAtAndOnceADayEverything(t *testing.T) {
	c := newCrusade(t, nil)
	c.open("dmz", 1)
	c.begin(c.clock.Add(30 * day))
	filters := &watched{Records: c.Records}
	c.Records = filters
	c.followOn()
	require.True(t, filters.joining[0].Updated.IsZero())
	c.clock = c.clock.Add(time.Hour)
	filters.joining = nil
	c.followOn()
	for _, f := range filters.joining {
		require.False(t, f.Updated.IsZero())
	}
	c.clock = c.clock.Add(day)
	filters.joining = nil
	c.followOn()
	require.True(t, filters.joining[0].Updated.IsZero())
}

// watched remembers what was asked for.
type watched struct {
	Records
	joining []exposure.Filter
}

func (w *watched) EachExposure(ctx context.Context, f exposure.Filter, fn func(exposure.Exposure) error) error {
	if f.Campaign == "" {
		w.joining = append(w.joining, f)
	}
	return w.Records.EachExposure(ctx, f, fn)
}

func TestDueDatesFollowOnceForEachChangeAndAreGivenBackAtTheEnd(t *testing.T) {
	c := newCrusade(t, nil)
	ids := c.open("dmz", 3)
	c.begin(c.clock.Add(30 * day))
	c.followOn()
	require.Len(t, c.causes, 1)
	require.Equal(t, "perimeter", c.reassessed[0].Campaign)
	c.clock = c.clock.Add(time.Hour)
	c.followOn()
	require.Len(t, c.causes, 1, "nobody joined")
	c.clock = c.clock.Add(time.Hour)
	c.open("dmz", 1)
	c.followOn()
	require.Len(t, c.causes, 2)
	_, err := c.EndCampaign(t.Context(), "perimeter", campaign.Cancelled, "ann", "a mistake")
	require.NoError(t, err)
	p := c.followOn()
	require.True(t, p.Done)
	require.Len(t, c.causes, 3)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(c.causes))), 3, "each change is another cause")
	for _, id := range ids {
		m := c.member(id)
		require.NotNil(t, m, "it stays a member")
		require.True(t, m.Until.IsZero(), "and nothing hastens it any more")
	}
	_, err = c.EndCampaign(t.Context(), "perimeter", campaign.Cancelled, "ann", "a mistake")
	require.NoError(t, err, "the same again changes nothing")
	_, err = c.EndCampaign(t.Context(), "perimeter", campaign.Closed, "ann", "enough")
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
}

func TestACampaignIsMetOnceAndItsTicketIsDone(t *testing.T) {
	c := newCrusade(t, nil)
	ids := c.open("dmz", 2)
	x := c.begin(c.clock.Add(30 * day))
	c.followOn()
	c.clock = c.clock.Add(time.Hour)
	c.gone(ids...)
	p := c.followOn()
	require.True(t, p.Done)
	require.Equal(t, campaign.Met, c.stands().State)
	ticket, err := c.store.TicketByMarker(t.Context(), lifecycle.CampaignMarker(x.ID, x.CreatedAt))
	require.NoError(t, err)
	require.Equal(t, "done", ticket.Status)
	require.Len(t, ticket.Comments, 1)
	require.Contains(t, ticket.Comments[0].Text, "2 of 2 closed with proof")
	require.Equal(t, []string{"#security: A campaign begins: The perimeter, 2 exposures until 2026-04-01", "#security: The campaign The perimeter is met", "@ann: The campaign The perimeter is met"}, c.told())
	require.True(t, c.followOn().Gone, "nothing is left to look at")
}

func TestAMissedDeadlineIsToldAboveAndEndsNothing(t *testing.T) {
	c := newCrusade(t, nil)
	ids := c.open("dmz", 2)
	x := c.begin(c.clock.Add(30 * day))
	c.followOn()
	c.clock = x.Until.Add(time.Minute)
	p := c.followOn()
	require.Equal(t, campaign.Open, p.State)
	require.False(t, p.Done)
	missed := func() (out []string) {
		for _, m := range c.told() {
			if to, what, _ := strings.Cut(m, ":"); strings.Contains(what, "has passed") {
				out = append(out, to)
			}
		}
		return out
	}
	require.Equal(t, []string{"#security", "@ann", "escalation"}, missed())
	c.clock = c.clock.Add(time.Hour)
	c.followOn()
	require.Len(t, missed(), 3, "once")
	c.clock = x.Until.Add(8 * day)
	c.followOn()
	require.Len(t, missed(), 6, "and again after a week")
	c.gone(ids...)
	c.followOn()
	require.Equal(t, campaign.Met, c.stands().State)
	require.True(t, c.missed(), "late is late")
}

func TestADigestComesOnceABeatAndOnlyIfSomethingChanged(t *testing.T) {
	c := newCrusade(t, nil)
	ids := c.open("dmz", 3)
	c.begin(c.clock.Add(60 * day))
	c.followOn()
	digests := func() (n int) {
		for _, m := range c.told() {
			if strings.HasPrefix(m, "#security: The perimeter:") {
				n++
			}
		}
		return n
	}
	c.clock = time.Date(2026, 3, 3, 9, 1, 0, 0, time.UTC)
	c.followOn()
	require.Zero(t, digests(), "nothing changed")
	c.gone(ids[0])
	c.clock = time.Date(2026, 3, 3, 15, 0, 0, 0, time.UTC)
	c.followOn()
	require.Zero(t, digests(), "that day's time has passed")
	c.clock = time.Date(2026, 3, 4, 9, 1, 0, 0, time.UTC)
	c.followOn()
	c.gone(ids[1])
	c.followOn()
	require.Equal(t, 1, digests())
	c.clock = time.Date(2026, 3, 5, 9, 1, 0, 0, time.UTC)
	c.followOn()
	require.Equal(t, 2, digests())
}

func TestTheSweepHasACampaignLookedAtWhoseTimeHasPassed(t *testing.T) {
	c := newCrusade(t, nil)
	c.begin(c.clock.Add(30 * day))
	var woken []string
	c.Beckon = beckoner(func(id string) { woken = append(woken, id) })
	report := SweepReport{}
	require.NoError(t, c.resendCampaigns(t.Context(), SweepRequest{}, &report))
	require.Empty(t, woken, "it was only just begun")
	c.clock = c.clock.Add(time.Minute)
	require.NoError(t, c.resendCampaigns(t.Context(), SweepRequest{}, &report))
	require.Equal(t, []string{"perimeter"}, woken)
	_, err := c.LookAtCampaign(t.Context(), CampaignStep{ID: "perimeter"})
	require.NoError(t, err)
	require.NoError(t, c.resendCampaigns(t.Context(), SweepRequest{}, &report))
	require.Len(t, woken, 1, "it is looked at")
	n, err := c.wakeCampaigns(t.Context(), time.Time{}, "rebuilt")
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

type beckoner func(id string)

func (b beckoner) WakeCampaign(_ context.Context, id, _ string) error { b(id); return nil }
