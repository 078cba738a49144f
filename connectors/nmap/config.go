package nmap

import (
	"fmt"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one nmap source.
type Config struct {
	Zone      string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Addresses, MACs and bare host names are only compared inside one zone."`
	OpenPorts string `yaml:"open_ports" json:"open_ports,omitempty" doc:"What an open port becomes besides a service of its host: 'findings' tracks each as an informational finding that a TCP connect can re-test; 'services' leaves it at the service."`
}

// The values of Config.OpenPorts.
const (
	openFindings = "findings"
	openServices = "services"
)

func defaults() *Config { return &Config{OpenPorts: openFindings} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	if c.OpenPorts != openFindings && c.OpenPorts != openServices {
		return []error{fmt.Errorf("open_ports: %q is neither %q nor %q", c.OpenPorts, openFindings, openServices)}
	}
	return nil
}

var docs = connectors.Page{
	Needs:    "The XML that `nmap -oX` writes, sent to the source's webhook, uploaded, or given to `quell ingest`.",
	Maps:     `Each host that is up is a host, known by its addresses, its MAC and the name it was scanned by; names from reverse DNS are weak. Open ports are its services and, unless ` + "`open_ports: services`" + `, informational findings "nmap:open-port" at "22/tcp". Scripts that report weaknesses (vulners, vulscan, *-vuln-*, ssl-*, *-default-accounts, and whatever says VULNERABLE) are findings "nmap:" and the script's name, with the CVEs that they name; vulners and vulscan only compare version banners, which is noted. Other scripts' output is evidence of their port.`,
	Fixed:    "By absence from a later, complete scan that looked at the port.",
	Coverage: `A run is complete if nmap says that it finished with success, at least one host was scanned, and as many hosts are listed as were up. Looked at are the ports of a host that answered: those reported open or closed. A filtered port, a host that is down, or one that timed out proves nothing, and neither does a scan without ports (-sn). Of scripts, only those count as run that the command line names one by one or by a pattern like "http-vuln-*", since a category's members are not in the report; vulners and vulscan only together with version detection.`,
	Limits:   `Output of masscan and naabu in nmap's format is read, but says nothing of closed ports, so nothing is concluded from absence. Results of IP protocol scans (-sO) are left out.`,
	Example: `sources:
  - name: nmap-perimeter
    connector: nmap
    config:
      zone: internet
      open_ports: findings
`,
}
