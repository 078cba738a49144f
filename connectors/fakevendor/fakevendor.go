// Package fakevendor is what hand-written fake vendors have in common: they fail as real
// ones do, before the work is done or after it, and count what they were asked. It needs no
// test to run, so that a sandbox can use them too.
package fakevendor

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// Fault is one way to fail.
type Fault struct {
	Method string // of the requests that it hits; empty: any
	Kind   Kind   // likewise
	Path   string // a part of their path; empty: any
	After  bool   // the work is done, and the answer is this one nevertheless
	Drop   bool   // there is no answer: the connection breaks
	Status int
	Header map[string]string
	Body   string
	Skip   int // how many of them pass before it
	Times  int // zero: once; negative: always
}

// Kind tells requests that write from those that read.
type Kind string

// The kinds.
const (
	Any   Kind = ""
	Read  Kind = "read"
	Write Kind = "write"
)

func (x *Fault) hits(r *http.Request) bool {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	return x.Times != 0 && (x.Method == "" || x.Method == r.Method) && strings.Contains(r.URL.Path, x.Path) &&
		(x.Kind == Any || reads == (x.Kind == Read))
}

// Faults are the failures to come. The zero value has none.
type Faults struct {
	mu      sync.Mutex
	planned []Fault
	chance  func(r *http.Request) (Fault, bool)
	calls   map[string]int
}

// Add plans a failure.
func (f *Faults) Add(x Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x.Times == 0 {
		x.Times = 1
	}
	f.planned = append(f.planned, x)
}

// Clear forgets what is planned, and reports whether any of it had not come yet.
func (f *Faults) Clear() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := false
	for i := range f.planned {
		left = left || f.planned[i].Times > 0
	}
	f.planned, f.chance = nil, nil
	return left
}

// Chance has each request that no planned failure hits ask fn.
func (f *Faults) Chance(fn func(r *http.Request) (Fault, bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.chance = fn
}

// Calls is how many requests of a method came, failed ones included.
func (f *Faults) Calls(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[method]
}

func (f *Faults) next(r *http.Request) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[r.Method]++
	for i := range f.planned {
		x := &f.planned[i]
		switch {
		case !x.hits(r):
			continue
		case x.Skip > 0:
			x.Skip--
			continue
		}
		x.Times--
		return *x, true
	}
	if f.chance != nil {
		return f.chance(r)
	}
	return Fault{}, false
}

// Over puts the failures before a handler.
func (f *Faults) Over(vendor http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, fails := f.next(r)
		if !fails {
			vendor.ServeHTTP(w, r)
			return
		}
		if x.After {
			vendor.ServeHTTP(httptest.NewRecorder(), r) // done, and nobody hears of it
		}
		if x.Drop {
			broken(w)
		}
		for name, value := range x.Header {
			w.Header().Set(name, value)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(x.Status)
		_, _ = w.Write([]byte(x.Body)) // the caller may have gone
	})
}

// broken begins an answer and breaks the connection. It has to begin: a client may send
// again by itself what was cut before the first byte.
func broken(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte("{"))               // it is to break anyway
	_ = http.NewResponseController(w).Flush() // likewise
	panic(http.ErrAbortHandler)               // as net/http has it for a connection that breaks
}
