package chaos

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/quellsec/quell/internal/store/engine"
)

// clock is the time of one cohort: the world's, which vendors, people and the probe have,
// and our machine's, which may be off.
type clock struct {
	mu  sync.Mutex
	at  time.Time
	off time.Duration
}

func (c *clock) world() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) ours() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Add(c.off)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *clock) jump(to time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = to
}

// died is what a process says that dies: nothing, it is a panic that unwinds everything.
type died struct{ at string }

// weather decides what goes wrong, by the seed alone: a cohort lives in one goroutine.
type weather struct {
	random *rand.Rand
	calm   bool
	storm  int            // so many of the next calls over the network are answered with 429
	deaths map[string]int // by place
	chance map[string]int // how often it could have been there
	other  map[string]int // what else went wrong
}

func newWeather(random *rand.Rand) *weather {
	return &weather{random: random, deaths: map[string]int{}, chance: map[string]int{}, other: map[string]int{}}
}

// Of a hundred thousand.
const (
	hundred     = 100_000
	deathsStore = 700
	deathsNet   = 1_500
	lostAnswers = 1_000
	failures    = 700
	storms      = 100
	stormLength = 12
)

func (w *weather) likely(of int) bool { return !w.calm && w.random.IntN(hundred) < of }

// die ends the process at a place, sometimes.
func (w *weather) die(place string, likely int) {
	w.chance[place]++
	if w.likely(likely) {
		w.deaths[place]++
		panic(died{place})
	}
}

// around makes a side effect between two places to die.
func (w *weather) around(what string, likely int, effect func() error) error {
	w.die("before_"+what, likely)
	err := effect()
	w.die("after_"+what, likely)
	return err
}

// mortal is a database whose client may die at any write.
type mortal struct {
	engine.Engine
	weather *weather
}

// Insert implements engine.Engine.
func (m mortal) Insert(ctx context.Context, c *engine.Collection, docs []engine.Doc) (ok []bool, err error) {
	err = m.weather.around("insert_of_"+c.Name, deathsStore, func() (err error) {
		ok, err = m.Engine.Insert(ctx, c, docs)
		return err //nolint:wrapcheck // passed on as it is
	})
	return ok, err
}

// Swap implements engine.Engine.
func (m mortal) Swap(ctx context.Context, c *engine.Collection, docs []engine.Doc) (ok []bool, err error) {
	err = m.weather.around("swap_of_"+c.Name, deathsStore, func() (err error) {
		ok, err = m.Engine.Swap(ctx, c, docs)
		return err //nolint:wrapcheck // likewise
	})
	return ok, err
}
