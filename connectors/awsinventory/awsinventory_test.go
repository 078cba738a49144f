package awsinventory_test

import (
	"flag"
	"net/http"
	"net/url"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/awsinventory"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, awsinventory.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, awsinventory.Registration(), nil)
	}
	connectortest.Counts(t, awsinventory.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range awsinventory.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, awsinventory.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, awsinventory.Registration(), "aws-ec2") }

func decode(t *testing.T, file string) []asset.Description {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, awsinventory.Registration(), nil, body)
	require.NoError(t, err)
	out := make([]asset.Description, 0, len(rec.Covered))
	for _, c := range rec.Covered {
		out = append(out, c.Asset)
	}
	return out
}

const instanceARN = "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"

func TestInstancesAreHosts(t *testing.T) {
	got := decode(t, "instances.json")
	require.Equal(t, instanceARN, got[0].Identifiers[0].Value)
	require.Equal(t, "cloud_instance|aws/111122223333/eu-west-1|i-0123456789abcdef0", got[0].Identifiers[1].Key())
	require.Equal(t, asset.InternetYes, got[0].Internet)
	require.Equal(t, []asset.OwnerHint{{Value: "storefront", From: "tag team"}}, got[0].OwnerHints)
	require.Equal(t, "vpc-0aa", got[0].Zone)
	require.Empty(t, got[0].Ephemeral)
	require.Equal(t, asset.EdgeInstanceOf, got[0].Edges[0].Kind)
	require.Equal(t, asset.EphemeralAutoscaled, got[1].Ephemeral)
	require.Equal(t, "cloud_instance|aws/111122223333/us-west-2|i-0bbbbbbbbbbbbbbb1", got[1].Identifiers[1].Key(), "a local zone is of its region")
	require.Equal(t, asset.InternetUnknown, got[1].Internet, "a load balancer may lead to it")
	require.False(t, got[1].Gone)
	require.True(t, got[2].Gone)
}

func TestWhatLeadsToAnInstanceIsAnEdge(t *testing.T) {
	network, balancers, records := decode(t, "network.jsonl"), decode(t, "balancers.jsonl"), decode(t, "dns.jsonl")
	require.Equal(t, instanceARN, network[0].Identifiers[0].Value, "an attached interface is the instance's")
	require.Equal(t, asset.CloudResource, network[1].Kind)
	require.Equal(t, asset.Edge{Kind: asset.EdgeExposes, To: asset.Identifier{Kind: asset.CloudResourceID, Value: instanceARN}, ToKind: asset.Host, ToName: "i-0123456789abcdef0"}, network[2].Edges[0])
	require.Equal(t, asset.InternetUnknown, network[3].Internet, "an address that leads nowhere exposes nothing")
	require.Equal(t, asset.InternetYes, balancers[0].Internet)
	require.Equal(t, asset.InternetNo, balancers[1].Internet)
	require.Equal(t, balancers[0].Identifiers[0], balancers[2].Identifiers[0])
	require.Equal(t, "port 8080", balancers[2].Edges[0].Note)
	require.Equal(t, instanceARN, balancers[2].Edges[0].To.Value)
	require.Equal(t, "ip|vpc-0aa|10.0.0.20", balancers[3].Edges[0].To.Key())
	require.Equal(t, "fqdn||shop-123.eu-west-1.elb.amazonaws.com", records[2].Edges[0].To.Key(), "the name that the load balancer is known by")
	require.Equal(t, "fqdn||shop-123.eu-west-1.elb.amazonaws.com", balancers[0].Identifiers[1].Key())
	require.Len(t, records[1].Identifiers, 1, "the name of a private zone is no name of everybody's")
	require.Len(t, records[4].Edges, 1)
}

func config() *awsinventory.Config {
	c, _ := awsinventory.Registration().Config().(*awsinventory.Config)
	c.Region, c.AccessKeyID, c.SecretKey = "eu-west-1", "AKIDEXAMPLE", secret.New("hunter2hunter2")
	return c
}

