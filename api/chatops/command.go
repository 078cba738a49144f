package chatops

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/quellsec/quell/internal/fault"
)

// command is one subcommand of the slash command.
type command struct {
	name string
	args string
	help string
	role string // the least that may use it
	// read answers at once. Nil for decisions.
	read func(c *Chat, ctx context.Context, p *person, args []string) (say, error)
	// decide makes an order of the arguments, or opens a form for what they lack.
	decide func(c *Chat, ctx context.Context, p *person, in call, args []string) (*order, say, error)
}

// commands are all of them, in the order of the help.
func commands() []command {
	return []command{
		{name: "mine", help: "what your teams have open, the most pressing first", role: viewer, read: (*Chat).mine},
		{name: "show", args: "ID or ticket", help: "one exposure or ticket, with its buttons", role: viewer, read: (*Chat).show},
		{name: "why", args: "ID", help: "why it was decided so, and what would change it", role: viewer, read: (*Chat).why},
		{name: "due", args: "[days]", help: "what is due within so many days (7)", role: viewer, read: (*Chat).due},
		{name: "unowned", help: "what nobody owns", role: viewer, read: (*Chat).unowned},
		{name: "owner", args: "ID or asset", help: "who owns it, and how that is known", role: viewer, read: (*Chat).owner},
		{name: "claim", args: "ID [team]", help: "take it for your team", role: operator, decide: (*Chat).orderClaim},
		{name: "assign", args: "ID team", help: "give it to a team", role: operator, decide: (*Chat).orderAssign},
		{name: "accept", args: "ID [until] [reason]", help: "ask to accept its risk; without a reason a form opens", role: operator, decide: (*Chat).orderAccept},
		{name: "snooze", args: "ID until [reason]", help: "no reminders until a day (2026-12-24) or for a while (7d)", role: operator, decide: (*Chat).orderSnooze},
		{name: "fp", args: "ID [reason]", help: "call it a false positive; without a reason a form opens", role: operator, decide: (*Chat).orderFalsePositive},
		{name: "retest", args: "ID", help: "have it tested again", role: operator, decide: (*Chat).orderRetest},
		{name: "wait", args: "ID vendor|change_window until [ref=CASE] reason", help: "stop the clock of its due date; without a reason a form opens", role: operator, decide: (*Chat).orderWait},
		{name: "resume", args: "ID [reason]", help: "let its clock run again", role: operator, decide: (*Chat).orderResume},
		{name: "scope", args: "[name]", help: "the scopes and what is in them", role: viewer, read: (*Chat).scope},
		{name: "report", help: "where things stand, in figures", role: viewer, read: (*Chat).report},
		{name: "campaign", args: "[name]", help: "a campaign and how far it is, or those that are open", role: viewer, read: (*Chat).campaign},
		{name: "gaps", help: "what scoping doesn't cover", role: viewer, read: (*Chat).gaps},
		{name: "sources", help: "the sources and how they are doing", role: viewer, read: (*Chat).sources},
		{name: "policy", help: "how long what may take", role: viewer, read: (*Chat).policy},
	}
}

const longestText = 4000

// command runs the slash command.
func (c *Chat) command(ctx context.Context, in call, text string) (say, error) {
	if in.Response != "" {
		if err := c.Slack.Answerable(in.Response); err != nil {
			return say{}, fault.Wrap(fault.Invalid, err, "taking a command")
		}
	}
	if in.User == "" || in.ID == "" || len(text) > longestText {
		return say{}, fault.New(fault.Invalid, "taking a command: it lacks who sends it, or is too long")
	}
	words := strings.Fields(text)
	if len(words) == 0 || words[0] == "help" {
		return c.help(words), nil
	}
	name := strings.ToLower(words[0])
	i := slices.IndexFunc(commands(), func(x command) bool { return x.name == name })
	if i < 0 {
		return c.unknown(name), nil
	}
	return c.withPatience(ctx, in, func(ctx context.Context) (say, error) { return c.run(ctx, &commands()[i], in, words[1:]) })
}

