package awsinventory

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

// regionOf is the region that an availability zone, or a group of them, is in.
var regionOf = regexp.MustCompile(`^[a-z]{2}(?:-[a-z]+)+-[0-9]+`) //nolint:gochecknoglobals // a constant

func (d *decoding) in(zone wire.Text) string {
	return cmp.Or(regionOf.FindString(zone.String()), d.region)
}

func (d *decoding) instance(v *instance, owner string) *asset.Description {
	id := connectors.Ident(v.ID.String())
	if id == "" {
		return nil
	}
	region := d.in(v.Placement.Zone)
	about := describeInstance(id, connectors.Ident(owner), region)
	about.Zone = v.VPC.String()
	about.OS = v.Platform.String()
	names := []string{v.PrivateDNS.String(), v.PublicDNS.String()}
	ips, macs := []string{v.PrivateIP.String(), v.PublicIP.String(), v.IPv6.String()}, []string(nil)
	for i := range v.Interfaces {
		more, mac := v.Interfaces[i].addresses()
		ips, macs = append(ips, more...), append(macs, mac)
		if v.Interfaces[i].public() {
			about.Internet = asset.InternetYes
		}
	}
	about.Identifiers = append(about.Identifiers, connectors.HostIdentifiers(about.Zone, names, ips, macs)...)
	if v.PublicIP != "" {
		about.Internet = asset.InternetYes
	}
	for _, t := range v.Tags {
		cloud.Tag(about, t.Key.String(), t.Value.String())
	}
	about.Name = cmp.Or(connectors.Ident(about.Tags["Name"]), id)
	if about.Tags["aws:autoscaling:groupName"] != "" {
		about.Ephemeral = asset.EphemeralAutoscaled
	}
	about.Gone = strings.EqualFold(v.State.Name.String(), "terminated")
	if ami := connectors.Ident(v.ImageID.String()); ami != "" && region != "" {
		about.Edges = append(about.Edges, asset.Edge{Kind: asset.EdgeInstanceOf, ToKind: asset.CloudResource, ToName: ami,
			To: connectors.AWSImage(region, ami)})
	}
	partOf(about, owner, region)
	return about
}

func describeInstance(id, account, region string) *asset.Description {
	return cloud.Describe(cloud.Resource{ID: id, Provider: "aws", Account: account, Region: region, Type: "instance"})
}

// partOf ties a resource to its account.
func partOf(about *asset.Description, account, region string) {
	if account = connectors.Ident(account); account != "" {
		about.Edges = append(about.Edges, asset.Edge{Kind: asset.EdgePartOf, ToKind: asset.CloudResource, ToName: "AWS account " + account,
			To: asset.Identifier{Kind: asset.CloudResourceID, Value: cloud.AccountARN(account, region)}})
	}
}

// addresses are all that an interface has, public ones too.
func (v *netcard) addresses() (ips []string, mac string) {
	ips = append(ips, v.PrivateIP.String(), v.Association.PublicIP.String())
	for i := range v.Private {
		ips = append(ips, v.Private[i].IP.String(), v.Private[i].Association.PublicIP.String())
	}
	for i := range v.IPv6 {
		ips = append(ips, v.IPv6[i].IP.String())
	}
	return ips, v.MAC.String()
}

func (v *netcard) public() bool {
	for i := range v.Private {
		if v.Private[i].Association.PublicIP != "" {
			return true
		}
	}
	return v.Association.PublicIP != ""
}

// netcard describes an interface: the instance that it is in, or else itself, such as
// that of a load balancer, a database or a function.
func (d *decoding) netcard(v *netcard) *asset.Description {
	id, region, owner := connectors.Ident(v.ID.String()), d.in(v.Zone), connectors.Ident(v.OwnerID.String())
	ips, mac := v.addresses()
	var about *asset.Description
	if instance := connectors.Ident(v.Attachment.InstanceID.String()); instance != "" {
		about = describeInstance(instance, cmp.Or(connectors.Ident(v.Attachment.InstanceOwner.String()), owner), region)
	} else {
		if id == "" {
			return nil
		}
		about = resource("ec2", region, owner, "network-interface/"+id)
		about.Name = cmp.Or(v.Description.String(), id)
		for _, t := range v.Tags {
			cloud.Tag(about, t.Key.String(), t.Value.String())
		}
	}
	about.Zone = v.VPC.String()
	about.Identifiers = append(about.Identifiers, connectors.HostIdentifiers(about.Zone, nil, ips, []string{mac})...)
	if v.public() {
		about.Internet = asset.InternetYes
	}
	return about
}

