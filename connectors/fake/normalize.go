package fake

import (
	"cmp"
	"strconv"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what the scanner's words for the state of a finding mean.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"open": exposure.StatusOpen, "fixed": exposure.StatusFixed, "muted": exposure.StatusSuppressed, "expired": exposure.StatusExpired,
}

// hosts makes one description of each host, shared by its consecutive findings.
type hosts struct {
	zone     string
	host, ip string
	last     *asset.Description
}

func (h *hosts) describe(host, ip string) *asset.Description {
	if h.last == nil || h.host != host || h.ip != ip {
		h.host, h.ip = host, ip
		h.last = &asset.Description{
			Kind:        asset.Host,
			Name:        cmp.Or(host, ip),
			Zone:        h.zone,
			Identifiers: connectors.HostIdentifiers(h.zone, []string{host}, []string{ip}, nil),
		}
	}
	return h.last
}

// coverage says how the look at a target went. An outcome that we don't know proves
// nothing.
func (d *decoding) coverage(t wireTarget) exposure.Coverage {
	outcome := exposure.TargetPartial
	switch t.outcome {
	case "ok":
		outcome = exposure.TargetOK
	case "unreachable":
		outcome = exposure.TargetUnreachable
	}
	return exposure.Coverage{Asset: *d.hosts.describe(t.host, t.ip), Outcome: outcome, Authenticated: t.authenticated}
}

func (d *decoding) observation(f *wireFinding) exposure.Observation {
	location := ""
	if f.port > 0 && f.port <= 65535 {
		location = strconv.Itoa(f.port) + "/tcp"
	}
	check := Name + ":" + f.check
	return exposure.Observation{Asset: d.hosts.describe(f.host, f.ip), Finding: &exposure.Finding{
		UID:         connectors.UID(check, location),
		Connector:   Name,
		Class:       exposure.ClassVulnerability,
		Check:       check,
		Title:       cmp.Or(f.title, f.check),
		Description: f.text,
		Severity:    connectors.Severity(f.severity),
		RawSeverity: f.severity,
		CVEs:        connectors.CVEs(f.cves),
		Location:    location,
		Status:      statuses.Of(f.status),
		LastSeen:    d.run.finished,
	}}
}

// describeRun says what is known of the run once the report is read, or has broken off.
func (d *decoding) describeRun(broken error) exposure.Run {
	run := exposure.Run{
		ID:        cmp.Or(d.run.id, connectors.RunID(Name, d.run.started, d.run.finished)),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   d.run.started,
		Finished:  d.run.finished,
		Checks:    d.run.checks,
		Targets:   d.targets,
		Tool:      Name,
	}
	switch {
	case broken != nil:
		run.Why = "the report could not be read to its end"
	case !d.run.given:
		run.Why = connectors.OnePage // pages of the API leave the run out
	case !d.run.complete:
		run.Why = "the report says that the scan is not complete"
	case d.targets == 0:
		run.Why = "the report names no target"
	default:
		run.Complete = true
	}
	return run
}
