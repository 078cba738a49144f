package whole

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/connectors/slack/slacktest"
	"github.com/quellsec/quell/internal/daemon"
	"github.com/quellsec/quell/internal/exposure"
)

// people mend sites and close tickets, not always in this order, decide in chat, and have
// vendors whose answers get lost.
type people struct {
	rand  *rand.Rand
	sites *sites
	jira  *jiratest.Server
	slack *slacktest.Server
	chat  string // address of slack
	alive func() *daemon.Daemon

	ready   atomic.Bool // everything has its ticket: what is mended before was never confirmed
	weak    [][2]string // address and path of what is still to be mended
	early   int         // tickets closed while something was still weak
	asked   []string    // reasons of the decisions that were sent, each once
	repeats int         // of calls, as Slack makes them where no answer came
}

// run lets people work until ctx ends: one deed each pause.
func (p *people) run(ctx context.Context, pause time.Duration) {
	for address := range p.sites.all {
		for _, w := range weaknesses() {
			p.weak = append(p.weak, [2]string{address, w.path})
		}
	}
	slices.SortFunc(p.weak, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) // a map's order is no seed's
	p.rand.Shuffle(len(p.weak), func(i, j int) { p.weak[i], p.weak[j] = p.weak[j], p.weak[i] })
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		deed := p.rand.IntN(9)
		switch {
		case deed < 5 && !p.ready.Load():
		case deed < 3:
			p.mend(1 + p.rand.IntN(6))
		case deed < 5:
			p.closeTicket()
		case deed == 5:
			p.decide(ctx)
		case deed == 6:
			p.disturb()
		case deed == 7:
			p.deliver(ctx)
		default:
			p.calm()
		}
	}
}

func (p *people) mend(n int) {
	for range min(n, len(p.weak)) {
		last := p.weak[len(p.weak)-1]
		p.weak = p.weak[:len(p.weak)-1]
		p.sites.all[last[0]].mend(last[1])
	}
}

// closeTicket moves a ticket to its end, whether or not all of it is mended.
func (p *people) closeTicket() {
	var open []string
	for _, key := range p.jira.Keys() {
		if issue := p.jira.Issue(key); issue.Category != "done" && !issue.Deleted {
			open = append(open, key)
		}
	}
	if len(open) == 0 {
		return
	}
	if len(p.weak) > 0 {
		p.early++
	}
	p.jira.Move(open[p.rand.IntN(len(open))], "Closed", "ann")
}

// decide sends a command, and now and then the same once more.
func (p *people) decide(ctx context.Context) {
	d := p.alive()
	if d == nil || d.Client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(slacktest.At(ctx, p.chat), 5*time.Second)
	defer cancel()
	var ids []exposure.ID
	for item, err := range d.Client.Exposures(ctx, url.Values{"state": {string(exposure.Open)}}, 50) {
		if err != nil {
			return // the daemon is between two lives
		}
		ids = append(ids, item.Value.ID)
	}
	if len(ids) == 0 {
		return
	}
	reason := fmt.Sprintf("chaos-%d", len(p.asked))
	p.asked = append(p.asked, reason)
	text := fmt.Sprintf("snooze %s 2d %s", ids[p.rand.IntN(len(ids))], reason)
	_, _ = p.slack.Run(ctx, annID, everybody, text) // no answer is one of the things that happen
	for range p.rand.IntN(3) {
		calls := p.slack.Calls()
		p.repeats++
		_, _ = p.slack.Again(ctx, calls[len(calls)-1], 1)
	}
}

// calm takes back the accidents that have not struck. They would pile up faster than calls
// meet them, until no call came through.
func (p *people) calm() {
	p.jira.Calm()
	p.slack.Forgive()
}

// disturb loses an answer of Jira or of Slack, before or after what was asked was done.
func (p *people) disturb() {
	p.calm()
	after := p.rand.IntN(2) == 0
	if p.rand.IntN(2) == 0 {
		p.jira.Fail(jiratest.Fault{Writing: p.rand.IntN(3) > 0, After: after, Cut: p.rand.IntN(2) == 0, Status: http.StatusServiceUnavailable})
		return
	}
	p.slack.Inject(slacktest.Fault{After: after, Lost: p.rand.IntN(2) == 0, Status: http.StatusServiceUnavailable})
}

// deliver sends what Jira has to tell, some of it twice and not always in order.
func (p *people) deliver(ctx context.Context) {
	_ = p.jira.Deliver(ctx, &http.Client{Timeout: 5 * time.Second}, func(hooks []jiratest.Hook) []jiratest.Hook { // what isn't taken waits
		for range p.rand.IntN(3) {
			hooks = append(hooks, hooks[p.rand.IntN(len(hooks))])
		}
		p.rand.Shuffle(len(hooks), func(i, j int) { hooks[i], hooks[j] = hooks[j], hooks[i] })
		return hooks
	})
}
