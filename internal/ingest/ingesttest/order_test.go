package ingesttest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// decoding gives the connectors that have samples to decode.
func decoding() []connectors.Registration {
	return slices.DeleteFunc(builtin.List(), func(reg connectors.Registration) bool { return len(reg.Samples) == 0 })
}

// TestNothingIsDoneTwice ingests each sample of each connector twice: once more as it is,
// and once more with the memory of it taken away, so that all of it is read again. Neither
// makes an exposure, an event or an asset, and nothing closes or opens again.
func TestNothingIsDoneTwice(t *testing.T) {
	for _, reg := range decoding() {
		t.Run(reg.Name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, reg)
			for i, sample := range reg.Samples {
				report, at := body(t, reg.Name, "testdata/"+sample.File), s.hour(i)
				s.receive("1st", at, report)
				once := s.ledger()
				d := s.receive("2nd", at, report)
				require.Equal(t, exposure.DeliveryRepeated, d.Status, sample.File)
				require.Equal(t, once, s.ledger(), sample.File)
				require.NoError(t, s.store.PutSetting(s.ctx, "ingest/scan", nil))
				d = s.receive("3rd", at, report)
				require.Contains(t, []exposure.DeliveryStatus{exposure.DeliveryDone, exposure.DeliveryHistory}, d.Status, "%s: %s", sample.File, d.Error)
				require.EqualValues(t, 0, d.Counts["created"]+d.Counts["closed"]+d.Counts["reopened"], "%s: %v", sample.File, d.Counts)
				require.Equal(t, once, s.ledger(), sample.File)
			}
		})
	}
}

// TestOrderDoesNotMatter ingests any two samples of a connector in either order. Each keeps
// its check time: its own, or the time of its arrival, which is the same in both orders; so
// which of them is the later look is settled before either comes. Both orders end alike,
// but for history, see onlyHistory.
func TestOrderDoesNotMatter(t *testing.T) {
	for _, reg := range decoding() {
		for i, one := range reg.Samples {
			for j, two := range reg.Samples[:i] {
				t.Run(reg.Name+"/"+two.File+"/"+one.File, func(t *testing.T) {
					t.Parallel()
					first, second := body(t, reg.Name, "testdata/"+two.File), body(t, reg.Name, "testdata/"+one.File)
					forth, back := newScene(t, reg), newScene(t, reg)
					forth.receive("1st", forth.hour(j), first)
					forth.receive("2nd", forth.hour(i), second)
					back.receive("2nd", back.hour(i), second)
					back.receive("1st", back.hour(j), first)
					forth.look(first)
					forth.look(second)
					forth.sameAs(back)
				})
			}
		}
	}
}

// TestPagesMayComeInAnyOrder delivers the samples of each connector that is pulled as the
// pages of one complete sync, once in their order and once from the last to the first. They
// are one run with one check time, so nothing at all may differ.
func TestPagesMayComeInAnyOrder(t *testing.T) {
	for _, reg := range decoding() {
		if _, pulled := connectortest.Open(t, reg, nil).(connectors.Puller); !pulled || len(reg.Samples) < 2 {
			continue
		}
		t.Run(reg.Name, func(t *testing.T) {
			t.Parallel()
			forth, back := newScene(t, reg), newScene(t, reg)
			pages := make([][]byte, 0, len(reg.Samples))
			for _, sample := range reg.Samples {
				pages = append(pages, body(t, reg.Name, "testdata/"+sample.File))
			}
			forth.sync(pages)
			slices.Reverse(pages)
			back.sync(pages)
			require.Equal(t, forth.outcome(), back.outcome())
		})
	}
}

// hour is when the body of a sample arrives, whatever came before it.
func (s *scene) hour(sample int) time.Time {
	return time.Date(2030, 1, 1, sample, 0, 0, 0, time.UTC)
}

// receive ingests a body that arrived at a time.
func (s *scene) receive(id string, at time.Time, report []byte) exposure.Delivery {
	s.Helper()
	return s.process(exposure.Delivery{ID: fmt.Sprint("scan|", at.Unix(), id), Source: "scan", Via: exposure.ViaUpload, ReceivedAt: at}, report)
}

// sync ingests pages as one complete sync.
func (s *scene) sync(pages [][]byte) {
	s.Helper()
	at := s.hour(0)
	m := exposure.Manifest{Sync: "1", Run: exposure.Run{ID: "sync/1", Kind: exposure.RunFull, Complete: true, Started: at, Finished: at, Checks: []string{s.reg.Name + ":*"}}}
	for _, page := range pages {
		sha, _, err := s.store.PutBlob(s.ctx, bytes.NewReader(page), 1<<30)
		require.NoError(s, err)
		m.Pages = append(m.Pages, sha)
	}
	manifest, err := json.Marshal(m)
	require.NoError(s, err)
	d := s.process(exposure.Delivery{ID: "scan|sync/1", Source: "scan", Via: exposure.ViaPull, ReceivedAt: at}, manifest)
	require.Equal(s, exposure.DeliveryDone, d.Status, d.Error)
}

func (s *scene) process(d exposure.Delivery, text []byte) exposure.Delivery {
	s.Helper()
	d, fresh, err := s.store.AcceptDelivery(s.ctx, d, bytes.NewReader(text))
	require.NoError(s, err)
	require.True(s, fresh)
	d, err = s.pipeline.Process(s.ctx, d, nil)
	require.NoError(s, err)
	return d
}

