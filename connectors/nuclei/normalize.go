package nuclei

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	r         *jsonpull.Reader
	sink      connectors.Sink
	record    record
	templates templates
	hosts     map[string]*asset.Description
	key       []byte // scratch
	coverage  coverage

	lines, findings int
	started, last   time.Time
}

func newDecoding(in *Instance, r *jsonpull.Reader, sink connectors.Sink) *decoding {
	return &decoding{Instance: in, r: r, sink: sink, coverage: newCoverage(&in.config)}
}

// observation makes a finding of the record.
func (d *decoding) observation() (exposure.Observation, error) {
	f := &d.record
	template, err := d.templates.of(f.info)
	if err != nil {
		return exposure.Observation{}, err
	}
	finding := *template
	target := string(firstOf(f.matched, f.url, f.host))
	matched := connectors.ParseAddress(target)
	scanned := connectors.ParseAddress(string(firstOf(f.host, f.matched, f.url)))
	foreign := matched.Host != scanned.Host

	id := connectors.Ident(string(f.template))
	finding.Check = Name + ":" + id
	if len(f.matcher) > 0 {
		finding.Check += ":" + connectors.Ident(string(f.matcher))
	}
	finding.Title = cmp.Or(finding.Title, id)
	if len(f.matcher) > 0 {
		finding.Title += ": " + string(f.matcher)
	}
	finding.Target = matched.Without(target)
	elsewhere := ""
	if foreign {
		elsewhere = matched.HostPort() + matched.Path
	} else {
		finding.Location = f.location(matched)
	}
	finding.UID = connectors.UID(finding.Check, finding.Location, connectors.Ident(string(f.extractor)), connectors.Ident(elsewhere))
	finding.Evidence = evidence(f.extracted)
	finding.LastSeen = connectors.Time(string(f.written))
	d.findings++
	return exposure.Observation{Asset: d.host(scanned.Host, foreign), Finding: &finding}, nil
}

// location is where on the scanned host the template matched.
func (f *record) location(at connectors.Address) string {
	if at.Port == "" && allDigits(f.port) {
		at.Port = string(f.port)
	}
	switch string(f.kind) {
	case "dns", "whois":
		return "" // about the name, not about a port
	case "file":
		return connectors.Ident(string(f.matched))
	case "ssl", "tcp", "network", "javascript":
		at.Path = "" // a scheme may have been given, but nothing was asked for there
	case "http", "headless", "websocket":
		if at.Port == "" && string(f.scheme) == "https" {
			at.Port = "443"
		}
	}
	return at.Location()
}

// host describes the scanned host. The address in a result is that of the server which
// answered, and so is the host's only if that was the host.
func (d *decoding) host(name string, foreign bool) *asset.Description {
	ip := d.record.ip
	if foreign {
		ip = nil
	}
	d.key = append(append(append(d.key[:0], name...), 0), ip...)
	if h, ok := d.hosts[string(d.key)]; ok {
		return h
	}
	const most = 10_000
	if d.hosts == nil || len(d.hosts) >= most {
		d.hosts = map[string]*asset.Description{}
	}
	h := &asset.Description{
		Kind:        asset.Host,
		Name:        name,
		Zone:        d.config.Zone,
		Identifiers: connectors.HostIdentifiers(d.config.Zone, []string{name}, []string{string(ip)}, nil),
	}
	if len(h.Identifiers) == 0 && name != "" { // a local file, or a name that no network knows
		h.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: connectors.Ident(name)}}
	}
	d.hosts[string(d.key)] = h
	return h
}

// evidence is what the template extracted, without credentials.
func evidence(extracted []string) string {
	if len(extracted) == 0 {
		return ""
	}
	text := strings.Join(extracted, "\n")
	if len(text) > exposure.MaxEvidence {
		text = strings.ToValidUTF8(text[:exposure.MaxEvidence], "")
	}
	return connectors.Redact(text)
}

// run says what is known of the run.
func (d *decoding) run() exposure.Run {
	run := exposure.Run{
		ID:        connectors.RunID(Name, d.started, d.last, strconv.Itoa(d.lines)),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunPartial,
		Started:   d.started,
		Finished:  d.last,
		Counts:    map[string]int{"lines": d.lines, "findings": d.findings},
		Tool:      Name,
	}
	if d.config.Complete {
		run.Kind, run.Checks, run.Targets = exposure.RunFull, d.coverage.checks, len(d.coverage.targets)
	}
	switch {
	case d.r.Err() != nil:
		run.Why = "the report could not be read to its end"
	case !d.config.Complete:
		run.Why = "a nuclei report does not say what was run; see complete in the source's configuration"
	case d.lines == 0:
		run.Why = "the report is empty: a scan that failed looks the same"
	default:
		run.Complete = true
	}
	return run
}

func firstOf(texts ...[]byte) []byte {
	for _, text := range texts {
		if len(text) > 0 {
			return text
		}
	}
	return nil
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
