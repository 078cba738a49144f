package burp

import (
	"cmp"
	"hash/fnv"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are the confidences and severities that say more than how sure Burp is.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"false positive": exposure.StatusSuppressed, "false_positive": exposure.StatusSuppressed,
	"tentative": exposure.StatusOpen, "firm": exposure.StatusOpen, "certain": exposure.StatusOpen,
}

// extensions is the type of all issues that extensions make.
const extensions = "134217728"

const (
	mostHosts   = 10_000
	mostTargets = 100
	excerpt     = 2 << 10
)

// scan is what a report says of its scan.
type scan struct {
	id, status, version string
	started, ended      time.Time
	targets             []string // start addresses, of our pages
}

// seenHost is a host with the ports that issues were found at.
type seenHost struct {
	asset *asset.Description
	ports []string
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	scan  scan
	known bool // there was a list of issues
	page  bool // it is one of our pages
	hosts map[string]*seenHost
	order []string
	sum   uint64
}

// host describes the host of an origin.
func (d *decoding) host(a connectors.Address, ip string) *asset.Description {
	if a.Host == "" {
		return nil
	}
	key := a.Host + "|" + ip
	h := d.hosts[key]
	if h == nil {
		h = &seenHost{asset: &asset.Description{
			Kind: asset.Host, Name: a.Host, Zone: d.config.Zone, Identifiers: connectors.HostIdentifiers(d.config.Zone, []string{a.Host}, []string{ip}, nil),
		}}
		if len(h.asset.Identifiers) == 0 {
			h.asset.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: connectors.Ident(a.Host)}}
		}
		if len(d.hosts) >= mostHosts {
			return h.asset
		}
		d.hosts[key] = h
		d.order = append(d.order, key)
	}
	if at := port(a); !slices.Contains(h.ports, at) {
		h.ports = append(h.ports, at)
	}
	return h.asset
}

// port is the location of an address without its path.
func port(a connectors.Address) string {
	a.Path = ""
	return a.Location()
}

func (d *decoding) issue(e *report.Emitter, i *issue) error {
	origin := connectors.ParseAddress(i.origin)
	host := d.host(origin, i.ip)
	if host == nil {
		e.Skip("issue_without_host")
		return nil
	}
	id := connectors.Ident(i.kind)
	if id == "" || id == extensions {
		id = strings.Trim(id+":"+slug(i.name), ":")
	}
	if id == "" {
		e.Skip("issue_without_type")
		return nil
	}
	f := d.finding(i, origin, Name+":"+id)
	h := fnv.New64a()
	h.Write([]byte(f.UID)) // never fails
	d.sum = d.sum*31 + h.Sum64()
	return e.Observe(host, f)
}

// slug makes an ID of an issue's name.
func slug(text string) string {
	return connectors.Ident(strings.Join(strings.FieldsFunc(strings.ToLower(text), func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9')
	}), "-"))
}

func (d *decoding) finding(i *issue, origin connectors.Address, check string) *exposure.Finding {
	address := origin
	address.Path = connectors.ParseAddress("http://x/" + strings.TrimPrefix(i.path, "/")).Path
	location := address.Location()
	f := &exposure.Finding{
		UID:         connectors.UID(check, location, connectors.Ident(i.insertion)),
		Connector:   Name,
		Class:       exposure.ClassVulnerability,
		Check:       check,
		Title:       cmp.Or(i.name, check),
		Description: texts(append([]string{i.background, i.detail}, i.items...)),
		Remediation: texts(i.remediation),
		Severity:    connectors.Severity(i.severity),
		RawSeverity: i.severity,
		CVEs:        connectors.CVEs(cve.FindAllString(i.detail+" "+i.references+" "+i.name, 100)),
		CWEs:        cwes(i.classifications),
		Location:    location,
		Target:      strings.TrimSuffix(origin.Without(i.origin), "/") + i.path,
		References:  link.FindAllString(i.references, 100),
		Evidence:    connectors.Redact(strings.ToValidUTF8(i.request[:min(len(i.request), excerpt)], "")),
		Status:      statuses.Of(i.confidence),
		LastSeen:    d.scan.ended,
	}
	if f.Status == exposure.StatusOpen {
		f.Status = statuses.Of(i.severity)
	}
	if f.Status != exposure.StatusOpen {
		f.StatusNote = "false positive"
	}
	i.vendor["confidence"], i.vendor["serial_number"], i.vendor["insertion_point"], i.vendor["classifications"] = i.confidence, i.serial, i.insertion, connectors.Plain(i.classifications)
	f.Vendor = wire.Fields(i.vendor)
	return f
}

var (
	cve  = regexp.MustCompile(`(?i)\bCVE-[0-9]{4}-[0-9]{4,19}\b`)
	cwe  = regexp.MustCompile(`(?i)\bCWE-[0-9]{1,6}\b`)
	link = regexp.MustCompile(`https?://[^\s"'<>]+`)
)

func cwes(text string) []string { return connectors.CWEs(cwe.FindAllString(text, 100)) }

// texts joins pieces of HTML as paragraphs.
func texts(pieces []string) string {
	var out []string
	for _, p := range pieces {
		if p = connectors.Plain(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "\n\n")
}

// cover tells which hosts were looked at, each at the ports that issues were found at.
func (d *decoding) cover(e *report.Emitter) error {
	for _, target := range d.scan.targets {
		d.host(connectors.ParseAddress(target), "")
	}
	for _, key := range d.order {
		h := d.hosts[key]
		cov := exposure.Coverage{Asset: *h.asset, Outcome: exposure.TargetOK, CheckedAt: d.scan.ended}
		for _, p := range h.ports {
			if p != "" {
				cov.Locations = append(cov.Locations, p+"*")
			}
		}
		if err := e.Cover(cov); err != nil {
			return err
		}
	}
	return nil
}

// describeRun says what is known of the run once the report is read, or has broken off.
func (d *decoding) describeRun(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		ID: connectors.Ident(d.scan.id), Source: d.source, Connector: Name, Kind: exposure.RunFull, Started: d.scan.started, Finished: d.scan.ended,
		Targets: e.Assets, Checks: d.config.Checks, Tool: strings.TrimSpace("Burp Suite " + d.scan.version), Counts: map[string]int{"received": e.Findings},
	}
	if run.ID == "" {
		run.ID = connectors.RunID(Name, run.Started, run.Finished, strconv.FormatUint(d.sum, 16))
	}
	switch status := strings.ToLower(d.scan.status); {
	case d.page:
		run.Why = connectors.OnePage
	case status != "" && status != "succeeded":
		run.Why = "the scan has not succeeded: its status is " + connectors.Ident(status)
	case !d.config.Complete:
		run.Why = "a report says neither which checks ran nor whether it holds all issues"
	case e.Assets == 0:
		run.Why = "the report names no site"
	default:
		run.Complete = true
	}
	return run
}
