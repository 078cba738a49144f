package nuclei

import (
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// coverage is what the configuration says of every scan, and which of its targets this
// report has a line for.
type coverage struct {
	checks  []string
	targets []*target // in the order of the configuration
	byHost  map[string]*target
}

// target is one configured host, with all its configured ports.
type target struct {
	host       string
	everywhere bool // given without a port
	locations  []string
	seen       bool
	failed     bool
}

func newCoverage(c *Config) coverage {
	out := coverage{byHost: map[string]*target{}}
	if !c.Complete {
		return out
	}
	for _, check := range c.Checks {
		out.checks = append(out.checks, check)
		if !strings.HasSuffix(check, "*") {
			out.checks = append(out.checks, check+":*") // and the template's named matchers
		}
	}
	for _, text := range c.Targets {
		a := connectors.ParseAddress(text)
		t := out.byHost[a.Host]
		if t == nil {
			t = &target{host: a.Host}
			out.byHost[a.Host] = t
			out.targets = append(out.targets, t)
		}
		if a.Port == "" {
			t.everywhere = true
			continue
		}
		t.locations = append(t.locations, a.Port+"/tcp", a.Port+"/tcp/*")
	}
	return out
}

// note takes down that the report has a line for a host, and its time.
func (d *decoding) note(reason string) {
	f := &d.record
	if at := connectors.Time(string(f.written)); !at.IsZero() {
		if d.started.IsZero() || at.Before(d.started) {
			d.started = at
		}
		if at.After(d.last) {
			d.last = at
		}
	}
	if len(d.coverage.targets) == 0 {
		return
	}
	t := d.coverage.byHost[connectors.ParseAddress(string(firstOf(f.host, f.matched, f.url))).Host]
	switch {
	case t == nil:
	case reason == "error_line":
		t.failed = true
	default:
		t.seen = true
	}
}

// tellCoverage emits the configured targets. One without a line may be clean or dead,
// which nuclei doesn't tell, and so proves nothing.
func (d *decoding) tellCoverage() error {
	for _, t := range d.coverage.targets {
		cov := exposure.Coverage{
			Asset: asset.Description{
				Kind:        asset.Host,
				Name:        t.host,
				Zone:        d.config.Zone,
				Identifiers: connectors.HostIdentifiers(d.config.Zone, []string{t.host}, nil, nil),
			},
			Outcome:   exposure.TargetPartial,
			CheckedAt: time.Time{}, // the run's end: lines are in no order
		}
		if t.seen && !t.failed {
			cov.Outcome = exposure.TargetOK
		}
		if !t.everywhere {
			cov.Locations = t.locations
		}
		if err := d.sink.Cover(cov); err != nil {
			return err
		}
	}
	return nil
}
