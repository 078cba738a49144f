package exposure_test

import (
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// born makes an exposure that source "a" has seen at epoch.
func born(check, target string) exposure.Exposure {
	return exposure.NewExposure(exposure.BornInput{
		Asset:     asset.Asset{ID: "01ASSET", Name: "web1.example.com", Kind: asset.Host},
		Finding:   exposure.Finding{UID: "1", Check: check, Title: "a weakness", Target: target, Severity: exposure.SeverityHigh, Status: exposure.StatusOpen},
		Source:    "a",
		Run:       "run-1",
		CheckedAt: epoch,
		At:        epoch,
		Cause:     "delivery-1",
		Actor:     exposure.Actor{Kind: exposure.Source, Name: "a"},
	})
}

// dice takes small choices out of one drawn number.
type dice struct{ n uint64 }

func (d *dice) pick(n int) int {
	i := int(d.n % uint64(n))
	d.n /= uint64(n)
	return i
}

func (d *dice) odds(of int) bool { return d.pick(of) == 0 }

// walk is one random life of an exposure, followed by the oracle.
type walk struct {
	t      require.TestingT
	e      exposure.Exposure
	m      model
	now    time.Time
	events []exposure.Event
	seen   map[string]int // how often each state met each event
	step   int
}

// nearby is a time around now: sometimes before what matters, sometimes equal, mostly after.
func (w *walk) nearby(d *dice) time.Time {
	switch d.pick(6) {
	case 0:
		return w.now.Add(-time.Duration(d.pick(50)) * time.Second)
	case 1:
		return w.e.LastSeen
	case 2:
		if w.e.Claim != nil {
			return w.e.Claim.At
		}
	}
	return w.now
}

var actors = []exposure.Actor{{Kind: exposure.Person, Name: "ann"}, {Kind: exposure.System, Name: "sweep"},
	{Kind: exposure.Source, Name: "a"}, {Kind: exposure.Source, Name: "b"}, {Kind: exposure.Prober, Name: "internet"}, {Kind: exposure.Tracker, Name: "jira"}}

// event makes a well-formed event of a kind; whether its guard holds is chance.
func (w *walk) event(d *dice, kind exposure.EventKind) exposure.Event {
	ev := exposure.Event{Kind: kind, At: w.now, Actor: actors[d.pick(len(actors))], Cause: "cause-" + strconv.Itoa(w.step), Data: map[string]string{}}
	switch kind {
	case exposure.EventConfirmed, exposure.EventInconclusive, exposure.EventRefuted:
		ev.Verdict = &exposure.Verdict{Outcome: exposure.VerdictOutcome(kind), Reason: "probed", CheckedAt: w.nearby(d)}
		if !d.odds(8) {
			ev.Verdict.Evidence = []string{"5e"}
		}
	case exposure.EventAbsent:
		ev.Proof = w.proof(d)
	case exposure.EventObserved:
		ev.CheckedAt = w.nearby(d)
	case exposure.EventAccept, exposure.EventMitigate, exposure.EventDismiss:
		ev.Exception = &exposure.Exception{Reason: "planned"}
		if d.odds(2) {
			ev.Exception.Until = w.now.Add(time.Duration(1+d.pick(300)) * time.Second)
		} else {
			ev.Exception.EndsOn = []string{"kev"}
		}
	case exposure.EventLapse:
		if d.odds(2) {
			ev.Data["trigger"] = "kev"
		}
	case exposure.EventAdmit:
		if d.odds(3) {
			ev.Data["to"] = "open"
		}
	case exposure.EventDemote:
		if d.odds(3) {
			ev.Data["yield"] = "act comes first"
		}
	case exposure.EventMerge:
		ev.Data["merged_into"] = "other"
	case exposure.EventUnmerge:
		all := slices.DeleteFunc(exposure.States(), func(s exposure.State) bool { return s == exposure.Merged })
		ev.Data["to"] = string(all[d.pick(len(all))])
	case exposure.EventDecided:
		ev.Decision = &exposure.Decision{Outcome: exposure.Act, Admit: d.odds(2)}
	case exposure.EventAssigned:
		ev.Owner = &exposure.Owner{Team: "payments"}
	case exposure.EventRequested:
		ev.Request = &exposure.Request{Kind: exposure.Accepted, By: []string{"ann", "bob"}[d.pick(2)], Reason: "planned", Until: w.now.Add(time.Hour),
			Quorum: 1 + d.pick(3), Own: d.odds(4), Expires: w.now.Add(time.Duration(1+d.pick(120)) * time.Second), Digest: exposure.EvidenceDigest(w.e)}
	case exposure.EventApproved:
		if d.odds(2) {
			ev.Actor = exposure.Actor{Kind: exposure.Person, Name: []string{"ann", "Ann", "bob", "eve", "joe"}[d.pick(5)]}
		}
	case exposure.EventWaiting:
		ev.Wait = &exposure.Wait{For: "vendor", Reason: "no patch yet", Until: w.now.Add(time.Duration(1+d.pick(120)) * time.Second)}
	case exposure.EventSnoozed:
		ev.Until = w.now.Add(time.Hour)
	case exposure.EventTicketed:
		if d.odds(2) {
			ev.Data["remediation"], ev.Data["ticket"] = "r1", "QT-1"
		}
	default: // the others carry nothing
	}
	return ev
}

// proof is the true proof where there is one, or one with a source missing or a time wrong.
func (w *walk) proof(d *dice) *exposure.Proof {
	p, ok := exposure.AbsenceProof(w.e)
	if !ok {
		p = exposure.Proof{Kind: exposure.ProofAbsence}
		for _, s := range w.e.Sights {
			p.Absences = append(p.Absences, exposure.SourceProof{Source: s.Source, Run: "r", CheckedAt: w.nearby(d)})
		}
	}
	if d.odds(6) && len(p.Absences) > 0 {
		p.Absences = p.Absences[1:]
	}
	if d.odds(6) && len(p.Absences) > 0 {
		p.Absences[0].CheckedAt = w.nearby(d)
	}
	if d.odds(8) && len(p.Absences) > 0 {
		p.Absences[0].Run, p.Absences[0].Explicit = "", d.odds(2)
	}
	return &p
}

// sight lets a source say something: seen, gone, or nothing that it could tell.
func (w *walk) sight(d *dice) {
	source := []string{"a", "b"}[d.pick(2)]
	s, known := w.m.sights[source]
	what := d.pick(3)
	if !known && (what != 0 || !d.odds(5)) { // b joins late, by seeing it
		source, s = "a", w.m.sights["a"]
	}
	before := w.e
	switch what {
	case 0:
		evidence := []string{"", "", "", "seen elsewhere"}[d.pick(4)]
		w.e, _ = exposure.Refresh(w.e, exposure.RefreshInput{Asset: asset.Asset{ID: "01ASSET", Name: "web1.example.com", Kind: asset.Host},
			Source: source, Run: "run-" + strconv.Itoa(w.step), CheckedAt: w.now, At: w.now,
			Findings: []exposure.Finding{{UID: "1", Check: w.e.Findings[0].Check, Target: w.e.Findings[0].Target, Title: "a weakness", Status: exposure.StatusOpen, Evidence: evidence}}})
		w.m.evidence[source] = evidence
		w.m.sights[source] = sighting{lastSeen: w.now, checked: w.now}
	case 1:
		w.e, _ = exposure.MarkAbsent(w.e, source, "run-"+strconv.Itoa(w.step), w.now, exposure.VerifiedAbsent)
		if w.now.After(s.lastSeen) {
			w.m.sights[source] = sighting{lastSeen: s.lastSeen, checked: w.now, gone: true}
		}
	case 2: // invariant 2: silence changes nothing but the presence and its date
		silent := []exposure.PresenceStatus{exposure.NotCovered, exposure.Unreachable, exposure.NotObserved}[d.pick(3)]
		w.e, _ = exposure.MarkAbsent(w.e, source, "run-"+strconv.Itoa(w.step), w.now, silent)
		if w.now.After(s.lastSeen) && !s.gone {
			w.m.sights[source] = sighting{lastSeen: s.lastSeen, checked: w.now}
		}
		rest := w.e
		rest.Presence, rest.Sights = before.Presence, before.Sights
		require.Equal(w.t, before, rest, "silence changed more than the presence")
	}
	require.Equal(w.t, before.State, w.e.State, "a sight moved the state")
}

func (w *walk) apply(ev exposure.Event) {
	w.seen[string(w.e.State)+" × "+string(ev.Kind)]++
	before := w.e
	want := w.m.expect(ev)
	after, step, err := exposure.Advance(w.e, ev)
	require.Equal(w.t, step, exposure.Next(before, ev), "Next and Advance disagree")
	if want.refused {
		require.Error(w.t, err, "%s by a person in %s", ev.Kind, before.State)
		require.Equal(w.t, before, after, "a refused event changed something")
		return
	}
	require.NoError(w.t, err, "%s in %s", ev.Kind, before.State)
	require.Equal(w.t, want.state, after.State, "%s in %s (%s)", ev.Kind, before.State, step.Why)
	w.m.remember(ev, want.state)
	w.e = after
	w.events = append(w.events, after.LastEvent)
	if step.Outcome == exposure.Moves {
		w.seen[string(before.State)+" × "+string(ev.Kind)+" → "+string(after.State)]++
	}
	w.invariants(before)
}

func (w *walk) invariants(before exposure.Exposure) {
	e, ev, m := w.e, w.e.LastEvent, &w.m
	if e.State == exposure.Closed && before.State != exposure.Closed { // 1
		require.NotNil(w.t, ev.Proof, "closed without a proof")
		require.Equal(w.t, ev.Proof, e.Proof)
		switch ev.Proof.Kind {
		case exposure.ProofVerdict:
			require.True(w.t, m.stillProven() && len(ev.Proof.Verdict.Evidence) > 0)
		default:
			require.Len(w.t, ev.Proof.Absences, len(m.sights))
			require.True(w.t, m.proves(ev.Proof))
		}
	}
	require.Equal(w.t, m.request != nil, e.Request != nil, "a request is there or not")
	if m.request != nil {
		require.Len(w.t, e.Request.Approvals, len(m.request.yes))
	}
	require.Equal(w.t, m.waiting, e.OpenWait() != nil, "the clock stands still or not")
	require.Equal(w.t, e.State == exposure.Merged, e.MergedInto != "")
	if ev.Kind == exposure.EventClaim { // 3
		require.True(w.t, e.State != exposure.Closed || before.State == exposure.Closed, "a claim closed it")
	}
	if ev.Kind != exposure.EventTicketed { // 3 and 4: the ticket and the identity stay, whatever happens
		require.Equal(w.t, before.Ticket, e.Ticket)
		require.Equal(w.t, before.RemediationID, e.RemediationID)
	}
	require.Equal(w.t, before.ID, e.ID)
	require.Equal(w.t, m.reopens, e.Reopens)
	require.Equal(w.t, m.window, e.Window)
	require.GreaterOrEqual(w.t, e.Window, before.Window)
	if e.State == exposure.Accepted || e.State == exposure.Mitigated || e.State == exposure.FalsePositive { // 5
		require.NotNil(w.t, e.Exception)
		require.Equal(w.t, e.State, e.Exception.Kind)
		require.True(w.t, !e.Exception.Until.IsZero() || len(e.Exception.EndsOn) > 0, "an exception without an end")
	}
	if ev.Verdict != nil {
		require.False(w.t, e.Retest, "it would be tested for ever")
	}
	require.NotEmpty(w.t, ev.Actor.Kind) // 6
	require.NotEmpty(w.t, ev.Cause)
	require.Equal(w.t, before.Version+1, e.Version)
	switch e.State {
	case exposure.Validating, exposure.Open, exposure.FixClaimed, exposure.Verifying:
		require.Equal(w.t, exposure.ModeWorkflow, e.Mode)
		require.True(w.t, before.Mode == exposure.ModeWorkflow || e.Wake, "nobody would start the workflow")
	case exposure.Accepted, exposure.Mitigated:
		if ev.Kind == exposure.EventRetest || ev.Kind == exposure.EventNoted && ev.Data[exposure.DataTested] != "" {
			require.Equal(w.t, exposure.ModeWorkflow, e.Mode, "only a workflow can have it tested")
			require.True(w.t, before.Mode == exposure.ModeWorkflow || e.Wake, "nobody would start the workflow")
			require.Zero(w.t, e.TimerAt)
			break
		}
		require.Equal(w.t, before.Mode, e.Mode, "who has the exposure keeps it")
	default:
		require.Equal(w.t, exposure.ModeStore, e.Mode)
	}
}

// rarest is the kind least tried in the present state, so that every cell is met; once
// all have been, one that may lead out of it.
func (w *walk) rarest(d *dice, kinds []exposure.EventKind) exposure.EventKind {
	tried := func(k exposure.EventKind) int { return w.seen[string(w.e.State)+" × "+string(k)] }
	kind := slices.MinFunc(kinds, func(a, b exposure.EventKind) int { return tried(a) - tried(b) })
	if tried(kind) < 110 {
		return kind
	}
	var out []exposure.EventKind
	for _, row := range exposure.Table() {
		if slices.Contains(row.From, w.e.State) {
			out = append(out, row.Event)
		}
	}
	return out[d.pick(len(out))]
}

// live goes through a life, one choice after the other, and at its end recomputes the
// state from the events alone.
func live(t require.TestingT, choices iter.Seq[uint64], probes bool, seen map[string]int) {
	w := &walk{t: t, now: epoch, seen: seen}
	w.e = born("nessus:1", "")
	if probes {
		w.e = born("nuclei:git-config", "https://web1.example.com/.git/config")
	}
	w.m = model{state: exposure.Tracked, sights: map[string]sighting{"a": {lastSeen: epoch, checked: epoch}}, probes: probes, windowFrom: epoch, evidence: map[string]string{"a": "as born"}}
	w.events = []exposure.Event{w.e.LastEvent}
	kinds := exposure.EventKinds()
	for n := range choices {
		d := &dice{n}
		w.step++
		w.now = w.now.Add(time.Duration(d.pick(20)) * time.Second)
		switch d.pick(4) {
		case 0:
			w.sight(d)
		case 1:
			w.apply(w.event(d, kinds[d.pick(len(kinds))]))
		default:
			w.apply(w.event(d, w.rarest(d, kinds)))
		}
	}
	state, err := exposure.Replay(w.events)
	require.NoError(t, err)
	require.Equal(t, w.e.State, state, "the events alone lead elsewhere")
}

func TestEveryInvariantHoldsOnRandomLivesAsTheOracleSees(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		choices := rapid.SliceOfN(rapid.Uint64(), 1, 200).Draw(rt, "choices")
		live(rt, slices.Values(choices), rapid.Bool().Draw(rt, "probes"), map[string]int{})
	})
}

func TestTheOracleAgreesInEveryStateAndEventAHundredTimes(t *testing.T) {
	met := map[string]int{}
	for life := range uint64(40) {
		random := rand.New(rand.NewPCG(life, 1))
		choices := func(yield func(uint64) bool) {
			for range 4000 {
				if !yield(random.Uint64()) {
					return
				}
			}
		}
		live(t, choices, life%2 == 0, met)
	}
	for _, s := range exposure.States() {
		for _, k := range exposure.EventKinds() {
			require.GreaterOrEqual(t, met[string(s)+" × "+string(k)], 100, "%s × %s", s, k)
		}
	}
	for _, row := range exposure.Table() {
		for _, from := range row.From {
			for _, to := range row.To {
				require.GreaterOrEqual(t, met[string(from)+" × "+string(row.Event)+" → "+string(to)], 10, "%s by %s to %s", from, row.Event, to)
			}
		}
	}
}
