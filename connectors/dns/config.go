package dns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one source of zones.
type Config struct {
	Provider  string            `yaml:"provider" json:"provider,omitempty" doc:"Where the zones come from: 'cloudflare', 'powerdns' or 'axfr'. Empty for a source that takes uploads alone."`
	URL       string            `yaml:"url" json:"url,omitempty" doc:"Address of the API, without /api/v1. For Cloudflare it has one by itself."`
	Token     secret.String     `yaml:"token" json:"token,omitzero" doc:"Cloudflare's API token, or PowerDNS's API key."`
	Server    string            `yaml:"server" json:"server,omitempty" doc:"For axfr the name server that allows us transfers, with its port: ns1.example.org:53. For powerdns its server ID, which is localhost."`
	Zones     []string          `yaml:"zones" json:"zones,omitempty" doc:"For axfr the zones to transfer."`
	TSIGName  string            `yaml:"tsig_name" json:"tsig_name,omitempty" doc:"Name of the key that transfers are signed with (RFC 8945)."`
	TSIGKey   secret.String     `yaml:"tsig_key" json:"tsig_key,omitzero" doc:"The key, in base64; HMAC-SHA256."`
	Resolver  string            `yaml:"resolver" json:"resolver,omitempty" doc:"Resolver that is asked whether the targets of CNAMEs outside the zone exist: 192.0.2.53:53. Empty: nobody is asked, and only targets inside a zone are checked."`
	Owners    map[string]string `yaml:"owners" json:"owners,omitempty" doc:"Who owns a zone and the names in it: {shop.example.org: payments}. The closest one counts."`
	AddrScope string            `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the addresses that names resolve to. Addresses are only compared inside one zone."`
	Page      int               `yaml:"page" json:"page,omitempty" doc:"Records per page of Cloudflare, 5 to 5000."`
}

// The providers.
const (
	cloudflare = "cloudflare"
	powerdns   = "powerdns"
	axfr       = "axfr"

	cloudflareURL = "https://api.cloudflare.com"
	leastPerPage  = 5
	mostPerPage   = 5000
)

func defaults() *Config { return &Config{Page: 500} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Page < leastPerPage || c.Page > mostPerPage {
		problem("page: %d is not between %d and %d", c.Page, leastPerPage, mostPerPage)
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problem("url: %w", err)
	}
	if c.Resolver != "" {
		if _, err := netip.ParseAddrPort(c.Resolver); err != nil {
			problem("resolver: wants to be an address with a port, like 192.0.2.53:53")
		}
	}
	if (c.TSIGName == "") != c.TSIGKey.Empty() {
		problem("tsig_name, tsig_key: are needed together")
	}
	switch c.Provider {
	case "":
		if c.URL != "" || c.Server != "" {
			problems = append(problems, errors.New("provider: is needed where url or server is set: cloudflare, powerdns or axfr"))
		}
	case cloudflare:
		if c.Token.Empty() {
			problems = append(problems, errors.New("token: is needed for cloudflare"))
		}
	case powerdns:
		if c.URL == "" || c.Token.Empty() {
			problems = append(problems, errors.New("url, token: are needed for powerdns"))
		}
	case axfr:
		if _, port, err := net.SplitHostPort(c.Server); err != nil || port == "" {
			problems = append(problems, errors.New("server: wants to be a host with a port, like ns1.example.org:53"))
		}
		if len(c.Zones) == 0 {
			problems = append(problems, errors.New("zones: are needed for axfr"))
		}
	default:
		problem("provider: %q is none of cloudflare, powerdns and axfr", c.Provider)
	}
	return problems
}

var docs = connectors.Page{
	Needs: "For Cloudflare, a token with the permission Zone / DNS / Read for all zones. For PowerDNS, its API and key (`api-key`). For AXFR, a name server that allows us transfers (`allow-transfer`), best with a TSIG key.",
	Maps: "Each zone and each name with an address, alias, mail or name server is a domain, known by its full name. A and AAAA records resolve to hosts, CNAME, ALIAS and DNAME to domains; what a name needs, its mail and name servers, it depends on. " +
		"A name that Cloudflare proxies faces the internet. The zone's account and `owners` are clues to the owner. An alias whose target does not exist is a finding `dns:dangling-cname`, of high severity where anybody can register such a target.",
	Fixed: "By absence: the alias is still there in a later sync and its target exists.",
	Coverage: "An alias is covered, for dangling alone, when its target was found: in the same zone if that was read whole, or by asking `resolver`. A resolver that doesn't answer covers nothing, and an alias that was removed isn't looked at any more. " +
		"For everything else the source is an inventory.",
	Limits: "The target of an alias that exists may still be somebody else's. Names with wildcards, and records that lead nowhere (TXT, CAA, TLSA and the like, which may hold tokens), are left out. Cloudflare's zones are checked as whole ones up to one page of records. " +
		"Transfers and the resolver are spoken to without the outbound proxy; they go only to the configured address, which may not be link-local.",
	Example: `sources:
  - name: public-dns
    connector: dns
    config:
      provider: cloudflare
      token: ${env:CLOUDFLARE_TOKEN}
      resolver: 192.0.2.53:53
      owners:
        shop.example.org: payments
`,
}
