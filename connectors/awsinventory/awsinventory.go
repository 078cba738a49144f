// Package awsinventory connects the inventory of AWS: instances, network interfaces,
// addresses, load balancers and DNS records, with what leads to what.
package awsinventory

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/awsapi"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "awsinventory"

const (
	format  = "AWS inventory JSON"
	largest = 1 << 20 // bytes of one element
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "AWS inventory",
		Summary:   "Instances, load balancers, addresses and DNS records of an AWS account, with owners by tags.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Reach:     reach,
		API:       "EC2 2016-11-15, Elastic Load Balancing 2015-12-01, Route 53 2013-04-01",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "instances.json", Assets: 3},
			{File: "network.jsonl", Assets: 4},
			{File: "balancers.jsonl", Assets: 5},
			{File: "dns.jsonl", Assets: 6},
		},
	}
}

// recognize knows the answers by the one list that each has, with a field of its elements.
func recognize(head []byte, _ string) int {
	if !report.IsJSON(head) {
		return 0
	}
	const sure, likely = 85, 60
	for _, mark := range [][]string{{"quell_aws"}, {"Reservations", "Instances"}, {"NetworkInterfaces", "NetworkInterfaceId"}, {"Addresses", "AllocationId"},
		{"LoadBalancers", "LoadBalancerArn"}, {"LoadBalancerDescriptions", "DNSName"}, {"TagDescriptions", "ResourceArn"}, {"TargetGroups", "TargetGroupArn"}} {
		if report.Has(head, mark...) {
			return sure
		}
	}
	if report.Has(head, "HostedZones", "CallerReference") || report.Has(head, "ResourceRecordSets", "Type") {
		return likely
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok {
		return nil
	}
	login := c.login()
	out := awsapi.Reach(&login, ec2, elb)
	if len(out) > 0 && c.DNS {
		out = append(out, dnsHost(c.Region))
	}
	return out
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, client: awsapi.New(env.HTTP, c.login(), env.Now), now: env.Now}, nil
}

// Instance is one configured AWS inventory source.
type Instance struct {
	source string
	config Config
	client *awsapi.Client
	now    func() time.Time
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	e      *report.Emitter
	region string
	taken  time.Time
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{region: in.config.Region}
	f := report.Format{Name: format, Sink: sink, Run: func(e *report.Emitter) exposure.Run {
		return exposure.Run{Source: in.source, Connector: Name, Kind: exposure.RunFull, ID: connectors.RunID(Name, d.taken, d.taken, in.source),
			Started: d.taken, Finished: d.taken, Tool: "AWS", Targets: e.Assets, Counts: map[string]int{"received": e.Assets}, Why: connectors.OnePage}
	}}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		d.e = e
		if r.Kind() != jsonpull.Object {
			r.Fail("an answer of AWS is an object")
		}
		known := false
		err := r.Fields(func(key string) error {
			if key == "quell_aws" {
				var p page
				r.Into(largest, &p)
				d.region, d.taken, known = p.Region, wire.Moment(p.Taken), true
				return nil
			}
			read := d.lists()[key]
			if read == nil || r.Kind() != jsonpull.Array {
				return nil
			}
			known = true
			return r.Each(ctx, func() error { return read(r) })
		})
		if err == nil && r.OK() && !known {
			r.Fail("there is no list that is known: this is something else")
		}
		return err
	})
}

// lists says how the elements of each list are read.
func (d *decoding) lists() map[string]func(r *jsonpull.Reader) error {
	return map[string]func(r *jsonpull.Reader) error{
		"Reservations": each(d, func(v *reservation) error {
			for i := range v.Instances {
				if err := d.emit(d.instance(&v.Instances[i], v.OwnerID.String())); err != nil {
					return err
				}
			}
			return nil
		}),
		"NetworkInterfaces":        each(d, func(v *netcard) error { return d.emit(d.netcard(v)) }),
		"Addresses":                each(d, func(v *elastic) error { return d.emit(d.elastic(v)) }),
		"LoadBalancers":            each(d, func(v *balancer) error { return d.emit(d.balancer(v)) }),
		"LoadBalancerDescriptions": each(d, func(v *balancer) error { return d.emit(d.balancer(v)) }),
		"TagDescriptions":          each(d, func(v *tagged) error { return d.emit(describeTagged(v)) }),
		"TargetGroups": each(d, func(v *targetGroup) error {
			for _, about := range d.targets(v) {
				if err := d.emit(about); err != nil {
					return err
				}
			}
			return nil
		}),
		"TargetHealthDescriptions": each(d, func(*target) error {
			d.e.Skip("target_of_an_unknown_group")
			return nil
		}),
		"HostedZones":        each(d, func(v *zone) error { return d.emit(describeZone(v)) }),
		"ResourceRecordSets": each(d, func(v *record) error { return d.emit(describeRecord(v)) }),
	}
}

// each reads one element into a T.
func each[T any](d *decoding, fn func(*T) error) func(r *jsonpull.Reader) error {
	return func(r *jsonpull.Reader) error {
		var v T
		if _, ok := r.Into(largest, &v); !ok {
			if r.OK() {
				d.e.Skip("element_of_another_shape")
			}
			return nil
		}
		return fn(&v)
	}
}

// emit tells of an asset; nil is one that can't be named.
func (d *decoding) emit(about *asset.Description) error {
	if about == nil {
		d.e.Skip("resource_without_a_name")
		return nil
	}
	about.SeenAt = d.taken
	return d.e.Asset(about)
}
