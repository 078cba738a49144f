package store

import (
	"context"
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/outbox"
	"github.com/quellsec/quell/internal/store/engine"
)

// A message that waits in a box has the box's generation as its box; one that is urgent,
// or was taken out of its box to be sent, has its notifier as its lane. What is settled has
// neither, so that it doesn't slow down what isn't. The same goes for when to look at a box
// or a thread.
//
//nolint:gochecknoglobals // constant declarations
var (
	messages = engine.Collection{
		Name: "messages",
		Fields: []engine.Field{{Name: "box"}, {Name: "lane"}, {Name: "kind"}, {Name: "rank", Kind: engine.Int}, {Name: "at", Kind: engine.Int},
			{Name: "notifier"}, {Name: "state"}, {Name: "to"}},
		Indexes: []engine.Index{{Fields: []string{"box", "rank", "at"}, Sparse: true}, {Fields: []string{"box", "kind"}, Sparse: true},
			{Fields: []string{"lane", "at"}, Sparse: true}, {Fields: []string{"notifier", "at"}}, {Fields: []string{"state", "at"}}, {Fields: []string{"at"}}},
	}
	boxes = engine.Collection{
		Name:    "boxes",
		Fields:  []engine.Field{{Name: "notifier"}, {Name: "due"}, {Name: "look", Kind: engine.Int}},
		Indexes: []engine.Index{{Fields: []string{"notifier"}}, {Fields: []string{"due", "look"}, Sparse: true}},
	}
	threads = engine.Collection{
		Name:    "threads",
		Fields:  []engine.Field{{Name: "thread"}, {Name: "due"}, {Name: "look", Kind: engine.Int}, {Name: "at", Kind: engine.Int}},
		Indexes: []engine.Index{{Fields: []string{"thread"}}, {Fields: []string{"due", "look"}, Sparse: true}, {Fields: []string{"at"}}},
	}
)

func (s *Store) messages() of[outbox.Message] {
	return of[outbox.Message]{Collection: &messages, e: s.engine,
		id: func(x *outbox.Message) string { return x.ID },
		at: func(x *outbox.Message) int64 { return x.Version },
		values: func(x *outbox.Message) []any {
			var box, lane any
			switch {
			case x.Settled():
			case x.Gen > 0:
				box = generation(x.Notifier, x.Address, x.Gen)
			default:
				lane = x.Notifier
			}
			return []any{box, lane, x.Kind, int64(x.Rank), x.At.UnixMilli(), x.Notifier, string(x.State), x.To}
		}}
}

func (s *Store) boxes() of[outbox.Box] {
	return of[outbox.Box]{Collection: &boxes, e: s.engine,
		id: func(x *outbox.Box) string { return claimID(x.ID) },
		at: func(x *outbox.Box) int64 { return x.Version },
		values: func(x *outbox.Box) []any {
			due, look := dueAt(x.Notifier, x.Look)
			return []any{x.Notifier, due, look}
		}}
}

func (s *Store) threads() of[outbox.Thread] {
	return of[outbox.Thread]{Collection: &threads, e: s.engine,
		id: func(x *outbox.Thread) string { return x.ID },
		at: func(x *outbox.Thread) int64 { return x.Version },
		values: func(x *outbox.Thread) []any {
			due, look := dueAt(x.Notifier, x.Look)
			return []any{x.Thread, due, look, x.At.UnixMilli()}
		}}
}

func dueAt(notifier string, look time.Time) (due, at any) {
	if look.IsZero() {
		return nil, nil
	}
	return notifier, look.UnixMilli()
}

// generation is a box's generation as an indexed value.
func generation(notifier, address string, gen int64) string {
	return claimID(outbox.Key(notifier, address) + "#" + strconv.FormatInt(gen, 10))
}

func inGeneration(notifier, address string, gen int64) where {
	return where{{Field: "box", Op: engine.In, Values: []any{asText(generation(notifier, address, gen))}}}
}

// PutMessages puts messages into the outbox unless they are there already, by ID, and says
// which are new.
func (s *Store) PutMessages(ctx context.Context, ms []outbox.Message) ([]bool, error) {
	return s.messages().insert(ctx, ms...)
}

// SwapOut writes a message of the outbox if the stored version is Version-1, and says
// whether.
func (s *Store) SwapOut(ctx context.Context, m outbox.Message) (bool, error) {
	return swapOne(ctx, s.messages(), m)
}

// Out gives one message of the outbox; fault.NotFound.
func (s *Store) Out(ctx context.Context, id string) (outbox.Message, error) {
	return s.messages().one(ctx, id)
}