// exchanges are the answers of a small account, in the XML of the APIs.
func exchanges() []connectortest.Exchange {
	const ec2, elb, zones = "https://ec2.eu-west-1.amazonaws.com/", "https://elasticloadbalancing.eu-west-1.amazonaws.com/", "https://route53.amazonaws.com/2013-04-01/hostedzone"
	post := func(address, form, body string) connectortest.Exchange {
		return connectortest.Exchange{Method: http.MethodPost, URL: address, RequestBody: form, Status: http.StatusOK, Body: []byte(body)}
	}
	get := func(address, body string) connectortest.Exchange {
		return connectortest.Exchange{Method: http.MethodGet, URL: address, Status: http.StatusOK, Body: []byte(`<?xml version="1.0"?>` + body)}
	}
	const lb = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shop/1"
	return []connectortest.Exchange{
		post(ec2, "Action=DescribeInstances&MaxResults=500&Version=2016-11-15", `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item><ownerId>111122223333</ownerId><instancesSet><item><instanceId>i-0123456789abcdef0</instanceId><imageId>ami-0aa</imageId><instanceState><name>running</name></instanceState><placement><availabilityZone>eu-west-1a</availabilityZone></placement><vpcId>vpc-0aa</vpcId><privateIpAddress>10.0.0.10</privateIpAddress><ipAddress>192.0.2.10</ipAddress><networkInterfaceSet><item><macAddress>0a:1b:2c:3d:4e:5f</macAddress></item></networkInterfaceSet><tagSet><item><key>Name</key><value>web1</value></item><item><key>team</key><value>storefront</value></item></tagSet></item></instancesSet></item></reservationSet><nextToken>more</nextToken></DescribeInstancesResponse>`),
		post(ec2, "Action=DescribeInstances&MaxResults=500&NextToken=more&Version=2016-11-15", `<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>`),
		post(ec2, "Action=DescribeNetworkInterfaces&MaxResults=500&Version=2016-11-15", `<DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInterfaceId>eni-2</networkInterfaceId><ownerId>111122223333</ownerId><availabilityZone>eu-west-1a</availabilityZone><privateIpAddress>10.0.0.20</privateIpAddress></item></networkInterfaceSet></DescribeNetworkInterfacesResponse>`),
		post(ec2, "Action=DescribeAddresses&Version=2016-11-15", `<DescribeAddressesResponse><addressesSet><item><publicIp>192.0.2.10</publicIp><allocationId>eipalloc-1</allocationId><instanceId>i-0123456789abcdef0</instanceId><networkInterfaceOwnerId>111122223333</networkInterfaceOwnerId></item></addressesSet></DescribeAddressesResponse>`),
		post(elb, "Action=DescribeLoadBalancers&PageSize=20&Version=2015-12-01", `<DescribeLoadBalancersResponse><DescribeLoadBalancersResult><LoadBalancers><member><LoadBalancerArn>`+lb+`</LoadBalancerArn><LoadBalancerName>shop</LoadBalancerName><DNSName>shop-1.eu-west-1.elb.amazonaws.com</DNSName><Scheme>internet-facing</Scheme></member></LoadBalancers></DescribeLoadBalancersResult></DescribeLoadBalancersResponse>`),
		post(elb, "Action=DescribeTags&ResourceArns.member.1="+url.QueryEscape(lb)+"&Version=2015-12-01", `<DescribeTagsResponse><DescribeTagsResult><TagDescriptions><member><ResourceArn>`+lb+`</ResourceArn><Tags><member><Key>owner</Key><Value>shop</Value></member></Tags></member></TagDescriptions></DescribeTagsResult></DescribeTagsResponse>`),
		post(elb, "Action=DescribeTargetGroups&PageSize=20&Version=2015-12-01", `<DescribeTargetGroupsResponse><DescribeTargetGroupsResult><TargetGroups><member><TargetGroupArn>arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/shop/1</TargetGroupArn><TargetType>instance</TargetType><LoadBalancerArns><member>`+lb+`</member></LoadBalancerArns></member></TargetGroups></DescribeTargetGroupsResult></DescribeTargetGroupsResponse>`),
		post(elb, "Action=DescribeTargetHealth&TargetGroupArn="+url.QueryEscape("arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/shop/1")+"&Version=2015-12-01", `<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions><member><Target><Id>i-0123456789abcdef0</Id><Port>8080</Port></Target></member></TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>`),
		get(zones+"?maxitems=1", `<ListHostedZonesResponse><HostedZones><HostedZone><Id>/hostedzone/Z1</Id><Name>quell-lab.net.</Name><Config><PrivateZone>false</PrivateZone></Config></HostedZone></HostedZones><IsTruncated>true</IsTruncated><NextMarker>Z2</NextMarker></ListHostedZonesResponse>`),
		get(zones+"/Z1/rrset?maxitems=300", `<ListResourceRecordSetsResponse><ResourceRecordSets><ResourceRecordSet><Name>quell-lab.net.</Name><Type>NS</Type></ResourceRecordSet><ResourceRecordSet><Name>shop.quell-lab.net.</Name><Type>A</Type><AliasTarget><DNSName>shop-1.eu-west-1.elb.amazonaws.com.</DNSName></AliasTarget></ResourceRecordSet></ResourceRecordSets><IsTruncated>true</IsTruncated><NextRecordName>www.quell-lab.net.</NextRecordName><NextRecordType>CNAME</NextRecordType></ListResourceRecordSetsResponse>`),
		get(zones+"/Z1/rrset?maxitems=300&name=www.quell-lab.net.&type=CNAME", `<ListResourceRecordSetsResponse><ResourceRecordSets><ResourceRecordSet><Name>www.quell-lab.net.</Name><Type>CNAME</Type><ResourceRecords><ResourceRecord><Value>shop.quell-lab.net</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></ResourceRecordSets><IsTruncated>false</IsTruncated></ListResourceRecordSetsResponse>`),
		get(zones+"?marker=Z2&maxitems=1", `<ListHostedZonesResponse><HostedZones><HostedZone><Id>/hostedzone/Z2</Id><Name>corp.</Name><Config><PrivateZone>true</PrivateZone></Config></HostedZone></HostedZones><IsTruncated>false</IsTruncated></ListHostedZonesResponse>`),
	}
}

