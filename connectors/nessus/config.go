package nessus

import (
	"fmt"
	"time"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one Nessus source.
type Config struct {
	Zone     string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Addresses, MACs and bare host names are only compared inside one zone."`
	TimeZone string `yaml:"time_zone" json:"time_zone,omitempty" doc:"IANA time zone of the scanner, for old reports whose times name none."`
	Plugins  string `yaml:"plugins" json:"plugins,omitempty" doc:"Which plugins a scan is taken to have run: 'report' believes the report's own policy; 'all' says that every scan of this source runs all plugins, for reports that were exported without their policy."`
}

// The values of Config.Plugins.
const (
	pluginsReport = "report"
	pluginsAll    = "all"
)

func defaults() *Config { return &Config{TimeZone: "UTC", Plugins: pluginsReport} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		problems = append(problems, fmt.Errorf("time_zone: %q isn't an IANA time zone like Europe/Berlin", c.TimeZone))
	}
	if c.Plugins != pluginsReport && c.Plugins != pluginsAll {
		problems = append(problems, fmt.Errorf("plugins: %q is neither %q nor %q", c.Plugins, pluginsReport, pluginsAll))
	}
	return problems
}

var docs = connectors.Page{
	Needs:    `A report exported as "Nessus" (.nessus), sent to the source's webhook, uploaded, or given to ` + "`quell ingest`" + `. Export all severities and leave the policy in: a report that was filtered at export tells less than it seems to.`,
	Maps:     `Each ReportHost is a host, known by the Tenable host ID, BIOS UUID, AWS instance, serial number, FQDN, MAC, NetBIOS name and address, as far as the scan could tell; ports are its services. Each ReportItem is a finding: check "nessus:" and the plugin's number, location "443/tcp" (none for the host itself), all CVEs, CWEs and cross references of the plugin, CVSS 2, 3 and 4, the plugin's output as evidence. Where a plugin speaks again of one port, that is one finding with its outputs joined. Severity is Nessus' own (0 to 4). "Exploited by malware" and CISA's known-exploited reference count as active exploitation, an available exploit as a proof of concept. A check of an audit file is a compliance finding "nessus-audit:" and the check's ID, one of the Tenable.ot family "nessus-ot:" and the plugin's number. Plugins that only work with credentials are tagged "local".`,
	Fixed:    `By absence from a later, complete report that covers host and plugin; an audit check also by its own PASSED.`,
	Coverage: `A run is complete if the document is whole, names at least one host, and every host has its HOST_END. A host counts as looked at if it has its HOST_END and its scan information (plugin 19506), and no plugin reports that the given credentials failed; a host that was considered dead counts as unreachable. The plugins that ran are taken from the report's policy: its plugin_set where that names at most 20,000, else "all" if every family of plugins is enabled (but for port scanners, audits and Tenable.ot, which default policies leave off, and which "all" therefore leaves out). If another family is off, or the policy is missing, nothing is concluded from absence, unless ` + "`plugins: all`" + ` says that this source always runs everything.`,
	Limits:   `Version 1 reports are refused. Texts are cut (description 8 KB, output 4 KB). Attachments, and the knowledge base, are not read.`,
	Example: `sources:
  - name: nessus-dc1
    connector: nessus
    config:
      zone: dc1
      time_zone: Europe/Berlin
      plugins: report
`,
}
