package sarif

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/internal/exposure"
)

// trivy makes of a result what its JSON report would say: the same check at the same
// place. What the rule and the message hold is laid out by trivy's own SARIF writer (in
// its versions up to 0.68 at least): the class of a result is its rule's name.
func trivy(n *run, f *exposure.Finding, r *rule, id, text string) {
	said := fields(text)
	if word := cmp.Or(said["Severity"], lastTag(r)); connectors.Severity(word) != exposure.SeverityUnknown {
		f.Severity, f.RawSeverity = connectors.Severity(word), word
	}
	f.Evidence, f.Description = "", cmp.Or(r.Full.Text.String(), text)
	if len(f.CVEs) == 0 {
		f.Advisories = []string{id}
	}
	switch r.Name {
	case "OsPackageVulnerability":
		f.Location = trivyPackage(n, f, id, said, "")
	case "LanguageSpecificPackageVulnerability":
		f.Location = trivyPackage(n, f, id, said, f.Location)
	case "Misconfiguration":
		f.Class, f.Check, f.Advisories = exposure.ClassCompliance, "trivy:misconfig:"+misconfiguration(id), nil
		f.Evidence, f.Remediation = connectors.Redact(said["Message"]), ""
	case "Secret":
		f.Class, f.Check, f.Advisories, f.Vendor = exposure.ClassSecret, "trivy:secret:"+id, nil, nil
		f.Description, f.Evidence = "", connectors.Mask(said["Match"])
		if strings.Contains(said["Match"], "****") {
			f.Evidence = connectors.Redact(said["Match"])
		}
		f.Remediation = "Revoke the secret, then remove it from the file and from the history that still holds it."
	case "License":
		name := id
		if i := strings.LastIndexByte(id, ':'); i >= 0 {
			name = id[i+1:]
			f.Location = cmp.Or(connectors.Ident(id[:i]), said["Path"], f.Location)
		}
		f.Class, f.Check, f.Advisories, f.Remediation = exposure.ClassCompliance, "trivy:license:"+name, nil, ""
	default:
		return
	}
	f.UID = connectors.UID(f.Check, f.Location)
}

// scanners are the checks of trivy's scanners, by the names that its rules have.
var scanners = map[string]string{ //nolint:gochecknoglobals,gosec // a constant table, which names checks and holds no secret
	"OsPackageVulnerability": "trivy:vuln:*", "LanguageSpecificPackageVulnerability": "trivy:vuln:*", "Misconfiguration": "trivy:misconfig:*", "Secret": "trivy:secret:*", "License": "trivy:license:*",
}

// trivyPackage fills in the package and gives the location, as the trivy connector writes
// it.
func trivyPackage(n *run, f *exposure.Finding, id string, said map[string]string, file string) string {
	name, installed, fixed := said["Package"], said["Installed Version"], said["Fixed Version"]
	ecosystem := n.system
	if file != "" {
		ecosystem = connectors.BinaryEcosystem(file, name)
	}
	f.Check = "trivy:vuln:" + id
	f.Package = &exposure.Package{Name: name, Version: installed, FixedIn: fixed, PURL: connectors.PURL(ecosystem, name, installed), Path: file}
	f.Remediation = ""
	if fixed != "" {
		f.Remediation = "Update " + name + " to " + fixed + "."
	}
	return connectors.PackageLocation(f.Package)
}

// fields reads the lines "Package: libssl1.1" of a message.
func fields(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && len(out) < mostMentions {
			if _, twice := out[key]; !twice {
				out[key] = strings.TrimSpace(value)
			}
		}
	}
	return out
}

func lastTag(r *rule) string {
	if n := len(r.Properties.Tags); n > 0 {
		return r.Properties.Tags[n-1]
	}
	return ""
}

var shortID = regexp.MustCompile(`^([A-Z]+)(\d+)$`)

// misconfiguration is a check's ID in its newest form: DS002 and AVD-DS-0002 are DS-0002.
func misconfiguration(id string) string {
	id = strings.TrimPrefix(id, "AVD-")
	if m := shortID.FindStringSubmatch(id); m != nil {
		return fmt.Sprintf("%s-%04s", m[1], m[2])
	}
	return id
}

// systems are those that trivy knows.
var systems = []string{ //nolint:gochecknoglobals // a constant table
	"alma", "alpine", "amazon", "azurelinux", "cbl-mariner", "centos", "chainguard", "debian", "fedora", "opensuse", "oracle", "photon", "redhat", "rocky", "suse", "ubuntu", "wolfi",
}

// marks are how a system's packages are versioned, and how its images are called. Those
// that name a system exactly come first.
var marks = []struct { //nolint:gochecknoglobals // a constant table
	version *regexp.Regexp
	image   string
	system  string
}{
	{regexp.MustCompile(`ubuntu`), "", "ubuntu"},
	{regexp.MustCompile(`\+deb\d+|~bpo`), "", "debian"},
	{regexp.MustCompile(`\.amzn\d`), "", "amazon"},
	{regexp.MustCompile(`\.fc\d\d`), "", "fedora"},
	{regexp.MustCompile(`\.ph\d`), "", "photon"},
	{regexp.MustCompile(`\.azl\d`), "", "azurelinux"},
	{regexp.MustCompile(`\.cm\d`), "", "cbl-mariner"},
	{regexp.MustCompile(`-r\d+$`), "wolfi", "wolfi"},
	{regexp.MustCompile(`-r\d+$`), "chainguard", "chainguard"},
	{regexp.MustCompile(`-r\d+$`), "", "alpine"},
	{regexp.MustCompile(`\.(?:module\+)?el\d`), "centos", "centos"},
	{regexp.MustCompile(`\.(?:module\+)?el\d`), "rocky", "rocky"},
	{regexp.MustCompile(`\.(?:module\+)?el\d`), "alma", "alma"},
	{regexp.MustCompile(`\.(?:module\+)?el\d`), "oracle", "oracle"},
	{regexp.MustCompile(`\.(?:module\+)?el\d`), "", "redhat"},
	{regexp.MustCompile(`-`), "ubuntu", "ubuntu"},
	{regexp.MustCompile(`-`), "opensuse", "opensuse"},
	{regexp.MustCompile(`-`), "suse", "suse"},
	{regexp.MustCompile(`-`), "", "debian"},
}

// guessSystem looks through the results of a report of trivy's for what gives its system
// away: all packages of one image are of one.
func (d *decoding) guessSystem(n *run, from *jsonpull.Reader) error {
	if n.system = d.config.System; n.system != "" || !strings.EqualFold(n.driver.name, "trivy") {
		return nil
	}
	image := strings.ToLower(n.props.ImageName.String() + " " + strings.Join(n.props.RepoTags, " "))
	best := len(marks)
	err := n.results.Each(from, func(r *jsonpull.Reader) error {
		var res result
		if _, ok := r.Into(largestItem, &res); !ok {
			return nil
		}
		if _, rule := n.lookup(&res); rule.Name != "OsPackageVulnerability" {
			return nil
		}
		version := fields(res.Message.Text.String())["Installed Version"]
		for i := range marks[:best] {
			if marks[i].version.MatchString(version) && strings.Contains(image, marks[i].image) {
				best = i
				break
			}
		}
		return nil
	})
	if best < len(marks) {
		n.system = marks[best].system
	}
	return err
}
