package openaudit

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one source of audits.
type Config struct {
	Zone string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the machines. Addresses, MACs and bare host names are only compared inside one zone."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{
	Needs: "The files that Open-AudIT's audit scripts write (XML), or that Open-AudIT exports (JSON), uploaded or sent to the source's webhook.",
	Maps: "Each audit is a host, known by its SMBIOS UUID in both byte orders that sources write it in, its serial number, its names, and the MACs and addresses of its network cards. Addresses that Open-AudIT pads with zeros are " +
		"read as the addresses that they are. Ports that its nmap saw are services. Organisation, contact, registered owner and user are clues to the owner.",
	Fixed:    "An audit knows no weaknesses.",
	Coverage: "None: it says what a machine is, and not what is weak in it. A device whose status is retired or deleted is gone.",
	Limits:   "An audit names no time, so it counts as of when it arrives. Software, users and settings are not read. That a UUID is in the other byte order can be told of VMware's machines alone, whose serial number proves it.",
	Example: `sources:
  - name: open-audit
    connector: openaudit
    config:
      zone: office
`,
}
