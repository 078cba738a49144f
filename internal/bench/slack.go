package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/api/chatops"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/secret"
	"github.com/quellsec/quell/internal/store"
)

const (
	aimSlack       = 300 // ms, the 99th of a hundred
	slackExposures = 10_000
	slackTeams     = 20
	slackRate      = 20 // commands a second
	slackSeconds   = 30
	slackSecret    = "the signing secret of the benchmark's app"
)

// slackFigures measure how long a slash command waits for its answer: signed over HTTP, of
// somebody whom Slack is asked about, over a store with ten thousand exposures.
func (b *bench) slackFigures(ctx context.Context) error {
	if !b.wants("slack") {
		return nil
	}
	dir, err := b.folder("slack")
	if err != nil {
		return err
	}
	o, err := inChild(ctx, task{Kind: "slack", Dir: dir, Findings: b.scaled(slackExposures), Hosts: max(2*slackRate, b.scaled(slackRate*slackSeconds)), Profile: b.profile("slack")}, 2, b.log)
	if err != nil {
		return err
	}
	b.note("%.0f commands at %d a second over %.0f exposures; half were answered within %.1f ms; the 99th of a hundred of each sort: %s",
		o.Values["sent"], slackRate, o.Values["exposures"], o.Values["p50"], bySort(o.Values))
	b.figure(Figure{Name: "slack_command_p99", Value: o.Values["p99"], Unit: "ms", Aim: aimSlack, Most: true})
	return nil
}