// ledger is what must not grow or turn when a report comes again: each exposure with its
// state, its presence and the head of its chain of events, and each asset with how often
// something was found out about its identity.
func (s *scene) ledger() map[string]string {
	s.Helper()
	out := map[string]string{}
	for id, e := range s.exposures() {
		out[string(id)] = fmt.Sprintln(e.State, e.Presence.Status, e.LastEvent.Seq, e.Head, e.Asset)
	}
	for id, a := range s.inventory() {
		events, err := s.store.AssetEvents(s.ctx, id)
		require.NoError(s, err)
		out[string(id)] = fmt.Sprintln(len(events), identifiers(&a), a.MergedInto, a.Retired)
	}
	return out
}

func (s *scene) inventory() map[asset.ID]asset.Asset {
	s.Helper()
	out := map[asset.ID]asset.Asset{}
	require.NoError(s, s.store.EachAsset(s.ctx, asset.Filter{}, func(a asset.Asset) error {
		out[a.ID] = a
		return nil
	}))
	return out
}

// identifiers are what an asset is known by, beside our own ID of it.
func identifiers(a *asset.Asset) string {
	keys := map[string]bool{}
	for i := range a.Identifiers {
		keys[a.Identifiers[i].Key()] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(keys)), " ")
}

// outcome is what reports came to, told without our own IDs: each asset, and each exposure
// with its state and presence.
func (s *scene) outcome() map[string]string {
	s.Helper()
	assets, out := s.inventory(), map[string]string{}
	for _, a := range assets {
		if a.MergedInto == "" {
			out[identifiers(&a)] = fmt.Sprint("an asset, gone: ", !a.Gone.IsZero())
		}
	}
	for _, e := range s.exposures() {
		if e.State == exposure.Merged {
			continue
		}
		a := assets[e.Asset]
		out[identifiers(&a)+" → "+e.Weakness+" at "+e.Location] = string(e.State) + " " + string(e.Presence.Status)
	}
	return out
}

// sameAs holds two scenes to the same outcome, but for what an order may make of it.
func (s *scene) sameAs(other *scene) {
	s.Helper()
	one, two := s.outcome(), other.outcome()
	withoutFaint(one, two)
	for _, key := range slices.Sorted(maps.Keys(one)) {
		theirs, both := two[key]
		if both && (onlySilence(one[key], theirs) || s.onlyUnknownThen(key, one[key], theirs)) || !both && onlyHistory(one[key]) {
			delete(one, key)
			delete(two, key)
		}
	}
	for key, theirs := range two {
		if _, both := one[key]; !both && onlyHistory(theirs) {
			delete(two, key)
		}
	}
	require.Equal(s, one, two)
}

// onlyHistory is the first of the differences that an order may make: an exposure that
// the earlier look saw and the later one proved gone. Where the later look comes first, the
// earlier one is history by then, and no exposure is opened to be closed at once.
func onlyHistory(outcome string) bool {
	return strings.HasSuffix(outcome, " "+string(exposure.VerifiedAbsent))
}

// onlySilence is the second: an exposure that the earlier look saw and of which the later
// one says nothing, without proving anything by it. Coming second it is noted that it did
// not see or cover the weakness; coming first there is nothing yet to note that of. The
// state is the same, and neither presence can close anything.
func onlySilence(one, two string) bool {
	state, presence, _ := strings.Cut(one, " ")
	other, otherwise, _ := strings.Cut(two, " ")
	undecided := []string{string(exposure.Observed), string(exposure.NotObserved), string(exposure.NotCovered), string(exposure.Unreachable)}
	return state == other && slices.Contains(undecided, presence) && slices.Contains(undecided, otherwise)
}

// onlyUnknownThen is the third: a report says that a weakness is fixed which nobody had told
// us of, and which an older report tells us of later. A fix of what isn't known makes no
// exposure and is not kept, so the old sight opens one. The next report ends it.
func (s *scene) onlyUnknownThen(key, one, two string) bool {
	closed, open := string(exposure.Closed)+" "+string(exposure.VerifiedAbsent), string(exposure.Tracked)+" "+string(exposure.Observed)
	return (one == closed && two == open || one == open && two == closed) &&
		slices.ContainsFunc(s.seen.Observed, func(obs exposure.Observation) bool {
			f := obs.Finding
			return f.Status == exposure.StatusFixed && strings.HasSuffix(key, " → "+exposure.WeaknessOf(*f)+" at "+f.Location)
		})
}

// withoutFaint takes assets out of two outcomes, the fourth difference: those that one of
// the reports knows by a single address or bare name. Coming second it means the asset on
// which the source has just seen that; coming first it is an asset of its own, which one
// address is not enough to join to another.
func withoutFaint(outcomes ...map[string]string) {
	var faint []string
	for _, outcome := range outcomes {
		for key := range outcome {
			names, _, _ := strings.Cut(key, " → ")
			kind, _, _ := strings.Cut(names, "|")
			if !strings.Contains(names, " ") && !asset.IdentifierKind(kind).Strong() {
				faint = append(faint, names)
			}
		}
	}
	for _, outcome := range outcomes {
		maps.DeleteFunc(outcome, func(key, _ string) bool {
			names, _, _ := strings.Cut(key, " → ")
			return slices.ContainsFunc(strings.Fields(names), func(name string) bool { return slices.Contains(faint, name) })
		})
	}
}
