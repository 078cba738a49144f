package ingest

import (
	"math/bits"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// pending is one exposure of a batch with what the source says of it.
type pending struct {
	id       exposure.ID
	asset    asset.ID
	findings []exposure.Finding
	digest   uint64    // of all the findings together
	known    bool      // the source's sighting has it: it surely exists
	late     bool      // last seen before the source's latest look
	adds     bool      // the report says more of it elsewhere
	part     bool      // the report is a part of what there is to say of it: an event, or what changed
	looked   time.Time // of a late one: when the look was that still speaks of it
}

// add takes one more finding of the exposure; the same one told twice is one. What is said
// of it last counts by the source's time, wherever it stands in the report: its pages may
// come in any order. At one time a sight counts before all else.
func (w *pending) add(f *exposure.Finding) {
	digest := exposure.FindingDigest(*f)
	if w.part { // else a look at everything that saw no more than that would seem to be no news
		digest = bits.Reverse64(digest)
	}
	w.digest += digest
	for i := range w.findings {
		if known := &w.findings[i]; known.UID == f.UID {
			if f.LastSeen.After(known.LastSeen) || f.LastSeen.Equal(known.LastSeen) && (f.Status.Sees() || !known.Status.Sees()) {
				*known = *f
			}
			return
		}
	}
	w.findings = append(w.findings, *f)
}

// newest is when a finding of it was last seen, or the given time if that is later.
func (w *pending) newest(at time.Time) time.Time {
	for i := range w.findings {
		if w.findings[i].LastSeen.After(at) {
			at = w.findings[i].LastSeen
		}
	}
	return at
}

// sees reports whether any of the findings is a sight of the weakness.
func sees(fs []exposure.Finding) bool {
	return slices.ContainsFunc(fs, func(f exposure.Finding) bool { return f.Status.Sees() })
}

func allFixed(fs []exposure.Finding) bool {
	for i := range fs {
		if fs[i].Status != exposure.StatusFixed {
			return false
		}
	}
	return true
}
