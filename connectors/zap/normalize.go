package zap

import (
	"cmp"
	"hash"
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what confidences say beyond how sure ZAP is.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"0": exposure.StatusSuppressed, "1": exposure.StatusOpen, "2": exposure.StatusOpen, "3": exposure.StatusOpen, "4": exposure.StatusOpen,
}

// confidences are ZAP's words for them.
var confidences = map[string]string{"0": "False Positive", "1": "Low", "2": "Medium", "3": "High", "4": "User Confirmed"} //nolint:gochecknoglobals // a constant table

// risks are ZAP's words for how bad an alert is.
var risks = map[string]string{"0": "informational", "1": "low", "2": "medium", "3": "high"} //nolint:gochecknoglobals // a constant table

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	program, version   string
	generated, created string
	uids               hash.Hash64 // of what was found, for the run's ID
	sites              []string
	unlisted           bool // an alert has more instances than the report lists
	last               *asset.Description
}

const mostSites = 1000

// at is when the report was made.
func (d *decoding) at() time.Time {
	if t := wire.Moment(d.created); !t.IsZero() {
		return t
	}
	return wire.Moment(strings.TrimSpace(d.generated))
}

// host describes the host of a site, shared by its consecutive findings.
func (d *decoding) host(s *site) *asset.Description {
	name := cmp.Or(connectors.ParseAddress(s.name).Host, connectors.ParseAddress(s.host).Host)
	if d.last != nil && d.last.Name == name {
		return d.last
	}
	a := &asset.Description{Kind: asset.Host, Name: name, Zone: d.config.Zone, Identifiers: connectors.HostIdentifiers(d.config.Zone, []string{name}, nil, nil)}
	if len(a.Identifiers) == 0 {
		if name == "" {
			return nil
		}
		a.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: connectors.Ident(name)}}
	}
	d.last = a
	return a
}

// location is the place of a site itself: "443/tcp".
func (s *site) location() string {
	if port := connectors.ParseAddress(s.name).Port; port != "" {
		return port + "/tcp"
	}
	if n, err := strconv.Atoi(s.port); err == nil && n > 0 && n <= 65535 {
		return strconv.Itoa(n) + "/tcp"
	}
	return ""
}

