package chatops

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// call is who called, and how he is answered.
type call struct {
	ID       string `json:"id"` // the press's own
	User     string `json:"user"`
	Team     string `json:"team,omitempty"` // the workspace
	Channel  string `json:"channel,omitempty"`
	Response string `json:"response,omitempty"`
	Trigger  string `json:"-"` // worth nothing three seconds later
}

// order is what somebody decided, complete: it is stored, and carried out from the store.
type order struct {
	call
	Kind      string    `json:"kind"`
	Subject   string    `json:"subject"` // exposure:ID, remediation:ID, request:ID or run:ID
	Reason    string    `json:"reason,omitempty"`
	Into      string    `json:"into,omitempty"` // the team that it goes to
	Until     time.Time `json:"until,omitzero"`
	EndsOn    []string  `json:"ends_on,omitempty"`
	For       string    `json:"for,omitempty"`       // what is waited for
	Reference string    `json:"reference,omitempty"` // the vendor's case, the number of the change
	Seen      time.Time `json:"seen,omitzero"`       // when what he saw was written; zero: just now
}

// lease is how long others leave a press to whoever took it.
const lease = 30 * time.Second

// causeOf is the press's own ID as the cause of what it leads to.
func causeOf(id string) string { return "slack:" + id }

// store keeps an order unless it is there already. Once it returns without an error the
// order may be acknowledged.
func (c *Chat) store(ctx context.Context, o *order) (lifecycle.Press, bool, error) {
	if o.ID == "" {
		return lifecycle.Press{}, false, fault.New(fault.Invalid, "storing a press: it has no ID")
	}
	body, err := json.Marshal(o)
	if err != nil {
		return lifecycle.Press{}, false, fault.Wrap(fault.Internal, err, "writing a press")
	}
	now := ms(c.Now())
	p, isNew, err := c.Presses.AddPress(ctx, lifecycle.Press{ID: c.Chat + "/" + o.ID, Version: 1, Chat: c.Chat, Body: body,
		Status: lifecycle.PressReceived, ReceivedAt: now, NextAt: now.Add(lease)})
	return p, isNew, fault.Wrap(fault.KindOf(err), err, "storing a press")
}

