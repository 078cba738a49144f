package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
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
	kindKEV  = "kev"
	kindEPSS = "epss"
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
	var kev *priority.KEV
	var epss *priority.EPSS
	in, body, err := inUse(ctx, s, kindKEV)
	if err == nil && body != nil {
		kev, err = priority.UnmarshalKEV(body)
	}
	if err != nil {
		return priority.Intel{}, fault.Wrap(fault.KindOf(err), err, "reading the stored KEV catalogue")
	}
	_, body, err = inUse(ctx, s, kindEPSS)
	if err == nil && body != nil {
		epss, err = priority.UnmarshalEPSS(body)
	}
	if err != nil {
		return priority.Intel{}, fault.Wrap(fault.KindOf(err), err, "reading the stored EPSS scores")
	}
	return priority.NewIntel(kev, in.Imported, epss, nil), nil
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

// Import implements api.Intel. The snapshot is stored before decisions are made with it,
// so a crash in between is healed by the start-up, which finds other grounds than those
// that the last decisions were made on.
func (i *intelligence) Import(ctx context.Context, kind string, body io.Reader, by string) (api.IntelImport, error) {
	out := api.IntelImport{Kind: kind}
	now := i.now().UTC().Truncate(time.Millisecond)
	grounds := i.judge.Grounds()
	kev, taken := grounds.Intel.KEV()
	epss := grounds.Intel.EPSS()
	var packed []byte
	dataDate := now
	var err error
	switch kind {
	case kindKEV:
		if kev, err = priority.ReadKEV(body); err != nil {
			return out, fault.Wrap(fault.Invalid, err, "importing the KEV catalogue")
		}
		taken, packed, dataDate = now, kev.Marshal(), kev.Released
		out.Digest, out.Taken, out.Entries = kev.Digest(), kev.Released, int64(kev.Len())
	case kindEPSS:
		if epss, err = priority.ReadEPSS(body); err != nil {
			return out, fault.Wrap(fault.Invalid, err, "importing EPSS scores")
		}
		packed = epss.Marshal()
		out.Digest, out.Entries = epss.Digest(), int64(epss.Len())
	default:
		return out, fault.New(fault.Invalid, "importing intelligence: %q is neither kev nor epss", kind)
	}
	meta := store.IntelMeta{Kind: kind, Digest: out.Digest, Taken: dataDate, Count: int(out.Entries), Stored: now, Imported: by}
	if err := i.store.PutIntel(ctx, meta, bytes.NewReader(packed)); err != nil {
		return out, err
	}
	raw, err := json.Marshal(current{Digest: out.Digest, Imported: now})
	if err != nil {
		return out, fault.Wrap(fault.Internal, err, "noting which intelligence is in use")
	}
	if err := i.store.PutSetting(ctx, currentKey(kind), raw); err != nil {
		return out, err
	}
	grounds.Intel = priority.NewIntel(kev, taken, epss, grounds.Intel.Assessed())
	i.judge.Change(grounds)
	i.log.Info("intelligence imported", "kind", kind, "entries", out.Entries, "digest", out.Digest, "by", by)
	done, err := i.pipeline.Reassess(ctx, exposure.Filter{}, "intel/"+grounds.Intel.Digest()+"/"+now.Format(time.RFC3339), nil)
	out.Changed = done.Changed
	return out, err
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
	return []api.IntelStatus{k, e}, nil
}
