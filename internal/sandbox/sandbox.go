// Package sandbox is a Jira and a Slack to try quell with, on this machine and without an
// account anywhere: the fakes that the tests use, with pages to click on. They forget
// everything when they stop.
package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ownership"
)

// Sandbox is the two of them, listening on loopback.
type Sandbox struct {
	Jira  *jiratest.Server
	Slack *slacktest.Server
	// JiraURL and SlackURL are where their pages are.
	JiraURL, SlackURL string

	servers []*http.Server
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Open starts a Jira and a Slack for a configuration, and puts them into it in place of
// the trackers and notifiers that it has. Where it knows no people, two are added: ann, who
// decides on exposures, and bob, who may approve as well. quell is where they call.
func Open(ctx context.Context, cfg *config.Config, quell string, log *slog.Logger) (*Sandbox, error) {
	if len(cfg.Owners.People) == 0 {
		cfg.Owners.People = []ownership.Person{
			{Name: "ann", Email: "ann@sandbox.example"}, {Name: "bob", Role: "approver", Email: "bob@sandbox.example"},
		}
		for i := range cfg.Owners.Teams {
			if len(cfg.Owners.Teams[i].Members) == 0 {
				cfg.Owners.Teams[i].Members = []string{"ann"}
			}
		}
	}
	signing, err := word()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	s := &Sandbox{stop: stop}
	s.Slack = workspace(&cfg.Owners, signing)
	s.Slack.SetEndpoint(quell)
	if s.SlackURL, err = s.serve(ctx, s.Slack.Handler()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Jira = tickets(signing, quell+"/hooks/trackers/jira")
	if s.JiraURL, err = s.serve(ctx, s.Jira.Handler()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	tracker, err := jiraTracker(s.JiraURL, signing)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	cfg.Trackers = []config.Tracker{tracker}
	cfg.Notifiers = []config.Notifier{slackNotifier(&cfg.Owners, s.SlackURL, signing)}
	s.running.Go(func() { hooks(ctx, s.Jira, log) })
	return s, nil
}

// serve answers on a free port of the loopback interface, and gives the address.
func (s *Sandbox) serve(ctx context.Context, handler http.Handler) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fault.New(fault.Unavailable, "opening the sandbox: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, server)
	s.running.Go(func() { _ = server.Serve(listener) }) // it ends with Close
	return "http://" + listener.Addr().String(), nil
}

// Close ends both.
func (s *Sandbox) Close() error {
	s.stop()
	errs := make([]error, 0, len(s.servers))
	for _, server := range s.servers {
		errs = append(errs, server.Close())
	}
	s.running.Wait()
	return errors.Join(errs...)
}

// word makes a secret for as long as the sandbox lives.
func word() (string, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return "", fault.New(fault.Internal, "making the sandbox's secret: %w", err)
	}
	return hex.EncodeToString(b), nil
}
