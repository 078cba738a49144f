package exposure_test

import (
	"maps"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// The oracle says what DESIGN section 6 wants of an event. It is written from the text,
// state by state, and calls nothing of the lifecycle: no table, no Next, no Validate.

// sighting is the oracle's own memory of what a source last said.
type sighting struct {
	lastSeen, checked time.Time
	gone              bool
}

// model is the oracle's own memory of an exposure.
type model struct {
	state      exposure.State
	sights     map[string]sighting
	claimed    time.Time // zero: nobody claims a fix
	proven     time.Time // zero: no proof; the latest check of it
	provenBy   map[string]time.Time
	excepted   exposure.State
	end        time.Time
	ticket     bool
	admit      bool
	probes     bool
	reopens    int
	windowFrom time.Time
	window     time.Duration
	shut       bool // the window is closed

	evidence map[string]string // what each source reports, in a word
	request  *asking           // nil: nobody asks for an exception
	waiting  bool              // the clock stands still
}

// asking is the oracle's own memory of a request for an exception.
type asking struct {
	by       string
	own      bool // the requester's yes counts
	expires  time.Time
	evidence map[string]string // that it was asked on
	yes      map[string]bool
}

// applies says whether an event about a request or a wait finds what it is about: whoever
// asks isn't who approves, nobody approves twice, nothing approves by itself, and what was
// asked on other evidence is asked again.
func (m *model) applies(ev exposure.Event) bool {
	who := strings.ToLower(ev.Actor.Name)
	r := m.request
	switch string(ev.Kind) {
	case "requested":
		return m.live() && r == nil
	case "approved":
		return r != nil && ev.Actor.Kind == exposure.Person && (who != r.by || r.own) && !r.yes[who] && ev.At.Before(r.expires) && maps.Equal(r.evidence, m.evidence)
	case "declined", "expired":
		return r != nil
	case "withdrawn":
		return r != nil && (ev.Actor.Kind != exposure.Person || who == r.by)
	case "waiting":
		return m.live() && !m.waiting
	case "resumed":
		return m.waiting
	}
	return true
}

func (m *model) live() bool {
	return m.state == "tracked" || m.state == "validating" || m.state == "open" || m.state == "fix_claimed" || m.state == "verifying"
}

// recall follows an event about a request or a wait that applies.
func (m *model) recall(ev exposure.Event) {
	switch string(ev.Kind) {
	case "requested":
		m.request = &asking{by: strings.ToLower(ev.Request.By), own: ev.Request.Own, expires: ev.Request.Expires, evidence: maps.Clone(m.evidence), yes: map[string]bool{}}
	case "approved":
		m.request.yes[strings.ToLower(ev.Actor.Name)] = true
	case "declined", "withdrawn", "expired":
		m.request = nil
	case "waiting":
		m.waiting = true
	case "resumed":
		m.waiting = false
	}
}

type answer struct {
	state   exposure.State
	refused bool
}

// expect gives the state after the event, and whether the event is refused.
func (m *model) expect(ev exposure.Event) answer {
	to, ok := m.destination(ev)
	switch {
	case ok:
		return answer{state: to}
	case ev.Actor.Kind != exposure.Person:
		return answer{state: m.state}
	case isLifecycle(ev.Kind), m.state == exposure.Merged, !m.applies(ev):
		return answer{state: m.state, refused: true}
	}
	return answer{state: m.state}
}

func isLifecycle(k exposure.EventKind) bool {
	switch string(k) {
	case "decided", "assigned", "snoozed", "ticketed", "reminded", "escalated", "probe_refused", "retest_requested", "noted",
		"requested", "approved", "declined", "withdrawn", "expired", "waiting", "resumed":
		return false
	}
	return true
}

func (m *model) destination(ev exposure.Event) (exposure.State, bool) {
	live := m.state == "tracked" || m.state == "validating" || m.state == "open" || m.state == "fix_claimed" || m.state == "verifying"
	excepted := m.state == "accepted" || m.state == "mitigated" || m.state == "false_positive"
	resume := exposure.State("tracked")
	if m.admit {
		resume = "validating"
	}
	switch string(ev.Kind) + " in " + string(m.state) {
	case "admit in tracked":
		if m.probes && ev.Data["to"] != "open" {
			return "validating", true
		}
		return "open", true
	case "demote in validating", "demote in open":
		return "tracked", !m.ticket || ev.Data["yield"] != ""
	case "confirmed in validating", "confirmed in verifying", "inconclusive in validating":
		return "open", true
	case "inconclusive in verifying":
		if m.claimed.IsZero() {
			return "open", true
		}
		return "fix_claimed", true
	case "refuted in validating":
		return "false_positive", m.refutes(ev.Verdict)
	case "refuted in verifying":
		return "closed", m.refutes(ev.Verdict)
	case "claim in validating", "claim in open":
		return "fix_claimed", true
	case "verify in open", "verify in fix_claimed":
		return "verifying", true
	case "observed in fix_claimed", "observed in verifying":
		return "open", ev.CheckedAt.After(m.claimed)
	case "observed in closed":
		proven, ok := m.provenBy[ev.Actor.Name]
		if !ok || ev.Actor.Kind != exposure.Source {
			proven = m.proven
		}
		return resume, ev.CheckedAt.After(proven) && ev.CheckedAt.After(m.claimed)
	case "reopen in closed":
		return "validating", true
	case "scope_in in out_of_scope":
		return "tracked", true
	case "unmerge in merged":
		to := exposure.State(ev.Data["to"])
		switch to {
		case "closed":
			return to, m.stillProven()
		case "accepted", "mitigated", "false_positive":
			return to, m.excepted == to
		default:
			return to, true
		}
	}
	switch {
	case ev.Kind == "absent" && (live || excepted):
		return "closed", m.proves(ev.Proof)
	case ev.Kind == "accept" && live:
		return "accepted", true
	case ev.Kind == "mitigate" && live:
		return "mitigated", true
	case ev.Kind == "dismiss" && live:
		return "false_positive", true
	case ev.Kind == "lapse" && excepted:
		due := !m.end.IsZero() && !ev.At.Before(m.end)
		return resume, due || ev.Data["trigger"] != "" || ev.Reason != ""
	case ev.Kind == "reopen" && excepted:
		return "validating", true
	case ev.Kind == "scope_out" && m.state != "merged" && m.state != "out_of_scope":
		return "out_of_scope", true
	case ev.Kind == "merge" && m.state != "merged":
		return "merged", true
	}
	return "", false
}

// refutes: a refuting verdict with evidence, its check newer than every last sight and
// any claim.
func (m *model) refutes(v *exposure.Verdict) bool {
	if v == nil || v.Outcome != "refuted" || len(v.Evidence) == 0 || !v.CheckedAt.After(m.claimed) {
		return false
	}
	for _, s := range m.sights {
		if !v.CheckedAt.After(s.lastSeen) {
			return false
		}
	}
	return true
}

// proves: every reporting source, by a covering run or explicitly, each check newer than
// that source's last sight and any claim.
func (m *model) proves(p *exposure.Proof) bool {
	if p == nil {
		return false
	}
	for source, s := range m.sights {
		if !s.gone {
			return false
		}
		proven := false
		for _, a := range p.Absences {
			if a.Source == source {
				proven = (a.Run != "" || a.Explicit) && a.CheckedAt.After(s.lastSeen) && a.CheckedAt.After(m.claimed) && !a.CheckedAt.After(s.checked)
				break
			}
		}
		if !proven {
			return false
		}
	}
	return true
}

// stillProven: the proof of before holds against the sights of today.
func (m *model) stillProven() bool {
	if m.proven.IsZero() || !m.proven.After(m.claimed) {
		return false
	}
	for source, s := range m.sights {
		at := m.proven
		if m.provenBy != nil {
			if at = m.provenBy[source]; !s.gone || !at.After(m.claimed) {
				return false
			}
		}
		if !at.After(s.lastSeen) {
			return false
		}
	}
	return true
}

// remember follows a move that the oracle expected.
func (m *model) remember(ev exposure.Event, to exposure.State) {
	from := m.state
	if m.applies(ev) {
		m.recall(ev)
	}
	m.state = to
	switch ev.Kind {
	case "decided":
		m.admit = ev.Decision.Admit
	case "ticketed":
		m.ticket = ev.Data["remediation"] != ""
	default:
	}
	if from == to {
		return
	}
	if ev.Kind == "claim" {
		m.claimed = ev.At
	}
	if from == "closed" && (ev.Kind == "observed" || ev.Kind == "reopen") {
		m.reopens++
	}
	switch to {
	case "tracked", "validating", "open":
		m.claimed, m.proven, m.provenBy, m.excepted = time.Time{}, time.Time{}, nil, ""
	case "fix_claimed", "verifying":
		m.proven, m.provenBy, m.excepted = time.Time{}, nil, ""
	case "closed":
		m.excepted, m.request = "", nil
		m.prove(ev)
	case "accepted", "mitigated", "false_positive":
		m.request = nil
		if ev.Kind != "unmerge" {
			m.excepted, m.end = to, time.Time{}
			if ev.Exception != nil {
				m.end = ev.Exception.Until
			}
		}
	default: // out of scope and merged: all stays for the way back
	}
	switch liveNow := to == "tracked" || to == "validating" || to == "open" || to == "fix_claimed" || to == "verifying"; {
	case to == "closed" && !m.shut:
		m.shut = true
		m.window += max(0, m.proven.Sub(m.windowFrom))
	case liveNow && m.shut:
		m.shut, m.windowFrom = false, ev.At
		if ev.Kind == "observed" {
			m.windowFrom = ev.CheckedAt
		}
	}
}

func (m *model) prove(ev exposure.Event) {
	switch ev.Kind {
	case "refuted":
		m.proven, m.provenBy = ev.Verdict.CheckedAt, nil
	case "absent":
		m.proven, m.provenBy = time.Time{}, map[string]time.Time{}
		for source := range m.sights {
			for _, a := range ev.Proof.Absences {
				if a.Source == source {
					m.provenBy[source] = a.CheckedAt
					if a.CheckedAt.After(m.proven) {
						m.proven = a.CheckedAt
					}
					break
				}
			}
		}
	default: // an unmerge brings back the proof of before
	}
}
