package awsinventory

import "github.com/quellsec/quell/connectors/wire"

// The types of this file are read from the XML of the APIs and from the JSON of the CLI,
// which names the same things in its own way; a page is written as the CLI would.

// page is what a page says of itself.
type page struct {
	Region string `json:"region"`
	Taken  string `json:"taken"`
}

type tag struct {
	Key   wire.Text `json:"Key" xml:"key"`
	Value wire.Text `json:"Value" xml:"value"`
}

type reservation struct {
	OwnerID   wire.Text           `json:"OwnerId" xml:"ownerId"`
	Instances wire.List[instance] `json:"Instances" xml:"instancesSet>item"`
}

type instance struct {
	ID       wire.Text `json:"InstanceId" xml:"instanceId"`
	ImageID  wire.Text `json:"ImageId" xml:"imageId"`
	Type     wire.Text `json:"InstanceType" xml:"instanceType"`
	Platform wire.Text `json:"PlatformDetails,omitempty" xml:"platformDetails"`
	State    struct {
		Name wire.Text `json:"Name" xml:"name"`
	} `json:"State" xml:"instanceState"`
	Placement struct {
		Zone wire.Text `json:"AvailabilityZone" xml:"availabilityZone"`
	} `json:"Placement" xml:"placement"`
	LaunchTime wire.Text          `json:"LaunchTime,omitempty" xml:"launchTime"`
	PrivateDNS wire.Text          `json:"PrivateDnsName,omitempty" xml:"privateDnsName"`
	PublicDNS  wire.Text          `json:"PublicDnsName,omitempty" xml:"dnsName"`
	PrivateIP  wire.Text          `json:"PrivateIpAddress,omitempty" xml:"privateIpAddress"`
	PublicIP   wire.Text          `json:"PublicIpAddress,omitempty" xml:"ipAddress"`
	IPv6       wire.Text          `json:"Ipv6Address,omitempty" xml:"ipv6Address"`
	VPC        wire.Text          `json:"VpcId,omitempty" xml:"vpcId"`
	Subnet     wire.Text          `json:"SubnetId,omitempty" xml:"subnetId"`
	Interfaces wire.List[netcard] `json:"NetworkInterfaces,omitempty" xml:"networkInterfaceSet>item"`
	Tags       wire.List[tag]     `json:"Tags,omitempty" xml:"tagSet>item"`
}

// netcard is a network interface, by itself or of an instance.
type netcard struct {
	ID          wire.Text `json:"NetworkInterfaceId" xml:"networkInterfaceId"`
	OwnerID     wire.Text `json:"OwnerId,omitempty" xml:"ownerId"`
	Zone        wire.Text `json:"AvailabilityZone,omitempty" xml:"availabilityZone"`
	Description wire.Text `json:"Description,omitempty" xml:"description"`
	Kind        wire.Text `json:"InterfaceType,omitempty" xml:"interfaceType"`
	MAC         wire.Text `json:"MacAddress,omitempty" xml:"macAddress"`
	VPC         wire.Text `json:"VpcId,omitempty" xml:"vpcId"`
	PrivateIP   wire.Text `json:"PrivateIpAddress,omitempty" xml:"privateIpAddress"`
	Association struct {
		PublicIP wire.Text `json:"PublicIp,omitempty" xml:"publicIp"`
	} `json:"Association" xml:"association"`
	Attachment struct {
		InstanceID    wire.Text `json:"InstanceId,omitempty" xml:"instanceId"`
		InstanceOwner wire.Text `json:"InstanceOwnerId,omitempty" xml:"instanceOwnerId"`
	} `json:"Attachment" xml:"attachment"`
	Private wire.List[struct {
		IP          wire.Text `json:"PrivateIpAddress" xml:"privateIpAddress"`
		Association struct {
			PublicIP wire.Text `json:"PublicIp,omitempty" xml:"publicIp"`
		} `json:"Association" xml:"association"`
	}] `json:"PrivateIpAddresses,omitempty" xml:"privateIpAddressesSet>item"`
	IPv6 wire.List[struct {
		IP wire.Text `json:"Ipv6Address" xml:"ipv6Address"`
	}] `json:"Ipv6Addresses,omitempty" xml:"ipv6AddressesSet>item"`
	Tags wire.List[tag] `json:"TagSet,omitempty" xml:"tagSet>item"`
}

