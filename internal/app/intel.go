package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/store"
)

// The kinds of intelligence.
const (
	kindKEV          = "kev"
	kindEPSS         = "epss"
	kindVulnrichment = "vulnrichment"
	kindNVD          = "nvd"
)

// intelligence imports snapshots, keeps them, and has decisions made anew with them.
type intelligence struct {
	store    *store.Store
	judge    *ingest.Judge
	pipeline *ingest.Pipeline
	now      func() time.Time
	log      *slog.Logger
}

// current remembers which snapshot of a kind is in use, and when it was last imported:
// importing the same one again says that it is still the newest.
type current struct {
	Digest   string    `json:"digest"`
	Imported time.Time `json:"imported"`
}

func currentKey(kind string) string { return "intel/" + kind }

// loadIntel reads the snapshots in use from the store.
func loadIntel(ctx context.Context, s *store.Store) (priority.Intel, error) {
	kev, in, err := unpacked(ctx, s, kindKEV, priority.UnmarshalKEV)
	if err != nil {
		return priority.Intel{}, err
	}
	epss, _, err := unpacked(ctx, s, kindEPSS, priority.UnmarshalEPSS)
	if err != nil {
		return priority.Intel{}, err
	}
	assessed, _, err := unpacked(ctx, s, kindVulnrichment, priority.UnmarshalAssessed)
	if err != nil {
		return priority.Intel{}, err
	}
	nvd, _, err := unpacked(ctx, s, kindNVD, priority.UnmarshalNVD)
	return priority.NewIntel(kev, in.Imported, epss, assessed).WithNVD(nvd), err
}

// unpacked reads the snapshot of a kind that is in use; nil where there is none.
func unpacked[T any](ctx context.Context, s *store.Store, kind string, unmarshal func([]byte) (*T, error)) (*T, current, error) {
	in, body, err := inUse(ctx, s, kind)
	if err != nil || body == nil {
		return nil, in, fault.Wrap(fault.KindOf(err), err, "reading the stored intelligence "+kind)
	}
	out, err := unmarshal(body)
	return out, in, fault.Wrap(fault.Internal, err, "reading the stored intelligence "+kind)
}

func inUse(ctx context.Context, s *store.Store, kind string) (in current, packed []byte, err error) {
	raw, err := s.Setting(ctx, currentKey(kind))
	if fault.Is(err, fault.NotFound) || err == nil && len(raw) == 0 {
		return in, nil, nil
	}
	if err != nil {
		return in, nil, err
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return in, nil, fault.Wrap(fault.Internal, err, "reading which intelligence is in use")
	}
	_, body, err := s.Intel(ctx, kind, in.Digest)
	if err != nil {
		return in, nil, err
	}
	packed, err = io.ReadAll(body)
	return in, packed, errors.Join(err, body.Close())
}

// snapshot is one kind of intelligence on its way in.
type snapshot struct {
	packed []byte
	date   time.Time // of the data
	in     api.IntelImport
	intel  priority.Intel // with it
}

// Import implements api.Intel. The snapshot is stored before decisions are made with it,
// so a crash in between is healed by the start-up, which finds other grounds than those
// that the last decisions were made on.
func (i *intelligence) Import(ctx context.Context, kind string, body io.Reader, by string) (api.IntelImport, error) {
	now := i.now().UTC().Truncate(time.Millisecond)
	grounds := i.judge.Grounds()
	read, ok := map[string]func(io.Reader, priority.Intel, time.Time) (snapshot, error){
		kindKEV: readKEV, kindEPSS: readEPSS, kindVulnrichment: readVulnrichment, kindNVD: readNVD,
	}[kind]
	if !ok {
		return api.IntelImport{Kind: kind}, fault.New(fault.Invalid, "importing intelligence: %q is none of kev, epss, vulnrichment, nvd", kind)
	}
	snap, err := read(body, grounds.Intel, now)
	out := snap.in
	out.Kind = kind
	if err != nil {
		return out, fault.Wrap(fault.Invalid, err, "importing "+kind)
	}
	meta := store.IntelMeta{Kind: kind, Digest: out.Digest, Taken: snap.date, Count: int(out.Entries), Stored: now, Imported: by}
	if err := i.store.PutIntel(ctx, meta, bytes.NewReader(snap.packed)); err != nil {
		return out, err
	}
	raw, err := json.Marshal(current{Digest: out.Digest, Imported: now})
	if err != nil {
		return out, fault.Wrap(fault.Internal, err, "noting which intelligence is in use")
	}
	if err := i.store.PutSetting(ctx, currentKey(kind), raw); err != nil {
		return out, err
	}
	grounds.Intel = snap.intel
	i.judge.Change(grounds)
	i.log.Info("intelligence imported", "kind", kind, "entries", out.Entries, "digest", out.Digest, "by", by)
	done, err := i.pipeline.Reassess(ctx, exposure.Filter{}, "intel/"+grounds.Intel.Digest()+"/"+now.Format(time.RFC3339), nil)
	out.Changed = done.Changed
	return out, err
}

