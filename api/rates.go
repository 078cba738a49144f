package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/quellsec/quell/internal/fault"
)

const defaultRate = 1000

// rates limits the webhooks of each source. Only calls that have shown their secret
// count, so that a stranger can't use up a source's share.
type rates struct {
	mu       sync.Mutex
	limiters map[string]*rate.Limiter
}

func newRates() *rates { return &rates{limiters: map[string]*rate.Limiter{}} }

// take takes one from the source's share, or says how long to wait.
func (r *rates) take(source *SourceInfo, now time.Time) error {
	perSecond, burst := source.Rate, source.Burst
	if perSecond <= 0 {
		perSecond = defaultRate
	}
	if burst <= 0 {
		burst = max(1, int(2*perSecond))
	}
	r.mu.Lock()
	limiter, ok := r.limiters[source.Name]
	if !ok || limiter.Limit() != rate.Limit(perSecond) || limiter.Burst() != burst {
		limiter = rate.NewLimiter(rate.Limit(perSecond), burst)
		r.limiters[source.Name] = limiter
	}
	r.mu.Unlock()
	place := limiter.ReserveN(now, 1)
	wait := place.DelayFrom(now)
	if wait <= 0 {
		return nil
	}
	place.CancelAt(now)
	return &fault.Error{Kind: fault.Throttled, RetryAfter: wait,
		Msg: "source " + source.Name + " sends more webhooks than it may; send this one again after Retry-After, or raise the source's rate"}
}
