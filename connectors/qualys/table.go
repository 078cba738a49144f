package qualys

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

// table reads the CSV of reports: VMDR's by CVE and by QID, and that of the older scan and
// host based reports. Before the names of the columns stand a few lines about the report.
func (d *decoding) table(ctx context.Context, head []byte, body io.Reader, sink connectors.Sink) error {
	skip, _, ok := header(head)
	if !ok {
		return report.Unknown(csvFormat)
	}
	d.result.Why = "a report shows what its template lets through"
	t := &rows{decoding: d}
	r := csvpull.NewReader(body, csvFormat)
	r.SkipLines(skip)
	f := report.Format{Name: csvFormat, Sink: report.JoinCVEs(ctx, sink), Run: d.run}
	return f.CSV(ctx, r, []string{"QID", "Title", "Severity"}, t.row)
}

// header finds the line of the columns' names among the first ones.
func header(head []byte) (skip int, line []byte, ok bool) {
	const most, columns = 30, 10
	for skip < most {
		line, rest, more := bytes.Cut(head, []byte("\n"))
		if bytes.Contains(line, []byte("QID")) && bytes.Contains(line, []byte("Title")) && bytes.Contains(line, []byte("Severity")) && bytes.Count(line, []byte(",")) >= columns {
			return skip, line, true
		}
		if !more {
			break
		}
		head = rest
		skip++
	}
	return 0, nil, false
}

type rows struct {
	*decoding
	key  string
	desc *asset.Description
}

// mappedColumns have a place of ours.
var mappedColumns = []string{ //nolint:gochecknoglobals // a constant table
	"CVE", "CVE ID", "CVE-Description", "QID", "Title", "Severity", "Last Detected", "First Detected", "Protocol", "Port", "Status", "Vuln Status", "Asset Id", "Asset Name", "Asset IPV4", "Asset IPV6",
	"IP", "DNS", "NetBIOS", "OS", "Operating System", "Solution", "Asset Tags", "Disabled", "Ignored", "Category", "Last Fixed", "Threat", "Impact", "Results", "CVSSv2 Base (nvd)", "CVSSv3.1 Base (nvd)", "CVSS3 Base", "CVSS Base", "Host ID",
}

func (t *rows) row(e *report.Emitter, r *csvpull.Reader) error {
	get := func(names ...string) string {
		for _, name := range names {
			if v := r.Get(name); !none(v) {
				return v
			}
		}
		return ""
	}
	qid := get("QID")
	key := strings.Join([]string{get("Asset Id", "Host ID"), get("Asset Name", "DNS"), get("Asset IPV4", "IP"), get("Asset IPV6"), get("NetBIOS")}, "\x00")
	if qid == "" || strings.Trim(key, "\x00") == "" {
		e.Skip("row_without_qid_or_asset")
		return nil
	}
	if t.desc == nil || t.key != key {
		t.key, t.desc = key, t.asset(get)
	}
	if !identified(t.desc, get("Asset Name", "DNS", "IP")) {
		e.Skip("row_without_qid_or_asset")
		return nil
	}
	f := t.finding(rowDraft(get), rowDetail(get))
	f.Vendor = wire.Fields(r.Rest(mappedColumns...))
	return e.Observe(t.desc, f)
}

func (t *rows) asset(get func(...string) string) *asset.Description {
	names := []string{get("Asset Name"), get("DNS"), get("FQDN"), get("NetBIOS")}
	ips := split(get("Asset IPV4", "IP") + "," + get("Asset IPV6"))
	desc := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(get("Asset Name"), get("DNS"), get("NetBIOS"), get("IP"), get("Asset IPV4"), get("Asset IPV6"), get("Asset Id")), OS: get("Operating System", "OS"), Zone: t.config.Zone,
		Identifiers: numbers(get("Host ID"), get("Asset Id"), ""),
	}
	desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(t.config.Zone, names, ips, nil)...)
	tags := map[string]string{}
	var plain []string
	for _, tag := range split(get("Asset Tags")) {
		if name, value, ok := strings.Cut(tag, ":"); ok {
			tags[strings.TrimSpace(name)] = strings.TrimSpace(value)
			continue
		}
		plain = append(plain, tag)
	}
	if len(plain) > 0 {
		tags["tags"] = strings.Join(plain, ", ")
	}
	desc.Tags, desc.OwnerHints = connectors.SplitTags(tags)
	return desc
}

func split(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); !none(part) {
			out = append(out, part)
		}
	}
	return out
}

func rowDraft(get func(...string) string) *draft {
	return &draft{
		qid: get("QID"), kind: get("Type Detected", "Type"), severity: get("Severity"), port: get("Port"), protocol: get("Protocol"), ssl: get("SSL"),
		fqdn: get("FQDN"), instance: get("Instance"), status: get("Status", "Vuln Status"), results: get("Results"),
		firstFound: moment(get("First Detected")), lastFound: moment(get("Last Detected")), lastFixed: moment(get("Last Fixed", "Date Last Fixed")),
		ignored: truth(get("Ignored"), "ignored") != "", disabled: truth(get("Disabled"), "disabled") != "",
	}
}

func rowDetail(get func(...string) string) *detail {
	k := &detail{
		title: get("Title"), category: get("Category"), description: paragraphs(get("CVE-Description"), get("Threat"), get("Impact")),
		remediation: connectors.Plain(get("Solution")), cves: split(get("CVE", "CVE ID")),
	}
	k.addScore(before(get("CVSSv3.1 Base (nvd)", "CVSS3 Base", "CVSS3.1 Base")), inside(get("CVSS3 Base", "CVSS3.1 Base")), "CVSS:3.1/", "3.1")
	k.addScore(before(get("CVSSv2 Base (nvd)", "CVSS Base")), inside(get("CVSS Base")), "", "2.0")
	for _, id := range split(get("Bugtraq ID")) {
		k.advisories = append(k.advisories, "BID:"+id)
	}
	k.advisories = append(k.advisories, split(get("Vendor Reference"))...)
	if get("Exploitability") != "" {
		k.exploit = "poc"
	}
	if get("Associated Malware") != "" || strings.Contains(strings.ToLower(get("RTI")), "active attack") || strings.Contains(strings.ToLower(get("RTI")), "active exploit") {
		k.exploit = "active"
	}
	return k
}

// before and inside take apart "5.0 (AV:N/…)".
func before(text string) string {
	number, _, _ := strings.Cut(text, "(")
	return strings.TrimSpace(number)
}

func inside(text string) string {
	_, vector, _ := strings.Cut(text, "(")
	return strings.Trim(vector, "() ")
}
