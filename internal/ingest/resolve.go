package ingest

import (
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/fault"
)

// resolver finds or makes the asset that each description of one report speaks of. It
// remembers what it resolved, so that an asset costs the store once per report.
type resolver struct {
	store  Inventory
	source Source
	assess Assessor
	prefer *asset.Precedence
	after  Retirement
	now    func() time.Time

	known   map[string]asset.ID      // description's signature, a hash → asset
	assets  map[asset.ID]asset.Asset // assets met so far, as stored
	changed []asset.ID               // assets whose facts changed in a way that decisions depend on
	merges  []merge
	most    int // how many descriptions are remembered
	skipped map[string]int64
}

// merge is a decision of internal/asset that is to be carried out.
type merge struct {
	assets []asset.ID
	why    string
}

func newResolver(store Inventory, source Source, assess Assessor, now func() time.Time, most int, skipped map[string]int64) *resolver {
	return &resolver{store: store, source: source, assess: assess, now: now, most: most, skipped: skipped,
		known: map[string]asset.ID{}, assets: map[asset.ID]asset.Asset{}}
}

// maxKnown bounds what the resolver remembers; past it everything is looked up anew.
const maxKnown = 200_000

// full reports whether the resolver remembers all that it may.
func (r *resolver) full() bool { return len(r.known) > r.most }

// forget makes room.
func (r *resolver) forget() { r.known, r.assets = map[string]asset.ID{}, map[asset.ID]asset.Asset{} }

// described is one description with its usable identifiers.
type described struct {
	desc      asset.Description
	signature string
	keys      []string // under which its asset is looked up and claimed
	extra     []string // claimed too, so that it is found when its source once says less
	at        time.Time
}

// resolveAll gives the asset of each description; those without a usable identifier are
// left out and counted.
func (r *resolver) resolveAll(ctx context.Context, descs map[*asset.Description]time.Time) (map[*asset.Description]asset.ID, error) {
	result := make(map[*asset.Description]asset.ID, len(descs))
	fresh := map[string]*described{}
	waiting := map[string][]*asset.Description{}
	for d, at := range descs {
		cleaned := r.clean(d, at)
		if len(cleaned.keys) == 0 {
			r.skipped["asset_without_identifier"]++
			continue
		}
		if id, ok := r.known[cleaned.signature]; ok {
			result[d] = id
			continue
		}
		if other := fresh[cleaned.signature]; other == nil || cleaned.at.After(other.at) {
			fresh[cleaned.signature] = cleaned
		}
		waiting[cleaned.signature] = append(waiting[cleaned.signature], d)
	}
	if err := r.resolveFresh(ctx, fresh); err != nil {
		return nil, err
	}
	for signature, ds := range waiting {
		for _, d := range ds {
			result[d] = r.known[signature]
		}
	}
	return result, nil
}

// clean keeps the usable identifiers, in the scope of the source's zone.
func (r *resolver) clean(d *asset.Description, at time.Time) *described {
	out := described{desc: *d, at: firstTime(d.SeenAt, at)}
	if out.desc.Zone == "" {
		out.desc.Zone = r.source.Zone
	}
	if r.source.Local {
		out.desc.Identifiers = localIdentifiers(d.Identifiers, out.desc.Zone)
	}
	out.desc.SameAs = asset.FormerNames(out.desc, r.source.Name)
	out.desc.Identifiers, _ = asset.Usable(out.desc, r.source.Name)
	if len(out.desc.Identifiers) == 0 {
		return &out
	}
	out.keys = asset.Keys(out.desc, r.source.Name)
	out.extra = asset.LoneKeys(out.desc, r.source.Name)
	names := make([]string, 0, len(out.desc.Identifiers))
	for _, id := range slices.Concat(out.desc.Identifiers, out.desc.SameAs) {
		names = append(names, id.Key())
	}
	sum := sha256.Sum256([]byte(strings.Join(names, "\n") + "\n" + attributes(out.desc)))
	out.signature = string(sum[:])
	return &out
}

