package device42

import "github.com/quellsec/quell/connectors/wire"

// Limits of what is held at once.
const (
	largestDevice = 1 << 20
	shortText     = 1 << 10
)

// wireDevice is an element of "Devices".
type wireDevice struct {
	ID           wire.Text  `json:"device_id"`
	OldID        wire.Text  `json:"id"`
	Name         wire.Text  `json:"name"`
	Aliases      wire.Texts `json:"aliases"`
	Alias        wire.Text  `json:"preferred_alias"`
	Serial       wire.Text  `json:"serial_no"`
	UUID         wire.Text  `json:"uuid"`
	AssetNo      wire.Text  `json:"asset_no"`
	Manufacturer wire.Text  `json:"manufacturer"`
	Model        wire.Text  `json:"hw_model"`
	Type         wire.Text  `json:"type"`
	SubType      wire.Text  `json:"device_sub_type"`
	Virtual      wire.Text  `json:"virtual_subtype"`
	OS           wire.Text  `json:"os"`
	OSVersion    wire.Text  `json:"osver"`
	OSNumber     wire.Text  `json:"osverno"`
	InService    wire.Text  `json:"in_service"`
	ServiceLevel wire.Text  `json:"service_level"`
	Category     wire.Text  `json:"category"`
	Customer     wire.Text  `json:"customer"`
	Building     wire.Text  `json:"building"`
	Room         wire.Text  `json:"room"`
	Rack         wire.Text  `json:"rack"`
	Datacenter   wire.Text  `json:"datacenter"`
	VirtualHost  wire.Text  `json:"virtual_host_name"`
	BladeHost    wire.Text  `json:"blade_host_id"`
	BladeName    wire.Text  `json:"blade_host_name"`
	Notes        wire.Text  `json:"notes"`
	Tags         wire.Texts `json:"tags"`
	Updated      wire.Time  `json:"last_updated"`
	IPs          wire.List[struct {
		IP    wire.Text `json:"ip"`
		MAC   wire.Text `json:"macaddress"`
		Label wire.Text `json:"label"`
	}] `json:"ip_addresses"`
	MACs wire.List[struct {
		MAC wire.Text `json:"mac"`
	}] `json:"mac_addresses"`
	Custom    wire.List[wireCustom] `json:"custom_fields"`
	Purchases wire.List[struct {
		CostCenter wire.Text `json:"line_cost_center"`
	}] `json:"device_purchase_line_items"`
}

// wireCustom is a custom field of a device or user.
type wireCustom struct {
	Key   wire.Text `json:"key"`
	Value wire.Text `json:"value"`
}

// wireUser is an element of "values", the list of end users.
type wireUser struct {
	ID       wire.Text             `json:"id"`
	Name     wire.Text             `json:"name"`
	Email    wire.Text             `json:"email"`
	Account  wire.Text             `json:"adusername"`
	Domain   wire.Text             `json:"domain"`
	Location wire.Text             `json:"location"`
	Custom   wire.List[wireCustom] `json:"custom_fields"`
}
