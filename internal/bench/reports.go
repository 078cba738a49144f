// Package bench makes reports of any size and measures quell with them. Its command prints
// one line per figure; docs/benchmarks.md keeps them.
package bench

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"time"
)

// Report is a generated report: findings spread evenly over hosts. It is made while it is
// read, so that measuring doesn't hold it in memory either.
type Report struct {
	Format   string // nuclei, nessus, trivy, nmap
	Findings int
	Hosts    int       // at most Findings
	At       time.Time // when the scan ran
	// Changed leaves out every so many-th finding and adds as many others: 100 is a
	// re-scan with one percent of change. Zero changes nothing.
	Changed int
}

// checks is how many different checks the findings are of. Like words in a text, their
// number grows with the root of the findings': 1,000 for 10,000, 10,000 for a million.
func (r Report) checks() int { return max(1, int(10*math.Sqrt(float64(r.Findings)))) }

// Open gives the report's bytes.
func (r Report) Open() io.Reader {
	return &generator{report: r, part: parts(r)}
}

// generator fills a buffer with one part after the other.
type generator struct {
	report Report
	part   func(w *bytes.Buffer) bool // writes the next part; false at the end
	buffer bytes.Buffer
	ended  bool
}

// Read implements io.Reader.
func (g *generator) Read(p []byte) (int, error) {
	for g.buffer.Len() < len(p) && !g.ended {
		g.ended = !g.part(&g.buffer)
	}
	if g.buffer.Len() == 0 {
		return 0, io.EOF
	}
	return g.buffer.Read(p)
}

// finding is the check number of the i-th finding: a changed one has another.
func (r Report) finding(i int) int {
	if r.Changed > 0 && i%r.Changed == r.Changed/2 {
		return i + r.Findings + 1 // one more, since check numbers wrap around
	}
	return i
}

// changes is how many findings are changed.
func (r Report) changes() int {
	if r.Changed == 0 {
		return 0
	}
	return (r.Findings - r.Changed/2 + r.Changed - 1) / r.Changed
}

func parts(r Report) func(*bytes.Buffer) bool {
	perHost := max(1, r.Findings/max(1, r.Hosts))
	i := 0
	started := false
	open, one, newHost, closing := writers(r)
	return func(w *bytes.Buffer) bool {
		if !started {
			started = true
			open(w)
		}
		if i == r.Findings {
			if i > 0 && newHost != nil {
				newHost(w, -1, false)
			}
			closing(w)
			return false
		}
		if newHost != nil && i%perHost == 0 {
			newHost(w, i/perHost, i > 0)
		}
		one(w, i/perHost, i%perHost, r.finding(i))
		i++
		return true
	}
}

func address(host int) string {
	return fmt.Sprintf("10.%d.%d.%d", host>>16&0xff, host>>8&0xff, host&0xff)
}

func name(host int) string { return fmt.Sprintf("host-%d.bench.example.com", host) }

type (
	writeText    func(w *bytes.Buffer)
	writeFinding func(w *bytes.Buffer, host, nth, check int)
	writeHost    func(w *bytes.Buffer, host int, endLast bool) // host -1 ends the last one only
)

const description = "The server answers with a file that was never meant to be served. An attacker who reads it learns how the application is built, " +
	"which paths exist and sometimes the credentials that it was deployed with. Remove the file from the web root and deny access to the directory."

func writers(r Report) (open writeText, one writeFinding, newHost writeHost, closing writeText) {
	none := func(*bytes.Buffer) {}
	switch r.Format {
	case "nuclei":
		return none, r.nuclei, nil, none
	case "nessus":
		return r.nessusOpen, r.nessusItem, r.nessusHost, func(w *bytes.Buffer) { w.WriteString("</Report>\n</NessusClientData_v2>\n") }
	case "nmap":
		return r.nmapOpen, r.nmapPort, r.nmapHost, r.nmapEnd
	case "trivy":
		return r.trivyOpen, r.trivyVulnerability, nil, func(w *bytes.Buffer) { w.WriteString("]}]}\n") }
	}
	panic("generating a report: unknown format " + r.Format) // a caller of ours names the format
}

func (r Report) nuclei(w *bytes.Buffer, host, nth, check int) {
	kind := check % r.checks()
	fmt.Fprintf(w, `{"template-id":"check-%d","template-path":"http/check-%d.yaml","info":{"name":"Exposed file %d","author":["bench"],"tags":["exposure","config"],"description":"%s","severity":"%s","reference":["https://example.com/checks/%d"],"classification":{"cve-id":null,"cwe-id":["cwe-200"],"cvss-metrics":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N","cvss-score":5.3}},"type":"http","host":"%s","port":"443","scheme":"https","url":"https://%s","matched-at":"https://%s/file-%d","ip":"%s","timestamp":"%s","curl-command":"curl -X GET https://%s/file-%d","matcher-status":true}`+"\n",
		kind, kind, kind, description, severity(kind), kind, name(host), name(host), name(host), nth, address(host), r.At.Format(time.RFC3339Nano), name(host), nth)
}

func severity(check int) string {
	return [...]string{"info", "low", "medium", "high", "critical"}[check%5]
}

func (r Report) nessusOpen(w *bytes.Buffer) {
	w.WriteString(`<?xml version="1.0" ?>` + "\n<NessusClientData_v2>\n<Policy><policyName>bench</policyName><FamilySelection><FamilyItem><FamilyName>Web Servers</FamilyName><Status>enabled</Status></FamilyItem></FamilySelection></Policy>\n<Report name=\"bench\">\n")
}

