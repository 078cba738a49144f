package scope

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
)

// Rates of probes, in requests a second to one host.
const (
	defaultRate = 5
	maxRate     = 1000
)

func protocols() []string { return []string{"http", "dns", "tcp", "ssl"} }

// ProbeRequest is one contact that a probe wants to make.
type ProbeRequest struct {
	At       time.Time
	Addr     netip.Addr // the address to be dialled, after the name was resolved
	Port     int
	Protocol string // http, dns, tcp or ssl
	Vantage  string
}

// RefusedError is a probe that the rules of engagement don't allow: of the kind denied
// at the edges. Reason says why in words.
type RefusedError struct {
	Reason string
	Next   time.Time // when the next window opens, where that is all that is amiss; else zero
}

// Error implements error.
func (e *RefusedError) Error() string { return "refusing to probe: " + e.Reason }

func refuse(format string, args ...any) error {
	return &RefusedError{Reason: fmt.Sprintf(format, args...)}
}

// Allows checks a contact against the rules. The error is a *RefusedError. What can't be
// understood is refused too, so that a rule with a slip in it never widens.
func (e Engagement) Allows(r ProbeRequest) error {
	if err := e.allows(r); err != nil {
		return err
	}
	if !e.open(r.At) {
		next := e.NextOpening(r.At)
		if next.IsZero() {
			return refuse("the windows of its scopes never open at the same time")
		}
		return &RefusedError{Next: next, Reason: "outside the windows of the rules of engagement: the next one opens at " + next.Format(time.RFC3339)}
	}
	return nil
}

// allows checks all but the windows, for these rules and those that stand beside them.
func (e Engagement) allows(r ProbeRequest) error {
	if !e.Probe {
		return refuse("nobody consented to probes of this asset: set engagement.probe on its scope")
	}
	if errs := e.Validate(); len(errs) > 0 {
		return refuse("the rules of engagement can't be understood: %v", errs[0])
	}
	if e.Vantage != "" && e.Vantage != r.Vantage {
		return refuse("it may be probed from vantage %q only, and this is %q", e.Vantage, r.Vantage)
	}
	allowed := e.Protocols
	if len(allowed) == 0 {
		allowed = protocols()
	}
	if !slices.Contains(allowed, r.Protocol) {
		return refuse("protocol %q is not allowed, only %s", r.Protocol, strings.Join(allowed, ", "))
	}
	if err := e.port(r.Port); err != nil {
		return err
	}
	if err := e.address(r.Addr); err != nil {
		return err
	}
	for i := range e.Also {
		if err := e.Also[i].allows(r); err != nil {
			return err
		}
	}
	return nil
}

func (e Engagement) port(port int) error {
	if port < 1 || port > 65535 {
		return refuse("%d is not a port", port)
	}
	for _, ports := range e.Ports {
		if low, high, err := parsePorts(ports); err == nil && low <= port && port <= high {
			return nil
		}
	}
	if len(e.Ports) > 0 {
		return refuse("port %d is not allowed, only %s", port, strings.Join(e.Ports, ", "))
	}
	return nil
}

// Rate is how many requests a second one host may get: the lowest of all the rules.
func (e Engagement) Rate() float64 {
	rate := e.RatePerHost
	if rate <= 0 || rate > maxRate {
		rate = defaultRate
	}
	for _, also := range e.Also {
		rate = min(rate, also.Rate())
	}
	return rate
}

// EngagementFor gives the rules of engagement of an asset: the strictest of its scopes.
// A scope without an engagement block says nothing. One that has it with probe false
// forbids every probe, whatever others allow. Where several consent, each of them must
// allow a probe, and the slowest rate counts. An asset in no scope can't be probed.
func (s Set) EngagementFor(a asset.Asset) Engagement {
	var stated []Engagement
	for _, name := range s.Of(a) {
		c, _ := s.Get(name)
		switch {
		case c.Engagement == nil:
		case !c.Engagement.Probe:
			return Engagement{}
		default:
			stated = append(stated, *c.Engagement)
		}
	}
	if len(stated) == 0 {
		return Engagement{}
	}
	first := stated[0]
	first.Also = stated[1:]
	for _, also := range first.Also {
		if first.Vantage == "" {
			first.Vantage = also.Vantage // where to send the probe; a second one is refused by Allows
		}
	}
	first.RatePerHost = first.Rate()
	return first
}
