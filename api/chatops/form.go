package chatops

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// formID is the callback of every form of ours.
const formID = "quell/form"

// The fields of forms, as block IDs.
const (
	fieldTeam      = "team"
	fieldReason    = "reason"
	fieldUntil     = "until"
	fieldEndsOn    = "ends_on"
	fieldControl   = "control"
	fieldFor       = "for"
	fieldReference = "reference"
)

// private is what a form remembers of the press that opened it.
type private struct {
	Kind     string `json:"k"`
	Subject  string `json:"s"`
	Response string `json:"r,omitempty"`
	Channel  string `json:"c,omitempty"`
	Seen     int64  `json:"t,omitempty"` // Unix milliseconds
}

// wantsForm reports whether a button needs more than a press.
func wantsForm(kind string, p *person) bool {
	switch lifecycle.DecisionKind(kind) {
	case lifecycle.DecideClaim:
		return len(p.teams) != 1
	case lifecycle.DecideReassign, lifecycle.DecideAcceptRisk, lifecycle.DecideMitigate, lifecycle.DecideFalsePositive, lifecycle.DecideSnooze, lifecycle.DecideWait, lifecycle.DecideDecline, kindNotOurs:
		return true
	default:
		return false
	}
}

// orForm opens the form for an order that lacks something, or says how to write it.
func (c *Chat) orForm(ctx context.Context, p *person, in call, o *order) (*order, say, error) {
	err := c.openForm(ctx, p, in, o)
	if errors.Is(err, slack.ErrExpired) {
		return nil, say{text: c.instead(o)}, nil
	}
	return nil, say{}, err
}

// instead tells how to decide without the form, which came too late to open.
func (c *Chat) instead(o *order) string {
	_, id := subject(o.Subject)
	write := map[string]string{"claim": "claim " + id + " TEAM", "reassign": "assign " + id + " TEAM", "accept_risk": "accept " + id + " 90d REASON",
		"mark_false_positive": "fp " + id + " REASON", "snooze": "snooze " + id + " 7d", "wait": "wait " + id + " vendor 30d REASON"}[o.Kind]
	text := "The form could not open any more: Slack gives it three seconds. Press once more"
	if write != "" {
		text += ", or write `" + c.Command + " " + write + "`"
	}
	return text + "."
}