func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	p := connectortest.NewReplay(t, exchanges())
	p.Same = func(r *http.Request, body []byte, e *connectortest.Exchange) bool {
		return r.Method == e.Method && r.URL.String() == e.URL && string(body) == e.RequestBody && r.Header.Get("Authorization") != ""
	}
	return p
}

func TestPullGoesThroughAllCallsAndPages(t *testing.T) {
	var last *connectortest.Replay
	got := connectortest.ConformPuller(t, awsinventory.Registration(), config(), func(t *testing.T) *connectortest.Replay {
		t.Helper()
		last = replay(t)
		return last
	})
	require.True(t, got.Run.Complete)
	require.Empty(t, got.Run.Checks)
	names := make([]string, 0, len(got.Covered))
	for _, c := range got.Covered {
		names = append(names, c.Asset.Name)
		require.EqualValues(t, 1_700_000_000, c.Asset.SeenAt.Unix())
	}
	require.Equal(t, []string{"web1", "eni-2", "192.0.2.10", "shop", "shop", "quell-lab.net", "shop.quell-lab.net", "www.quell-lab.net", "corp"}, names)
	require.Equal(t, "shop", got.Covered[3].Asset.OwnerHints[0].Value)

	p := replay(t)
	connectortest.Sync(t, awsinventory.Registration(), config(), p.Client(), got.Covered[0].Asset.SeenAt)
	require.Empty(t, p.Unasked())

	c := config()
	c.DNS = false
	p = replay(t)
	require.Len(t, connectortest.Sync(t, awsinventory.Registration(), c, p.Client(), got.Covered[0].Asset.SeenAt).Covered, 5)
	require.Len(t, p.Unasked(), 4, "the zones are another source's")
}

func TestConfigNamesEveryProblem(t *testing.T) {
	c := config()
	require.Empty(t, c.Validate())
	require.Equal(t, []string{"ec2.eu-west-1.amazonaws.com", "elasticloadbalancing.eu-west-1.amazonaws.com", "route53.amazonaws.com"}, awsinventory.Registration().Reach(c))
	c.SecretKey = secret.String{}
	require.Len(t, c.Validate(), 1)
}
