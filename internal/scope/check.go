package scope

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// problems collects FieldErrors under a path.
type problems struct {
	path string
	list *[]error
}

func (p problems) at(format string, args ...any) problems {
	sub := fmt.Sprintf(format, args...)
	if p.path != "" && !strings.HasPrefix(sub, "[") {
		sub = "." + sub
	}
	return problems{p.path + sub, p.list}
}

func (p problems) add(format string, args ...any) {
	*p.list = append(*p.list, &FieldError{Path: p.path, Msg: fmt.Sprintf(format, args...)})
}

// maxName keeps names fit for logs, URLs and search attributes.
const maxName = 64

// ValidName reports whether a text can name a scope or a team: letters, digits, dots,
// dashes and underscores, a letter or digit first, at most 64 of them.
func ValidName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("._-", r)) {
			return false
		}
	}
	return true
}

func (s *Scope) check(p problems) {
	if !ValidName(s.Name) {
		p.at("name").add("%q can't name a scope: use up to %d letters, digits, dots, dashes and underscores", s.Name, maxName)
	}
	if len(s.Include) == 0 {
		p.at("include").add("at least one rule is required: a scope without one holds nothing")
	}
	if !slices.Contains([]Impact{ImpactUnknown, "unknown", ImpactLow, ImpactMedium, ImpactHigh}, s.MissionImpact) {
		p.at("mission_impact").add("%q is not low, medium, high or unknown", s.MissionImpact)
	}
	if !slices.Contains([]string{"", "unknown", "yes", "no"}, s.Internet) {
		p.at("internet").add("%q is not yes, no or unknown", s.Internet)
	}
	if !slices.Contains([]string{"", "track", "track_star", "attend"}, s.Tolerance) {
		p.at("tolerance").add("%q is not track, track_star or attend", s.Tolerance)
	}
	if s.Engagement != nil {
		s.Engagement.check(p.at("engagement"))
	}
}

// Validate gives every problem of the rules of engagement, each a *FieldError.
func (e Engagement) Validate() []error {
	var list []error
	e.check(problems{list: &list})
	return list
}

func (e Engagement) check(p problems) {
	if e.RatePerHost < 0 || e.RatePerHost > maxRate || math.IsNaN(e.RatePerHost) {
		p.at("rate_per_host").add("must be from 0 to %d requests a second", maxRate)
	}
	for i, proto := range e.Protocols {
		if !slices.Contains(protocols(), proto) {
			p.at("protocols[%d]", i).add("%q is not http, dns, tcp or ssl", proto)
		}
	}
	for i, network := range e.Networks {
		if _, err := parseNetwork(network); err != nil {
			p.at("networks[%d]", i).add("%v", err)
		}
	}
	for i, ports := range e.Ports {
		if _, _, err := parsePorts(ports); err != nil {
			p.at("ports[%d]", i).add("%v", err)
		}
	}
	for i, w := range e.Windows {
		w.check(p.at("windows[%d]", i))
	}
}

func (w *Window) check(p problems) {
	if _, err := parseClock(w.From); err != nil {
		p.at("from").add("%v", err)
	}
	if _, err := parseClock(w.To); err != nil {
		p.at("to").add("%v", err)
	}
	if _, err := location(w.Location); err != nil {
		p.at("location").add("%q is not a time zone that this machine knows", w.Location)
	}
	for i, d := range w.Days {
		if d < 0 || int(d) >= len(dayNames) {
			p.at("days[%d]", i).add("%d is not a day of the week", int(d))
		}
	}
}

// parseNetwork reads "10.0.0.0/8", or one address for itself.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not a network like 10.0.0.0/8", text)
	case prefix.Masked() != prefix:
		return netip.Prefix{}, fmt.Errorf("%q has bits set outside its mask: did you mean %s?", text, prefix.Masked())
	case prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4 network inside IPv6: write it as IPv4", text)
	}
	return prefix, nil
}

// parsePorts reads "443" or "8000-8999".
func parsePorts(text string) (low, high int, err error) {
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	a, errA := strconv.ParseUint(from, 10, 16)
	b, errB := strconv.ParseUint(to, 10, 16)
	if errA != nil || errB != nil || a == 0 || a > b {
		return 0, 0, fmt.Errorf("%q is not a port or a range like 8000-8999", text)
	}
	return int(a), int(b), nil
}

const endOfDay = 24 * 60

// parseClock reads "22:00" as minutes since midnight; "24:00" is the day's end.
func parseClock(text string) (int, error) {
	h, m, ok := strings.Cut(text, ":")
	if ok && len(h) == 2 && len(m) == 2 {
		hour, errH := strconv.ParseUint(h, 10, 8)
		minute, errM := strconv.ParseUint(m, 10, 8)
		total := int(hour)*60 + int(minute)
		if errH == nil && errM == nil && minute < 60 && total <= endOfDay {
			return total, nil
		}
	}
	return 0, fmt.Errorf("%q is not a time of day like 22:00", text)
}

func location(name string) (*time.Location, error) {
	if name == "Local" { // this machine's own zone says nothing to the next one
		return nil, fmt.Errorf("%q is not a time zone", name)
	}
	return time.LoadLocation(name)
}