func (r Report) nessusHost(w *bytes.Buffer, host int, endLast bool) {
	if endLast || host < 0 {
		w.WriteString("</ReportHost>\n")
	}
	if host < 0 {
		return
	}
	at := r.At.Format("Mon Jan _2 15:04:05 2006")
	fmt.Fprintf(w, `<ReportHost name="%s"><HostProperties><tag name="HOST_START">%s</tag><tag name="host-ip">%s</tag><tag name="host-fqdn">%s</tag><tag name="operating-system">Linux Kernel 6.1</tag><tag name="Credentialed_Scan">true</tag><tag name="HOST_END">%s</tag></HostProperties>`+"\n",
		name(host), at, address(host), name(host), at)
}

func (r Report) nessusItem(w *bytes.Buffer, _, nth, check int) {
	if nth == 0 { // without its scan information a host doesn't count as looked at
		w.WriteString(`<ReportItem port="0" svc_name="general" protocol="tcp" severity="0" pluginID="19506" pluginName="Nessus Scan Information" pluginFamily="Settings"><plugin_output>Credentialed checks : yes</plugin_output><risk_factor>None</risk_factor><synopsis>This plugin displays information about the Nessus scan.</synopsis></ReportItem>` + "\n")
		return
	}
	kind := check % r.checks()
	fmt.Fprintf(w, `<ReportItem port="%d" svc_name="www" protocol="tcp" severity="%d" pluginID="%d" pluginName="Weakness %d" pluginFamily="Web Servers"><agent>all</agent><cvss3_base_score>5.3</cvss3_base_score><cvss3_vector>CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N</cvss3_vector><cve>CVE-2023-%d</cve><description>%s</description><plugin_output>found at /file-%d</plugin_output><risk_factor>Medium</risk_factor><solution>Upgrade to the newest version.</solution><synopsis>The server serves too much.</synopsis></ReportItem>`+"\n",
		1+nth%20, kind%5, 200000+kind, kind, 10000+kind, description, nth)
}

func (r Report) nmapOpen(w *bytes.Buffer) {
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<nmaprun scanner="nmap" args="nmap -sV" start="%d" version="7.93" xmloutputversion="1.05"><scaninfo type="connect" protocol="tcp" numservices="65535" services="1-65535"/>`+"\n", r.At.Unix())
}

func (r Report) nmapHost(w *bytes.Buffer, host int, endLast bool) {
	if endLast || host < 0 {
		w.WriteString("</ports></host>\n")
	}
	if host < 0 {
		return
	}
	fmt.Fprintf(w, `<host starttime="%d" endtime="%d"><status state="up" reason="syn-ack"/><address addr="%s" addrtype="ipv4"/><hostnames><hostname name="%s" type="user"/></hostnames><ports>`+"\n",
		r.At.Unix(), r.At.Unix(), address(host), name(host))
}

func (r Report) nmapPort(w *bytes.Buffer, _, nth, check int) {
	fmt.Fprintf(w, `<port protocol="tcp" portid="%d"><state state="open" reason="syn-ack" reason_ttl="0"/><service name="http" product="nginx" version="1.%d" method="probed" conf="10"><cpe>cpe:/a:igor_sysoev:nginx:1.%d</cpe></service></port>`+"\n",
		1+nth%65535, check%30, check%30)
}

func (r Report) nmapEnd(w *bytes.Buffer) {
	fmt.Fprintf(w, `<runstats><finished time="%d" elapsed="10" exit="success"/><hosts up="%d" down="0" total="%d"/></runstats></nmaprun>`+"\n", r.At.Unix(), r.Hosts, r.Hosts)
}

func (r Report) trivyOpen(w *bytes.Buffer) {
	fmt.Fprintf(w, `{"SchemaVersion":2,"CreatedAt":"%s","ArtifactName":"registry.example.com/bench:1","ArtifactType":"container_image","Metadata":{"ImageID":"sha256:%064d","RepoTags":["registry.example.com/bench:1"]},"Results":[{"Target":"bench (debian 12)","Class":"os-pkgs","Type":"debian","Vulnerabilities":[`,
		r.At.Format(time.RFC3339Nano), 4711)
}

func (r Report) trivyVulnerability(w *bytes.Buffer, host, nth, check int) {
	if host+nth > 0 {
		w.WriteByte(',')
	}
	fmt.Fprintf(w, `{"VulnerabilityID":"CVE-2023-%d","PkgID":"lib%d@1.2.3","PkgName":"lib%d","PkgIdentifier":{"PURL":"pkg:deb/debian/lib%d@1.2.3?arch=amd64","UID":"%016x"},"InstalledVersion":"1.2.3","FixedVersion":"1.2.4","Status":"fixed","Layer":{"DiffID":"sha256:%064d"},"SeveritySource":"debian","PrimaryURL":"https://example.com/CVE-2023-%d","Title":"overflow in lib%d","Description":"%s","Severity":"HIGH","CweIDs":["CWE-787"],"VendorSeverity":{"debian":1,"nvd":3},"CVSS":{"nvd":{"V3Vector":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N","V3Score":7.5}},"References":["https://example.com/a","https://example.com/b"],"PublishedDate":"2023-04-01T00:00:00Z","LastModifiedDate":"2023-05-01T00:00:00Z"}`,
		10000+check%80000, check, check, check, check, check%7, 10000+check%80000, check, description)
}
