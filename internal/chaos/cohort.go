package chaos

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/engine"
)

// cohort is one quell with its vendors and people. It lives in one goroutine, so that a seed
// makes the same experiment again.
type cohort struct {
	*activities.Activities
	number    int
	dir       string
	random    *rand.Rand
	clock     *clock
	weather   *weather
	store     *store.Store
	desk      desk
	deskAt    string
	tracker   connectors.Tracker
	chat      *chat
	chatAt    string
	lives     []*life
	of        map[string]*life // by remediation
	people    *people
	prober    map[exposure.ID][]exposure.Verdict // what the probe said, as the probe knows it
	mail      []delivery                         // webhooks under way
	backup    *backup
	forgotten map[string]bool // messages that a restored backup doesn't know of
	round     int
	tally     *tally
	line      *line
	told      map[string]int // messages in the chat's ledger, once it is counted
}

// epoch is when an experiment begins.
func epoch() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }

const (
	mostRounds = 600
	// backupIn of so many cohorts is restored from a backup.
	backupIn = 3
)

// live lives through one cohort and counts.
func live(ctx context.Context, o *Options, number, size int) (*tally, error) {
	random := rand.New(rand.NewPCG(o.Seed, uint64(number))) //nolint:gosec // an experiment, which has to be repeatable
	c := &cohort{number: number, random: random, clock: &clock{at: epoch()}, weather: newWeather(random), of: map[string]*life{},
		prober: map[exposure.ID][]exposure.Verdict{}, tally: newTally(), dir: filepath.Join(o.Dir, "cohort-"+strconv.Itoa(number))}
	defer func() { _ = os.RemoveAll(o.Dir + "/cohort-" + strconv.Itoa(number)) }() // what is left is a temporary directory's
	c.people = newPeople(c)
	all := desks()
	names := slices.Sorted(maps.Keys(all))
	if o.Desk != "" {
		names = []string{o.Desk}
	}
	c.desk = all[names[number%len(names)]](c.clock.world)
	c.chat = newChat(c.clock)
	net := newLine()
	defer net.close()
	c.line, c.deskAt, c.chatAt = net, net.serve("desk.example", c.desk.handler()), net.serve("chat.example", c.chat.handler())
	c.weather.calm = true
	if err := c.start(ctx, size); err != nil {
		return c.tally, err
	}
	defer func() { _ = c.store.Close() }() // it is thrown away
	c.weather.calm = false
	if err := c.run(ctx); err != nil {
		return c.tally, err
	}
	c.weather.calm = true
	return c.tally, c.audit(ctx)
}

// start makes the store and the exposures, all of them in validation.
func (c *cohort) start(ctx context.Context, size int) error {
	if err := c.openStore(ctx); err != nil {
		return err
	}
	if err := c.reboot(); err != nil {
		return err
	}
	var assets []asset.Asset
	var born []exposure.Exposure
	var changes []ledger.Change
	for n := range size {
		l := c.newLife(n)
		c.lives = append(c.lives, l)
		for m := range l.members {
			e, a := c.born(l, m)
			l.members[m].id = e.ID
			assets, born = append(assets, a), append(born, e)
			changes = append(changes, ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: exposure.Event{
				Kind: exposure.EventAdmit, Actor: exposure.Actor{Kind: exposure.System, Name: "policy"}, Cause: "admit"}})
		}
	}
	if _, err := c.store.InsertAssets(ctx, assets); err != nil {
		return err
	}
	if _, err := c.store.InsertExposures(ctx, born); err != nil {
		return err
	}
	_, err := c.Ledger.ApplyMany(ctx, changes)
	return err
}

func (c *cohort) born(l *life, m int) (exposure.Exposure, asset.Asset) {
	name := "host-" + strconv.Itoa(c.number) + "-" + strconv.Itoa(l.n) + "-" + strconv.Itoa(m)
	a := asset.Asset{ID: asset.ID("A-" + name), Version: 1, Kind: asset.Host, Name: name}
	now := c.clock.world()
	e := exposure.NewExposure(exposure.BornInput{Asset: a, Source: "nessus-dc1", Run: "r1", CheckedAt: now.Add(-time.Hour), At: now, Cause: "d1",
		Actor: exposure.Actor{Kind: exposure.Source, Name: "nessus-dc1"},
		Finding: exposure.Finding{UID: name, Check: "nuclei:weak-login", Title: "weak login of " + l.fix, Target: "https://" + name,
			Severity: exposure.SeverityHigh, Status: exposure.StatusOpen}})
	e.Owner, e.Fix = exposure.Owner{Team: l.owner}, l.fix
	e.Decision = exposure.Decision{Outcome: exposure.Act, Admit: true, Digest: "d"}
	e.Due = epoch().AddDate(0, 0, 9+c.random.IntN(12))
	return e, a
}

