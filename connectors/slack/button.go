package slack

import (
	"strconv"
	"strings"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/connectors"
)

// actionPrefix begins the ID of every button that is ours.
const actionPrefix = "quell/"

// ActionID names the n-th button of a message, by what it decides.
func ActionID(kind string, n int) string { return actionPrefix + kind + "/" + strconv.Itoa(n) }

// ActionKind gives back what a button decides. A button that is none of ours: false.
func ActionKind(actionID string) (kind string, ok bool) {
	rest, ok := strings.CutPrefix(actionID, actionPrefix)
	if !ok {
		return "", false
	}
	kind, _, ok = strings.Cut(rest, "/")
	return kind, ok && kind != ""
}

// label is what a button says where its action doesn't.
func label(kind string) string {
	known := map[string]string{
		"claim": "Claim", "reassign": "Reassign", "accept_risk": "Accept risk", "mitigate": "Mitigated", "mark_false_positive": "False positive",
		"snooze": "Snooze", "not_ours": "Not ours", "retest": "Re-test", "fix_claimed": "Fixed", "reopen": "Reopen",
		"approve": "Approve", "decline": "Decline", "withdraw": "Withdraw", "show": "Show",
	}
	if text, ok := known[kind]; ok {
		return text
	}
	return strings.ToUpper(kind[:1]) + strings.ReplaceAll(kind[1:], "_", " ")
}

// The limits of Slack's blocks, in characters and elements.
const (
	mostHeader   = 150
	mostSection  = 3000
	mostLabel    = 75
	mostValue    = 2000
	mostActionID = 255
	mostBlocks   = 50
	mostInRow    = 5 // of the 25 that Slack takes: more than a phone shows without a fold
	mostButtons  = 25
	mostText     = 4000
)

// Buttons are actions as blocks, five in a row.
func Buttons(actions []connectors.Action) []kit.Block {
	var out []kit.Block
	var row []kit.BlockElement
	for i, a := range actions {
		if i == mostButtons {
			break
		}
		if a.Kind == "" || len(a.Subject) > mostValue || len(ActionID(a.Kind, i)) > mostActionID {
			continue // nothing could be decided by it
		}
		text := plain(a.Label, mostLabel)
		if text == "" {
			text = plain(label(a.Kind), mostLabel)
		}
		button := kit.NewButtonBlockElement(ActionID(a.Kind, i), a.Subject, kit.NewTextBlockObject(kit.PlainTextType, text, false, false))
		switch {
		case a.Danger:
			button.Style = kit.StyleDanger
		case a.Primary:
			button.Style = kit.StylePrimary
		}
		if row = append(row, button); len(row) == mostInRow {
			out, row = append(out, kit.NewActionBlock("", row...)), nil
		}
	}
	if len(row) > 0 {
		out = append(out, kit.NewActionBlock("", row...))
	}
	return out
}