// alert emits a finding for each instance.
func (d *decoding) alert(e *report.Emitter, s *site, a *alert) error {
	host := d.host(s)
	if host == nil {
		e.Skip("alert_without_host")
		return nil
	}
	id := connectors.Ident(cmp.Or(a.ref.String(), a.pluginID.String()))
	if id == "" {
		e.Skip("alert_without_id")
		return nil
	}
	if a.count.Int() > len(a.instances) {
		d.unlisted = true
	}
	instances := a.instances
	if len(instances) == 0 {
		instances = []instance{{URI: wire.Text(s.name)}}
	}
	for i := range instances {
		f := d.finding(s, a, &instances[i], Name+":"+id)
		if d.uids == nil {
			d.uids = fnv.New64a()
		}
		d.uids.Write([]byte(f.UID)) // never fails
		if err := e.Observe(host, f); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) finding(s *site, a *alert, i *instance, check string) *exposure.Finding {
	address := connectors.ParseAddress(i.URI.String())
	location := s.location()
	if address.Port != "" {
		location = address.Location()
	}
	f := &exposure.Finding{
		UID:         connectors.UID(check, i.Method.String(), location, connectors.Ident(i.Param.String())),
		Connector:   Name,
		Class:       exposure.ClassVulnerability,
		Check:       check,
		Title:       cmp.Or(a.name.String(), a.alert.String(), check),
		Description: connectors.Plain(string(a.desc)),
		Remediation: connectors.Plain(string(a.solution)),
		Severity:    connectors.Severity(risks[a.riskCode.String()]),
		RawSeverity: cmp.Or(a.riskDesc.String(), a.riskCode.String()),
		CVEs:        cves(string(a.desc) + " " + string(a.reference) + " " + a.otherInfo.String() + " " + i.OtherInfo.String()),
		CWEs:        connectors.CWEs([]string{a.cweID.String()}),
		Location:    location,
		Target:      address.Without(i.URI.String()),
		References:  references(string(a.reference)),
		Evidence:    connectors.Redact(i.Evidence.String()),
		Status:      statuses.Of(a.confidence.String()),
		LastSeen:    d.at(),
	}
	if c := confidences[a.confidence.String()]; f.Status != exposure.StatusOpen || c == "User Confirmed" {
		f.StatusNote = c
	}
	for _, t := range a.tags {
		if t.Tag != "" {
			f.Tags = append(f.Tags, t.Tag.String())
		}
	}
	f.Vendor = wire.Fields(map[string]any{
		"confidence": cmp.Or(confidences[a.confidence.String()], a.confidence.String()), "wascid": positive(a.wascID), "sourceid": a.sourceID, "method": i.Method, "param": i.Param,
		"attack": i.Attack, "otherinfo": cmp.Or(i.OtherInfo.String(), connectors.Plain(string(a.otherInfo))), "request": i.RequestHeader, "node": i.NodeName, "instance": i.ID,
		"plugin": a.pluginID, "alert": a.alert, "systemic": a.systemic,
	})
	return f
}

// positive drops the -1 and 0 that stand for none.
func positive(t wire.Text) string {
	if n, err := strconv.Atoi(t.String()); err != nil || n <= 0 {
		return ""
	}
	return t.String()
}

var (
	cve  = regexp.MustCompile(`(?i)\bCVE-[0-9]{4}-[0-9]{4,19}\b`)
	link = regexp.MustCompile(`https?://[^\s"'<>]+`)
)

func cves(text string) []string { return connectors.CVEs(cve.FindAllString(text, 100)) }

// references takes addresses apart that older versions write without anything between.
func references(text string) []string {
	var out []string
	for _, address := range link.FindAllString(text, 100) {
		for i, part := range strings.Split(address, "http") {
			switch {
			case i == 0: // what stands before the first: nothing
			case strings.HasPrefix(part, "://"), strings.HasPrefix(part, "s://"):
				out = append(out, "http"+part)
			default: // a word of the path
				out[len(out)-1] += "http" + part
			}
		}
	}
	return out
}

// cover tells that a site was looked at, at its port. A site without an alert may be dead.
func (d *decoding) cover(e *report.Emitter, s *site) error {
	host := d.host(s)
	if host == nil {
		return nil
	}
	if len(d.sites) < mostSites {
		d.sites = append(d.sites, host.Name+" "+s.location())
	}
	cov := exposure.Coverage{Asset: *host, Outcome: exposure.TargetOK}
	if at := s.location(); at != "" {
		cov.Locations = []string{at + "*"}
	}
	if s.alerts == 0 {
		cov.Outcome = exposure.TargetPartial
	}
	return e.Cover(cov)
}

// describeRun says what is known of the run once the report is read, or has broken off.
func (d *decoding) describeRun(e *report.Emitter) exposure.Run {
	at := d.at()
	sum := ""
	if d.uids != nil {
		sum = strconv.FormatUint(d.uids.Sum64(), 16)
	}
	run := exposure.Run{
		ID: connectors.RunID(Name, at, at, strings.Join(d.sites, ","), sum), Source: d.source, Connector: Name, Kind: exposure.RunFull, Started: at, Finished: at,
		Targets: e.Assets, Tool: strings.TrimSpace("ZAP " + d.version), Checks: d.config.Checks, Counts: map[string]int{"received": e.Findings},
	}
	switch {
	case !d.config.Complete:
		run.Why = "a report says neither which rules ran nor whether the scan came to its end"
	case d.unlisted:
		run.Why = "the report counts more instances of an alert than it lists"
	case e.Assets == 0:
		run.Why = "the report names no site"
	default:
		run.Complete = true
	}
	return run
}