func (c *cohort) openStore(ctx context.Context) (err error) {
	c.store, err = store.Open(ctx, "sqlite:"+c.dir, store.Options{Now: c.clock.ours, Wrap: func(e engine.Engine) engine.Engine { return mortal{e, c.weather} }})
	return err
}

// reboot starts the process anew: nothing is left of it but what the store has.
func (c *cohort) reboot() error {
	client := func(vendor string) *http.Client {
		return &http.Client{Transport: &network{c.weather, c.line.transport, vendor}, Timeout: time.Minute}
	}
	log := slog.New(slog.DiscardHandler)
	in, err := c.desk.open(c.deskAt, connectors.Env{Source: "desk", Log: log, HTTP: client("tracker"), Now: c.clock.ours})
	if err != nil {
		return err
	}
	c.tracker, _ = in.(connectors.Tracker)
	tell, err := c.openCourier(connectors.Env{Source: lane, Log: log, HTTP: client("chat"), Now: c.clock.ours})
	if err != nil {
		return err
	}
	c.Activities = activities.New(activities.Deps{
		Ledger: ledger.New(c.store, c.clock.ours), Records: c.store, Journal: c.store, Board: c.store, Assess: steady{}, Waker: c,
		Engage:   func(asset.Asset) scope.Engagement { return scope.Engagement{Probe: true} },
		Trackers: map[string]connectors.Tracker{"desk": c.tracker}, Tracker: "desk", Notifier: tell, Courier: tell, Now: c.clock.ours, Log: log,
		Policy: activities.Policy{TicketPoll: poll, PublicURL: "https://quell.example.org"},
	})
	return nil
}

// steady never changes its mind about an exposure.
type steady struct{}

// Assess implements activities.Assessor.
func (steady) Assess(e exposure.Exposure, _ asset.Asset, _ time.Time) ingest.Assessment {
	return ingest.Assessment{Decision: e.Decision, Due: e.Due, Owner: e.Owner}
}

// Wake implements activities.Waker. Some signals get lost.
func (c *cohort) Wake(_ context.Context, e *exposure.Exposure, _ string) error {
	if l := c.of[e.RemediationID]; l != nil && c.random.IntN(20) > 0 {
		l.stirred = true
	}
	return nil
}

// WakeRemediation implements activities.Waker. Some signals get lost.
func (c *cohort) WakeRemediation(_ context.Context, id, _ string) error {
	if l := c.of[id]; l != nil && c.random.IntN(20) > 0 {
		l.woken, l.stirred = true, true
	}
	return nil
}

// StartSource implements activities.Waker.
func (*cohort) StartSource(context.Context, string) error { return nil }

// WakeSource implements activities.Waker.
func (*cohort) WakeSource(context.Context, string) error { return nil }

// run goes on until every life has come to its end.
func (c *cohort) run(ctx context.Context) error {
	at, back := -1, -1
	if c.number%backupIn == backupIn-1 {
		at = 2 + c.random.IntN(6)
		back = at + 2 + c.random.IntN(8)
	}
	for c.round = range mostRounds {
		if err := ctx.Err(); err != nil {
			return fault.Wrap(fault.Unavailable, err, "living")
		}
		switch c.round {
		case at:
			if err := c.save(ctx); err != nil {
				return err
			}
		case back:
			if err := c.restore(ctx); err != nil {
				return err
			}
		}
		left := 0
		c.deliver()
		for _, l := range c.lives {
			if l.ended {
				continue
			}
			left++
			if err := c.step(ctx, l); err != nil {
				return err
			}
			c.people.act(l)
		}
		c.people.arrive(ctx)
		if err := c.tellPeople(ctx); err != nil {
			return err
		}
		if left == 0 && c.round > back && len(c.mail) == 0 && !c.chat.woken && c.chat.next.IsZero() {
			return nil
		}
		c.turn()
	}
	return nil // the audit tells who has no end
}

// turn lets time pass, now and then much of it, and moves our clock against the world's.
func (c *cohort) turn() {
	c.clock.pass(time.Minute + time.Duration(c.random.IntN(600))*time.Second)
	switch c.random.IntN(25) {
	case 0: // everybody sleeps
		c.clock.pass(time.Duration(6+c.random.IntN(30)) * time.Hour)
	case 1, 2:
		c.clock.jump(time.Duration(c.random.IntN(361)-180) * time.Second)
		c.weather.other["clock_jumps"]++
	case 3:
		c.clock.jump(0)
	}
}
