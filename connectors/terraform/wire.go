package terraform

import (
	"encoding/json"
	"strings"

	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is held at once. A resource with its instances is one element.
const (
	largestResource = 32 << 20
	shortText       = 1 << 10
	mostTags        = 200
)

// resource is one of a state of version 4.
type resource struct {
	Module    wire.Text           `json:"module,omitzero"`
	Mode      wire.Text           `json:"mode,omitzero"`
	Type      wire.Text           `json:"type"`
	Name      wire.Text           `json:"name,omitzero"`
	Provider  wire.Text           `json:"provider,omitzero"`
	Instances wire.List[instance] `json:"instances"`
}

// instance is one of a resource's. Attributes that are not listed are never decoded: a
// state holds passwords and keys in clear.
type instance struct {
	Index      json.RawMessage `json:"index_key,omitzero"`
	Status     wire.Text       `json:"status,omitzero"`
	Deposed    wire.Text       `json:"deposed,omitzero"`
	Attributes attributes      `json:"attributes,omitzero"`
	Flat       flat            `json:"attributes_flat,omitzero"` // what was never upgraded from version 3
	Sensitive  sensitive       `json:"sensitive_attributes,omitzero"`
}

// attributes are the attributes that may be read.
type attributes struct {
	ARN          wire.Text `json:"arn,omitzero"`
	ID           wire.Text `json:"id,omitzero"`
	SelfLink     wire.Text `json:"self_link,omitzero"`
	URN          wire.Text `json:"urn,omitzero"`
	Name         wire.Text `json:"name,omitzero"`
	Tags         tagList   `json:"tags,omitzero"`
	TagsAll      tagList   `json:"tags_all,omitzero"`
	Labels       tagList   `json:"labels,omitzero"`
	Region       wire.Text `json:"region,omitzero"`
	Location     wire.Text `json:"location,omitzero"`
	Project      wire.Text `json:"project,omitzero"`
	FQDN         wire.Text `json:"fqdn,omitzero"`
	Hostname     wire.Text `json:"hostname,omitzero"`
	DomainName   wire.Text `json:"domain_name,omitzero"`
	DNSName      wire.Text `json:"dns_name,omitzero"`
	PublicIP     wire.Text `json:"public_ip,omitzero"`
	PrivateIP    wire.Text `json:"private_ip,omitzero"`
	PublicDNS    wire.Text `json:"public_dns,omitzero"`
	PrivateDNS   wire.Text `json:"private_dns,omitzero"`
	IPv4         wire.Text `json:"ipv4_address,omitzero"`
	MachineID    wire.Text `json:"virtual_machine_id,omitzero"`
	InstanceID   wire.Text `json:"instance_id,omitzero"`
	Internal     wire.Text `json:"internal,omitzero"`
	FullName     wire.Text `json:"full_name,omitzero"`
	CloneURL     wire.Text `json:"http_clone_url,omitzero"`
	AMI          wire.Text `json:"ami,omitzero"`
	InstanceType wire.Text `json:"instance_type,omitzero"`
}

// tagList is a map of tags, or the list of them that some providers have.
type tagList map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (t *tagList) UnmarshalJSON(b []byte) error {
	*t = nil
	if len(b) > 0 && b[0] == '[' {
		var texts wire.Texts
		_ = texts.UnmarshalJSON(b) // it never fails
		for _, text := range texts {
			key, value, ok := strings.Cut(text, ":")
			if !ok {
				value = "yes"
			}
			t.set(key, value)
		}
		return nil
	}
	var tags map[string]wire.Text
	if wire.Unmarshal(b, &tags) {
		for key, value := range tags {
			t.set(key, value.String())
		}
	}
	return nil
}

func (t *tagList) set(key, value string) {
	if *t == nil {
		*t = tagList{}
	}
	if key != "" && len(*t) < mostTags {
		(*t)[key] = value
	}
}

// flat are attributes as version 3 writes them: "tags.Owner" beside "tags.%".
type flat attributes

// UnmarshalJSON implements json.Unmarshaler.
func (f *flat) UnmarshalJSON(b []byte) error {
	var texts map[string]wire.Text
	if !wire.Unmarshal(b, &texts) {
		return nil
	}
	// The listed ones alone, by way of the same names.
	own, err := json.Marshal(plain(texts))
	if err != nil {
		return nil //nolint:nilerr // what can't be read is absent
	}
	var a attributes
	_ = wire.Unmarshal(own, &a) // likewise
	for key, value := range texts {
		for prefix, tags := range map[string]*tagList{"tags.": &a.Tags, "tags_all.": &a.TagsAll, "labels.": &a.Labels} {
			if name, ok := strings.CutPrefix(key, prefix); ok && name != "%" && name != "#" {
				tags.set(name, value.String())
			}
		}
	}
	*f = flat(a)
	return nil
}

// plain leaves out what is inside containers.
func plain(texts map[string]wire.Text) map[string]wire.Text {
	out := make(map[string]wire.Text, len(texts))
	for key, value := range texts {
		if !strings.Contains(key, ".") && key != "tags" && key != "tags_all" && key != "labels" {
			out[key] = value
		}
	}
	return out
}

// sensitive names the attributes that the provider calls secret: paths whose first step
// is a name. In old states they are plain texts.
type sensitive map[string]bool

// UnmarshalJSON implements json.Unmarshaler.
func (s *sensitive) UnmarshalJSON(b []byte) error {
	*s = sensitive{}
	var paths []json.RawMessage
	if json.Unmarshal(b, &paths) != nil {
		return nil //nolint:nilerr // what can't be read is absent
	}
	for _, p := range paths {
		var steps []struct {
			Value wire.Text `json:"value"`
		}
		var text wire.Text
		switch {
		case json.Unmarshal(p, &steps) == nil && len(steps) > 0:
			(*s)[steps[0].Value.String()] = true
		case text.UnmarshalJSON(p) == nil && text != "":
			(*s)[text.String()] = true
		}
	}
	return nil
}

// module is one of a state of version 3.
type module struct {
	Path      wire.Texts                 `json:"path"`
	Resources map[string]json.RawMessage `json:"resources"`
}

// oldResource is a resource of a state of version 3, by its address in the module.
type oldResource struct {
	Type    wire.Text `json:"type"`
	Primary struct {
		ID         wire.Text `json:"id,omitzero"`
		Attributes flat      `json:"attributes,omitzero"`
		Tainted    wire.Flag `json:"tainted"`
	} `json:"primary"`
}
