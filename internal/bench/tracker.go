package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/connectors/jira"
	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/secret"
	"github.com/quellsec/quell/internal/store"
)

const (
	aimCreated   = 20 // tickets a second
	aimRecovered = 10 // seconds, with a search that lags three
	aimDrift     = 60 // seconds
	createdRuns  = 400
	crashRuns    = 40
	driftRuns    = 200
	creators     = 8
	searchLag    = 3 * time.Second
	lookEvery    = 30 * time.Second
)

// trackerFigures measure the tickets in a Jira: the real connector over HTTP against the
// fake one, the real activities, and a store on disk.
func (b *bench) trackerFigures(ctx context.Context) error {
	if !b.wants("tracker") {
		return nil
	}
	dir, err := b.folder("tracker")
	if err != nil {
		return err
	}
	o, err := inChild(ctx, task{Kind: "tracker", Dir: dir, Findings: max(20, b.scaled(createdRuns)), Profile: b.profile("tracker")}, 2, b.log)
	if err != nil {
		return err
	}
	b.note("%.0f tickets made by %d at once, %.0f crashes with a lost answer, %.0f duplicates; %.0f descriptions spoilt, %.0f mended, the slowest after %.1f s",
		o.Values["created"], creators, o.Values["crashes"], o.Values["duplicates"], o.Values["spoilt"], o.Values["mended"], o.Values["slowest"])
	b.figure(Figure{Name: "tickets_created", Value: o.Values["rate"], Unit: "1/s", Aim: aimCreated})
	b.figure(Figure{Name: "ticket_recovered_p99", Value: o.Values["recovered"], Unit: "s", Aim: aimRecovered, Most: true})
	b.figure(Figure{Name: "drift_repaired_p99", Value: o.Values["drift"], Unit: "s", Aim: aimDrift, Most: true})
	return nil
}

// ticketDesk is the activities before a Jira. Its clock is the machine's, moved on where
// one would only wait.
type ticketDesk struct {
	store *store.Store
	acts  *activities.Activities
	jira  *jiratest.Server
	http  *httptest.Server
	ahead atomic.Int64 // nanoseconds
	mu    sync.Mutex
	woken []string
}

func (d *ticketDesk) now() time.Time         { return utc().Add(time.Duration(d.ahead.Load())) }
func (d *ticketDesk) skip(how time.Duration) { d.ahead.Add(int64(how)) }

// The desk is the waker too: it notes who is to look.
func (*ticketDesk) Wake(context.Context, *exposure.Exposure, string) error { return nil }
func (*ticketDesk) StartSource(context.Context, string) error              { return nil }
func (*ticketDesk) WakeSource(context.Context, string) error               { return nil }
func (d *ticketDesk) WakeRemediation(_ context.Context, id, reason string) error {
	if reason != "ticket" {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.woken = append(d.woken, id)
	return nil
}

func newTicketDesk(ctx context.Context, dir string) (*ticketDesk, error) {
	d := &ticketDesk{}
	d.jira = jiratest.New(jiratest.Options{Mode: jiratest.Cloud, Now: d.now, Lag: searchLag - time.Second, Token: "token", Email: "quell@example.com"})
	d.http = httptest.NewServer(d.jira.Handler())
	config, ok := jira.Registration().Config().(*jira.Config)
	if !ok {
		return d, errors.New("the configuration of jira is none of jira's")
	}
	config.URL, config.Deployment, config.Project, config.User, config.Token, config.SearchLag = d.http.URL, "cloud", "SEC", "quell@example.com", secret.New("token"), int(searchLag/time.Second)
	config.TransitionFields = map[string]string{"resolution": `{"name": "Done"}`}
	tracker, err := jira.New(connectors.Env{Source: "jira", HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: creators}}, Now: d.now, Log: quiet()}, *config) //nolint:contextcheck // a token outlives the call that asked for it
	if err != nil {
		return d, err
	}
	if d.store, err = store.Open(ctx, "sqlite:"+filepath.Join(dir, "store"), store.Options{Now: d.now}); err != nil {
		return d, err
	}
	d.acts = activities.New(activities.Deps{
		Ledger: ledger.New(d.store, d.now), Records: d.store, Journal: d.store, Board: d.store, Settings: d.store, Assess: unchanging{}, Waker: d, Drainer: noDrainer{},
		Engage:   func(asset.Asset) scope.Engagement { return scope.Engagement{} },
		Trackers: map[string]connectors.Tracker{"jira": tracker}, Tracker: "jira",
		Notifier: inbox.New(d.store, d.now), Now: d.now, Log: quiet(),
	})
	return d, nil
}