// resource describes what AWS names by its id alone, by the ARN that it has.
func resource(service, region, account, id string) *asset.Description {
	if region == "" || account == "" {
		return cloud.Describe(cloud.Resource{ID: id, Provider: "aws", Account: account})
	}
	return cloud.Describe(cloud.Resource{ID: "arn:aws:" + service + ":" + region + ":" + account + ":" + id})
}

func (d *decoding) elastic(v *elastic) *asset.Description {
	id := cmp.Or(connectors.Ident(v.ID.String()), connectors.Ident(v.PublicIP.String()))
	if id == "" {
		return nil
	}
	owner := connectors.Ident(v.OwnerID.String())
	about := resource("ec2", d.in(v.Border), owner, "elastic-ip/"+id)
	for _, t := range v.Tags {
		cloud.Tag(about, t.Key.String(), t.Value.String())
	}
	about.Name = cmp.Or(connectors.Ident(about.Tags["Name"]), v.PublicIP.String(), id)
	about.Identifiers = append(about.Identifiers, connectors.HostIdentifiers("", nil, []string{v.PublicIP.String()}, nil)...)
	switch instance, card := connectors.Ident(v.InstanceID.String()), connectors.Ident(v.Interface.String()); {
	case instance != "":
		about.Internet = asset.InternetYes
		expose(about, describeInstance(instance, owner, d.in(v.Border)), "")
	case card != "":
		about.Internet = asset.InternetYes
		expose(about, resource("ec2", d.in(v.Border), owner, "network-interface/"+card), "")
	}
	return about
}

// expose adds that something leads to something else.
func expose(about, to *asset.Description, note string) {
	if len(to.Identifiers) > 0 {
		about.Edges = append(about.Edges, asset.Edge{Kind: asset.EdgeExposes, To: to.Identifiers[0], ToKind: to.Kind, ToName: to.Name, Note: note})
	}
}

func (d *decoding) balancer(v *balancer) *asset.Description {
	name := cmp.Or(connectors.Ident(v.ARN.String()), connectors.Ident(v.DNSName.String()))
	if name == "" {
		return nil
	}
	about := cloud.Describe(cloud.Resource{ID: name, Provider: "aws", Name: v.Name.String(), Type: "loadbalancer"})
	if dns := v.DNSName.String(); dns != "" {
		about.Identifiers = append(about.Identifiers, asset.Identifier{Kind: asset.FQDN, Value: strings.ToLower(strings.TrimSuffix(dns, "."))})
	}
	switch strings.ToLower(v.Scheme.String()) {
	case "internet-facing":
		about.Internet = asset.InternetYes
	case "internal":
		about.Internet = asset.InternetNo
	}
	about.Zone = v.VPC.String()
	for i := range v.Zones {
		for j := range v.Zones[i].Addresses {
			about.Identifiers = append(about.Identifiers, connectors.HostIdentifiers(about.Zone, nil, []string{v.Zones[i].Addresses[j].IP.String()}, nil)...)
		}
	}
	for _, t := range v.Tags {
		cloud.Tag(about, t.Key.String(), t.Value.String())
	}
	account, region := "", d.region
	if arn, ok := cloud.ParseARN(v.ARN.String()); ok {
		account, region = arn.Account, arn.Region
		partOf(about, account, region)
	}
	for i := range v.Instances {
		expose(about, describeInstance(connectors.Ident(v.Instances[i].ID.String()), account, region), "")
	}
	return about
}

