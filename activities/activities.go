// Package activities is what the workflows get done: every call of the store, a tracker, a
// notifier or Temporal on behalf of a workflow. One file per stage. An activity takes and
// gives IDs and small views, can be repeated after a crash at any line, and does each
// outside effect once.
package activities

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/admission"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/scope"
)

// Deps is what the activities work with.
type Deps struct {
	Ledger  *ledger.Ledger
	Records Records
	Journal Journal
	Board   Board
	Lines   Lines
	Budget  func(team string) admission.Budget // nil: no team has one
	Assess  Assessor
	Courier Courier // delivers what Notifier put into the outbox; nil: nothing is delivered from here
	// Engage gives the rules of engagement of an asset: the strictest of its scopes.
	Engage   func(a asset.Asset) scope.Engagement
	Waker    Waker
	Trackers map[string]connectors.Tracker // by name
	Tracker  string                        // the one that new tickets go to where there is no Route
	// Route names the tracker that the remediation of a team goes to, which is made for an
	// exposure in scopes with a decision; nil: all go to Tracker.
	Route    func(team string, scopes []string, decision exposure.DecisionOutcome) string
	Evidence Evidence           // to attach to tickets; nil: none is
	Settings Settings           // where the looks at trackers keep how far they came
	Keeping  map[string]Keeping // how tickets are kept, by tracker
	// Assignee names the person whom a team's tickets go to, as the tracker calls one; empty:
	// nobody in particular. Nil: nobody ever.
	Assignee  func(team, tracker string) string
	Notifier  connectors.Notifier
	Drainer   Drainer
	Syncs     Syncs
	Pulls     Pulls
	Import    Importer
	Reports   Reports                      // nil: sources aren't looked after
	Sources   []Watched                    // the configured ones
	Retirer   Retirer                      // nil: no asset retires
	Lessons   Lessons                      // nil: nothing is learned
	Reroute   Rerouter                     // nil: nothing is routed anew
	Directory Directory                    // nil: nobody's managers are known
	Keys      map[string]ed25519.PublicKey // of vantages; a vantage that has one must sign
	Policy    Policy
	Digests   []Digests
	Keeper    Keeper // nil: everything is kept
	Keep      Keep
	Hours     Hours            // when teams work; nil: at any hour
	Router    Router           // how exposures are followed up; nil: by the policy alone
	Rules     *exception.Rules // of exceptions; nil: the default ones
	Campaigns Campaigns        // nil: there are none
	Reassess  Reassessor       // lets due dates follow from what campaigns want; nil: they follow by themselves
	Beckon    Beckoner         // wakes the workflows of campaigns
	// Office is the calendar that campaigns go by; nil: working hours in UTC.
	Office   *calendar.Calendar
	Runbooks *Runbooks // nil: there are none
	Controls Controls  // nil: nothing is known of any
	// ControlTests are what shows that controls failed, beside people's word.
	ControlTests []ControlTest
	Now          func() time.Time // UTC
	Log          *slog.Logger
}

// Records is what every stage reads of the store.
type Records interface {
	Exposure(ctx context.Context, id exposure.ID) (exposure.Exposure, error)
	Events(ctx context.Context, id exposure.ID) ([]exposure.Event, error)
	Assets(ctx context.Context, ids []asset.ID) (map[asset.ID]asset.Asset, error)
	EachExposure(ctx context.Context, f exposure.Filter, fn func(exposure.Exposure) error) error
}

// Waker tells running workflows that the store changed, and starts those that don't run.
// What is lost on the way is sent again by the sweep.
type Waker interface {
	Wake(ctx context.Context, e *exposure.Exposure, reason string) error
	WakeRemediation(ctx context.Context, id, reason string) error
	StartSource(ctx context.Context, source string) error
	WakeSource(ctx context.Context, source string) error
}

// Activities are all the activities. The zero value is good for nothing but its methods'
// names.
type Activities struct{ Deps }

// New makes the activities.
func New(d Deps) *Activities {
	d.Policy.fill()
	if d.Rules == nil {
		d.Rules = exception.Default()
	}
	if d.Office == nil {
		d.Office = campaign.Office()
	}
	a := &Activities{Deps: d}
	a.Policy.hours, a.Policy.unowned = d.Hours, a.unownedTeams
	a.Policy.asked = func(e *exposure.Exposure) []string { return a.teamsOf(a.askedOf(e)) }
	return a
}

