package shodan

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Shodan source.
type Config struct {
	URL         string        `yaml:"url" json:"url,omitempty" doc:"Address of the API."`
	Key         secret.String `yaml:"key" json:"key,omitzero" doc:"API key of the account. It also checks webhooks, which Shodan signs with it."`
	PreviousKey secret.String `yaml:"previous_key" json:"previous_key,omitzero" doc:"The key before it, while it is being changed; for webhooks alone."`
	Hosts       []string      `yaml:"hosts" json:"hosts,omitempty" doc:"Addresses, or networks of at most 256, that are looked up again with each sync."`
	Zone        string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the addresses. What Shodan sees is the internet, so it is empty unless yours has a name."`
}

const (
	mostHosts    = 4096
	mostOfOneNet = 256
)

func defaults() *Config { return &Config{URL: "https://api.shodan.io"} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if _, err := c.addresses(); err != nil {
		problems = append(problems, fmt.Errorf("hosts: %w", err))
	}
	if len(c.Hosts) > 0 && (c.Key.Empty() || c.URL == "") {
		problems = append(problems, errors.New("key and url: are needed to look up hosts"))
	}
	return problems
}

// addresses are those of hosts, one by one.
func (c *Config) addresses() ([]netip.Addr, error) {
	var out []netip.Addr
	for _, text := range c.Hosts {
		if addr, err := netip.ParseAddr(text); err == nil {
			out = append(out, addr.Unmap())
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network", text)
		}
		network = network.Masked()
		n := 0
		for addr := network.Addr(); network.Contains(addr); addr = addr.Next() {
			if n++; n > mostOfOneNet {
				return nil, fmt.Errorf("%q holds more than %d addresses", text, mostOfOneNet)
			}
			out = append(out, addr)
		}
	}
	if len(out) > mostHosts {
		return nil, fmt.Errorf("there are more than %d addresses", mostHosts)
	}
	return out, nil
}

var docs = connectors.Page{
	Needs: "The account's API key. For webhooks: a webhook notifier of Shodan Monitor that is enabled for your asset groups. For look-ups: the addresses in `hosts`; each costs one request and no credits, at one a second.",
	Maps: "A banner is an open service of a host that faces the internet. Each CVE that Shodan gives is a vulnerability `shodan:<CVE>` at the port; those that it only infers from a version are tagged `unverified`, and those in CISA's catalogue are exploited. " +
		"A trigger of Monitor that is a weakness by itself (open database, expired certificate, malware, industrial control system and the like) is `shodan:trigger:<trigger>` at the port; `new_service` is a service and no finding. Files of `shodan download` and search answers are read too.",
	Fixed:    "Never: Shodan has no word for it, and its silence about a port says little. What is no longer seen goes by the rules for what nobody sees.",
	Coverage: "None. A look-up gives what Shodan's crawlers saw at some time, port by port; a host that it knows nothing of may never have been looked at.",
	Limits:   "Shodan documents that it signs with the API key and SHA-1, but not how: the HMAC-SHA1 of the raw body in hex is accepted, which was not checked against a live webhook. There is no delivery ID and no time in what is signed, so the signature serves as the ID. Banners' raw data is kept as a short excerpt without credentials.",
	Example: `sources:
  - name: shodan-edge
    connector: shodan
    config:
      key: ${env:SHODAN_KEY}
      hosts: [203.0.113.0/28, 198.51.100.7]
`,
}
