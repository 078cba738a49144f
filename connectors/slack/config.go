package slack

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Slack workspace.
type Config struct {
	Token          secret.String     `yaml:"token" json:"token,omitzero" doc:"Bot token of the app, xoxb-…"`
	SigningSecret  secret.String     `yaml:"signing_secret" json:"signing_secret,omitzero" doc:"Signing secret of the app, for commands and buttons over HTTP. Without it, calls to /slack/* are refused."`
	PreviousSecret secret.String     `yaml:"previous_signing_secret" json:"previous_signing_secret,omitzero" doc:"The signing secret before, while it is being rotated."`
	AppToken       secret.String     `yaml:"app_token" json:"app_token,omitzero" doc:"App-level token, xapp-…, with connections:write. Set: commands and buttons come over Socket Mode, and no address of quell has to be public."`
	BaseURL        string            `yaml:"base_url" json:"base_url,omitempty" doc:"Address of the Web API. Changed for Slack's government cloud, or for a stand-in."`
	Channels       map[string]string `yaml:"channels" json:"channels,omitempty" doc:"Where messages to a team go, by its name: a channel's ID, or its name with # in front. Teams that are not named here go to their own channel (owners.teams[].channel)."`
	Escalation     string            `yaml:"escalation" json:"escalation,omitempty" doc:"Where messages go that are for nobody in particular, or that can't be delivered elsewhere."`
	Command        string            `yaml:"command" json:"command,omitempty" doc:"The slash command of the app."`
}

const publicURL = "https://slack.com/api/"

func defaults() *Config { return &Config{BaseURL: publicURL, Command: "/quell"} }

var commandName = regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`)

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if err := httpclient.CheckURL(c.BaseURL); err != nil {
		add("base_url: %w", err)
	}
	if c.BaseURL == "" {
		problems = append(problems, errors.New("base_url: is empty; leave it out for Slack's own"))
	}
	if c.SigningSecret.Empty() && !c.PreviousSecret.Empty() {
		problems = append(problems, errors.New("previous_signing_secret: is there, but not the secret that follows it"))
	}
	if !commandName.MatchString(c.Command) {
		add("command: %q is none: write it as /quell", c.Command)
	}
	for _, team := range slices.Sorted(maps.Keys(c.Channels)) {
		if !address(c.Channels[team]) {
			add("channels.%s: %q is neither a channel's ID, as C024BE91L, nor its name with # in front", team, c.Channels[team])
		}
	}
	if c.Escalation != "" && !address(c.Escalation) {
		add("escalation: %q is neither a channel's ID, as C024BE91L, nor its name with # in front", c.Escalation)
	}
	return problems
}

func address(text string) bool { return channelID.MatchString(text) || channelName.MatchString(text) }

// reach is Slack, or the host of a stand-in.
func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok {
		return nil
	}
	return c.hosts()
}

// hosts are those that Slack is on: those of its Web API, of response URLs and of
// Socket Mode.
func (c *Config) hosts() []string {
	switch host := httpclient.HostOf(c.BaseURL); {
	case host == "slack.com:443":
		return []string{"slack.com:443", "hooks.slack.com:443", "*.slack.com"}
	case host == "slack-gov.com:443":
		return []string{"slack-gov.com:443", "hooks.slack-gov.com:443", "*.slack-gov.com"}
	case host != "":
		return []string{host}
	}
	return nil
}

var docs = connectors.Page{
	Needs: "An app in your workspace, made from the manifest in `deploy/slack/manifest.yaml`: [slack.md](../slack.md) goes through it step by step. The bot token is needed for anything; for commands and buttons either the signing secret (HTTP) " +
		"or an app-level token (Socket Mode).",
	Maps: "One thread for each ticket and channel: its head is a card that is rewritten when the ticket changes, what happens comes below it. Buttons decide right there; who may press which is in [slack.md](../slack.md). Messages to a person go " +
		"to a direct conversation, found by the member's ID or by e-mail.",
	Fixed:    "Nothing is fixed by a press: \"fixed\" is a claim, and it is tested.",
	Coverage: "Nothing: it takes messages and decisions, and reports on nothing.",
	Limits: "A message is there once for each cause, also after a lost answer: it carries its cause as metadata and is looked for before it is sent again. That takes membership in the channel: public ones are joined, to private ones the app must be " +
		"invited. Slack lets one message a second into a channel.",
	Example: `notifiers:
  - name: slack
    connector: slack
    config:
      token: ${env:SLACK_BOT_TOKEN}
      signing_secret: ${env:SLACK_SIGNING_SECRET}
      app_token: ${env:SLACK_APP_TOKEN}
      escalation: "#security"
      channels:
        payments: "#payments-alerts"
        platform: C024BE91L
`,
}
