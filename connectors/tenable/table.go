package tenable

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// table reads the CSV. The columns of Nessus' own are some of those of Tenable VM's.
type table struct {
	*decoding
	key string // of the last row's host
}

// mappedColumns have a place of ours.
var mappedColumns = []string{ //nolint:gochecknoglobals // a constant table
	"Plugin ID", "CVE", "Risk", "Severity", "Host", "Protocol", "Port", "Name", "Synopsis", "Description", "Solution", "See Also", "Plugin Output", "Vulnerability State",
	"IP Address", "FQDN", "NetBios", "OS", "Plugin Family", "CVSS Base Score", "CVSS v2.0 Base Score", "CVSS Vector", "CVSS3 Base Score", "CVSS v3.0 Base Score",
	"CVSS3 Vector", "CVSS v3.0 Vector", "First Found", "Last Found", "Last Fixed", "BID", "XREF", "System Type",
}

func (t *table) row(e *report.Emitter, r *csvpull.Reader) error {
	t.why = "a table does not say what was looked at"
	if r.Get("Plugin ID") == "" {
		e.Skip("row_without_plugin")
		return nil
	}
	host := cmp.Or(r.Get("Host"), r.Get("IP Address"), r.Get("FQDN"))
	if host == "" {
		e.Skip("row_without_host")
		return nil
	}
	key := strings.Join([]string{host, r.Get("IP Address"), r.Get("FQDN"), r.Get("NetBios"), r.Get("OS")}, "\x00")
	if t.asset == nil || t.key != key {
		t.key, t.asset = key, t.host(r)
	}
	f := t.finding(r)
	t.saw(f.LastSeen)
	return e.Observe(t.asset, f)
}

// host describes the row's host. A table has no names of Tenable's own, so that what is
// left is the host's: where it is of no use, as with a loopback address, the name alone
// holds findings together.
func (t *table) host(r *csvpull.Reader) *asset.Description {
	names := []string{r.Get("Host"), r.Get("FQDN"), r.Get("NetBios")}
	desc := &asset.Description{Kind: asset.Host, Name: cmp.Or(r.Get("FQDN"), r.Get("Host"), r.Get("IP Address")), OS: r.Get("OS"), Zone: t.config.Zone}
	desc.Identifiers = connectors.HostIdentifiers(t.config.Zone, names, []string{r.Get("IP Address")}, nil)
	desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.Label, Value: connectors.Ident(cmp.Or(r.Get("Host"), desc.Name))})
	if kind := r.Get("System Type"); kind != "" {
		desc.Tags = map[string]string{"device_type": kind}
	}
	return desc
}

func (t *table) finding(r *csvpull.Reader) *exposure.Finding {
	w := wireFinding{
		Output: wire.Text(r.Get("Plugin Output")), Severity: wire.Text(cmp.Or(r.Get("Risk"), r.Get("Risk Factor"))), State: wire.Text(r.Get("Vulnerability State")),
		Modification: wire.Text(r.Get("Modification")),
		FirstFound:   wire.Time{Time: wire.Moment(r.Get("First Found"))},
		LastFound:    wire.Time{Time: wire.Moment(cmp.Or(r.Get("Last Found"), r.Get("Host End")))},
		LastFixed:    wire.Time{Time: wire.Moment(r.Get("Last Fixed"))},
		Indexed:      wire.Time{Time: wire.Moment(r.Get("Indexed At"))},
	}
	p := &w.Plugin
	p.ID, p.Name, p.Family = wire.Text(r.Get("Plugin ID")), wire.Text(r.Get("Name")), wire.Text(r.Get("Plugin Family"))
	p.Synopsis, p.Description, p.Solution = wire.Text(r.Get("Synopsis")), wire.Text(r.Get("Description")), wire.Text(r.Get("Solution"))
	p.SeeAlso, p.CVE = strings.Fields(r.Get("See Also")), split(r.Get("CVE"))
	p.BID = split(r.Get("BID"))
	for _, x := range split(r.Get("XREF")) {
		scheme, id, ok := strings.Cut(x, ":")
		if !ok {
			scheme, id = "", x
		}
		p.XRefs = append(p.XRefs, wireXRef{wire.Text(scheme), wire.Text(id)})
	}
	p.Exploit, p.Malware = yes(r.Get("Exploit Available")), yes(r.Get("Exploited by Malware"))
	p.CVSS2, p.Vector2.Raw = number(r.Get("CVSS Base Score", "CVSS v2.0 Base Score", "CVSS")), wire.Text(r.Get("CVSS Vector"))
	p.CVSS3, p.Vector3.Raw = number(r.Get("CVSS3 Base Score", "CVSS v3.0 Base Score")), wire.Text(r.Get("CVSS3 Vector"))
	w.SeverityID = number(r.Get("Severity"))
	w.Port.Port, w.Port.Protocol = number(r.Get("Port")), wire.Text(r.Get("Protocol"))
	w.Asset.IPv4 = wire.Texts{cmp.Or(r.Get("IP Address"), r.Get("Host"))}
	f := t.translate(&w)
	f.Vendor = wire.Fields(r.Rest(mappedColumns...))
	return f
}

func split(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == '\n' || c == ' ' || c == ';' })
}

func yes(text string) wire.Flag {
	return wire.Flag(strings.EqualFold(text, "true") || strings.EqualFold(text, "yes"))
}

func number(text string) wire.Number {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || f > 1e9 || f < -1e9 {
		return wire.Number{}
	}
	return wire.Number{Value: f, OK: true}
}
