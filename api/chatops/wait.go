package chatops

import (
	"context"
	"slices"
	"strings"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// referenceMark begins the word of a command that names the vendor's case or the change.
const referenceMark = "ref="

// orderWait reads "ID vendor|change_window UNTIL [ref=CASE] REASON"; a form asks for the
// rest of what is shorter.
func (c *Chat) orderWait(ctx context.Context, p *person, in call, args []string) (*order, say, error) {
	o, rest, err := c.order(ctx, p, in, lifecycle.DecideWait, args)
	if err != nil {
		return nil, say{}, err
	}
	if len(rest) > 0 {
		o.For = strings.ReplaceAll(strings.ToLower(rest[0]), "-", "_")
		if !slices.Contains(exposure.WaitKinds(), o.For) {
			return nil, say{}, fault.New(fault.Invalid, "%s can't be waited for: write %s", shown(rest[0]), strings.Join(exposure.WaitKinds(), " or "))
		}
	}
	if len(rest) < 3 {
		return c.orForm(ctx, p, in, o)
	}
	if o.Until, err = c.until(p, rest[1]); err != nil {
		return nil, say{}, err
	}
	words := rest[2:]
	if reference, ok := strings.CutPrefix(words[0], referenceMark); ok {
		o.Reference, words = reference, words[1:]
	}
	o.Reason = strings.Join(words, " ")
	return o, say{}, c.complete(p, o)
}

func (c *Chat) orderResume(ctx context.Context, p *person, in call, args []string) (*order, say, error) {
	o, rest, err := c.order(ctx, p, in, lifecycle.DecideResume, args)
	if err == nil {
		o.Reason = strings.Join(rest, " ")
	}
	return o, say{}, err
}

// waitFields ask what is waited for, until when, why, and under which reference. What a
// command said of it already is chosen.
func waitFields(o *order, until kit.Block) []kit.Block {
	words := map[string]string{exposure.WaitVendor: "the vendor", exposure.WaitChangeWindow: "a change window"}
	kinds := exposure.WaitKinds()
	options := make([]*kit.OptionBlockObject, 0, len(kinds))
	var chosen *kit.OptionBlockObject
	for _, kind := range kinds {
		option := kit.NewOptionBlockObject(kind, kit.NewTextBlockObject(kit.PlainTextType, words[kind], false, false), nil)
		if kind == o.For {
			chosen = option
		}
		options = append(options, option)
	}
	menu := kit.NewOptionsSelectBlockElement(kit.OptTypeStatic, nil, "v", options...)
	menu.InitialOption = chosen
	reference := kit.NewPlainTextInputBlockElement(nil, "v")
	reference.MaxLength = longestReference
	return []kit.Block{input(fieldFor, "Waits for", "", false, menu), until, reason("Why", false),
		input(fieldReference, "Reference", "The vendor's case, or the number of the change.", true, reference)}
}

const longestReference = 300
