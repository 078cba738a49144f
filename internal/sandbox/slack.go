package sandbox

import (
	"fmt"

	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/secret"
)

// workspace is the Slack of the sandbox: a channel for each team, one for what is for
// nobody in particular, and everybody whom the configuration knows.
func workspace(owners *ownership.Config, signing string) *slacktest.Server {
	o := slacktest.Options{Secret: signing}
	for i := range owners.People {
		o.Users = append(o.Users, slacktest.User{ID: memberID(&owners.People[i], i), Name: owners.People[i].Name, Email: owners.People[i].Email})
	}
	for i, name := range append(teamNames(owners), ownership.Escalation) {
		o.Channels = append(o.Channels, slacktest.Channel{ID: channelID(i), Name: name, Member: true})
	}
	return slacktest.New(o)
}

func channelID(i int) string { return fmt.Sprintf("CSANDBOX%02d", i) }

func memberID(p *ownership.Person, i int) string {
	if p.Slack != "" {
		return p.Slack
	}
	return fmt.Sprintf("USANDBOX%02d", i)
}

// slackNotifier is the notifier that talks to the workspace.
func slackNotifier(owners *ownership.Config, url, signing string) config.Notifier {
	c := &slack.Config{Token: secret.New("xoxb-sandbox"), SigningSecret: secret.New(signing), BaseURL: url + "/api/", Command: "/quell", Channels: map[string]string{}}
	names := teamNames(owners)
	for i, name := range names {
		c.Channels[name] = channelID(i)
	}
	c.Escalation = channelID(len(names))
	for i := range owners.People {
		owners.People[i].Slack = memberID(&owners.People[i], i)
	}
	return config.Notifier{Name: "slack", Connector: slack.Name, Config: c}
}

func teamNames(owners *ownership.Config) []string {
	names := make([]string, 0, len(owners.Teams))
	for i := range owners.Teams {
		names = append(names, owners.Teams[i].Name)
	}
	return names
}