func (d *ticketDesk) close() error {
	d.http.Close()
	if d.store == nil {
		return nil
	}
	return d.store.Close()
}

// join brings an exposure as far as its remediation, which is its alone.
func (d *ticketDesk) join(ctx context.Context, n int) (string, error) {
	at := d.now()
	of := asset.Asset{ID: asset.ID(fmt.Sprintf("asset-%d", n)), Version: 1, Kind: asset.Host, Name: name(n), FirstSeen: at, LastSeen: at, UpdatedAt: at}
	e := exposure.NewExposure(exposure.BornInput{
		Asset: of, Source: benchSource, Run: "run", CheckedAt: at.Add(-time.Hour), At: at, Cause: "delivery", Actor: exposure.Actor{Kind: exposure.Source, Name: benchSource},
		Finding: exposure.Finding{UID: "1", Connector: "nuclei", Class: exposure.ClassVulnerability, Check: fmt.Sprintf("nuclei:check-%d", n), Title: "Default login on the admin page",
			Severity: exposure.SeverityHigh, Status: exposure.StatusOpen, Location: "443/tcp", Target: "https://" + of.Name, Remediation: "Change the password."},
	})
	e.Decision = exposure.Decision{Outcome: exposure.Attend, Why: []string{"exploited in the wild"}, Digest: "bench", Admit: true}
	e.Owner, e.Due = exposure.Owner{Team: "web", How: "route", Since: at}, at.AddDate(0, 0, 14)
	_, err := d.store.InsertAssets(ctx, []asset.Asset{of})
	if err == nil {
		_, err = d.store.InsertExposures(ctx, []exposure.Exposure{e})
	}
	if err != nil {
		return "", err
	}
	done, err := d.acts.Ledger.Apply(ctx, ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: exposure.Event{
		Kind: exposure.EventAdmit, Actor: exposure.Actor{Kind: exposure.System, Name: "policy"}, Cause: "admit"}})
	if err != nil {
		return "", err
	}
	v, err := d.acts.Join(ctx, activities.StepInput{ID: e.ID, Seq: done.Event.Seq})
	return v.Remediation, err
}

func ticketsInJira(ctx context.Context, t task) (o outcome, err error) {
	d, err := newTicketDesk(ctx, t.Dir)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	o.Values = map[string]float64{}
	ids := make([]string, t.Findings)
	for i := range ids {
		if ids[i], err = d.join(ctx, i); err != nil {
			return o, fmt.Errorf("beginning remediation %d: %w", i, err)
		}
	}
	begun := time.Now()
	if err := d.createAll(ctx, ids); err != nil {
		return o, err
	}
	o.Values["created"], o.Values["rate"] = float64(len(ids)), float64(len(ids))/time.Since(begun).Seconds()
	recovered, err := d.crash(ctx, len(ids), max(5, t.Findings*crashRuns/createdRuns))
	if err != nil {
		return o, err
	}
	o.Values["crashes"], o.Values["recovered"] = float64(len(recovered)), quantile(recovered, 0.99).Seconds()
	o.Values["duplicates"] = float64(len(d.jira.Made()) - len(ids) - len(recovered))
	drifts, spoilt, err := d.drift(ctx, ids, max(20, t.Findings*driftRuns/createdRuns))
	if err != nil {
		return o, err
	}
	o.Values["spoilt"], o.Values["mended"] = float64(spoilt), float64(len(drifts))
	o.Values["drift"], o.Values["slowest"] = quantile(drifts, 0.99).Seconds(), quantile(drifts, 1).Seconds()
	return o, nil
}

