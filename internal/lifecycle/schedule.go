package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/quellsec/quell/internal/fault"
)

// SyncSpec is when a source is pulled.
type SyncSpec struct {
	Source string
	Every  time.Duration // where there is no At; at least a minute
	At     []string      // times of day in UTC, "02:30"
	Jitter time.Duration // at most so much later, so that not everything starts at once
	Paused bool          // by the configuration
}

// SyncPlan is what the schedule of a source says now.
type SyncPlan struct {
	Next    time.Time `json:"next,omitzero"`
	Paused  bool      `json:"paused"`
	Note    string    `json:"note,omitempty"` // who paused it, and why
	Running bool      `json:"running"`
}

// pausedByConfig marks a pause that the configuration asks for, so that taking it out of
// there ends it, and a person's pause outlives a restart.
const pausedByConfig = "paused by the configuration"

// catchup is how old a missed time may be to be made up for: one sync, not one for each.
const catchup = 10 * time.Minute

// EnsureSync makes or changes the schedule of a source. A pause by a person stays.
func (c *Client) EnsureSync(ctx context.Context, spec SyncSpec) error {
	calendar, err := spec.spec()
	if err != nil {
		return err
	}
	action := &client.ScheduleWorkflowAction{
		ID: SyncScheduleID(spec.Source), Workflow: SyncWorkflow, Args: []any{SyncInput{Source: spec.Source}}, TaskQueue: TaskQueue,
		StaticSummary: "Pulls " + spec.Source,
	}
	note := ""
	if spec.Paused {
		note = pausedByConfig
	}
	_, err = c.temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: SyncScheduleID(spec.Source), Spec: calendar, Action: action, Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: catchup, Paused: spec.Paused, Note: note,
	})
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return kinded(err, "scheduling the pull of "+spec.Source)
	}
	err = c.schedule(ctx, spec.Source).Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		s := in.Description.Schedule
		s.Spec, s.Action = &calendar, action
		s.Policy.Overlap, s.Policy.CatchupWindow = enums.SCHEDULE_OVERLAP_POLICY_SKIP, catchup
		switch {
		case spec.Paused && !s.State.Paused:
			s.State.Paused, s.State.Note = true, pausedByConfig
		case !spec.Paused && s.State.Paused && s.State.Note == pausedByConfig:
			s.State.Paused, s.State.Note = false, ""
		}
		return &client.ScheduleUpdate{Schedule: &s}, nil
	}})
	return kinded(err, "changing the schedule of "+spec.Source)
}

// spec gives the times as Temporal wants them. Sources with the same interval start apart,
// each always at the same moment of it.
func (s SyncSpec) spec() (client.ScheduleSpec, error) {
	out := client.ScheduleSpec{Jitter: s.Jitter, TimeZoneName: "UTC"}
	for _, at := range s.At {
		t, err := time.Parse("15:04", at)
		if err != nil {
			return out, fault.New(fault.Invalid, "scheduling the pull of %s: %q is no time of day such as 02:30", s.Source, at)
		}
		out.Calendars = append(out.Calendars, client.ScheduleCalendarSpec{
			Hour: []client.ScheduleRange{{Start: t.Hour()}}, Minute: []client.ScheduleRange{{Start: t.Minute()}}, Comment: "at " + at + " UTC",
		})
	}
	if len(s.At) == 0 {
		const least = time.Minute
		every := max(s.Every, least)
		h := fnv.New64a()
		_, _ = h.Write([]byte(s.Source))                                         // a hash takes everything
		offset := time.Duration(h.Sum64() % uint64(every)).Truncate(time.Second) //nolint:gosec // every is positive
		out.Intervals = []client.ScheduleIntervalSpec{{Every: every, Offset: offset}}
	}
	return out, nil
}

// DropSyncs ends the schedules of sources that aren't pulled any more.
func (c *Client) DropSyncs(ctx context.Context, keep func(source string) bool) error {
	list, err := c.temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 100})
	if err != nil {
		return kinded(err, "listing the schedules")
	}
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return kinded(err, "listing the schedules")
		}
		source, ours := strings.CutPrefix(entry.ID, SyncScheduleID(""))
		if !ours || keep(source) {
			continue
		}
		if err := c.schedule(ctx, source).Delete(ctx); err != nil && !IsNotFound(err) {
			return kinded(err, "ending the schedule of "+source)
		}
	}
	return nil
}

// TriggerSync pulls a source now, unless it is being pulled already. A paused source is
// pulled once.
func (c *Client) TriggerSync(ctx context.Context, source string) error {
	err := c.schedule(ctx, source).Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP})
	return kinded(err, "pulling "+source+" now")
}

// PauseSync stops the schedule of a source until ResumeSync; a running sync goes on.
func (c *Client) PauseSync(ctx context.Context, source, by, reason string) error {
	err := c.schedule(ctx, source).Pause(ctx, client.SchedulePauseOptions{Note: fmt.Sprintf("paused by %s: %s", by, Plain(reason, 200))})
	return kinded(err, "pausing the schedule of "+source)
}

// ResumeSync lets the schedule of a source go on.
func (c *Client) ResumeSync(ctx context.Context, source, by string) error {
	err := c.schedule(ctx, source).Unpause(ctx, client.ScheduleUnpauseOptions{Note: "resumed by " + by})
	return kinded(err, "resuming the schedule of "+source)
}

// SyncPlan says what the schedule of a source is up to; fault.NotFound where it has none.
func (c *Client) SyncPlan(ctx context.Context, source string) (SyncPlan, error) {
	d, err := c.schedule(ctx, source).Describe(ctx)
	if err != nil {
		return SyncPlan{}, kinded(err, "asking for the schedule of "+source)
	}
	plan := SyncPlan{Running: len(d.Info.RunningWorkflows) > 0}
	if d.Schedule.State != nil {
		plan.Paused, plan.Note = d.Schedule.State.Paused, d.Schedule.State.Note
	}
	if len(d.Info.NextActionTimes) > 0 && !plan.Paused {
		plan.Next = d.Info.NextActionTimes[0].UTC()
	}
	return plan, nil
}

func (c *Client) schedule(ctx context.Context, source string) client.ScheduleHandle {
	return c.temporal.ScheduleClient().GetHandle(ctx, SyncScheduleID(source))
}
