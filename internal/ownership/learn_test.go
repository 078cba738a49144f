package ownership_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
)

// history is a made-up exposure's events, numbered and dated.
func history(evs ...exposure.Event) []exposure.Event {
	for i := range evs {
		evs[i].Seq, evs[i].At = int64(i+1), at.Add(time.Duration(i)*time.Hour)
	}
	return evs
}

func byRule(team string) exposure.Event {
	return exposure.Event{Kind: exposure.EventAssigned, Actor: exposure.Actor{Kind: exposure.System, Name: "ownership"}, Owner: &exposure.Owner{Team: team}}
}

func byPerson(team, how string) exposure.Event {
	return exposure.Event{Kind: exposure.EventAssigned, Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}, Owner: &exposure.Owner{Team: team, How: how + "ann", Manual: true}}
}

func notOurs(team string) exposure.Event {
	ev := byPerson("", "")
	ev.Data = map[string]string{exposure.DataRefused: team}
	return ev
}

func silent(team string) exposure.Event {
	return exposure.Event{Kind: exposure.EventNoted, Data: map[string]string{exposure.DataSilent: team}}
}

func joined() exposure.Event {
	return exposure.Event{Kind: exposure.EventTicketed, Data: map[string]string{exposure.DataRemediation: "r-1"}}
}

func closes() exposure.Event {
	return exposure.Event{Kind: exposure.EventAbsent, From: exposure.Open, To: exposure.Closed}
}

// tallies are the counts of one feature, by team, without their dates.
func tallies(r ownership.Record, feature string) map[string]ownership.Tally {
	out := map[string]ownership.Tally{}
	for _, c := range r.Counts {
		if c.Feature == feature {
			c.Last, c.Against = time.Time{}, time.Time{}
			out[c.Team] = c.Tally
		}
	}
	return out
}

func TestLearning(t *testing.T) {
	a := asset.Asset{ID: "a1", Zone: "dc1", OwnerHints: []asset.OwnerHint{from("Legacy-X", "tag Team", "aws")}, Tags: map[string]string{"namespace": "pay"},
		Identifiers: append(fqdn("h.pay.example.com"), asset.Known{Identifier: asset.Identifier{Kind: asset.IP, Value: "10.0.0.7"}},
			asset.Known{Identifier: asset.Identifier{Kind: asset.CloudResourceID, Value: "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"}})}
	e := exposure.Exposure{ID: "x", Fix: "package:openssl"}
	for _, tt := range []struct {
		name   string
		events []exposure.Event
		want   map[string]ownership.Tally
	}{
		{"rules teach nothing", history(byRule("a"), byRule("b")), map[string]ownership.Tally{}},
		{"not ours", history(byRule("a"), notOurs("a")), map[string]ownership.Tally{"a": {Refused: 1}}},
		{"claimed from another", history(byRule("a"), byPerson("b", "claimed by ")), map[string]ownership.Tally{"a": {Taken: 1}, "b": {Claimed: 1}}},
		{"given by a third", history(byRule("a"), byPerson("b", "assigned by ")), map[string]ownership.Tally{"a": {Taken: 1}, "b": {Given: 1}}},
		{"confirmed", history(byRule("a"), byPerson("a", "claimed by ")), map[string]ownership.Tally{"a": {Claimed: 1}}},
		{"fixed with a ticket", history(byRule("a"), joined(), closes()), map[string]ownership.Tally{"a": {Fixed: 1}}},
		{"gone on a patch day", history(byRule("a"), closes()), map[string]ownership.Tally{}},
		{"never answered", history(byRule("a"), silent("a")), map[string]ownership.Tally{"a": {Silent: 1}}},
		{"answered after all", history(byRule("a"), silent("a"), exposure.Event{Kind: exposure.EventSnoozed, Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}}), map[string]ownership.Tally{"a": {}}},
		{"answered on its ticket", history(byRule("a"), silent("a"), exposure.Event{Kind: exposure.EventNoted, Data: map[string]string{exposure.DataAnswered: "a"}}), map[string]ownership.Tally{"a": {}}},
		{"fixed after all", history(byRule("a"), joined(), silent("a"), closes()), map[string]ownership.Tally{"a": {Fixed: 1}}},
		{"silent until it was taken", history(byRule("a"), silent("a"), byPerson("b", "assigned by ")), map[string]ownership.Tally{"a": {Silent: 1, Taken: 1}, "b": {Given: 1}}},
		{"an approver is no owner", history(byRule("a"), silent("a"), exposure.Event{Kind: exposure.EventDeclined, Actor: exposure.Actor{Kind: exposure.Person, Name: "bob"}}), map[string]ownership.Tally{"a": {Silent: 1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, changed := ownership.Record{ID: "a1"}.Learn(a, e, tt.events)
			require.True(t, changed)
			for _, feature := range []string{"asset:a1", "account:123456789012", "account:dc1/pay", "domain:pay.example.com", "subnet:dc1|10.0.0.0/24", "hint:tag team=legacy-x", "fix:package:openssl"} {
				require.Equal(t, tt.want, tallies(r, feature), feature)
			}
		})
	}
}

func TestAnEventIsCountedOnceHoweverOftenAndHoweverEarlyItIsSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stories := map[exposure.ID][]exposure.Event{}
		for i := range rapid.IntRange(1, 3).Draw(t, "exposures") {
			count := rapid.IntRange(1, 8).Draw(t, "events")
			evs := make([]exposure.Event, 0, count)
			for range count {
				team := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "team")
				evs = append(evs, rapid.SampledFrom([]exposure.Event{byRule(team), byPerson(team, "claimed by "), byPerson(team, "assigned by "), notOurs(team), silent(team), joined(), closes()}).Draw(t, "event"))
			}
			stories[exposure.ID(fmt.Sprint("x", i))] = history(evs...)
		}
		a := asset.Asset{ID: "a1"}
		whole := ownership.Record{ID: "a1"}
		for _, id := range []exposure.ID{"x0", "x1", "x2"} {
			whole, _ = whole.Learn(a, exposure.Exposure{ID: id}, stories[id])
		}
		piecemeal := ownership.Record{ID: "a1"}
		for range rapid.IntRange(1, 20).Draw(t, "looks") {
			id := exposure.ID(fmt.Sprint("x", rapid.IntRange(0, len(stories)-1).Draw(t, "which")))
			piecemeal, _ = piecemeal.Learn(a, exposure.Exposure{ID: id}, stories[id][:rapid.IntRange(0, len(stories[id])).Draw(t, "until")])
		}
		for _, id := range []exposure.ID{"x2", "x1", "x0"} {
			piecemeal, _ = piecemeal.Learn(a, exposure.Exposure{ID: id}, stories[id])
		}
		require.Equal(t, whole, piecemeal)
		again, changed := piecemeal.Learn(a, exposure.Exposure{ID: "x0"}, stories["x0"])
		require.False(t, changed)
		require.Equal(t, piecemeal, again)
	})
}

func TestARecordIsBounded(t *testing.T) {
	r := ownership.Record{ID: "a1"}
	for i := range 600 {
		r, _ = r.Learn(asset.Asset{ID: "a1"}, exposure.Exposure{ID: exposure.ID(fmt.Sprint("x", i)), Fix: fmt.Sprint("f", i)}, history(byPerson("a", "claimed by ")))
	}
	require.LessOrEqual(t, len(r.Counts), 400)
	require.Equal(t, 600, tallies(r, "asset:a1")["a"].Claimed)
}
