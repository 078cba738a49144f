package app

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/ownership"
)

// mailer takes mail addresses alone.
type mailer struct{}

func (mailer) Connector() string                                { return "email" }
func (mailer) Notify(context.Context, connectors.Message) error { return nil }
func (mailer) Accepts(address string) bool                      { return strings.Contains(address, ".example") }

func TestAnAddressIsFoundWhereTheNotifierKnowsOne(t *testing.T) {
	owners := ownership.Config{
		Teams:  []ownership.Team{{Name: "web", Channel: "#web"}, {Name: "ops", Channel: "ops@mail.example"}, {Name: "shop"}},
		People: []ownership.Person{{Name: "ann", Slack: "U1", Email: "ann@mail.example"}, {Name: "bob"}},
	}
	n := &config.Notifier{Name: "mail", Connector: "email", Addresses: map[string]string{"shop": "shop@mail.example", "escalation": "soc@mail.example"},
		Quiet: map[string]string{"web": "19:00-08:00 Europe/Berlin", "default": "sat sun"}}
	for to, want := range map[string]string{"web": "", "ops": "ops@mail.example", "shop": "shop@mail.example", "escalation": "soc@mail.example", "@ann": "ann@mail.example", "@bob": "", "#room": "", "none": ""} {
		got, ok := routeOf(n, mailer{}, owners).Address(to)
		require.Equal(t, want, got, to)
		require.Equal(t, want != "", ok, to)
	}
	n.Default = "all@mail.example"
	got, ok := routeOf(n, mailer{}, owners).Address("web")
	require.True(t, ok)
	require.Equal(t, "all@mail.example", got)
	r := routeOf(n, mailer{}, owners)
	require.Equal(t, 6, r.Budget.Hour)
	require.False(t, r.Quiet("web").Never())
	require.NotEqual(t, r.Quiet("web"), r.Quiet("ops"))

	// The inbox takes everybody, and all there is.
	r = routeOf(&config.Notifier{Name: "inbox", Connector: inbox.Name}, inbox.New(nil, now), owners)
	got, ok = r.Address("web")
	require.True(t, ok)
	require.Equal(t, "web", got)
	require.Zero(t, r.Budget)
}

func TestTheChannelsOfANotifiersOwnSettingsCountBeforeThoseOfTheTeams(t *testing.T) {
	opened, err := slack.Registration().Open(connectors.Env{}, &slack.Config{Channels: map[string]string{"payments": "#alerts"}, Escalation: "#security"})
	require.NoError(t, err)
	workspace, ok := opened.(*slack.Slack)
	require.True(t, ok)
	route := routeOf(&config.Notifier{Name: "slack", Connector: "slack", Addresses: map[string]string{"web": "#web"}}, workspace, ownership.Config{
		Teams: []ownership.Team{{Name: "payments", Channel: "#payments"}, {Name: "platform", Channel: "#platform"}, {Name: "web", Channel: "#other"}, {Name: "mail", Channel: "not an address here"}}})
	for to, want := range map[string]string{"payments": "#alerts", "platform": "#platform", "web": "#web", "escalation": "#security", "mail": ""} {
		got, ok := route.Address(to)
		require.Equal(t, want, got, to)
		require.Equal(t, want != "", ok, to)
	}
}

func TestDigestsGoToPeopleOutsideOfTeamsToo(t *testing.T) {
	owners := ownership.Config{Teams: []ownership.Team{{Name: "web", Members: []string{"ann"}, Manager: "mia"}}, People: []ownership.Person{{Name: "ann"}, {Name: "mia"}, {Name: "carol", Role: "approver"}}}
	require.Equal(t, map[string][]string{"escalation": nil, "web": {"web"}, "@ann": {"web"}, "@mia": {"web"}, "@carol": nil}, readers(&config.Notifier{Digest: config.Digest{People: true}}, owners))
	require.Equal(t, map[string][]string{"escalation": nil, "web": {"web"}}, readers(&config.Notifier{}, owners))
}
