package app

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/quellsec/quell/api/chatops"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/priority"
)

// chat is the way in of the Slack workspace that is configured.
type chat struct {
	*chatops.Chat
	slack *slack.Slack
}

// openChat takes a notifier for the way in, if it is a chat. There is one /slack on a
// server: a second workspace is told things, and is not listened to.
func (a *app) openChat(name string, instance connectors.Instance) {
	workspace, ok := instance.(*slack.Slack)
	switch {
	case !ok:
		return
	case a.chat != nil:
		a.log.Warn("a second Slack workspace is configured: its commands and buttons are not taken", "notifier", name)
		return
	}
	things := &inventory{store: a.store, sources: a.sources, judge: a.judge, now: now}
	a.chat = &chat{slack: workspace, Chat: chatops.New(chatops.Deps{
		Chat: name, Slack: workspace, Presses: a.store, Exposures: a.store, Remediations: a.store, Assets: a.store, Decider: a.lifecycle,
		Owners: things, Sources: things, Scopes: things, Gaps: things, Campaigns: a.store,
		People: func() []ownership.Person { return a.cfg.Owners.People }, Policy: func() priority.Policy { return a.judge.Grounds().Policy }, Rules: a.rules,
		Visible: a.visibleTo, Command: workspace.Command(), PublicURL: a.cfg.Server.PublicURL, Log: a.log.With("connector", name), Now: now,
	})}
}

// visibleTo gives the scopes that a person may see: those of his API tokens, since a token
// of his name is he. Who has none, or one that sees all, sees all.
func (a *app) visibleTo(ctx context.Context, person string) ([]string, error) {
	all, err := a.store.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	var scopes []string
	at := now()
	for i := range all {
		t := &all[i]
		if t.Name != person || !t.Revoked.IsZero() || !t.Expires.IsZero() && !at.Before(t.Expires) {
			continue
		}
		if len(t.Scopes) == 0 {
			return nil, nil
		}
		scopes = append(scopes, t.Scopes...)
	}
	slices.Sort(scopes)
	return slices.Compact(scopes), nil
}

// chatHandler answers /slack; nil where no chat is configured.
func (a *app) chatHandler() http.Handler {
	if a.chat == nil {
		return nil
	}
	return a.chat.Handler()
}

// runChat looks after presses, and listens over Socket Mode, until ctx ends. Then it lets
// what is under way come to its end.
func (a *app) runChat(ctx context.Context) error {
	if a.chat == nil {
		return nil
	}
	err := a.chat.Run(ctx, a.chat.slack.Socket())
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(a.cfg.Server.Drain.Std(), time.Second))
	defer cancel()
	a.chat.Drain(drain)
	return err
}
