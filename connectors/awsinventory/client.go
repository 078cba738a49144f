package awsinventory

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/awsapi"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// The services, as their hosts and signatures name them.
const (
	ec2 = "ec2"
	elb = "elasticloadbalancing"
	dns = "route53"
)

func dnsHost(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "route53.amazonaws.com.cn"
	}
	return "route53.amazonaws.com"
}

// dnsRegion is the region that Route 53 is signed for, whichever one asks.
func dnsRegion(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "cn-northwest-1"
	}
	return "us-east-1"
}

// cursor says what is asked for next.
type cursor struct {
	Stage  string `json:"s"`
	Token  string `json:"t,omitempty"` // of the stage's next page; of the next zone in the last stage
	Zone   string `json:"z,omitempty"` // whose records are being read
	Name   string `json:"n,omitempty"` // where they go on
	Type   string `json:"y,omitempty"`
	Record string `json:"i,omitempty"`
}

// The stages, in their order.
const (
	instances  = "instances"
	interfaces = "interfaces"
	addresses  = "addresses"
	balancers  = "balancers"
	groups     = "targets"
	zones      = "zones"
)

func after(stage string) string {
	return map[string]string{instances: interfaces, interfaces: addresses, addresses: balancers, balancers: groups, groups: zones}[stage]
}

// Pull implements connectors.Puller: one page of one of the calls, written as the CLI
// would print it, with where and when it was asked for.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, w io.Writer) (connectors.Pulled, error) {
	at := cursor{Stage: instances}
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &at); err != nil {
			return connectors.Pulled{}, fault.New(fault.Invalid, "reading the cursor of AWS inventory: it is none of ours")
		}
	}
	out := map[string]any{}
	next, err := in.stage(ctx, at, out)
	if err != nil {
		return connectors.Pulled{}, err
	}
	if len(out) > 0 {
		now := time.Time{}
		if in.now != nil {
			now = in.now()
		}
		if err := write(w, page{in.config.Region, now.UTC().Format(time.RFC3339)}, out); err != nil {
			return connectors.Pulled{}, err
		}
	}
	if next.Stage == "" || next.Stage == zones && !in.config.DNS {
		return connectors.Pulled{Run: exposure.Run{Kind: exposure.RunFull, Complete: true}}, nil
	}
	text, err := json.Marshal(next)
	if err != nil || len(text) > connectors.MaxCursor {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling AWS inventory: a page's token is too long")
	}
	return connectors.Pulled{Next: string(text)}, nil
}

// write begins with what the page says of itself, since the rest is read by it.
func write(w io.Writer, p page, lists map[string]any) error {
	about, err1 := json.Marshal(p)
	rest, err2 := json.Marshal(lists)
	if err1 != nil || err2 != nil {
		return fault.New(fault.Internal, "writing a page of AWS inventory")
	}
	_, err := io.Copy(w, io.MultiReader(strings.NewReader(`{"quell_aws":`), bytes.NewReader(about), strings.NewReader(","), bytes.NewReader(rest[1:])))
	return fault.Wrap(fault.Internal, err, "writing a page of AWS inventory")
}

func (in *Instance) stage(ctx context.Context, at cursor, out map[string]any) (next cursor, err error) {
	token := ""
	switch at.Stage {
	case instances:
		var a struct {
			Items []reservation `xml:"reservationSet>item"`
			Next  string        `xml:"nextToken"`
		}
		err = in.ec2(ctx, "DescribeInstances", at.Token, &a)
		add(out, "Reservations", a.Items)
		token = a.Next
	case interfaces:
		var a struct {
			Items []netcard `xml:"networkInterfaceSet>item"`
			Next  string    `xml:"nextToken"`
		}
		err = in.ec2(ctx, "DescribeNetworkInterfaces", at.Token, &a)
		add(out, "NetworkInterfaces", a.Items)
		token = a.Next
	case addresses:
		var a struct {
			Items []elastic `xml:"addressesSet>item"`
		}
		err = in.query(ctx, ec2, url.Values{"Action": {"DescribeAddresses"}, "Version": {"2016-11-15"}}, &a) // it has no pages
		add(out, "Addresses", a.Items)
	case balancers:
		token, err = in.balancers(ctx, at.Token, out)
	case groups:
		token, err = in.groups(ctx, at.Token, out)
	case zones:
		return in.zone(ctx, at, out)
	default:
		return cursor{}, fault.New(fault.Invalid, "reading the cursor of AWS inventory: it is none of ours")
	}
	if token != "" && token != at.Token {
		return cursor{Stage: at.Stage, Token: token}, err
	}
	return cursor{Stage: after(at.Stage)}, err
}

func add[T any](out map[string]any, name string, items []T) {
	if len(items) > 0 {
		out[name] = items
	}
}

func (in *Instance) ec2(ctx context.Context, action, token string, answer any) error {
	form := url.Values{"Action": {action}, "Version": {"2016-11-15"}, "MaxResults": {"500"}}
	if token != "" {
		form.Set("NextToken", token)
	}
	return in.query(ctx, ec2, form, answer)
}

// query calls an API that takes forms and answers in XML, whose documents hold no entities
// but those of XML itself.
func (in *Instance) query(ctx context.Context, service string, form url.Values, answer any) error {
	return in.ask(ctx, service, in.config.Region, awsapi.Host(service, in.config.Region), httpclient.Call{Path: "/", Form: form, Accept: "text/xml"}, answer)
}