// The registered names.
const (
	NameFollow   = "FollowExposure"
	NameDecide   = "RecordDecision"
	NameVerify   = "BeginVerification"
	NameLapse    = "EndException"
	NamePrepare  = "PrepareProbe"
	NameRecord   = "RecordVerdict"
	NameJoin     = "JoinRemediation"
	NameNudge    = "Nudge"
	NamePlan     = "PlanRemediation"
	NameCreate   = "CreateTicket"
	NameSync     = "UpdateTicket"
	NameComment  = "CommentOnTicket"
	NameNotify   = "NotifyOwner"
	NameClaimAll = "ClaimMembers"
	NameFinish   = "FinishRemediation"
	NameDrain    = "DrainSource"
	NameSweep    = "SweepStore"
	NameBegin    = "BeginSync"
	NamePull     = "PullPages"
	NameEnd      = "EndSync"

	NameReconcile = "ReconcileTracker"
	NameAttach    = "AttachEvidence"
	NameDeliver   = "DeliverMessages"

	NameLook           = "LookAtCampaign"
	NameCampaignTicket = "CreateCampaignTicket"
	NameCampaignSync   = "UpdateCampaignTicket"
	NameCampaignSay    = "CommentOnCampaignTicket"
	NameCampaignTell   = "TellOfCampaign"
	NameRunbook        = "FollowRunbook"
)

// Registry is where activities are registered: a worker, or a test environment.
type Registry interface {
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// Register registers all activities. Errors get their kind translated into Temporal's
// terms here, once.
func Register(r Registry, a *Activities) {
	register(r, NameFollow, a.Follow)
	register(r, NameDecide, a.Decide)
	register(r, NameVerify, a.Verify)
	register(r, NameLapse, a.Lapse)
	register(r, NamePrepare, a.Prepare)
	register(r, NameRecord, a.Record)
	register(r, NameJoin, a.Join)
	register(r, NameNudge, a.Nudge)
	register(r, NamePlan, a.Plan)
	register(r, NameCreate, a.CreateTicket)
	register(r, NameSync, a.SyncTicket)
	register(r, NameComment, a.Comment)
	register(r, NameNotify, a.Notify)
	register(r, NameClaimAll, a.ClaimMembers)
	register(r, NameFinish, a.Finish)
	register(r, NameDrain, a.Drain)
	register(r, NameSweep, a.Sweep)
	register(r, NameBegin, a.BeginSync)
	register(r, NamePull, a.Pull)
	register(r, NameEnd, a.EndSync)
	register(r, NameReconcile, a.Reconcile)
	register(r, NameAttach, a.Attach)
	register(r, NameDeliver, a.Deliver)
	register(r, NameLook, a.LookAtCampaign)
	register(r, NameCampaignTicket, a.CreateCampaignTicket)
	register(r, NameCampaignSync, a.SyncCampaignTicket)
	register(r, NameCampaignSay, a.CommentOnCampaign)
	register(r, NameCampaignTell, a.TellOfCampaign)
	register(r, NameRunbook, a.FollowRun)
}

func register[In, Out any](r Registry, name string, fn func(context.Context, In) (Out, error)) {
	r.RegisterActivityWithOptions(func(ctx context.Context, in In) (Out, error) {
		out, err := fn(ctx, in)
		return out, lifecycle.Failure(err)
	}, activity.RegisterOptions{Name: name})
}

// exposure reads one exposure.
func (a *Activities) exposure(ctx context.Context, id exposure.ID) (exposure.Exposure, error) {
	e, err := a.Records.Exposure(ctx, id)
	return e, fault.Wrap(fault.KindOf(err), err, "reading exposure "+string(id))
}

// assetOf reads the asset of an exposure; one that is gone is empty.
func (a *Activities) assetOf(ctx context.Context, e *exposure.Exposure) (asset.Asset, error) {
	found, err := a.Records.Assets(ctx, []asset.ID{e.Asset})
	if err != nil {
		return asset.Asset{}, fault.Wrap(fault.KindOf(err), err, "reading asset "+string(e.Asset))
	}
	return found[e.Asset], nil
}

// now is the time in the store's precision.
func (a *Activities) now() time.Time { return a.Now().UTC().Truncate(time.Millisecond) }
