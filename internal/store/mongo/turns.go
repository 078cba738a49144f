package mongo

import (
	"hash/maphash"
	"sync"
)

// turns lets one writer at a time at a document, within this process.
type turns struct {
	seed  maphash.Seed
	once  sync.Once
	locks [64]sync.Mutex
}

// take waits for the document's turn and gives what ends it. On nil nobody waits.
func (t *turns) take(id string) func() {
	if t == nil {
		return func() {}
	}
	t.once.Do(func() { t.seed = maphash.MakeSeed() })
	lock := &t.locks[maphash.String(t.seed, id)%uint64(len(t.locks))]
	lock.Lock()
	return lock.Unlock
}
