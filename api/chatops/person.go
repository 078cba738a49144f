package chatops

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ownership"
)

// The roles of people, as ownership has them.
const (
	viewer   = "viewer"
	operator = "operator"
	approver = "approver"
)

// person is whoever stands behind a call.
type person struct {
	name    string
	role    string
	member  string   // in Slack
	teams   []string // that he is in, or manages
	visible []string // the scopes that he may see; nil: all
	zone    *time.Location
}

// may reports whether a role is enough.
func (p *person) may(role string) bool {
	return slices.Index(ownership.Roles(), p.role) >= slices.Index(ownership.Roles(), role)
}

func (p *person) in(team string) bool { return team != "" && slices.Contains(p.teams, team) }

func (p *person) sees(scopes []string) bool {
	return p.visible == nil || slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(p.visible, s) })
}

// known is what Slack said of somebody, and when.
type known struct {
	member slack.Member
	at     time.Time
}

// rememberFor is how long Slack's word on somebody is good. Whoever loses an account can
// press nothing any more; this is about e-mails.
const rememberFor = 5 * time.Minute

func (c *Chat) memberOf(ctx context.Context, id string) (slack.Member, error) {
	now := c.Now()
	c.mu.Lock()
	k, ok := c.members[id]
	c.mu.Unlock()
	if ok && now.Before(k.at.Add(rememberFor)) {
		return k.member, nil
	}
	m, err := c.Slack.Member(ctx, id)
	if err != nil {
		return m, err
	}
	const most = 10_000
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.members) >= most {
		clear(c.members)
	}
	c.members[id] = known{m, now}
	return m, nil
}

// who finds the person behind a member: by the ID that the configuration gives him, else
// by an e-mail that Slack has verified. Guests, bots and people of other workspaces are
// nobody, whatever their e-mail says. Denied: nobody of ours.
func (c *Chat) who(ctx context.Context, member, workspace string) (person, error) {
	if workspace != "" {
		me, err := c.Slack.Me(ctx)
		if err != nil {
			return person{}, fault.Wrap(fault.KindOf(err), err, "finding out which workspace is ours")
		}
		if workspace != me.Team {
			return person{}, stranger()
		}
	}
	all := c.People()
	i := slices.IndexFunc(all, func(p ownership.Person) bool { return p.Slack != "" && p.Slack == member })
	p := person{member: member, zone: time.UTC}
	if i < 0 {
		m, err := c.memberOf(ctx, member)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return person{}, fault.Wrap(fault.KindOf(err), err, "asking Slack who it is")
		}
		if err != nil || m.Gone || m.Bot || m.Guest || m.Email == "" {
			return person{}, stranger()
		}
		me, err := c.Slack.Me(ctx)
		if err != nil || m.Team != me.Team {
			return person{}, stranger()
		}
		i = slices.IndexFunc(all, func(p ownership.Person) bool {
			return p.Slack == "" && p.Email != "" && strings.EqualFold(p.Email, m.Email)
		})
		if zone, err := time.LoadLocation(m.Zone); err == nil && m.Zone != "" {
			p.zone = zone
		}
	}
	if i < 0 {
		return person{}, stranger()
	}
	found := &all[i]
	if left, err := time.Parse(time.DateOnly, found.Left); err == nil && !c.Now().Before(left) {
		return person{}, stranger()
	}
	p.name, p.role = found.Name, found.Role
	if p.role == "" {
		p.role = operator
	}
	teams, err := c.Owners.Owners(ctx)
	if err != nil {
		return person{}, fault.Wrap(fault.KindOf(err), err, "reading the teams")
	}
	for i := range teams {
		if slices.Contains(teams[i].Members, p.name) || teams[i].Manager == p.name {
			p.teams = append(p.teams, teams[i].Name)
		}
	}
	if c.Visible != nil {
		if p.visible, err = c.Visible(ctx, p.name); err != nil {
			return person{}, fault.Wrap(fault.KindOf(err), err, "reading what may be seen")
		}
	}
	return p, nil
}

func stranger() error {
	return fault.New(fault.Denied, "quell doesn't know you: ask for an entry in owners.people with your Slack ID, or with the e-mail of your Slack account")
}
