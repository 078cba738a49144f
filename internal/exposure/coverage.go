package exposure

import (
	"strconv"
	"strings"
)

// Covers reports whether a run looked at a target for a check at a location so that not
// reporting it means absence: a full, complete run whose look at the target went well.
// A run that doesn't know its checks covers none of them.
func (r Run) Covers(cov Coverage, check, location string) bool {
	return r.Kind == RunFull && r.Complete && cov.Outcome == TargetOK && r.within(&cov, check, location)
}

// within reports whether the check and the location were meant to be looked at.
func (r Run) within(cov *Coverage, check, location string) bool {
	return matchesAny(r.Checks, check) && (len(cov.Locations) == 0 || locationIn(cov.Locations, location))
}

// PresenceAfter is what a run that did not report a weakness says about its presence.
func PresenceAfter(r Run, cov Coverage, check, location string) PresenceStatus {
	switch {
	case r.Covers(cov, check, location):
		return VerifiedAbsent
	case cov.Outcome == TargetUnreachable:
		return Unreachable
	case r.Kind != RunEvent && r.within(&cov, check, location):
		return NotObserved // looked there, but not in a way that proves anything
	}
	return NotCovered
}

// matchesAny matches exact names, and prefixes that end in "*".
func matchesAny(patterns []string, s string) bool {
	for _, p := range patterns {
		if prefix, ok := strings.CutSuffix(p, "*"); ok && strings.HasPrefix(s, prefix) || p == s {
			return true
		}
	}
	return false
}

func locationIn(patterns []string, location string) bool {
	if matchesAny(patterns, location) {
		return true
	}
	port, protocol, ok := portOf(location)
	if !ok {
		return false
	}
	for _, p := range patterns {
		ports, proto, _ := strings.Cut(p, "/")
		from, to, isRange := strings.Cut(ports, "-")
		if !isRange || proto != protocol {
			continue
		}
		low, err1 := strconv.Atoi(from)
		high, err2 := strconv.Atoi(to)
		if err1 == nil && err2 == nil && low <= port && port <= high {
			return true
		}
	}
	return false
}

// portOf reads a location such as "443/tcp".
func portOf(location string) (port int, protocol string, ok bool) {
	number, protocol, ok := strings.Cut(location, "/")
	if !ok || protocol != "tcp" && protocol != "udp" && protocol != "sctp" {
		return 0, "", false
	}
	port, err := strconv.Atoi(number)
	return port, protocol, err == nil && 0 <= port && port <= 65535
}