func readKEV(body io.Reader, intel priority.Intel, now time.Time) (s snapshot, err error) {
	kev, err := priority.ReadKEV(body)
	if err != nil {
		return s, err
	}
	s = snapshot{packed: kev.Marshal(), date: kev.Released, in: api.IntelImport{Digest: kev.Digest(), Taken: kev.Released, Entries: int64(kev.Len())}}
	s.intel = priority.NewIntel(kev, now, intel.EPSS(), intel.Assessed()).WithNVD(intel.NVD())
	return s, nil
}

func readEPSS(body io.Reader, intel priority.Intel, now time.Time) (s snapshot, err error) {
	epss, err := priority.ReadEPSS(body)
	if err != nil {
		return s, err
	}
	kev, taken := intel.KEV()
	s = snapshot{packed: epss.Marshal(), date: now, in: api.IntelImport{Digest: epss.Digest(), Taken: epss.Scored, Entries: int64(epss.Len())}}
	s.intel = priority.NewIntel(kev, taken, epss, intel.Assessed()).WithNVD(intel.NVD())
	return s, nil
}

// readVulnrichment adds to what is known: CISA publishes record by record.
func readVulnrichment(body io.Reader, intel priority.Intel, now time.Time) (s snapshot, err error) {
	points := slices.Clone(intel.Assessed().Points())
	err = priority.ReadVulnrichmentAll(body, func(p priority.Points) error {
		points = append(points, p)
		return nil
	})
	if err != nil {
		return s, err
	}
	kev, taken := intel.KEV()
	assessed := priority.NewAssessed(points)
	s = snapshot{packed: assessed.Marshal(), date: now, in: api.IntelImport{Digest: assessed.Digest(), Taken: now, Entries: int64(assessed.Len())}}
	s.intel = priority.NewIntel(kev, taken, intel.EPSS(), assessed).WithNVD(intel.NVD())
	return s, nil
}

// readNVD adds to what is known: after the first time only what changed is asked for.
func readNVD(body io.Reader, intel priority.Intel, _ time.Time) (s snapshot, err error) {
	entries := slices.Clone(intel.NVD().Entries())
	err = priority.ReadNVD(body, func(e priority.NVDEntry) error {
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return s, err
	}
	nvd, err := priority.NewNVD(entries)
	if err != nil {
		return s, err
	}
	kev, taken := intel.KEV()
	s = snapshot{packed: nvd.Marshal(), date: nvd.Newest(), in: api.IntelImport{Digest: nvd.Digest(), Taken: nvd.Newest(), Entries: int64(nvd.Len())}}
	s.intel = priority.NewIntel(kev, taken, intel.EPSS(), intel.Assessed()).WithNVD(nvd)
	return s, nil
}

// Status implements api.Intel.
func (i *intelligence) Status(context.Context) ([]api.IntelStatus, error) {
	grounds := i.judge.Grounds()
	now := i.now()
	kev, taken := grounds.Intel.KEV()
	notices := grounds.Intel.Notices(grounds.Policy, now)
	k := api.IntelStatus{Kind: kindKEV, Taken: taken, Entries: int64(kev.Len())}
	if kev != nil {
		k.Digest = kev.Digest()
		k.Fresh = now.Sub(taken) <= grounds.Policy.IntelMaxAge.Std()
	}
	if len(notices) > 0 && !k.Fresh {
		k.Missing = notices[0]
	}
	epss := grounds.Intel.EPSS()
	e := api.IntelStatus{Kind: kindEPSS, Entries: int64(epss.Len()), Fresh: epss != nil}
	if epss != nil {
		e.Digest, e.Taken = epss.Digest(), epss.Scored
	} else if len(notices) > 0 {
		e.Missing = notices[len(notices)-1]
	}
	out := []api.IntelStatus{k, e}
	// Decisions do without the last two, only less surely: they are shown once they are there.
	if a := grounds.Intel.Assessed(); a.Len() > 0 {
		out = append(out, api.IntelStatus{Kind: kindVulnrichment, Digest: a.Digest(), Entries: int64(a.Len()), Fresh: true})
	}
	if n := grounds.Intel.NVD(); n.Len() > 0 {
		out = append(out, api.IntelStatus{Kind: kindNVD, Digest: n.Digest(), Taken: n.Newest(), Entries: int64(n.Len()), Fresh: true})
	}
	return out, nil
}