func describeTagged(v *tagged) *asset.Description {
	if v.ARN.String() == "" {
		return nil
	}
	about := cloud.Describe(cloud.Resource{ID: v.ARN.String(), Provider: "aws", Type: "loadbalancer"})
	for _, t := range v.Tags {
		cloud.Tag(about, t.Key.String(), t.Value.String())
	}
	return about
}

// targets says for each load balancer of a group what it leads to.
func (d *decoding) targets(v *targetGroup) []*asset.Description {
	var out []*asset.Description
	for _, balancer := range v.Balancers {
		about := cloud.Describe(cloud.Resource{ID: balancer, Provider: "aws", Type: "loadbalancer"})
		if len(about.Identifiers) == 0 {
			continue
		}
		arn, _ := cloud.ParseARN(v.ARN.String())
		for i := range v.Health {
			t := &v.Health[i].Target
			id, note := connectors.Ident(t.ID.String()), ""
			if port := connectors.Ident(t.Port.String()); port != "" {
				note = "port " + port
			}
			if strings.EqualFold(v.Type.String(), "ip") {
				for _, ip := range connectors.HostIdentifiers(v.VPC.String(), nil, []string{id}, nil) {
					expose(about, &asset.Description{Kind: asset.Host, Name: id, Identifiers: []asset.Identifier{ip}}, note)
				}
				continue
			}
			expose(about, cloud.Describe(cloud.Resource{ID: id, Provider: "aws", Account: arn.Account, Region: cmp.Or(arn.Region, d.region), Type: strings.ToLower(v.Type.String())}), note)
		}
		out = append(out, about)
	}
	return out
}

// private reports whether a zone is of some VPCs alone, where its names mean what they
// like.
func (z *zone) private() bool { return strings.EqualFold(z.Config.Private.String(), "true") }

func describeZone(v *zone) *asset.Description {
	id, name := strings.TrimPrefix(connectors.Ident(v.ID.String()), "/hostedzone/"), dnsName(v.Name)
	if id == "" {
		return nil
	}
	about := &asset.Description{Kind: asset.Domain, Name: cmp.Or(name, id),
		Identifiers: []asset.Identifier{{Kind: asset.CloudResourceID, Value: "arn:aws:route53:::hostedzone/" + id}}}
	if name != "" && !v.private() {
		about.Identifiers = append(about.Identifiers, asset.Identifier{Kind: asset.FQDN, Value: name})
	}
	return about
}

func dnsName(text wire.Text) string {
	return strings.ToLower(strings.TrimSuffix(connectors.Ident(text.String()), "."))
}

// describeRecord describes a name that leads somewhere. Wildcards name nothing that is
// there.
func describeRecord(v *record) *asset.Description {
	name := dnsName(v.Name)
	if name == "" || strings.HasPrefix(name, `\052`) || strings.HasPrefix(name, "*") {
		return nil
	}
	about := &asset.Description{Kind: asset.Domain, Name: name, Identifiers: []asset.Identifier{{Kind: asset.FQDN, Value: name}}}
	resolve := func(id asset.Identifier, kind asset.Kind) {
		about.Edges = append(about.Edges, asset.Edge{Kind: asset.EdgeResolvesTo, To: id, ToKind: kind, ToName: id.Value, Note: v.Type.String()})
	}
	if alias := strings.TrimPrefix(dnsName(v.Alias.DNSName), "dualstack."); alias != "" {
		resolve(asset.Identifier{Kind: asset.FQDN, Value: alias}, asset.CloudResource)
	}
	for i := range v.Values {
		value := v.Values[i].Value
		switch strings.ToUpper(v.Type.String()) {
		case "CNAME":
			if to := dnsName(value); to != "" {
				resolve(asset.Identifier{Kind: asset.FQDN, Value: to}, asset.Domain)
			}
		case "A", "AAAA":
			for _, ip := range connectors.HostIdentifiers("", nil, []string{value.String()}, nil) {
				resolve(ip, asset.Host)
			}
		}
	}
	return about
}
