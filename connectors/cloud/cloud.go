// Package cloud names the resources of cloud providers the same way whoever reports them:
// an instance that a scanner, a posture tool and the inventory speak of is one asset only
// if all of them come to the same identifiers.
package cloud

import (
	"cmp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// Resource is what a source says of a resource.
type Resource struct {
	ID       string // as the source writes it: an ARN, an Azure ID, a Google name, or something of its own
	Provider string // aws, azure, gcp, or what the source calls it; may be empty
	Account  string // account, subscription or project; may be empty
	Region   string
	Type     string // the source's word for what it is
	Name     string // for people; empty: the last part of the ID
}

// Describe gives the description of a resource. An ID that is unique nowhere but inside
// its account is qualified by it and its type, and then known to this source alone.
func Describe(r Resource) *asset.Description {
	r.ID, r.Account = connectors.Ident(r.ID), connectors.Ident(r.Account)
	d := &asset.Description{Kind: asset.CloudResource}
	switch {
	case strings.HasPrefix(r.ID, "arn:"):
		describeARN(d, r.ID)
	case strings.HasPrefix(r.ID, "AWS::::Account:"):
		d.Identifiers = global(AccountARN(strings.TrimPrefix(r.ID, "AWS::::Account:"), r.Region))
		d.Name = strings.TrimPrefix(r.ID, "AWS::::Account:")
	case isInstance(r.ID):
		describeInstance(d, r)
	case isAzure(r.ID):
		describeAzure(d, r.ID)
	case strings.HasPrefix(r.ID, "//"):
		describeGoogle(d, r.ID)
	case strings.HasPrefix(r.ID, "https://www.googleapis.com/compute/v1/"):
		describeGoogle(d, "//compute.googleapis.com/"+strings.TrimPrefix(r.ID, "https://www.googleapis.com/compute/v1/"))
	case r.ID != "":
		d.Identifiers = []asset.Identifier{{Kind: asset.SourceAssetID, Value: qualified(r)}}
		d.Name = r.ID
	}
	d.Name = cmp.Or(connectors.Ident(r.Name), d.Name, r.Type, "unnamed resource")
	return d
}

func qualified(r Resource) string {
	parts := make([]string, 0, 4)
	for _, part := range []string{strings.ToLower(r.Provider), r.Account, connectors.Ident(r.Type), r.ID} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

func global(id string) []asset.Identifier {
	return []asset.Identifier{{Kind: asset.CloudResourceID, Value: id}}
}

// AccountARN is the name of an AWS account as a whole: the ARN of its root, in the
// partition that a region of the account's is in.
func AccountARN(account, region string) string {
	return "arn:" + connectors.AWSPartition(region) + ":iam::" + account + ":root"
}

// ARN is an Amazon resource name taken apart.
type ARN struct{ Partition, Service, Region, Account, Resource string }

// ParseARN takes an ARN apart; ok is false for what is none.
func ParseARN(text string) (a ARN, ok bool) {
	const parts = 6
	p := strings.SplitN(text, ":", parts)
	if len(p) < parts || p[0] != "arn" {
		return a, false
	}
	return ARN{p[1], p[2], p[3], p[4], p[5]}, true
}

func isInstance(id string) bool {
	const shortest = 10 // i- and eight digits
	return strings.HasPrefix(id, "i-") && len(id) >= shortest && strings.Trim(id[2:], "0123456789abcdef") == ""
}

func describeInstance(d *asset.Description, r Resource) {
	d.Kind, d.Name, d.Identifiers = asset.Host, r.ID, connectors.AWSInstance(r.Account, r.Region, r.ID)
}

func describeARN(d *asset.Description, id string) {
	id = strings.TrimSuffix(id, ":$LATEST") // a function's newest code is the function
	d.Identifiers, d.Name = global(id), last(id)
	a, ok := ParseARN(id)
	if !ok {
		return
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	switch {
	case a.Service == "ec2" && kind == "instance" && name != "":
		d.Kind, d.Name = asset.Host, name
		if ids := connectors.AWSInstance(a.Account, a.Region, name); len(ids) > 0 { // the ARN is known already
			d.Identifiers = append(d.Identifiers, ids[len(ids)-1])
		}
	case a.Service == "ecr" && strings.Contains(name, "/sha256:"):
		repository, digest, _ := strings.Cut(name, "/sha256:")
		d.Kind, d.Name = asset.ContainerImage, repository
		d.Identifiers = append(d.Identifiers, asset.Identifier{Kind: asset.ImageDigest, Value: "sha256:" + digest})
	case a.Service == "iam" && (kind == "user" || kind == "role" || kind == "group"):
		d.Kind = asset.Identity
	case a.Service == "elasticloadbalancing" && kind == "loadbalancer": // app/name/id, or a classic one's name
		if parts := strings.Split(name, "/"); len(parts) > 1 {
			d.Name = parts[len(parts)-2]
		}
	case a.Service == "iam" && a.Resource == "root":
		d.Name = a.Account
	case name == "":
		d.Name = a.Resource[strings.LastIndexByte(a.Resource, ':')+1:]
	}
}

func isAzure(id string) bool {
	const prefix = "/subscriptions/"
	return len(id) > len(prefix) && strings.EqualFold(id[:len(prefix)], prefix)
}

func describeAzure(d *asset.Description, id string) {
	id = strings.TrimRight(strings.ToLower(id), "/")
	d.Identifiers, d.Name = global(id), last(id)
	switch _, resource, _ := strings.Cut(id, "/providers/"); {
	case strings.HasPrefix(resource, "microsoft.compute/virtualmachines/") && strings.Count(resource, "/") == 2,
		strings.HasPrefix(resource, "microsoft.hybridcompute/machines/") && strings.Count(resource, "/") == 2,
		strings.Contains(resource, "/virtualmachinescalesets/") && strings.Contains(resource, "/virtualmachines/"):
		d.Kind = asset.Host
	}
}

func describeGoogle(d *asset.Description, id string) {
	d.Identifiers, d.Name = global(id), last(id)
	path, compute := strings.CutPrefix(id, "//compute.googleapis.com/projects/")
	project, place, _ := strings.Cut(path, "/")
	if !compute || !strings.Contains(place, "/instances/") {
		return
	}
	d.Kind = asset.Host
	d.Identifiers = append(d.Identifiers, connectors.GCPInstance(project, d.Name)...)
}

func last(id string) string {
	id = strings.TrimRight(id, "/")
	return id[strings.LastIndexByte(id, '/')+1:]
}