func ms(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// mostAttempts is after how many failures a press is given up: about an hour.
const mostAttempts = 12

// work carries out a press and takes upon itself to answer it. Tell is false where
// somebody else answers, or nothing is to be said yet.
func (c *Chat) work(ctx context.Context, p lifecycle.Press) (out say, tell bool, err error) {
	var o order
	if p.Status != lifecycle.PressAnswered {
		if err := json.Unmarshal(p.Body, &o); err != nil {
			return say{}, false, fault.Wrap(fault.Internal, err, "reading a press")
		}
	}
	if p.Status == lifecycle.PressReceived {
		text, err := c.carryOut(ctx, &o, &p)
		switch kind := fault.KindOf(err); {
		case err == nil:
			p.Result = text
		case (kind == fault.Unavailable || kind == fault.Throttled) && p.Attempts < mostAttempts:
			return say{}, false, c.later(ctx, p, err)
		default:
			if kind == fault.Internal || kind == fault.Unavailable || kind == fault.Throttled {
				c.Log.Error("a press could not be carried out", "press", p.ID, "kind", o.Kind, "error", err)
			}
			p.Result = refused(err)
		}
		if p, err = c.advance(ctx, p, lifecycle.PressDecided); err != nil {
			return say{}, false, err
		}
	}
	if p.Status != lifecycle.PressDecided {
		return say{}, false, nil
	}
	// Noted before it is told: whoever dies in between tells nobody, and nobody is told twice.
	p.AnsweredAt, p.NextAt, p.Body = ms(c.Now()), time.Time{}, nil
	if p, err = c.advance(ctx, p, lifecycle.PressAnswered); err != nil {
		return say{}, false, err
	}
	return c.spoken(&o, p.Result), true, nil
}

// advance writes what became of a press. Conflict: somebody else has been at it.
func (c *Chat) advance(ctx context.Context, p lifecycle.Press, to lifecycle.PressStatus) (lifecycle.Press, error) {
	p.Status = to
	p.Version++
	ok, err := c.Presses.SwapPress(ctx, p)
	if err == nil && !ok {
		err = fault.New(fault.Conflict, "somebody else is at this press")
	}
	return p, fault.Wrap(fault.KindOf(err), err, "writing what became of a press")
}

// later leaves a press to the sweep, after ever longer.
func (c *Chat) later(ctx context.Context, p lifecycle.Press, why error) error {
	const longest = 5 * time.Minute
	c.Log.Warn("a press could not be carried out yet; it will be tried again", "press", p.ID, "attempts", p.Attempts+1, "error", why)
	wait := min(lease<<p.Attempts, longest)
	p.Attempts++
	p.NextAt = ms(c.Now()).Add(max(wait, fault.RetryAfter(why)))
	_, err := c.advance(ctx, p, lifecycle.PressReceived)
	return err
}

// finish works on a press and tells whoever pressed what came of it.
func (c *Chat) finish(ctx context.Context, p lifecycle.Press) {
	var o order
	_ = json.Unmarshal(p.Body, &o) // work says what is wrong with it
	out, tell, err := c.work(ctx, p)
	if err != nil {
		level := c.Log.Warn
		if fault.Is(err, fault.Conflict) {
			level = c.Log.Debug
		}
		level("working on a press", "press", p.ID, "error", err)
	}
	if tell {
		c.tell(ctx, &o.call, out)
	}
}

// tell answers through the response URL, or where there is none, or it has run out, to
// the person alone. What surely didn't get through because Slack asks to wait is said
// once more.
func (c *Chat) tell(ctx context.Context, to *call, out say) {
	if out.empty() {
		return
	}
	err := fault.New(fault.NotFound, "there is no response URL")
	if to.Response != "" {
		err = c.Slack.Respond(ctx, to.Response, out.answer())
	}
	if fault.Is(err, fault.Throttled) {
		select {
		case <-c.After(min(max(fault.RetryAfter(err), time.Second), lease)):
			err = c.Slack.Respond(ctx, to.Response, out.answer())
		case <-ctx.Done():
		}
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) {
		err = c.Slack.Whisper(ctx, to.Channel, to.User, out.text, out.blocks)
	}
	if err != nil {
		c.Log.Warn("answering in Slack", "user", to.User, "error", err)
	}
}

// refused is why something was not done, for whoever wanted it.
func refused(err error) string {
	switch fault.KindOf(err) {
	case fault.Internal:
		return "Something is broken in quell: its log says what."
	case fault.Unavailable, fault.Throttled:
		return "It could not be done: a part of quell didn't answer for too long. Try again."
	case fault.Invalid, fault.NotFound, fault.Denied, fault.Conflict: // the error says it
	}
	text := err.Error()
	for _, doing := range []string{"deciding ", "applying "} { // what was being done is known
		if rest, ok := strings.CutPrefix(text, doing); ok {
			if _, why, ok := strings.Cut(rest, ": "); ok {
				text = why
			}
		}
	}
	return "Not done: " + text + "."
}

// Sweep takes up presses that were left behind: by a crash, or because something didn't
// answer. It gives how many it looked at.
func (c *Chat) Sweep(ctx context.Context) (int, error) {
	const most = 100
	left, err := c.Presses.PendingPresses(ctx, c.Now(), most)
	if err != nil {
		return 0, fault.Wrap(fault.KindOf(err), err, "looking for presses that were left behind")
	}
	left = slices.DeleteFunc(left, func(p lifecycle.Press) bool { return p.Chat != c.Chat })
	for _, p := range left {
		// Taken first, so that of several processes one works on it.
		p.NextAt = ms(c.Now()).Add(lease)
		p, err := c.advance(ctx, p, p.Status)
		if err != nil {
			continue // somebody else has it
		}
		c.finish(ctx, p)
	}
	return len(left), nil
}

// subject splits what is decided on.
func subject(text string) (kind, id string) {
	kind, id, ok := strings.Cut(text, ":")
	if !ok || id == "" {
		return "", ""
	}
	return kind, id
}

func (o *order) decision(p *person, id exposure.ID) lifecycle.Decision {
	return lifecycle.Decision{Kind: lifecycle.DecisionKind(o.Kind), Exposure: id, Actor: exposure.Actor{Kind: exposure.Person, Name: p.name}, Cause: causeOf(o.ID),
		Reason: o.Reason, Team: o.Into, Until: ms(o.Until), EndsOn: o.EndsOn, For: o.For, Reference: o.Reference, Via: "chat", Role: p.role}
}
