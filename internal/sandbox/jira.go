package sandbox

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors/jira"
	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

const (
	project  = "SEC"
	jiraUser = "quell@sandbox.example"
	jiraWord = "sandbox"
	jiraLag  = time.Second // of its search
)

// tickets is the Jira of the sandbox.
func tickets(signing, webhook string) *jiratest.Server {
	return jiratest.New(jiratest.Options{Token: jiraWord, Email: jiraUser, Secret: signing, Lag: jiraLag, Webhook: webhook})
}

// jiraTracker is the tracker that keeps tickets in it.
func jiraTracker(url, signing string) (config.Tracker, error) {
	c, ok := jira.Registration().Config().(*jira.Config)
	if !ok {
		return config.Tracker{}, fault.New(fault.Internal, "configuring the sandbox's Jira: its configuration is another type")
	}
	c.URL, c.User, c.Token, c.Project, c.Secret = url, jiraUser, secret.New(jiraWord), project, secret.New(signing)
	c.SearchLag = int(2 * jiraLag / time.Second)
	c.TransitionFields = map[string]string{"resolution": `{"name": "Done"}`}
	return config.Tracker{Name: "jira", Connector: jira.Name, Config: c}, nil
}

// hooks sends what Jira tells to quell, until ctx ends. What can't be sent is sent later.
func hooks(ctx context.Context, server *jiratest.Server, log *slog.Logger) {
	const every = 200 * time.Millisecond
	client := &http.Client{Timeout: 10 * time.Second}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := server.Deliver(ctx, client, nil); err != nil && ctx.Err() == nil {
			log.Debug("the sandbox's Jira could not call its webhook", "error", err)
		}
	}
}