// without leaves out the identifiers of an asset that a person took apart from this one.
func (d *described) without(ids []asset.Identifier, source string) *described {
	left := *d
	belongs := func(id asset.Identifier) bool { return slices.Contains(ids, id) }
	left.desc.Identifiers = slices.DeleteFunc(slices.Clone(d.desc.Identifiers), belongs)
	left.desc.SameAs = slices.DeleteFunc(slices.Clone(d.desc.SameAs), belongs)
	left.keys, left.extra = asset.Keys(left.desc, source), asset.LoneKeys(left.desc, source)
	return &left
}

// attributes tells descriptions apart that have the same identifiers but say more.
func attributes(d asset.Description) string {
	var b strings.Builder
	b.WriteString(d.OS + "\n" + d.Internet + "\n" + d.Name + "\n" + d.Ephemeral + strconv.FormatBool(d.Gone))
	for _, s := range d.Services {
		b.WriteString("\n" + strconv.Itoa(s.Port) + s.Protocol + s.Name + s.Product + s.Version)
	}
	b.WriteString("\n" + strconv.Itoa(len(d.Tags)) + " " + strconv.Itoa(len(d.OwnerHints)))
	return b.String()
}

func (r *resolver) resolveFresh(ctx context.Context, fresh map[string]*described) error {
	if len(fresh) == 0 {
		return nil
	}
	order := make([]string, 0, len(fresh))
	keys := map[string]struct{}{}
	for signature, d := range fresh {
		order = append(order, signature)
		for _, k := range slices.Concat(d.keys, d.extra) {
			keys[k] = struct{}{}
		}
	}
	slices.Sort(order) // the same report resolves in the same order on every replay
	owners, err := r.store.IdentifierOwners(ctx, sortedKeys(keys))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "looking up the identifiers of assets")
	}
	if err := r.load(ctx, owners); err != nil {
		return err
	}
	work := &resolving{resolver: r, owners: owners, updates: map[asset.ID]bool{}, inserts: map[asset.ID]bool{}}
	for _, signature := range order {
		if err := work.one(fresh[signature]); err != nil {
			return err
		}
	}
	return work.store(ctx)
}

// load reads the assets that own identifiers, following merges to the survivor.
func (r *resolver) load(ctx context.Context, owners map[string]asset.ID) error {
	for range 8 { // merges of merges are short chains; a loop in them must not hang us
		missing := map[asset.ID]struct{}{}
		for key, id := range owners {
			a, ok := r.assets[id]
			switch {
			case ok && a.MergedInto != "":
				owners[key] = a.MergedInto
				if _, ok := r.assets[a.MergedInto]; !ok {
					missing[a.MergedInto] = struct{}{}
				}
			case !ok:
				missing[id] = struct{}{}
			}
		}
		if len(missing) == 0 {
			return nil
		}
		ids := make([]asset.ID, 0, len(missing))
		for id := range missing {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		found, err := r.store.Assets(ctx, ids)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "reading assets")
		}
		for _, id := range ids {
			a, ok := found[id]
			if !ok {
				// Claimed, but we died before the asset was written: it is written now,
				// under the ID that everybody else already adopted.
				a = asset.Asset{ID: id}
			}
			r.assets[id] = a
		}
	}
	return fault.New(fault.Internal, "following merged assets: the chain is longer than eight")
}

// unwritten reports whether an asset was claimed and never written.
func (r *resolver) unwritten(id asset.ID) bool { return r.assets[id].Version == 0 }

// remember reads assets into memory, so that what follows finds them there.
func (r *resolver) remember(ctx context.Context, ids map[asset.ID]struct{}) error {
	owners := make(map[string]asset.ID, len(ids))
	for id := range ids {
		owners[string(id)] = id
	}
	return r.load(ctx, owners)
}

func sortedKeys(set map[string]struct{}) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func newAssetID(at time.Time) asset.ID {
	return asset.ID(ulid.MustNew(ulid.Timestamp(at), ulid.DefaultEntropy()).String())
}
