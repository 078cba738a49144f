package atomicredteam

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	received          int
	started, finished time.Time
	last              *asset.Description
	host, ip          string
}

// describe makes a description of a host, shared by its consecutive tests.
func (d *decoding) describe(host, ip string) *asset.Description {
	if d.last != nil && d.host == host && d.ip == ip {
		return d.last
	}
	a := &asset.Description{Kind: asset.Host, Name: connectors.Ident(cmp.Or(host, ip)), Zone: d.config.Zone, Identifiers: connectors.HostIdentifiers(d.config.Zone, []string{host}, []string{ip}, nil)}
	if len(a.Identifiers) == 0 && a.Name != "" {
		a.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: a.Name}}
	}
	if len(a.Identifiers) == 0 {
		return nil
	}
	d.last, d.host, d.ip = a, host, ip
	return a
}

// technique is the grammar of ATT&CK's IDs.
var technique = regexp.MustCompile(`^T[0-9]{4}(\.[0-9]{3})?$`)

// row reads one test.
func (d *decoding) row(e *report.Emitter, r *csvpull.Reader) error {
	d.received++
	at := wire.Moment(r.Get(columnTime))
	if d.started.IsZero() || at.Before(d.started) {
		d.started = at
	}
	if at.After(d.finished) {
		d.finished = at
	}
	id, code := strings.ToUpper(r.Get(columnTechnique)), r.Get(columnExit)
	switch {
	case code == "" && !d.config.Executed:
		e.Skip("test_without_exit_code")
		return nil
	case code != "" && code != "0":
		e.Skip("test_failed")
		return nil
	case !technique.MatchString(id):
		e.Skip("test_without_technique")
		return nil
	}
	a := d.describe(r.Get(columnHost), r.Get(columnIP))
	if a == nil {
		e.Skip("test_without_host")
		return nil
	}
	check := "attack:" + id
	f := &exposure.Finding{
		UID:        connectors.UID(check, Name, connectors.Ident(cmp.Or(r.Get(columnGUID), r.Get(columnNumber), r.Get(columnTest)))),
		Connector:  Name,
		Class:      exposure.ClassDetection,
		Check:      check,
		Title:      cmp.Or(r.Get(columnTest), check),
		Severity:   exposure.SeverityUnknown,
		Status:     exposure.StatusOpen,
		StatusNote: "carried out, and not prevented",
		References: []string{"https://attack.mitre.org/techniques/" + strings.ReplaceAll(id, ".", "/")},
		LastSeen:   at,
		Vendor:     wire.Fields(r.Rest(columnTime, columnTechnique, columnTest, columnHost, columnIP)),
	}
	return e.Observe(a, f)
}

// describeRun says what is known of the run once the log is read, or has broken off.
func (d *decoding) describeRun(e *report.Emitter) exposure.Run {
	return exposure.Run{
		ID: connectors.RunID(Name, d.started, d.finished, strconv.Itoa(d.received)), Source: d.source, Connector: Name, Kind: exposure.RunPartial, Started: d.started, Finished: d.finished,
		Tool: "Invoke-AtomicTest", Counts: map[string]int{"received": d.received, "executed": e.Findings}, Why: "a log holds a choice of techniques",
	}
}
