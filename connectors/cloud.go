package connectors

import (
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/asset"
)

// AWSInstance gives the identifiers of an EC2 instance: its ARN where account and region
// are known, and the instance ID in the narrowest scope that is. None for what is no
// instance ID.
func AWSInstance(account, region, instance string) []asset.Identifier {
	instance = strings.TrimSpace(instance)
	if !strings.HasPrefix(instance, "i-") {
		return nil
	}
	if !digits(account) {
		account = ""
	}
	region = strings.ReplaceAll(region, "|", "")
	var out []asset.Identifier
	scope := "aws"
	if account != "" {
		scope += "/" + account
		if region != "" {
			scope += "/" + region
			out = append(out, asset.Identifier{Kind: asset.CloudResourceID, Value: "arn:" + AWSPartition(region) + ":ec2:" + region + ":" + account + ":instance/" + instance})
		}
	}
	return append(out, asset.Identifier{Kind: asset.CloudInstanceID, Scope: scope, Value: instance})
}

// partitions are the parts of AWS, as ARNs name them, by how their regions begin.
var partitions = map[string]string{ //nolint:gochecknoglobals // a constant table
	"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b", "eu-isoe-": "aws-iso-e", "us-isof-": "aws-iso-f", "eusc-": "aws-eusc",
}

// AWSPartition is the part of AWS that a region belongs to, as ARNs name it.
func AWSPartition(region string) string {
	for prefix, partition := range partitions {
		if strings.HasPrefix(region, prefix) {
			return partition
		}
	}
	return "aws"
}

// AWSImage gives the identifier of the image that an EC2 instance was started from.
func AWSImage(region, image string) asset.Identifier {
	return asset.Identifier{Kind: asset.CloudResourceID, Value: "arn:" + AWSPartition(region) + ":ec2:" + region + "::image/" + image}
}

// AWSRegion is the region of an availability zone: "eu-west-1" of "eu-west-1a".
func AWSRegion(zone string) string {
	return strings.TrimRight(strings.TrimSpace(zone), "abcdefghijklmnopqrstuvwxyz")
}

// AzureVM gives the identifiers of an Azure virtual machine, by what is known of it: the
// resource ID, and the machine's own unique ID.
func AzureVM(resourceID, vmID string) []asset.Identifier {
	var out []asset.Identifier
	if id := strings.ToLower(strings.TrimSpace(resourceID)); strings.HasPrefix(id, "/subscriptions/") {
		out = append(out, asset.Identifier{Kind: asset.CloudResourceID, Value: id})
	}
	if id := strings.ToLower(strings.TrimSpace(vmID)); id != "" {
		out = append(out, asset.Identifier{Kind: asset.CloudInstanceID, Scope: "azure", Value: id})
	}
	return out
}

// GCPInstance gives the identifier of a Compute Engine instance by its numeric ID. None
// for what is no number, since names are used again.
func GCPInstance(project, id string) []asset.Identifier {
	if id = strings.TrimSpace(id); !digits(id) {
		return nil
	}
	scope := "gcp"
	if project = strings.ReplaceAll(strings.TrimSpace(project), "|", ""); project != "" {
		scope += "/" + project
	}
	return []asset.Identifier{{Kind: asset.CloudInstanceID, Scope: scope, Value: id}}
}

// KubernetesObject names an object in a cluster, and further parts of it, such as one of
// its containers: "deployment/web/shop". The cluster is the name by which sources of one
// cluster know that they speak of the same objects; without it, the object is the source's
// own.
func KubernetesObject(cluster, kind, namespace, name string, parts ...string) asset.Identifier {
	path := slices.DeleteFunc(append([]string{strings.ToLower(kind), namespace, name}, parts...), func(part string) bool { return part == "" })
	id := asset.Identifier{Kind: asset.SourceAssetID, Value: Ident(strings.Join(path, "/"))}
	if cluster = strings.ReplaceAll(Ident(cluster), "|", ""); cluster != "" {
		id.Scope = "kubernetes/" + cluster
	}
	return id
}
