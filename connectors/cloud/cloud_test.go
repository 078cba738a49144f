package cloud_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/internal/asset"
)

func TestResourcesAreNamedTheSameWhoeverReportsThem(t *testing.T) {
	const arn = "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"
	instance := []string{"cloud_resource||" + arn, "cloud_instance|aws/111122223333/eu-west-1|i-0123456789abcdef0"}
	inChina := []string{"cloud_resource||arn:aws-cn:ec2:cn-north-1:111122223333:instance/i-0123456789abcdef0", "cloud_instance|aws/111122223333/cn-north-1|i-0123456789abcdef0"}
	tests := []struct {
		name string
		in   cloud.Resource
		kind asset.Kind
		ids  []string
		as   string
	}{
		{"an instance by ARN", cloud.Resource{ID: arn}, asset.Host, instance, "i-0123456789abcdef0"},
		{"an instance by its id", cloud.Resource{ID: "i-0123456789abcdef0", Account: "111122223333", Region: "eu-west-1", Name: "web"}, asset.Host, instance, "web"},
		{"an instance of nowhere", cloud.Resource{ID: "i-0123456789abcdef0"}, asset.Host, []string{"cloud_instance|aws|i-0123456789abcdef0"}, "i-0123456789abcdef0"},
		{"an instance in China by ARN", cloud.Resource{ID: "arn:aws-cn:ec2:cn-north-1:111122223333:instance/i-0123456789abcdef0"}, asset.Host, inChina, "i-0123456789abcdef0"},
		{"an instance in China by its id", cloud.Resource{ID: "i-0123456789abcdef0", Account: "111122223333", Region: "cn-north-1"}, asset.Host, inChina, "i-0123456789abcdef0"},
		{"an account of GovCloud", cloud.Resource{ID: "AWS::::Account:111122223333", Region: "us-gov-west-1"}, asset.CloudResource, []string{"cloud_resource||arn:aws-us-gov:iam::111122223333:root"}, "111122223333"},
		{"an image", cloud.Resource{ID: "arn:aws:ecr:eu-west-1:111122223333:repository/shop/web/sha256:ab"}, asset.ContainerImage,
			[]string{"cloud_resource||arn:aws:ecr:eu-west-1:111122223333:repository/shop/web/sha256:ab", "image_digest||sha256:ab"}, "shop/web"},
		{"an account", cloud.Resource{ID: "AWS::::Account:111122223333"}, asset.CloudResource, []string{"cloud_resource||arn:aws:iam::111122223333:root"}, "111122223333"},
		{"an account by its root", cloud.Resource{ID: "arn:aws:iam::111122223333:root"}, asset.CloudResource, []string{"cloud_resource||arn:aws:iam::111122223333:root"}, "111122223333"},
		{"a role", cloud.Resource{ID: "arn:aws:iam::111122223333:role/path/deploy"}, asset.Identity, []string{"cloud_resource||arn:aws:iam::111122223333:role/path/deploy"}, "deploy"},
		{"a function", cloud.Resource{ID: "arn:aws:lambda:eu-west-1:111122223333:function:pay:$LATEST"}, asset.CloudResource, []string{"cloud_resource||arn:aws:lambda:eu-west-1:111122223333:function:pay"}, "pay"},
		{"an Azure machine", cloud.Resource{ID: "/SUBSCRIPTIONS/A/resourceGroups/B/providers/Microsoft.Compute/virtualMachines/VM1/"}, asset.Host,
			[]string{"cloud_resource||/subscriptions/a/resourcegroups/b/providers/microsoft.compute/virtualmachines/vm1"}, "vm1"},
		{"an Azure disk", cloud.Resource{ID: "/subscriptions/a/resourceGroups/b/providers/Microsoft.Compute/disks/d"}, asset.CloudResource,
			[]string{"cloud_resource||/subscriptions/a/resourcegroups/b/providers/microsoft.compute/disks/d"}, "d"},
		{"a Google instance", cloud.Resource{ID: "//compute.googleapis.com/projects/p/zones/z/instances/9"}, asset.Host, []string{"cloud_resource||//compute.googleapis.com/projects/p/zones/z/instances/9", "cloud_instance|gcp/p|9"}, "9"},
		{"a name of the source's own", cloud.Resource{ID: "AppInsights", Provider: "Azure", Account: "a", Type: "x"}, asset.CloudResource, []string{"source_asset||azure/a/x/AppInsights"}, "AppInsights"},
		{"nothing", cloud.Resource{}, asset.CloudResource, nil, "unnamed resource"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := cloud.Describe(tt.in)
			var ids []string
			for _, id := range d.Identifiers {
				ids = append(ids, id.Key())
			}
			require.Equal(t, tt.kind, d.Kind)
			require.Equal(t, tt.ids, ids)
			require.Equal(t, tt.as, d.Name)
		})
	}
}

func TestTagsThatNameSomebodyAreHints(t *testing.T) {
	d := &asset.Description{}
	cloud.Tag(d, "Owner", "payments")
	cloud.Tag(d, "quell-lab.net/cost-center", "4711")
	cloud.Tag(d, "app.kubernetes.io/managed-by", "Helm")
	cloud.Tag(d, "managed_by", "Terraform")
	cloud.Tag(d, "Name", "web")
	cloud.Tag(d, "", "x")
	require.Equal(t, []asset.OwnerHint{{Value: "payments", From: "tag Owner"}, {Value: "4711", From: "tag quell-lab.net/cost-center"}}, d.OwnerHints)
	require.Len(t, d.Tags, 5)
}