// elastic is an elastic address.
type elastic struct {
	PublicIP   wire.Text      `json:"PublicIp" xml:"publicIp"`
	ID         wire.Text      `json:"AllocationId" xml:"allocationId"`
	InstanceID wire.Text      `json:"InstanceId,omitempty" xml:"instanceId"`
	Interface  wire.Text      `json:"NetworkInterfaceId,omitempty" xml:"networkInterfaceId"`
	OwnerID    wire.Text      `json:"NetworkInterfaceOwnerId,omitempty" xml:"networkInterfaceOwnerId"`
	PrivateIP  wire.Text      `json:"PrivateIpAddress,omitempty" xml:"privateIpAddress"`
	Border     wire.Text      `json:"NetworkBorderGroup,omitempty" xml:"networkBorderGroup"`
	Tags       wire.List[tag] `json:"Tags,omitempty" xml:"tagSet>item"`
}

// elbTag is a tag of a load balancer, whose XML begins with capitals.
type elbTag struct {
	Key   wire.Text `json:"Key" xml:"Key"`
	Value wire.Text `json:"Value" xml:"Value"`
}

type balancer struct {
	ARN     wire.Text `json:"LoadBalancerArn" xml:"LoadBalancerArn"`
	Name    wire.Text `json:"LoadBalancerName" xml:"LoadBalancerName"`
	DNSName wire.Text `json:"DNSName" xml:"DNSName"`
	Scheme  wire.Text `json:"Scheme" xml:"Scheme"`
	Type    wire.Text `json:"Type,omitempty" xml:"Type"`
	VPC     wire.Text `json:"VpcId,omitempty" xml:"VpcId"`
	Zones   wire.List[struct {
		Addresses wire.List[struct {
			IP wire.Text `json:"IpAddress,omitempty" xml:"IpAddress"`
		}] `json:"LoadBalancerAddresses,omitempty" xml:"LoadBalancerAddresses>member"`
	}] `json:"AvailabilityZones,omitempty" xml:"AvailabilityZones>member"`
	Tags      wire.List[elbTag] `json:"Tags,omitempty" xml:"-"` // added to a page from another call
	Instances wire.List[struct {
		ID wire.Text `json:"InstanceId" xml:"-"`
	}] `json:"Instances,omitempty" xml:"-"` // of classic ones
}

type tagged struct {
	ARN  wire.Text         `json:"ResourceArn" xml:"ResourceArn"`
	Tags wire.List[elbTag] `json:"Tags" xml:"Tags>member"`
}

type targetGroup struct {
	ARN       wire.Text         `json:"TargetGroupArn" xml:"TargetGroupArn"`
	Type      wire.Text         `json:"TargetType" xml:"TargetType"`
	VPC       wire.Text         `json:"VpcId,omitempty" xml:"VpcId"`
	Balancers wire.Texts        `json:"LoadBalancerArns" xml:"LoadBalancerArns>member"`
	Health    wire.List[target] `json:"TargetHealthDescriptions,omitempty" xml:"-"` // added to a page from another call
}

type target struct {
	Target struct {
		ID   wire.Text `json:"Id" xml:"Id"`
		Port wire.Text `json:"Port" xml:"Port"`
	} `json:"Target" xml:"Target"`
}

type zone struct {
	ID     wire.Text `json:"Id" xml:"Id"`
	Name   wire.Text `json:"Name" xml:"Name"`
	Config struct {
		Comment wire.Text `json:"Comment,omitempty" xml:"Comment"`
		Private wire.Text `json:"PrivateZone" xml:"PrivateZone"`
	} `json:"Config" xml:"Config"`
}

type record struct {
	Name  wire.Text `json:"Name" xml:"Name"`
	Type  wire.Text `json:"Type" xml:"Type"`
	Alias struct {
		DNSName wire.Text `json:"DNSName,omitempty" xml:"DNSName"`
	} `json:"AliasTarget" xml:"AliasTarget"`
	Values wire.List[struct {
		Value wire.Text `json:"Value" xml:"Value"`
	}] `json:"ResourceRecords,omitempty" xml:"ResourceRecords>ResourceRecord"`
}
