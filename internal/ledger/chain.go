package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Timeline gives all events of an exposure in order, the newest included, after having
// verified the chain and that it leads to the state the exposure is in. A broken chain is
// an error of kind internal, and the events are returned with it.
func (l *Ledger) Timeline(ctx context.Context, id exposure.ID) ([]exposure.Event, error) {
	// The exposure is read first: events copied in between are then newer than its last
	// one and are cut off, instead of leaving a hole before it.
	e, err := l.read(ctx, id)
	if err != nil {
		return nil, err
	}
	events, err := l.records.Events(ctx, id)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading the events of exposure "+string(id))
	}
	events = slices.DeleteFunc(events, func(ev exposure.Event) bool { return ev.Seq >= e.LastEvent.Seq })
	events = append(events, e.LastEvent)
	state, err := exposure.Replay(events)
	switch {
	case err != nil:
	case e.Head != e.LastEvent.Hash:
		err = fmt.Errorf("its head isn't its last event")
	case state != e.State:
		err = fmt.Errorf("its events lead to %s, and it is %s", state, e.State)
	}
	return events, fault.Wrap(fault.Internal, err, "verifying the chain of exposure "+string(id))
}

// Root is the root hash over the heads of all chains, by which a day's state is anchored
// outside: who keeps it can later show that no chain was rewritten. See RootHash.
func Root(heads map[exposure.ID]string) string {
	ids := make([]exposure.ID, 0, len(heads))
	for id := range heads {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var r RootHash
	for _, id := range ids {
		r.add(id, heads[id])
	}
	return r.Sum()
}

// RootHash makes a root as a stream, for more heads than fit in memory. It is the Merkle
// tree hash of RFC 6962 (section 2.1) over one leaf "exposure NUL head" per exposure,
// sorted by exposure ID, so that the membership of one chain can be shown with a
// logarithmic number of hashes. The zero value is ready.
type RootHash struct {
	stack  [][sha256.Size]byte // roots of the full subtrees so far, largest first
	leaves uint64
	last   exposure.ID
}

// Add takes the next head. IDs come in rising order.
func (r *RootHash) Add(id exposure.ID, head string) error {
	if r.leaves > 0 && id <= r.last {
		return fault.New(fault.Internal, "hashing heads: %s comes after %s", id, r.last)
	}
	r.add(id, head)
	return nil
}

func (r *RootHash) add(id exposure.ID, head string) {
	leaf := make([]byte, 0, 2+len(id)+len(head))
	leaf = append(append(append(append(leaf, 0), id...), 0), head...)
	r.stack = append(r.stack, sha256.Sum256(leaf))
	// A full subtree is complete for every trailing one of the old count.
	for n := r.leaves; n&1 == 1; n >>= 1 {
		r.join()
	}
	r.leaves++
	r.last = id
}

// join replaces the two topmost subtrees by their parent.
func (r *RootHash) join() {
	n := len(r.stack)
	r.stack[n-2] = parent(r.stack[n-2], r.stack[n-1])
	r.stack = r.stack[:n-1]
}

func parent(left, right [sha256.Size]byte) [sha256.Size]byte {
	var node [1 + 2*sha256.Size]byte
	node[0] = 1
	copy(node[1:], left[:])
	copy(node[1+sha256.Size:], right[:])
	return sha256.Sum256(node[:])
}

// Sum is the root over what was added so far, in hex. No heads give the hash of nothing.
func (r *RootHash) Sum() string {
	if len(r.stack) == 0 {
		empty := sha256.Sum256(nil)
		return hex.EncodeToString(empty[:])
	}
	root := r.stack[len(r.stack)-1]
	for i := len(r.stack) - 2; i >= 0; i-- {
		root = parent(r.stack[i], root)
	}
	return hex.EncodeToString(root[:])
}
