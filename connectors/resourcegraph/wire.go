package resourcegraph

import "github.com/quellsec/quell/connectors/wire"

// wireRow is a resource, as Resource Graph and the management API write it.
type wireRow struct {
	ID           wire.Text      `json:"id"`
	Name         wire.Text      `json:"name"`
	Type         wire.Text      `json:"type"`
	Location     wire.Text      `json:"location"`
	Subscription wire.Text      `json:"subscriptionId"`
	Tags         map[string]any `json:"tags"`
	GroupTags    map[string]any `json:"rgTags"`
	Properties   wireProperties `json:"properties"`
}

// wireProperties are those of the types that are read closer.
type wireProperties struct {
	VMID wire.Text `json:"vmId"`
	OS   struct {
		Computer wire.Text `json:"computerName"`
	} `json:"osProfile"`
	Storage struct {
		Disk struct {
			Type wire.Text `json:"osType"`
		} `json:"osDisk"`
		Image struct {
			ID    wire.Text `json:"id"`
			Offer wire.Text `json:"offer"`
			SKU   wire.Text `json:"sku"`
		} `json:"imageReference"`
	} `json:"storageProfile"`
	ScaleSet wireRef `json:"virtualMachineScaleSet"`

	// Of network interfaces.
	MAC     wire.Text `json:"macAddress"`
	Machine wireRef   `json:"virtualMachine"`
	Configs wire.List[struct {
		Properties struct {
			Private wire.Text `json:"privateIPAddress"`
			Public  wireRef   `json:"publicIPAddress"`
			Subnet  wireRef   `json:"subnet"`
		} `json:"properties"`
	}] `json:"ipConfigurations"`

	// Of public addresses.
	Address wire.Text `json:"ipAddress"`
	Config  wireRef   `json:"ipConfiguration"`
	DNS     struct {
		FQDN wire.Text `json:"fqdn"`
	} `json:"dnsSettings"`

	// Of what has a name of its own.
	HostNames    wire.Texts `json:"hostNames"`
	FQDN         wire.Text  `json:"fqdn"`
	Login        wire.Text  `json:"loginServer"`
	PublicAccess wire.Text  `json:"publicNetworkAccess"`
	ACLs         struct {
		Default wire.Text `json:"defaultAction"`
	} `json:"networkAcls"`
}

type wireRef struct {
	ID wire.Text `json:"id"`
}
