package insightvm

import (
	"encoding/json"
	"sync"
	"time"
)

// lookups remembers what the console knows of vulnerabilities, since most assets of a
// sync have the same ones. It is a convenience: an instance that was just opened asks
// again. Full, or after a day, it forgets all.
type lookups struct {
	now   func() time.Time
	mu    sync.Mutex
	known map[string]json.RawMessage
	size  int
	since time.Time
}

const (
	mostRemembered = 32 << 20
	longestMemory  = 24 * time.Hour
)

func (l *lookups) get(id string) (json.RawMessage, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil || l.now().Sub(l.since) > longestMemory {
		return nil, false
	}
	raw, ok := l.known[id]
	return raw, ok
}

func (l *lookups) put(id string, raw json.RawMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		return
	}
	if now := l.now(); l.known == nil || l.size+len(raw) > mostRemembered || now.Sub(l.since) > longestMemory {
		l.known, l.size, l.since = map[string]json.RawMessage{}, 0, now
	}
	if _, have := l.known[id]; !have {
		l.known[id] = raw
		l.size += len(raw) + len(id)
	}
}
