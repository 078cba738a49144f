package ownership

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Record is what was learned on one asset: counts by feature and team, and up to which
// event of each exposure. Both are one document, so that an event that is seen again, and
// one that a crash came after, is counted exactly once.
type Record struct {
	ID        string           `json:"id"` // the asset at birth of its exposures, which no merge changes
	Version   int64            `json:"version"`
	Counts    []Count          `json:"counts,omitempty"` // sorted by feature and team
	Seen      map[string]int64 `json:"seen"`             // exposure → the last event that was looked at
	UpdatedAt time.Time        `json:"updated_at"`
}

// maxCounts bounds the counts of one record; the oldest go first.
const maxCounts = 400

// Learn counts what happened to an exposure since it was last looked at: events are its
// whole history, in order. The asset is as it is now: what is learned is learned of its
// features, so that it holds for what has them too. False: there was nothing new.
func (r Record) Learn(a asset.Asset, e exposure.Exposure, events []exposure.Event) (Record, bool) {
	seen := r.Seen[string(e.ID)]
	if len(events) == 0 || events[len(events)-1].Seq <= seen {
		return r, false
	}
	lessons := lessons(events, seen)
	out := r
	out.Seen = make(map[string]int64, len(r.Seen)+1)
	for id, seq := range r.Seen {
		out.Seen[id] = seq
	}
	out.Seen[string(e.ID)] = events[len(events)-1].Seq
	out.Counts = slices.Clone(r.Counts)
	features(&a, &e, nil, func(_ aspect, key []byte) {
		for i := range lessons {
			out.Counts = counted(out.Counts, string(key), &lessons[i])
		}
	})
	if len(out.Counts) > maxCounts {
		slices.SortStableFunc(out.Counts, func(x, y Count) int { return y.newest().Compare(x.newest()) })
		out.Counts = out.Counts[:maxCounts]
		slices.SortFunc(out.Counts, byFeature)
	}
	return out, true
}

// counted adds a lesson of a feature to what is counted, in place where it can.
func counted(counts []Count, feature string, l *lesson) []Count {
	c := Count{Feature: feature, Team: l.team}
	i, found := slices.BinarySearchFunc(counts, c, byFeature)
	if !found {
		counts = slices.Insert(counts, i, c)
	}
	counts[i].Tally = counts[i].plus(l.Tally)
	return counts
}

func byFeature(a, b Count) int {
	return cmp.Or(strings.Compare(a.Feature, b.Feature), strings.Compare(a.Team, b.Team))
}

// lesson is what one event says of one team.
type lesson struct {
	team string
	Tally
}

// lessons reads a history, and gives what its events after one say of teams.
func lessons(events []exposure.Event, after int64) []lesson {
	var out []lesson
	var owner string
	silent := ""      // the team that was silent and has not answered since
	ticketed := false // only then is being fixed the work of a team, and not of a patch day
	for i := range events {
		ev := &events[i]
		add := func(team string, t Tally) {
			switch {
			case t.Refused+t.Taken+t.Silent > 0:
				t.Against = ev.At
			case t.Silent == 0: // what takes something back makes nothing else younger
				t.Last = ev.At
			}
			if team != "" && ev.Seq > after {
				out = append(out, lesson{team, t})
			}
		}
		if silent != "" && ev.Answers(silent) {
			add(silent, Tally{Silent: -1})
			silent = ""
		}
		switch {
		case ev.Kind == exposure.EventTicketed:
			ticketed = ev.Data[exposure.DataRemediation] != ""
		case ev.To == exposure.Closed && ev.From != exposure.Closed && ticketed:
			add(owner, Tally{Fixed: 1})
		case ev.Kind == exposure.EventNoted && ev.Data[exposure.DataSilent] != "" && silent == "":
			silent = ev.Data[exposure.DataSilent]
			add(silent, Tally{Silent: 1})
		}
		if ev.Owner == nil {
			continue
		}
		if ev.Kind == exposure.EventAssigned && ev.Actor.Kind == exposure.Person {
			judged(ev, owner, add)
		}
		if ev.Owner.Team != owner {
			owner, silent = ev.Owner.Team, ""
		}
	}
	return out
}

// judged is what a person said of teams by giving an exposure to one, or away from one.
func judged(ev *exposure.Event, before string, add func(string, Tally)) {
	if team := ev.Data[exposure.DataRefused]; team != "" {
		add(team, Tally{Refused: 1})
		return
	}
	if ev.Owner.Team != before {
		add(before, Tally{Taken: 1})
	}
	if strings.HasPrefix(ev.Owner.How, "claimed by ") {
		add(ev.Owner.Team, Tally{Claimed: 1})
		return
	}
	add(ev.Owner.Team, Tally{Given: 1})
}
