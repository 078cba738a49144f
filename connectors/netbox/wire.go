package netbox

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is held at once.
const (
	largestObject = 1 << 20
	shortText     = 1 << 10
)

// envelope is what a pulled page is wrapped in: an object doesn't always say what it is.
type envelope struct {
	Version  int             `json:"quell_netbox"`
	Endpoint string          `json:"endpoint"`
	Page     json.RawMessage `json:"page"`
}

// nested is another object as NetBox writes it inside one, and a choice ({value, label}).
type nested struct {
	ID      wire.Text `json:"id"`
	Name    wire.Text `json:"name"`
	Display wire.Text `json:"display"`
	Old     wire.Text `json:"display_name"` // before 2.11
	Slug    wire.Text `json:"slug"`
	Value   wire.Text `json:"value"`
	Label   wire.Text `json:"label"`
	Model   wire.Text `json:"model"`
	Address wire.Text `json:"address"`
	MAC     wire.Text `json:"mac_address"`
	Email   wire.Text `json:"email"`
	Maker   *nested   `json:"manufacturer"`
	Device  *nested   `json:"device"`
	VM      *nested   `json:"virtual_machine"`
}

// text is what people call it.
func (n *nested) text() string {
	if n == nil {
		return ""
	}
	for _, t := range []wire.Text{n.Name, n.Label, n.Display, n.Old, n.Model, n.Value, n.Slug} {
		if s := t.String(); s != "" {
			return s
		}
	}
	return ""
}

// object is a device, virtual machine, interface, address, service, contact or contact
// assignment: NetBox's kinds share most of their fields.
type object struct {
	ID          wire.Text                  `json:"id"`
	URL         wire.Text                  `json:"url"`
	Name        wire.Text                  `json:"name"`
	Display     wire.Text                  `json:"display"`
	Serial      wire.Text                  `json:"serial"`
	AssetTag    wire.Text                  `json:"asset_tag"`
	Description wire.Text                  `json:"description"`
	DeviceType  *nested                    `json:"device_type"`
	Role        *nested                    `json:"role"`
	OldRole     *nested                    `json:"device_role"` // up to 3.5; both in 3.6
	Tenant      *nested                    `json:"tenant"`
	Platform    *nested                    `json:"platform"`
	Site        *nested                    `json:"site"`
	Location    *nested                    `json:"location"`
	Rack        *nested                    `json:"rack"`
	Cluster     *nested                    `json:"cluster"`
	Chassis     *nested                    `json:"virtual_chassis"`
	Parent      *nested                    `json:"parent_device"`
	Status      *nested                    `json:"status"`
	Primary4    *nested                    `json:"primary_ip4"`
	Primary6    *nested                    `json:"primary_ip6"`
	OOB         *nested                    `json:"oob_ip"`
	Tags        wire.List[nested]          `json:"tags"`
	Custom      map[string]json.RawMessage `json:"custom_fields"`
	Updated     wire.Time                  `json:"last_updated"`
	VCPUs       wire.Text                  `json:"vcpus"`

	// Of interfaces, addresses and services.
	Device      *nested           `json:"device"`
	VM          *nested           `json:"virtual_machine"`
	MAC         wire.Text         `json:"mac_address"`
	PrimaryMAC  *nested           `json:"primary_mac_address"` // 4.2 and later
	MACs        wire.List[nested] `json:"mac_addresses"`
	Address     wire.Text         `json:"address"`
	DNSName     wire.Text         `json:"dns_name"`
	Assigned    *nested           `json:"assigned_object"`
	OldAssigned *nested           `json:"interface"` // before 2.9
	Ports       wire.Texts        `json:"ports"`
	Protocol    *nested           `json:"protocol"`
	ServiceOf   *nested           `json:"parent"` // of services from 4.3 on
	ServiceKind wire.Text         `json:"parent_object_type"`

	// Of contacts and their assignments.
	Email       wire.Text `json:"email"`
	Title       wire.Text `json:"title"`
	Phone       wire.Text `json:"phone"`
	Contact     *nested   `json:"contact"`
	Object      *nested   `json:"object"`
	ObjectID    wire.Text `json:"object_id"`
	ObjectType  wire.Text `json:"object_type"`
	ContentType wire.Text `json:"content_type"` // before 4.0
}

// hook is what a webhook's body says around its object.
type hook struct {
	Event   string
	Model   string
	Request string
}
