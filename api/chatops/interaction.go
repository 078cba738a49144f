package chatops

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// interaction is what is read of a press or a form: no more than is needed.
type interaction struct {
	Type     string `json:"type"`
	Trigger  string `json:"trigger_id"`
	Response string `json:"response_url"`
	User     struct {
		ID   string `json:"id"`
		Team string `json:"team_id"`
	} `json:"user"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	Message struct {
		TS     string `json:"ts"`
		Edited struct {
			TS string `json:"ts"`
		} `json:"edited"`
	} `json:"message"`
	Container struct {
		Message string `json:"message_ts"`
		View    string `json:"view_id"`
	} `json:"container"`
	Actions []struct {
		ID    string `json:"action_id"`
		Value string `json:"value"`
		TS    string `json:"action_ts"`
	} `json:"actions"`
	View struct {
		ID       string `json:"id"`
		Callback string `json:"callback_id"`
		Private  string `json:"private_metadata"`
		State    struct {
			Values map[string]map[string]field `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

// field is what was filled in.
type field struct {
	Value  string `json:"value"`
	Date   string `json:"selected_date"`
	Option struct {
		Value string `json:"value"`
	} `json:"selected_option"`
	Options []struct {
		Value string `json:"value"`
	} `json:"selected_options"`
}

// interaction takes a press or a form. What it gives is the acknowledgement: empty, or
// what is wrong with a form.
func (c *Chat) interaction(ctx context.Context, payload []byte) ([]byte, error) {
	var in interaction
	if err := json.Unmarshal(payload, &in); err != nil {
		return nil, fault.New(fault.Invalid, "reading an interaction: it is not the JSON that Slack sends")
	}
	if in.User.ID == "" {
		return nil, fault.New(fault.Invalid, "reading an interaction: it doesn't say whose it is")
	}
	if in.Response != "" {
		if err := c.Slack.Answerable(in.Response); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "taking an interaction")
		}
	}
	switch in.Type {
	case "block_actions":
		return nil, c.button(ctx, &in)
	case "view_submission":
		return c.submitted(ctx, &in)
	}
	return nil, nil // none of ours
}

// pressID is the press's own: who pressed which button where, and when by Slack's clock.
// A trigger would do as well, but for calls that have none.
func pressID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// button takes a press of a button of ours. One that only shows something, or opens a
// form, decides nothing, and is not kept.
func (c *Chat) button(ctx context.Context, in *interaction) error {
	for _, a := range in.Actions {
		kind, ours := slack.ActionKind(a.ID)
		if !ours {
			continue
		}
		o := &order{Kind: kind, Subject: a.Value, Seen: in.seen(), call: call{User: in.User.ID, Team: in.User.Team, Channel: in.Channel.ID, Response: in.Response, Trigger: in.Trigger,
			ID: pressID("button", in.User.ID, in.Container.Message, in.Container.View, a.ID, a.Value, a.TS)}}
		if a.TS == "" {
			return fault.New(fault.Invalid, "taking a press: it has no time")
		}
		if kind == kindShow || c.formed(ctx, o) {
			c.background(ctx, func(ctx context.Context) { c.tell(ctx, &o.call, c.shownOrAsked(ctx, o)) })
			continue
		}
		p, isNew, err := c.store(ctx, o)
		if err != nil {
			return err
		}
		if isNew {
			c.background(ctx, func(ctx context.Context) { c.finish(ctx, p) })
		}
	}
	return nil
}

