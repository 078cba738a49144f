package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Campaign follows one campaign: it looks again and again at who is in it and how far they
// are, keeps its ticket, and has people told. It ends once the campaign has ended and
// everybody knows.
//
// What fails outside doesn't keep the rest from being done: a tracker that is down is no
// reason to say nothing of a deadline. The next look plans it again.
func Campaign(ctx workflow.Context, in lifecycle.CampaignInput) error {
	wakes := workflow.GetSignalChannel(ctx, lifecycle.SignalWake)
	step := activities.CampaignStep{ID: in.ID}
	started := workflow.Now(ctx)
	failures := 0
	for ctx.Err() == nil {
		for wakes.ReceiveAsync(nil) { // one look answers them all
		}
		p, err := lookAtCampaign(ctx, step)
		if err == nil && (p.Gone || p.Done) {
			if !wakes.ReceiveAsync(nil) {
				return nil
			}
			continue
		}
		again := false
		if err == nil {
			again, err = followCampaign(ctx, step, &p)
		}
		switch {
		case err != nil:
			workflow.GetLogger(ctx).Warn("a step for a campaign failed; the next look plans it again", "campaign", in.ID, "error", err)
			failures = min(failures+1, 6)
			pause(ctx, wakes, time.Minute<<(failures-1), "Try again after a failure")
		case again:
			failures = 0
			pause(ctx, wakes, time.Second, "See what came of it")
		default:
			failures = 0
			pause(ctx, wakes, max(p.NextAt.Sub(workflow.Now(ctx)), time.Second), "Until the next look")
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() || workflow.Now(ctx).Sub(started) >= maxLife {
			return workflow.NewContinueAsNewError(ctx, Campaign, in)
		}
	}
	return ctx.Err()
}

// followCampaign does what a look has planned, and reports whether another one is worth it
// at once. Of several failures it gives the first.
func followCampaign(ctx workflow.Context, step activities.CampaignStep, p *activities.CampaignPlan) (again bool, first error) {
	did := func(err error) {
		again = again || err == nil && p.State != campaign.Open // what was left may have been the last
		if first == nil {
			first = err
		}
	}
	if len(p.Messages) > 0 {
		did(tellOfCampaign(ctx, activities.CampaignStep{ID: step.ID, Intents: p.Messages}, p))
	}
	if p.Create {
		err := createCampaignTicket(ctx, step, p)
		again = again || err == nil // its members' tickets become parts of it
		did(err)
	}
	if p.Write {
		found, err := syncCampaignTicket(ctx, step, p)
		again = again || err == nil && found.Gone
		did(err)
	}
	if len(p.Comments) > 0 {
		did(commentOnCampaign(ctx, activities.CampaignStep{ID: step.ID, Intents: p.Comments}, p))
	}
	return again, first
}

func lookAtCampaign(ctx workflow.Context, in activities.CampaignStep) (activities.CampaignPlan, error) {
	return remote[activities.CampaignPlan](longCall(ctx, "Look at the campaign "+lifecycle.Plain(in.ID, 64)), activities.NameLook, in)
}

func createCampaignTicket(ctx workflow.Context, in activities.CampaignStep, p *activities.CampaignPlan) error {
	_, err := remote[activities.TicketResult](triedCall(ctx, "Create the ticket of "+lifecycle.Plain(p.Name, 80)), activities.NameCampaignTicket, in)
	return err
}

func syncCampaignTicket(ctx workflow.Context, in activities.CampaignStep, p *activities.CampaignPlan) (activities.SyncResult, error) {
	return remote[activities.SyncResult](triedCall(ctx, "Bring the ticket of "+lifecycle.Plain(p.Name, 80)+" up to date"), activities.NameCampaignSync, in)
}

func commentOnCampaign(ctx workflow.Context, in activities.CampaignStep, p *activities.CampaignPlan) error {
	_, err := remote[activities.Done](triedCall(ctx, "Say on the ticket of "+lifecycle.Plain(p.Name, 80)+" what happened"), activities.NameCampaignSay, in)
	return err
}

func tellOfCampaign(ctx workflow.Context, in activities.CampaignStep, p *activities.CampaignPlan) error {
	_, err := remote[activities.Done](triedCall(ctx, "Tell people of "+lifecycle.Plain(p.Name, 80)), activities.NameCampaignTell, in)
	return err
}