// Lane gives one page of what a notifier has to send at once, or is sending: oldest first.
func (s *Store) Lane(ctx context.Context, notifier string, l exposure.List) (exposure.Page[outbox.Message], error) {
	return s.messages().page(ctx, inLane(notifier), ordering{name: "lane", fields: []string{"at"}}, l)
}

// CountLane counts what a notifier has to send at once, or is sending.
func (s *Store) CountLane(ctx context.Context, notifier string) (int64, error) {
	n, err := s.engine.Count(ctx, &messages, inLane(notifier), "")
	return n[""], err
}

func inLane(notifier string) where {
	return where{{Field: "lane", Op: engine.In, Values: []any{asText(notifier)}}}
}

// Waiting gives the first of what waits in a generation of a box, the most pressing first.
func (s *Store) Waiting(ctx context.Context, notifier, address string, gen int64, limit int) ([]outbox.Message, error) {
	page, err := s.messages().page(ctx, inGeneration(notifier, address, gen), ordering{name: "box", fields: []string{"rank", "at"}}, exposure.List{Limit: limit})
	return page.Items, err
}

// CountWaiting counts what waits in a generation of a box, by kind, without reading it.
func (s *Store) CountWaiting(ctx context.Context, notifier, address string, gen int64) (map[string]int64, error) {
	return s.engine.Count(ctx, &messages, inGeneration(notifier, address, gen), "kind")
}

// FindOut gives one page of the outbox, newest first. Empty notifier, state and to match
// any; the state is the stored one, so what was folded is pending.
func (s *Store) FindOut(ctx context.Context, notifier, state, to string, l exposure.List) (exposure.Page[outbox.Message], error) {
	var w where
	w.equal("notifier", notifier)
	w.equal("state", state)
	w.equal("to", to)
	return s.messages().page(ctx, w, ordering{name: "messages", fields: []string{"at"}, desc: true}, l)
}

// Box gives the box of an address; fault.NotFound.
func (s *Store) Box(ctx context.Context, notifier, address string) (outbox.Box, error) {
	return s.boxes().one(ctx, claimID(outbox.Key(notifier, address)))
}

// ClaimBox begins a box unless it is there already, and gives the one stored.
func (s *Store) ClaimBox(ctx context.Context, b outbox.Box) (outbox.Box, error) {
	box, _, err := claimOne(ctx, s.boxes(), b)
	return box, err
}

// SwapBox writes it if the stored version is Version-1, and says whether.
func (s *Store) SwapBox(ctx context.Context, b outbox.Box) (bool, error) {
	return swapOne(ctx, s.boxes(), b)
}

// Boxes gives all boxes of a notifier.
func (s *Store) Boxes(ctx context.Context, notifier string) ([]outbox.Box, error) {
	var w where
	w.add("notifier", engine.In, asText(notifier))
	return s.boxes().all(ctx, w...)
}

// DueBoxes gives the boxes of a notifier that are to be looked at, the one to be looked at
// first first, however far off that is.
func (s *Store) DueBoxes(ctx context.Context, notifier string, limit int) ([]outbox.Box, error) {
	var w where
	w.add("due", engine.In, asText(notifier))
	page, err := s.boxes().page(ctx, w, ordering{name: "boxes", fields: []string{"look"}}, exposure.List{Limit: limit})
	return page.Items, err
}

// Thread gives a thread by its ID; fault.NotFound.
func (s *Store) Thread(ctx context.Context, id string) (outbox.Thread, error) {
	return s.threads().one(ctx, id)
}

// ClaimThread begins a thread unless it is there already, and gives the one stored.
func (s *Store) ClaimThread(ctx context.Context, t outbox.Thread) (outbox.Thread, error) {
	thread, _, err := claimOne(ctx, s.threads(), t)
	return thread, err
}

// SwapThread writes it if the stored version is Version-1, and says whether.
func (s *Store) SwapThread(ctx context.Context, t outbox.Thread) (bool, error) {
	return swapOne(ctx, s.threads(), t)
}

// DueThreads gives the threads of a notifier whose card is to be brought up to date, the
// first first, however far off that is.
func (s *Store) DueThreads(ctx context.Context, notifier string, limit int) ([]outbox.Thread, error) {
	var w where
	w.add("due", engine.In, asText(notifier))
	page, err := s.threads().page(ctx, w, ordering{name: "threads", fields: []string{"look"}}, exposure.List{Limit: limit})
	return page.Items, err
}

// ThreadsOf gives the threads of a remediation, at whatever address.
func (s *Store) ThreadsOf(ctx context.Context, thread string) ([]outbox.Thread, error) {
	var w where
	w.add("thread", engine.In, asText(thread))
	return s.threads().all(ctx, w...)
}
