package chatops

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// found is what a reference names.
type found struct {
	subject string
	owner   string
	one     *exposure.Exposure // nil for a ticket
}

var exposureID = regexp.MustCompile(`^[0-9a-hjkmnp-z]{26}$`)

// find reads what somebody wrote for an exposure or a ticket.
func (c *Chat) find(ctx context.Context, p *person, args []string) (found, []string, error) {
	if len(args) == 0 {
		return found{}, nil, fault.New(fault.Invalid, "say which: the ID of an exposure, or the key of a ticket")
	}
	ref := strings.TrimPrefix(strings.TrimPrefix(strings.Trim(args[0], "<>`*"), "exposure:"), "request:")
	if exposureID.MatchString(ref) {
		e, err := c.exposure(ctx, p, exposure.ID(ref))
		return found{subject: "exposure:" + ref, owner: e.Owner.Team, one: &e}, args[1:], err
	}
	r, err := c.remediation(ctx, strings.TrimPrefix(ref, "remediation:"))
	if err == nil {
		n, countErr := c.Exposures.CountExposures(ctx, exposure.Filter{Remediation: r.ID, Visible: p.visible}, "")
		if countErr != nil {
			return found{}, nil, fault.Wrap(fault.KindOf(countErr), countErr, "counting what a ticket is about")
		}
		if n[""] > 0 || p.visible == nil {
			return found{subject: "remediation:" + r.ID, owner: r.Owner}, args[1:], nil
		}
		err = fault.New(fault.NotFound, "hidden")
	}
	if fault.Is(err, fault.NotFound) {
		return found{}, nil, fault.New(fault.NotFound, "there is no exposure or ticket %s: `%s mine` and `%s due` list some", shown(ref), c.Command, c.Command)
	}
	return found{}, nil, err
}

func (c *Chat) remediation(ctx context.Context, ref string) (lifecycle.Remediation, error) {
	r, err := c.Remediations.RemediationByTicket(ctx, ref)
	if fault.Is(err, fault.NotFound) {
		r, err = c.Remediations.Remediation(ctx, ref)
	}
	return r, fault.Wrap(fault.KindOf(err), err, "reading a ticket")
}

func (c *Chat) order(ctx context.Context, p *person, in call, kind lifecycle.DecisionKind, args []string) (*order, []string, error) {
	f, rest, err := c.find(ctx, p, args)
	if err != nil {
		return nil, nil, err
	}
	o := &order{call: in, Kind: string(kind), Subject: f.subject}
	if !offered(o.Kind) {
		return nil, nil, fault.New(fault.Invalid, "there is no such decision")
	}
	return o, rest, p.allowed(o.Kind, f.owner, "")
}

func (c *Chat) orderClaim(ctx context.Context, p *person, in call, args []string) (*order, say, error) {
	o, rest, err := c.order(ctx, p, in, lifecycle.DecideClaim, args)
	if err != nil {
		return nil, say{}, err
	}
	switch {
	case len(rest) > 0:
		o.Into = rest[0]
	case len(p.teams) == 1:
		o.Into = p.teams[0]
	default:
		return c.orForm(ctx, p, in, o)
	}
	if err := c.team(o.Into); err != nil {
		return nil, say{}, err
	}
	return o, say{}, p.allowed(o.Kind, "", o.Into)
}

// team refuses a team that there isn't, before anything is stored. The decision itself
// refuses it too, for forms and for what changed meanwhile.
func (c *Chat) team(name string) error {
	if err := c.Rules.KnownTeam(name); err != nil {
		return fault.Wrap(fault.Invalid, err, "")
	}
	return nil
}

func (c *Chat) teamNames(ctx context.Context) ([]string, error) {
	teams, err := c.Owners.Owners(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading the teams")
	}
	names := make([]string, len(teams))
	for i := range teams {
		names[i] = teams[i].Name
	}
	return names, nil
}

func (c *Chat) orderAssign(ctx context.Context, p *person, in call, args []string) (*order, say, error) {
	o, rest, err := c.order(ctx, p, in, lifecycle.DecideReassign, args)
	if err != nil {
		return nil, say{}, err
	}
	if len(rest) == 0 {
		return c.orForm(ctx, p, in, o)
	}
	o.Into, o.Reason = rest[0], strings.Join(rest[1:], " ")
	return o, say{}, c.team(o.Into)
}

func (c *Chat) orderAccept(ctx context.Context, p *person, in call, args []string) (*order, say, error) {
	o, rest, err := c.order(ctx, p, in, lifecycle.DecideAcceptRisk, args)
	if err != nil {
		return nil, say{}, err
	}
	if len(rest) < 2 {
		return c.orForm(ctx, p, in, o)
	}
	if o.Until, err = c.until(p, rest[0]); err != nil {
		return nil, say{}, err
	}
	o.Reason = strings.Join(rest[1:], " ")
	return o, say{}, c.complete(p, o)
}

func (c *Chat) orderSnooze(ctx context.Context, p *person, in call, args []string) (*order, say, error) {
	o, rest, err := c.order(ctx, p, in, lifecycle.DecideSnooze, args)
	if err != nil {
		return nil, say{}, err
	}
	if len(rest) == 0 {
		return c.orForm(ctx, p, in, o)
	}
	if o.Until, err = c.until(p, rest[0]); err != nil {
		return nil, say{}, err
	}
	o.Reason = strings.Join(rest[1:], " ")
	return o, say{}, c.complete(p, o)
}

func (c *Chat) orderFalsePositive(ctx context.Context, p *person, in call, args []string) (*order, say, error) {
	o, rest, err := c.order(ctx, p, in, lifecycle.DecideFalsePositive, args)
	if err != nil {
		return nil, say{}, err
	}
	if len(rest) == 0 {
		return c.orForm(ctx, p, in, o)
	}
	o.Reason = strings.Join(rest, " ")
	return o, say{}, c.complete(p, o)
}

func (c *Chat) orderRetest(ctx context.Context, p *person, in call, args []string) (*order, say, error) {
	o, rest, err := c.order(ctx, p, in, lifecycle.DecideRetest, args)
	if err == nil {
		o.Reason = strings.Join(rest, " ")
	}
	return o, say{}, err
}

// complete says what an order lacks, before it is stored.
func (c *Chat) complete(p *person, o *order) error {
	d := o.decision(p, "complete")
	if err := d.Validate(c.Now()); err != nil {
		return err //nolint:wrapcheck // it says what is missing, for whoever decides
	}
	return nil
}

var while = regexp.MustCompile(`^(\d{1,4})([dw])$`)

// until reads a day, as the last moment of it where the person is, or a while from now.
func (c *Chat) until(p *person, text string) (time.Time, error) {
	if m := while.FindStringSubmatch(strings.ToLower(text)); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return time.Time{}, fault.New(fault.Invalid, "%s is no time", shown(text))
		}
		if m[2] == "w" {
			n *= 7
		}
		return c.Now().AddDate(0, 0, n), nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, p.zone)
	if err != nil {
		return time.Time{}, fault.New(fault.Invalid, "%s is no time: write 2026-12-24, or 7d", shown(text))
	}
	return day.AddDate(0, 0, 1).Add(-time.Minute).UTC(), nil
}
