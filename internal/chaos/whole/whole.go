// Package whole lives through hundreds of lifecycles with the real binaries while their
// processes are killed at random moments and the vendors' answers get lost, and counts
// afterwards what came of it: out of the fake vendors' own ledgers, not out of ours.
package whole

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/daemon"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Options are how much is lived through.
type Options struct {
	Binary    string // path of quell, with quell-probe and temporal beside it
	Templates string // folder of the demo's nuclei templates
	Dir       string // folder to make its own in; empty: that of temporary files
	Teams     int
	Sites     int           // of each team; every site is weak in two ways
	Seed      uint64        // of all that is random on our side
	Kill      time.Duration // between two kills, on average
	Deed      time.Duration // between two deeds of people
	Patience  time.Duration // for all of it
	Out       io.Writer     // where progress is told
}

// Lifecycles is how many exposures are lived through.
func (o *Options) Lifecycles() int { return o.Teams * o.Sites * len(weaknesses()) }

// Run lives through it in a folder of its own and counts. An error is something that could
// not be done at all; what went wrong is in the counts.
func Run(ctx context.Context, o Options) ([]Count, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	dir, err := os.MkdirTemp(o.Dir, "quell-chaos-")
	if err != nil {
		return nil, fault.New(fault.Internal, "making a folder for the chaos: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // whoever replays a seed gets a new one
	h, err := openHouse(ctx, dir, &o)
	if err != nil {
		return nil, err
	}
	defer h.close()
	if err := h.live(ctx, &o); err != nil {
		return h.audit(&o), err
	}
	return h.audit(&o), nil
}

// live sends the report and lets people, power cuts and vendors have their way until all
// exposures have come to their end; then it lets things settle, reads the books, and stops.
func (h *house) live(ctx context.Context, o *Options) error {
	group, ctx := errgroup.WithContext(ctx)
	ctx, end := context.WithCancel(ctx)
	group.Go(func() error { return h.keeper.run(ctx) })
	group.Go(func() error {
		defer end()
		if err := h.begin(ctx); err != nil {
			return err
		}
		trouble, calm := context.WithCancel(ctx)
		inner := errgroup.Group{}
		inner.Go(func() error { h.killer.run(trouble, h.keeper.alive); return nil })
		inner.Go(func() error { h.people.run(trouble, o.Deed); return nil })
		err := h.until(ctx, "all exposures to be closed", func() (bool, error) { return h.closed(ctx, o) })
		calm()
		_ = inner.Wait() // neither fails
		if err != nil {
			return err
		}
		h.people.calm()
		return h.settle(ctx, o)
	})
	return group.Wait()
}

// begin loads intelligence and sends the report, as often as it takes.
func (h *house) begin(ctx context.Context) error {
	kev := []byte(`{"title":"KEV","catalogVersion":"2026.11.26","dateReleased":"2026-11-26T00:00:00.0000Z","count":1,"vulnerabilities":[{"cveID":"CVE-2021-44228",` +
		`"vendorProject":"Apache","product":"Log4j2","vulnerabilityName":"Log4Shell","dateAdded":"2021-12-10","shortDescription":"x","requiredAction":"Update.","dueDate":"2021-12-24","knownRansomwareCampaignUse":"Known","notes":""}]}`)
	err := h.until(ctx, "intelligence to be taken in", func() (bool, error) {
		d := h.keeper.alive()
		if d == nil {
			return false, nil
		}
		_, err := d.Client.ImportIntel(ctx, "kev", bytes.NewReader(kev))
		return err == nil, err
	})
	if err != nil {
		return err
	}
	report := h.people.sites.report(time.Now())
	return h.until(ctx, "the report to be taken in", func() (bool, error) {
		d := h.keeper.alive()
		if d == nil {
			return false, nil
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL+"/hooks/chaos", bytes.NewReader(report))
		if err != nil {
			return false, err
		}
		r.Header.Set("Authorization", "Bearer "+hookToken)
		r.Header.Set("X-Delivery", "chaos-1") // the same however often it is sent
		response, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
		if err != nil {
			return false, fault.Wrap(fault.Unavailable, err, "sending the report")
		}
		_ = response.Body.Close() // the status says all
		return response.StatusCode == http.StatusAccepted, nil
	})
}

// until asks again and again, however often the daemon is between two lives.
func (h *house) until(ctx context.Context, what string, ask func() (bool, error)) error {
	return daemon.Until(ctx, h.patience, what, func(context.Context) (bool, error) {
		ok, err := ask()
		if err != nil && ctx.Err() == nil {
			h.last = err.Error()
			return false, nil // it may be because of a kill; the end of patience tells it
		}
		return ok, nil
	})
}

// closed reports whether every exposure is closed, and now and then says how far it is.
func (h *house) closed(ctx context.Context, o *Options) (bool, error) {
	d := h.keeper.alive()
	if d == nil || time.Since(h.looked) < time.Second {
		return false, nil
	}
	h.looked = time.Now()
	stats, err := d.Client.Stats(ctx, nil)
	if err != nil {
		return false, err
	}
	states := stats.Value.By["state"]
	if states[string(exposure.Open)] == int64(o.Lifecycles()) && len(h.people.jira.Keys()) > 0 {
		h.people.ready.Store(true)
	}
	if time.Since(h.told) > 10*time.Second {
		h.told = time.Now()
		fmt.Fprintf(o.Out, "note %v of %d, %d lives, kills %v, %d tickets\n", states, o.Lifecycles(), h.keeper.lives, h.killer.kills, len(h.people.jira.Keys()))
	}
	return states[string(exposure.Closed)] == int64(o.Lifecycles()), nil
}

// settle waits until the tickets have followed the exposures, and reads what quell has
// written down.
func (h *house) settle(ctx context.Context, o *Options) error {
	err := h.until(ctx, "every ticket to be done, and every team to have heard", func() (bool, error) {
		h.people.deliver(ctx)
		for _, key := range h.people.jira.Keys() {
			if issue := h.people.jira.Issue(key); issue.Category != "done" && !issue.Deleted {
				return false, nil
			}
		}
		return h.deaf(o) == 0, nil
	})
	if err != nil {
		return err
	}
	return h.until(ctx, "the books to be read", func() (bool, error) {
		d := h.keeper.alive()
		if d == nil {
			return false, nil
		}
		h.exposures, h.stories = nil, nil
		for item, err := range d.Client.Exposures(ctx, url.Values{}, 0) {
			if err != nil {
				return false, err
			}
			whole, err := d.Client.Exposure(ctx, item.Value.ID)
			if err != nil {
				return false, err
			}
			story, err := d.Client.Timeline(ctx, item.Value.ID)
			if err != nil {
				return false, err
			}
			h.exposures, h.stories = append(h.exposures, whole.Value), append(h.stories, story.Value)
		}
		return true, nil
	})
}

// newRand is one of several independent streams of a seed.
func newRand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) } //nolint:gosec // chance, not secrecy

func write(dir, name, text string) error {
	return fault.Wrap(fault.Internal, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600), "writing "+name)
}
