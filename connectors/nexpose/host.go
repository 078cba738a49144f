package nexpose

import (
	"cmp"
	"net"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
)

// host is what a <node> says of the host.
type host struct {
	address, status, device, hardware string
	site, template, unique            string
	names                             []string
	os                                string
	certainty                         float64
	services                          []asset.Service
}

const (
	mostNames    = 256
	mostServices = 4096
)

func newHost(r *xmlpull.Reader) *host {
	return &host{
		address: strings.TrimSpace(string(r.Attr("address"))), status: strings.ToLower(string(r.Attr("status"))), device: string(r.Attr("device-id")),
		hardware: mac(string(r.Attr("hardware-address"))), site: string(r.Attr("site-name")), template: string(r.Attr("scan-template")), unique: string(r.Attr("unique-id")),
	}
}

func (h *host) addName(name string) {
	if name != "" && len(h.names) < mostNames {
		h.names = append(h.names, name)
	}
}

func (h *host) addService(s asset.Service) {
	if len(h.services) < mostServices {
		h.services = append(h.services, s)
	}
}

// fingerprint reads what the host runs, as sure as can be.
func (h *host) fingerprint(r *xmlpull.Reader) {
	for at := r.Depth(); r.Child(at); {
		if string(r.Name()) != "os" {
			continue
		}
		sure, err := strconv.ParseFloat(string(r.Attr("certainty")), 64)
		if err != nil || h.os != "" && sure <= h.certainty {
			continue
		}
		h.certainty = sure
		var words []string
		for _, attr := range []string{"vendor", "product", "version"} {
			if word := strings.TrimSpace(string(r.Attr(attr))); word != "" {
				words = append(words, word)
			}
		}
		h.os = strings.Join(words, " ")
	}
}

func (h *host) describe(zone string) *asset.Description {
	desc := &asset.Description{Kind: asset.Host, Name: cmp.Or(h.first(), h.address, h.device), OS: h.os, Zone: zone, Services: h.services}
	if h.device != "" {
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.SourceAssetID, Value: h.device})
	}
	desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(zone, h.names, []string{h.address}, []string{h.hardware})...)
	for key, value := range map[string]string{"site": h.site, "scan_template": h.template} {
		if value != "" {
			if desc.Tags == nil {
				desc.Tags = map[string]string{}
			}
			desc.Tags[key] = value
		}
	}
	return desc
}

func (h *host) first() string {
	if len(h.names) == 0 {
		return ""
	}
	return h.names[0]
}

// target is where a test looked.
func (h *host) target(where string) string {
	if port, _, ok := strings.Cut(where, "/"); ok {
		return net.JoinHostPort(h.address, port)
	}
	return h.address
}

func location(port, protocol string) string {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return ""
	}
	if protocol != "udp" && protocol != "sctp" {
		protocol = "tcp"
	}
	return strconv.FormatUint(n, 10) + "/" + protocol
}
