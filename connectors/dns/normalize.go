package dns

import (
	"cmp"
	"net/netip"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// checkDangling is the one check of the connector.
const checkDangling = Name + ":dangling-cname"

// canonical gives a name in lower case without the final dot.
func canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
}

// aliases are the types of records by which a name is another one.
func alias(kind string) bool {
	switch kind {
	case "CNAME", "ALIAS", "ANAME", "DNAME":
		return true
	}
	return false
}

// target is the name that a record leads to: the last word, behind a priority.
func (r *record) target() string {
	words := strings.Fields(r.Content.String())
	if len(words) == 0 {
		return ""
	}
	return canonical(words[len(words)-1])
}

// domain begins the description of a name.
func (d *decoding) domain(name string) *asset.Description {
	a := &asset.Description{Kind: asset.Domain, Name: name, Identifiers: []asset.Identifier{{Kind: asset.FQDN, Scope: "", Value: name}}, Tags: map[string]string{}}
	if d.zone != "" {
		a.Tags["zone"] = d.zone
	}
	for at := name; at != ""; _, at, _ = strings.Cut(at, ".") {
		if owner := d.config.Owners[at]; owner != "" {
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: owner, From: "owner of zone " + at})
			break
		}
	}
	return a
}

// describe describes the name of a record and what it leads to; nil, with the reason, for
// one that says nothing of an asset.
func (d *decoding) describe(r *record) (*asset.Description, string) {
	name, kind := canonical(r.Name.String()), strings.ToUpper(r.Type.String())
	if kind == "SRV" { // belongs to the name that offers the service
		for strings.HasPrefix(name, "_") {
			_, name, _ = strings.Cut(name, ".")
		}
	}
	switch {
	case bool(r.Disabled):
		return nil, "record_disabled"
	case name == "" || strings.HasPrefix(name, "_"):
		return nil, "record_that_leads_nowhere"
	case strings.Contains(name, "*"):
		return nil, "record_with_wildcard"
	}
	a := d.domain(name)
	a.SeenAt = r.Modified.Time
	to := r.target()
	edge := asset.Edge{Kind: asset.EdgeResolvesTo, To: asset.Identifier{Kind: asset.FQDN, Value: to}, ToKind: asset.Domain, ToName: to}
	switch {
	case kind == "A" || kind == "AAAA":
		ip, err := netip.ParseAddr(to)
		if err != nil {
			return nil, "record_with_malformed_address"
		}
		edge.To, edge.ToKind, edge.ToName = asset.Identifier{Kind: asset.IP, Scope: d.config.AddrScope, Value: ip.String()}, asset.Host, ip.String()
	case alias(kind):
		edge.Note = strings.ToLower(kind)
	case kind == "MX" || kind == "NS" || kind == "SRV":
		edge.Kind, edge.Note = asset.EdgeDependsOn, strings.ToLower(kind)
	default:
		return nil, "record_that_leads_nowhere"
	}
	if to == "" { // "." says that there is no such service
		return nil, "record_that_leads_nowhere"
	}
	a.Edges = []asset.Edge{edge}
	if r.Proxied {
		a.Internet = asset.InternetYes
		a.Edges[0].Note = strings.TrimPrefix(edge.Note+" proxied", " ")
	}
	if comment := r.Comment.String(); comment != "" {
		a.Tags["comment"] = connectors.Redact(comment)
	}
	for _, tag := range r.Tags {
		key, value, _ := strings.Cut(tag, ":")
		a.Tags["tag "+key] = cmp.Or(value, "yes")
		switch strings.ToLower(key) {
		case "owner", "team":
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: value, From: "tag " + key})
		}
	}
	return a, ""
}

// zoneOf describes a zone of a list.
func (d *decoding) zoneOf(r *record) *asset.Description {
	a := d.domain(canonical(r.Name.String()))
	delete(a.Tags, "zone")
	for name, value := range map[string]string{"status": r.Status.String(), "type": cmp.Or(r.Type.String(), r.Kind.String()), "name_servers": strings.Join(r.NameServers, ",")} {
		if value != "" {
			a.Tags[name] = value
		}
	}
	a.SeenAt = r.Modified.Time
	if r.Account != "" {
		a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: string(r.Account), From: "account"})
	}
	return a
}

// claimable are the domains in which anybody can register a name that was given up.
var claimable = []string{ //nolint:gochecknoglobals // a constant table
	"azurewebsites.net", "cloudapp.net", "cloudapp.azure.com", "trafficmanager.net", "blob.core.windows.net", "azureedge.net", "azure-api.net", "azurefd.net", "amazonaws.com", "elasticbeanstalk.com",
	"herokuapp.com", "herokudns.com", "github.io", "gitlab.io", "netlify.app", "vercel.app", "pantheonsite.io", "ghost.io", "myshopify.com", "surge.sh", "readthedocs.io", "bitbucket.io", "zendesk.com",
	"fastly.net", "unbouncepages.com", "helpscoutdocs.com", "wpengine.com", "firebaseapp.com", "web.app", "fly.dev", "onrender.com", "webflow.io",
}

// dangling is the finding of an alias whose target does not exist.
func (d *decoding) dangling(name, to string) *exposure.Finding {
	f := &exposure.Finding{
		UID: connectors.UID(checkDangling, connectors.Ident(to)), Connector: Name, Class: exposure.ClassVulnerability, Check: checkDangling, Location: connectors.Ident(to),
		Title:       "Alias of a name that does not exist: " + name,
		Description: name + " is an alias (CNAME) of " + to + ", which does not exist. Whoever can register that name receives what is meant for " + name + ".",
		Remediation: "Remove the alias, or point it to a name that exists.", Severity: exposure.SeverityMedium, CWEs: []string{"CWE-350"}, Status: exposure.StatusOpen, Target: name,
	}
	for _, suffix := range claimable {
		if strings.HasSuffix(to, "."+suffix) {
			f.Severity, f.RawSeverity = exposure.SeverityHigh, "claimable"
		}
	}
	return f
}
