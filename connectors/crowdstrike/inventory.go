package crowdstrike

import (
	"cmp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// describe makes the description of a host.
func (d *decoding) describe(aid string, w *wireHost) *asset.Description {
	hostname := w.Hostname.String()
	names := []string{hostname}
	if domain := w.Domain.String(); hostname != "" && strings.Contains(domain, ".") && !strings.Contains(hostname, ".") {
		names = append(names, hostname+"."+domain)
	}
	desc := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(hostname, w.LocalIP.String(), "Falcon agent "+aid), Zone: d.config.Zone, SeenAt: w.LastSeen.Time,
		OS: cmp.Or(w.OS.String(), w.OSVersion.String(), w.Platform.String()),
	}
	desc.Identifiers = append(cloudNames(w), asset.Identifier{Kind: asset.AgentID, Value: aid})
	if serial := w.Serial.String(); serial != "" {
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.SerialNumber, Scope: connectors.Ident(strings.ReplaceAll(w.Manufacturer.String(), "|", " ")), Value: serial})
	}
	ips, macs := []string{w.LocalIP.String(), w.ConnectionIP.String()}, []string{w.MAC.String(), w.MAC2.String()}
	desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(d.config.Zone, names, ips, macs)...)
	switch strings.ToLower(w.Internet.String()) {
	case "yes":
		desc.Internet = asset.InternetYes
	case "no":
		desc.Internet = asset.InternetNo
	}
	desc.Tags, desc.OwnerHints = connectors.SplitTags(labels(w))
	return desc
}

func cloudNames(w *wireHost) []asset.Identifier {
	instance := cmp.Or(w.Instance.String(), w.Instance2.String())
	switch provider := strings.ToUpper(w.Provider.String()); {
	case strings.HasPrefix(provider, "AWS"):
		return connectors.AWSInstance(w.Account.String(), connectors.AWSRegion(w.Zone.String()), instance)
	case strings.HasPrefix(provider, "AZURE"):
		return connectors.AzureVM("", instance)
	case strings.HasPrefix(provider, "GCP"):
		return connectors.GCPInstance(w.Account.String(), instance)
	}
	return nil
}

// labels gathers what people said of the host. Grouping tags come as
// "SensorGroupingTags/text", and many people write the text as "name: value".
func labels(w *wireHost) map[string]string {
	out := map[string]string{}
	add := func(key, value string) {
		if value == "" {
			return
		}
		if have := out[key]; have != "" {
			value = have + ", " + value
		}
		out[key] = value
	}
	for _, tag := range w.Tags {
		if _, text, ok := strings.Cut(tag, "GroupingTags/"); ok {
			tag = text
		}
		name, value, ok := strings.Cut(tag, ":")
		if !ok {
			name, value, ok = strings.Cut(tag, "=")
		}
		if ok && strings.TrimSpace(name) != "" {
			add(strings.TrimSpace(name), strings.TrimSpace(value))
		} else {
			add("tags", strings.TrimSpace(tag))
		}
	}
	for _, g := range w.Groups {
		add("groups", g.Name.String())
	}
	add("ou", strings.Join(w.OU, "/"))
	add("site", w.Site.String())
	add("type", w.Type.String())
	add("criticality", w.Criticality.String())
	add("external_ip", w.ExternalIP.String())
	return out
}