func (in *Instance) ask(ctx context.Context, service, region, host string, call httpclient.Call, answer any) error {
	api, err := in.client.API(ctx, service, region, host)
	if err != nil {
		return err //nolint:wrapcheck // it says what was done
	}
	api.Largest = 64 << 20
	var body bytes.Buffer
	if _, err := api.Copy(ctx, call, &body); err != nil {
		return err //nolint:wrapcheck // likewise
	}
	if xml.Unmarshal(body.Bytes(), answer) != nil {
		return fault.New(fault.Unavailable, "reading an answer of AWS %s: it is not the XML that was asked for", service)
	}
	return nil
}

// perCall is how many load balancers' tags, and how many groups' targets, are asked for
// with a page of them.
const perCall = 20

func (in *Instance) balancers(ctx context.Context, marker string, out map[string]any) (string, error) {
	form := url.Values{"Action": {"DescribeLoadBalancers"}, "Version": {"2015-12-01"}, "PageSize": {strconv.Itoa(perCall)}}
	if marker != "" {
		form.Set("Marker", marker)
	}
	var a struct {
		Items []balancer `xml:"DescribeLoadBalancersResult>LoadBalancers>member"`
		Next  string     `xml:"DescribeLoadBalancersResult>NextMarker"`
	}
	if err := in.query(ctx, elb, form, &a); err != nil || len(a.Items) == 0 {
		return a.Next, err
	}
	form = url.Values{"Action": {"DescribeTags"}, "Version": {"2015-12-01"}}
	for i := range a.Items {
		form.Set("ResourceArns.member."+strconv.Itoa(i+1), a.Items[i].ARN.String())
	}
	var t struct {
		Items []tagged `xml:"DescribeTagsResult>TagDescriptions>member"`
	}
	if err := in.query(ctx, elb, form, &t); err != nil {
		return "", err
	}
	for i := range a.Items {
		for j := range t.Items {
			if t.Items[j].ARN == a.Items[i].ARN {
				a.Items[i].Tags = t.Items[j].Tags
			}
		}
	}
	add(out, "LoadBalancers", a.Items)
	return a.Next, nil
}

func (in *Instance) groups(ctx context.Context, marker string, out map[string]any) (string, error) {
	form := url.Values{"Action": {"DescribeTargetGroups"}, "Version": {"2015-12-01"}, "PageSize": {strconv.Itoa(perCall)}}
	if marker != "" {
		form.Set("Marker", marker)
	}
	var a struct {
		Items []targetGroup `xml:"DescribeTargetGroupsResult>TargetGroups>member"`
		Next  string        `xml:"DescribeTargetGroupsResult>NextMarker"`
	}
	if err := in.query(ctx, elb, form, &a); err != nil {
		return "", err
	}
	for i := range a.Items {
		if len(a.Items[i].Balancers) == 0 {
			continue // nothing leads to it
		}
		var h struct {
			Items []target `xml:"DescribeTargetHealthResult>TargetHealthDescriptions>member"`
		}
		form := url.Values{"Action": {"DescribeTargetHealth"}, "Version": {"2015-12-01"}, "TargetGroupArn": {a.Items[i].ARN.String()}}
		if err := in.query(ctx, elb, form, &h); err != nil {
			return "", err
		}
		a.Items[i].Health = h.Items
	}
	add(out, "TargetGroups", a.Items)
	return a.Next, nil
}

// zone reads one zone and the first page of its records, or a later page of them. Zones
// are asked for one by one, since a cursor has no room for all of an account's.
func (in *Instance) zone(ctx context.Context, at cursor, out map[string]any) (cursor, error) {
	if at.Zone == "" {
		query := url.Values{"maxitems": {"1"}}
		if at.Token != "" {
			query.Set("marker", at.Token)
		}
		var a struct {
			Items []zone `xml:"HostedZones>HostedZone"`
			More  bool   `xml:"IsTruncated"`
			Next  string `xml:"NextMarker"`
		}
		if err := in.ask(ctx, dns, dnsRegion(in.config.Region), dnsHost(in.config.Region), httpclient.Call{Path: "/2013-04-01/hostedzone", Query: query, Accept: "text/xml"}, &a); err != nil {
			return cursor{}, err
		}
		add(out, "HostedZones", a.Items)
		at.Token = ""
		if a.More {
			at.Token = a.Next
		}
		if len(a.Items) == 0 || a.Items[0].private() {
			return nextZone(at), nil
		}
		at.Zone = strings.TrimPrefix(a.Items[0].ID.String(), "/hostedzone/")
	}
	query := url.Values{"maxitems": {"300"}}
	for name, value := range map[string]string{"name": at.Name, "type": at.Type, "identifier": at.Record} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var a struct {
		Items  []record `xml:"ResourceRecordSets>ResourceRecordSet"`
		More   bool     `xml:"IsTruncated"`
		Name   string   `xml:"NextRecordName"`
		Type   string   `xml:"NextRecordType"`
		Record string   `xml:"NextRecordIdentifier"`
	}
	if err := in.ask(ctx, dns, dnsRegion(in.config.Region), dnsHost(in.config.Region),
		httpclient.Call{Path: "/2013-04-01/hostedzone/" + url.PathEscape(at.Zone) + "/rrset", Query: query, Accept: "text/xml"}, &a); err != nil {
		return cursor{}, err
	}
	kept := a.Items[:0]
	for i := range a.Items {
		switch a.Items[i].Type {
		case "A", "AAAA", "CNAME":
			kept = append(kept, a.Items[i])
		}
	}
	add(out, "ResourceRecordSets", kept)
	if a.More && (a.Name != at.Name || a.Type != at.Type || a.Record != at.Record) {
		return cursor{Stage: zones, Token: at.Token, Zone: at.Zone, Name: a.Name, Type: a.Type, Record: a.Record}, nil
	}
	return nextZone(at), nil
}

func nextZone(at cursor) cursor {
	if at.Token == "" {
		return cursor{}
	}
	return cursor{Stage: zones, Token: at.Token}
}