func bySort(values map[string]float64) string {
	var parts []string
	for name, v := range values {
		if sort, ok := strings.CutPrefix(name, "p99 "); ok {
			parts = append(parts, fmt.Sprintf("%s %.1f ms", sort, v))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// slackCommands sends each command at its time, whether the ones before it were answered
// or not, and counts the wait from that time on.
func slackCommands(ctx context.Context, t task) (o outcome, err error) {
	s, err := store.Open(ctx, "sqlite:"+filepath.Join(t.Dir, "store"), store.Options{})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ids, err := slackStore(ctx, s, t.Findings)
	if err != nil {
		return o, err
	}
	fake, chat, address, end, err := slackHouse(s)
	if err != nil {
		return o, err
	}
	ctx = slacktest.At(ctx, address)
	defer end()
	watch, err := start()
	if err != nil {
		return o, err
	}
	took := make([]time.Duration, t.Hosts)
	var failed firstError
	var group sync.WaitGroup
	begun := time.Now()
	for i := range t.Hosts {
		at := begun.Add(time.Duration(i) * time.Second / slackRate)
		select {
		case <-ctx.Done():
			return o, fmt.Errorf("sending commands: %w", ctx.Err())
		case <-time.After(time.Until(at)):
		}
		group.Go(func() {
			failed.note(slackAsk(ctx, fake, i, ids))
			took[i] = time.Since(at)
		})
	}
	group.Wait()
	chat.Drain(ctx)
	if failed.err != nil {
		return o, failed.err
	}
	if o, err = watch.stop(); err != nil {
		return o, err
	}
	o.Values = map[string]float64{"sent": float64(len(took)), "exposures": float64(len(ids)), "p50": milliseconds(quantile(took, 0.5)), "p99": milliseconds(quantile(took, 0.99))}
	for n, command := range slackSorts() {
		var own []time.Duration
		for i := n; i < len(took); i += len(slackSorts()) {
			own = append(own, took[i])
		}
		o.Values["p99 "+command] = milliseconds(quantile(own, 0.99))
	}
	return o, nil
}

// slackSorts are the commands, in turn: looks and decisions.
func slackSorts() []string {
	return []string{"mine", "show", "due", "claim", "why", "unowned", "report", "snooze"}
}

func slackAsk(ctx context.Context, fake *slacktest.Server, i int, ids []exposure.ID) error {
	command := slackSorts()[i%len(slackSorts())]
	id := string(ids[(i*7919)%len(ids)])
	text := command
	switch command {
	case "show", "why", "claim":
		text += " " + id
	case "snooze":
		text += " " + id + " 7d"
	}
	reply, err := fake.Run(ctx, slackMember(i%slackTeams), "C0CHANNEL0", text)
	switch {
	case err != nil:
		return fmt.Errorf("running %s: %w", text, err)
	case reply.Status != http.StatusOK || !strings.Contains(reply.Body, "ephemeral"):
		return fmt.Errorf("running %s: %d %.200s", text, reply.Status, reply.Body)
	case strings.Contains(reply.Body, "Working on it"):
		return fmt.Errorf("running %s: it took longer than two seconds", text)
	}
	return nil
}

func slackMember(n int) string { return fmt.Sprintf("U0MEMBER%02d", n) }
func slackTeam(n int) string   { return fmt.Sprintf("team-%02d", n) }

// slackStore fills a store: every twentieth exposure is nobody's.
func slackStore(ctx context.Context, s *store.Store, n int) ([]exposure.ID, error) {
	at := utc()
	ids := make([]exposure.ID, 0, n)
	var batch []exposure.Exposure
	for i := range n {
		of := asset.Asset{ID: asset.ID(fmt.Sprintf("asset-%d", i/20)), Name: name(i / 20), Scopes: []string{"shop"}}
		e := exposure.NewExposure(exposure.BornInput{Asset: of, Source: benchSource, Run: "run", CheckedAt: at.Add(-time.Hour), At: at.Add(-time.Hour), Cause: "delivery",
			Actor:   exposure.Actor{Kind: exposure.Source, Name: benchSource},
			Finding: exposure.Finding{UID: strconv.Itoa(i), Class: exposure.ClassVulnerability, Check: fmt.Sprintf("nuclei:check-%d", i), Title: "Default login on the admin page", Severity: exposure.SeverityHigh, Status: exposure.StatusOpen}})
		e.Decision = exposure.Decision{Outcome: exposure.Attend, Why: []string{"exploited in the wild"}}
		e.Due = at.Add(time.Duration(i) * time.Minute)
		if i%20 != 0 {
			e.Owner = exposure.Owner{Team: slackTeam(i % slackTeams), How: "route", Confidence: 0.95}
		}
		ids, batch = append(ids, e.ID), append(batch, e)
		if len(batch) == 500 || i == n-1 {
			if _, err := s.InsertExposures(ctx, batch); err != nil {
				return nil, err
			}
			batch = nil
		}
	}
	return ids, nil
}

// slackHouse puts the real way in between a played Slack and the store.
func slackHouse(s *store.Store) (fake *slacktest.Server, chat *chatops.Chat, address string, end func(), err error) {
	users := make([]slacktest.User, 0, slackTeams)
	things := slackThings{}
	people := make([]ownership.Person, 0, slackTeams)
	for n := range slackTeams {
		email := fmt.Sprintf("member%d@example.com", n)
		users = append(users, slacktest.User{ID: slackMember(n), Name: email, Email: email})
		people = append(people, ownership.Person{Name: fmt.Sprintf("member%d", n), Email: email, Role: "approver"})
		things.teams = append(things.teams, ownership.Team{Name: slackTeam(n), Members: []string{people[n].Name}})
	}
	fake = slacktest.New(slacktest.Options{Secret: slackSecret, Users: users, Channels: []slacktest.Channel{{ID: "C0CHANNEL0", Name: "x", Member: true}}})
	vendor := httptest.NewServer(fake.Handler())
	opened, err := slack.Registration().Open(connectors.Env{Source: "slack", HTTP: vendor.Client(), Now: utc},
		&slack.Config{Token: secret.New("xoxb-bench"), SigningSecret: secret.New(slackSecret), BaseURL: vendor.URL + "/api", Command: "/quell"})
	workspace, ok := opened.(*slack.Slack)
	if err != nil || !ok {
		vendor.Close()
		return nil, nil, "", nil, fmt.Errorf("opening slack: %T: %w", opened, err)
	}
	chat = chatops.New(chatops.Deps{Chat: "slack", Slack: workspace, Presses: s, Exposures: s, Remediations: s, Assets: s,
		Decider: lifecycle.NewClient(nil, ledger.New(s, utc), s, utc, quiet()), // no exposure here is in a workflow's hands

		Owners: things, Sources: things, Scopes: things, Gaps: things, People: func() []ownership.Person { return people }, Policy: priority.DefaultPolicy, Rules: exception.Default(), Log: quiet(), Now: utc})
	app := httptest.NewServer(chat.Handler())
	fake.SetEndpoint(app.URL)
	return fake, chat, vendor.URL, func() { app.Close(); vendor.Close() }, nil
}

// slackThings is the configuration.
type slackThings struct{ teams []ownership.Team }

// Owners implements api.Owners.
func (t slackThings) Owners(context.Context) ([]ownership.Team, error) { return t.teams, nil }

// TestOwner implements api.Owners.
func (slackThings) Unowned(context.Context, []string) (api.Unowned, error) { return api.Unowned{}, nil }

func (slackThings) TestOwner(context.Context, asset.ID, exposure.ID) (api.OwnerTest, error) {
	return api.OwnerTest{}, nil
}

// Sources implements api.Sources.
func (slackThings) Sources(context.Context) ([]api.SourceStatus, error) { return nil, nil }

// Conditions implements api.Sources.
func (slackThings) Conditions(context.Context) (map[string][]api.SourceCondition, error) {
	return nil, nil
}

// Scopes implements api.Scopes.
func (slackThings) Scopes(context.Context) ([]api.ScopeStatus, error) { return nil, nil }

// Gaps implements api.Gaps.
func (slackThings) Gaps(context.Context, scope.GapPage) ([]scope.Gap, error) { return nil, nil }