func (c *Chat) openForm(ctx context.Context, p *person, in call, o *order) error {
	memory, err := json.Marshal(private{Kind: o.Kind, Subject: o.Subject, Response: in.Response, Channel: in.Channel, Seen: millis(o.Seen)})
	if err != nil {
		return fault.Wrap(fault.Internal, err, "writing a form")
	}
	blocks, err := c.fields(ctx, p, o)
	if err != nil {
		return err
	}
	plainText := func(text string) *kit.TextBlockObject {
		return kit.NewTextBlockObject(kit.PlainTextType, text, false, false)
	}
	err = c.Slack.OpenForm(ctx, in.Trigger, kit.ModalViewRequest{Type: kit.VTModal, CallbackID: formID, PrivateMetadata: string(memory),
		Title: plainText(titleOf(o.Kind)), Submit: plainText("Decide"), Close: plainText("Cancel"), Blocks: kit.Blocks{BlockSet: blocks}})
	return fault.Wrap(fault.KindOf(err), err, "opening a form")
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// titleOf fits the 24 characters that Slack gives a title.
func titleOf(kind string) string {
	return map[string]string{"claim": "Claim", "reassign": "Give to a team", "accept_risk": "Accept the risk", "mitigate": "Mitigated", "mark_false_positive": "False positive",
		"snooze": "No reminders until", kindNotOurs: "Not ours", "decline": "Decline", "wait": "Stop the clock"}[kind]
}

// fields are what a form asks for.
func (c *Chat) fields(ctx context.Context, p *person, o *order) ([]kit.Block, error) {
	out, err := c.about(ctx, p, o)
	if err != nil {
		return nil, err
	}
	day := func(optional bool) kit.Block {
		return input(fieldUntil, "Until", "", optional, kit.NewDatePickerBlockElement("v"))
	}
	switch lifecycle.DecisionKind(o.Kind) {
	case lifecycle.DecideClaim:
		return c.withTeams(ctx, p, out, "Your team", !p.may(approver))
	case lifecycle.DecideReassign:
		if out, err = c.withTeams(ctx, p, out, "Team", false); err != nil {
			return nil, err
		}
		return append(out, reason("Why", true)), nil
	case lifecycle.DecideAcceptRisk, lifecycle.DecideMitigate:
		return append(out, reason("Reason", false), day(true), ends(), input(fieldControl, "…or when this control fails", "", true, kit.NewPlainTextInputBlockElement(nil, "v")),
			note("Without a day it lasts as long as the policy lets it."), c.approvers(ctx, p, o)), nil
	case lifecycle.DecideFalsePositive:
		return append(out, reason("What shows that it isn't there", false), day(true), ends(),
			note("Without an end it holds until what the sources report changes.")), nil
	case lifecycle.DecideSnooze:
		return append(out, day(false), reason("Why", true)), nil
	case lifecycle.DecideWait:
		return append(out, waitFields(o, day(false))...), nil
	case kindNotOurs:
		return c.notOurs(ctx, p, o, out)
	default:
		return append(out, reason("Why", false)), nil
	}
}

// notOurs asks why, and of what nobody owns, for which of somebody's teams he speaks.
func (c *Chat) notOurs(ctx context.Context, p *person, o *order, out []kit.Block) ([]kit.Block, error) {
	f, _, err := c.find(ctx, p, []string{o.Subject})
	if err == nil && f.owner == "" && len(p.teams) != 1 {
		out, err = c.withTeams(ctx, p, out, "Whose it isn't", !p.may(approver))
	}
	return append(out, reason("Why: whose it is, or what has changed", false)), err
}

func reason(label string, optional bool) kit.Block {
	const longest = 3000
	box := kit.NewPlainTextInputBlockElement(nil, "v")
	box.Multiline, box.MaxLength = true, longest
	return input(fieldReason, label, "", optional, box)
}

func ends() kit.Block {
	option := func(value, text string) *kit.OptionBlockObject {
		return kit.NewOptionBlockObject(value, kit.NewTextBlockObject(kit.PlainTextType, text, false, false), nil)
	}
	return input(fieldEndsOn, "Ends early when", "", true, kit.NewCheckboxGroupsBlockElement("v", option(exposure.EndsOnKEV, "it is exploited (CISA KEV)"),
		option(exposure.EndsOnInternet, "the asset becomes reachable from the internet"), option(exposure.EndsOnFix, "a fix is released"), option(exposure.EndsOnApproverGone, "somebody who approved it leaves"),
		option(exposure.EndsOnEvidence, "what the sources report changes")))
}

func input(id, label, hint string, optional bool, element kit.BlockElement) kit.Block {
	var below *kit.TextBlockObject
	if hint != "" {
		below = kit.NewTextBlockObject(kit.PlainTextType, hint, false, false)
	}
	block := kit.NewInputBlock(id, kit.NewTextBlockObject(kit.PlainTextType, label, false, false), below, element)
	block.Optional = optional
	return block
}

func note(text string) kit.Block {
	return kit.NewContextBlock("", kit.NewTextBlockObject(kit.MarkdownType, text, false, true))
}

// approvers names who may approve what is asked for.
func (c *Chat) approvers(ctx context.Context, p *person, o *order) kit.Block {
	f, _, err := c.find(ctx, p, []string{o.Subject})
	if err != nil || f.one == nil {
		return note("Others approve it, as the policy says for each of them.")
	}
	names := c.Rules.Approvers(f.one, p.name, c.Now())
	if len(names) == 0 {
		return note("Nobody but you could approve it.")
	}
	return note("Approvers: " + lifecycle.Plain(strings.Join(names, ", "), 500))
}

// about says what is being decided on.
func (c *Chat) about(ctx context.Context, p *person, o *order) ([]kit.Block, error) {
	if kind, id := subject(o.Subject); kind == lifecycle.SubjectRun {
		return c.aboutRun(ctx, p, id)
	}
	f, _, err := c.find(ctx, p, []string{o.Subject})
	if err != nil {
		return nil, err
	}
	if f.one != nil {
		return slack.Sections("**" + escaped(cut(f.one.Title, 150)) + "** on " + escaped(f.one.AssetName)), nil
	}
	card, err := c.cardOfTicket(ctx, p, f.subject)
	if err != nil {
		return nil, err
	}
	return slack.Sections("**" + escaped(cut(card.Title, 150)) + "**: " + escaped(card.State) + ". It is decided for all that is open."), nil
}

// mostOptions is how many a menu of Slack's holds.
const mostOptions = 100

func (c *Chat) withTeams(ctx context.Context, p *person, out []kit.Block, label string, own bool) ([]kit.Block, error) {
	names := p.teams
	if !own {
		all, err := c.teamNames(ctx)
		if err != nil {
			return nil, err
		}
		names = all
	}
	if len(names) == 0 {
		return nil, fault.New(fault.Denied, "you are in no team: ask for an entry in the members of one (owners.teams)")
	}
	if len(names) > mostOptions {
		return append(out, input(fieldTeam, label, "The name of the team, as quell knows it.", false, kit.NewPlainTextInputBlockElement(nil, "v"))), nil
	}
	options := make([]*kit.OptionBlockObject, len(names))
	for i, name := range names {
		options[i] = kit.NewOptionBlockObject(name, kit.NewTextBlockObject(kit.PlainTextType, cut(name, 75), false, false), nil)
	}
	return append(out, input(fieldTeam, label, "", false, kit.NewOptionsSelectBlockElement(kit.OptTypeStatic, nil, "v", options...))), nil
}