func (d *ticketDesk) createAll(ctx context.Context, ids []string) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(creators)
	for _, id := range ids {
		group.Go(func() error {
			step := activities.RemediationStep{ID: id}
			if _, err := d.acts.Plan(gctx, step); err != nil {
				return err
			}
			_, err := d.acts.CreateTicket(gctx, step)
			return err
		})
	}
	return group.Wait()
}

// crash loses the answers to creations, and tells how long it took until each ticket was
// known. Waiting is skipped, and counted.
func (d *ticketDesk) crash(ctx context.Context, from, runs int) ([]time.Duration, error) {
	took := make([]time.Duration, 0, runs)
	for i := range runs {
		id, err := d.join(ctx, from+i)
		if err != nil {
			return nil, err
		}
		d.jira.Fail(jiratest.Fault{Writing: true, After: true, Cut: true})
		step := activities.RemediationStep{ID: id}
		begun, waited := time.Now(), time.Duration(0)
		for {
			_, err := d.acts.CreateTicket(ctx, step)
			if err == nil {
				break
			}
			wait := max(fault.RetryAfter(err), time.Second) // what the activity's policy would wait
			if waited += wait; waited > time.Minute {
				return nil, fmt.Errorf("a ticket whose answer was lost is not found: %w", err)
			}
			d.skip(wait)
		}
		took = append(took, time.Since(begun)+waited)
	}
	return took, nil
}

// drift spoils descriptions at any moment between two looks, and tells how long it took
// until each was as it should be.
func (d *ticketDesk) drift(ctx context.Context, ids []string, runs int) (took []time.Duration, spoilt int, err error) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // which ticket is spoilt is no secret
	// The first looks also compare everything once, which is not what is measured.
	for range 2 + len(ids)/50 {
		d.skip(lookEvery)
		if err := d.look(ctx, nil); err != nil {
			return nil, 0, err
		}
	}
	at := map[string]time.Time{}
	for spoilt < runs || len(at) > 0 {
		next := d.now().Add(lookEvery)
		for spoilt < runs && d.now().Before(next) {
			d.skip(time.Duration(random.IntN(int(10 * time.Second))))
			rem, err := d.store.Remediation(ctx, ids[random.IntN(len(ids))])
			if err != nil {
				return nil, 0, err
			}
			if _, ok := at[rem.ID]; ok {
				continue
			}
			d.jira.Describe(rem.Ticket, "ann", func(json.RawMessage) json.RawMessage {
				return json.RawMessage(`{"type":"doc","version":1,"content":[]}`)
			})
			at[rem.ID] = d.now()
			spoilt++
		}
		if wait := next.Sub(d.now()); wait > 0 {
			d.skip(wait)
		}
		err := d.look(ctx, func(rem lifecycle.Remediation) {
			if began, ok := at[rem.ID]; ok && strings.Contains(d.jira.Issue(rem.Ticket).Text.Text, "Change the password") {
				took = append(took, d.now().Sub(began))
				delete(at, rem.ID)
			}
		})
		if err != nil {
			return nil, 0, err
		}
		for id, began := range at {
			if d.now().Sub(began) > 10*lookEvery {
				return nil, 0, fmt.Errorf("the ticket of remediation %s stays spoilt", id)
			}
		}
	}
	return took, spoilt, nil
}

// look is one look at what was changed, and what it leads to.
func (d *ticketDesk) look(ctx context.Context, after func(lifecycle.Remediation)) error {
	for {
		report, err := d.acts.Reconcile(ctx, activities.ReconcileRequest{Tracker: "jira"})
		if err != nil {
			return err
		}
		if report.Problem != "" {
			return errors.New(report.Problem)
		}
		d.mu.Lock()
		woken := d.woken
		d.woken = nil
		d.mu.Unlock()
		for _, id := range woken {
			step := activities.RemediationStep{ID: id}
			if _, err := d.acts.Plan(ctx, step); err != nil {
				return err
			}
			if _, err := d.acts.SyncTicket(ctx, step); err != nil {
				return err
			}
			rem, err := d.store.Remediation(ctx, id)
			if err != nil {
				return err
			}
			if after != nil {
				after(rem)
			}
		}
		if !report.More {
			return nil
		}
		d.skip(time.Second)
	}
}