// formed reports whether a button needs a form. A claim needs one of somebody who isn't
// in one team; where it can't be found out who he is it is kept as it is, and that is
// found out later.
func (c *Chat) formed(ctx context.Context, o *order) bool {
	if o.Kind != string(lifecycle.DecideClaim) {
		return wantsForm(o.Kind, &person{})
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	p, err := c.who(ctx, o.User, o.Team)
	return err == nil && wantsForm(o.Kind, &p)
}

// seen is when what was pressed had been written: the card as it was then is what the
// decision is on. A press in an app home has no message: it counts as on what is now.
func (in *interaction) seen() time.Time {
	if at := slack.Moment(in.Message.Edited.TS); !at.IsZero() {
		return at
	}
	return slack.Moment(in.Message.TS)
}

// shownOrAsked shows something, or opens the form that a decision needs.
func (c *Chat) shownOrAsked(ctx context.Context, o *order) say {
	p, err := c.who(ctx, o.User, o.Team)
	if err != nil {
		return say{text: refused(err)}
	}
	owner := ""
	if kind, _ := subject(o.Subject); kind != lifecycle.SubjectRun { // whose form looks for the run
		f, _, err := c.find(ctx, &p, []string{o.Subject})
		if err != nil {
			return say{text: refused(err)}
		}
		if owner = f.owner; o.Kind == kindShow {
			out, err := c.card(ctx, &p, f)
			if err != nil {
				return say{text: refused(err)}
			}
			return out
		}
	}
	if !offered(o.Kind) || o.Kind == kindShow {
		return say{text: "There is no such decision."}
	}
	if err := p.allowed(o.Kind, owner, ""); err != nil {
		return say{text: refused(err)}
	}
	switch err := c.openForm(ctx, &p, o.call, o); {
	case errors.Is(err, slack.ErrExpired):
		return say{text: c.instead(o)}
	case err != nil:
		return say{text: refused(err)}
	}
	return say{}
}

// submitted takes a form that was sent off. What it lacks is said beside its fields, and
// it stays open; what is complete is stored, and then the form closes.
func (c *Chat) submitted(ctx context.Context, in *interaction) ([]byte, error) {
	if in.View.Callback != formID {
		return nil, nil
	}
	var memory private
	if json.Unmarshal([]byte(in.View.Private), &memory) != nil || in.View.ID == "" {
		return nil, fault.New(fault.Invalid, "reading a form: it is none of ours")
	}
	if memory.Response != "" && c.Slack.Answerable(memory.Response) != nil {
		memory.Response = ""
	}
	o := &order{Kind: memory.Kind, Subject: memory.Subject, call: call{User: in.User.ID, Team: in.User.Team, Channel: memory.Channel, Response: memory.Response,
		ID: pressID("form", in.User.ID, in.View.ID)}}
	if memory.Seen > 0 {
		o.Seen = time.UnixMilli(memory.Seen).UTC()
	}
	p, err := c.who(ctx, in.User.ID, in.User.Team)
	if err != nil {
		if fault.Is(err, fault.Denied) {
			return wrong(fieldReason, refused(err)), nil
		}
		return nil, err
	}
	if at, problem := c.fill(&p, o, in.View.State.Values); problem != "" {
		return wrong(at, problem), nil
	}
	if !offered(o.Kind) {
		return nil, fault.New(fault.Invalid, "taking a form: there is no decision %s", shown(o.Kind))
	}
	if err := c.complete(&p, o); err != nil {
		return wrong(fieldOf(o, in.View.State.Values), strings.TrimPrefix(refused(err), "Not done: ")), nil
	}
	stored, isNew, err := c.store(ctx, o)
	if err != nil {
		return nil, err
	}
	if isNew {
		c.background(ctx, func(ctx context.Context) { c.finish(ctx, stored) })
	}
	return nil, nil
}

// fill takes over what was filled in. A problem is given with its field.
func (c *Chat) fill(p *person, o *order, values map[string]map[string]field) (at, problem string) {
	one := func(name string) field {
		for _, f := range values[name] {
			return f
		}
		return field{}
	}
	if f := one(fieldTeam); f.Option.Value != "" || f.Value != "" {
		o.Into = strings.TrimSpace(f.Option.Value + f.Value)
	}
	o.Reason = strings.TrimSpace(one(fieldReason).Value)
	if text := one(fieldUntil).Date; text != "" {
		until, err := c.until(p, text)
		if err != nil {
			return fieldUntil, strings.TrimPrefix(refused(err), "Not done: ")
		}
		o.Until = until
	}
	o.For, o.Reference = one(fieldFor).Option.Value, strings.TrimSpace(one(fieldReference).Value)
	for _, x := range one(fieldEndsOn).Options {
		o.EndsOn = append(o.EndsOn, x.Value)
	}
	if name := strings.TrimSpace(one(fieldControl).Value); name != "" {
		o.EndsOn = append(o.EndsOn, "control:"+name)
	}
	return "", ""
}

// fieldOf is the field beside which a problem is best said: the end where there is one to
// be had, else the first that the form has.
func fieldOf(o *order, values map[string]map[string]field) string {
	order := []string{fieldReason, fieldUntil, fieldTeam}
	if o.Reason != "" {
		order = []string{fieldUntil, fieldReason, fieldTeam}
	}
	for _, name := range order {
		if _, there := values[name]; there {
			return name
		}
	}
	return fieldReason
}

func wrong(at, problem string) []byte {
	b, err := json.Marshal(map[string]any{"response_action": "errors", "errors": map[string]string{at: cut(problem, 140)}})
	if err != nil { // texts all marshal
		return nil
	}
	return b
}