// withPatience gives the answer if it comes soon enough, and otherwise sends it after.
func (c *Chat) withPatience(ctx context.Context, in call, do func(ctx context.Context) (say, error)) (say, error) {
	type result struct {
		out say
		err error
	}
	var taken atomic.Bool // by whoever gives the answer
	ready := make(chan result, 1)
	c.background(ctx, func(ctx context.Context) {
		out, err := do(ctx)
		if taken.CompareAndSwap(false, true) {
			ready <- result{out, err}
			return
		}
		if err != nil {
			out = say{text: refused(err)}
		}
		c.tell(ctx, &in, out)
	})
	select {
	case r := <-ready:
		return r.out, r.err
	case <-c.After(patience):
	}
	if !taken.CompareAndSwap(false, true) {
		r := <-ready
		return r.out, r.err
	}
	return say{text: "Working on it: the answer follows."}, nil
}

func (c *Chat) run(ctx context.Context, x *command, in call, args []string) (say, error) {
	p, err := c.who(ctx, in.User, in.Team)
	if err != nil {
		return answered(err)
	}
	if !p.may(x.role) {
		return say{text: "This needs the role " + x.role + ", and you have " + p.role + "."}, nil
	}
	if x.read != nil {
		out, err := x.read(c, ctx, &p, args)
		if err != nil {
			return answered(err)
		}
		return out, nil
	}
	o, out, err := x.decide(c, ctx, &p, in, args)
	switch {
	case err != nil:
		return answered(err)
	case o == nil:
		return out, nil // a form is open
	}
	stored, isNew, err := c.store(ctx, o)
	if err != nil {
		return say{}, err
	}
	if !isNew { // the same call again: it says what the first one led to, as far as that is known
		return c.spoken(o, stored.Result), nil
	}
	out, tell, err := c.work(ctx, stored)
	switch {
	case err != nil && !tell:
		c.Log.Warn("working on a command", "press", stored.ID, "error", err)
		return say{text: "It is noted, and will be carried out as soon as everything answers: you will be told."}, nil
	case !tell:
		return say{text: "It is noted, and will be carried out as soon as everything answers: you will be told."}, nil
	}
	return out, nil
}

// answered makes an answer of an error that is about what was asked.
func answered(err error) (say, error) {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.Denied, fault.Conflict:
		return say{text: strings.Replace(refused(err), "Not done: ", "", 1)}, nil
	case fault.Unavailable, fault.Throttled, fault.Internal:
	}
	return say{text: refused(err)}, nil
}

// help tells of all commands, or of one.
func (c *Chat) help(words []string) say {
	var lines []string
	for _, x := range commands() {
		if len(words) < 2 || strings.EqualFold(x.name, words[1]) {
			lines = append(lines, "• `"+strings.TrimSpace(c.Command+" "+x.name+" "+x.args)+"` "+x.help)
		}
	}
	if len(lines) == 0 {
		return c.unknown(strings.ToLower(words[1]))
	}
	return lists("*What you can ask and decide here*", lines)
}

// unknown suggests what may have been meant.
func (c *Chat) unknown(name string) say {
	text := "There is no `" + c.Command + " " + shown(name) + "`."
	if near := closest(name); len(near) > 0 {
		for i := range near {
			near[i] = "`" + c.Command + " " + near[i] + "`"
		}
		text += " Did you mean " + strings.Join(near, " or ") + "?"
	} else {
		text += " `" + c.Command + " help` tells what there is."
	}
	return say{text: text}
}

// closest gives the commands that a word may have meant: those that it begins, then those
// that differ by a letter or two.
func closest(word string) []string {
	type near struct {
		name string
		far  int
	}
	var found []near
	for _, x := range append(commands(), command{name: "help"}) {
		far := distance(word, x.name)
		if word != "" && strings.HasPrefix(x.name, word) {
			far = 0
		}
		if far <= 2 && far < len(x.name) {
			found = append(found, near{x.name, far})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.far, b.far) })
	out := make([]string, 0, min(len(found), 3))
	for _, f := range found[:min(len(found), 3)] {
		out = append(out, f.name)
	}
	return out
}

// distance is how many letters lie between two words (Levenshtein).
func distance(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}
