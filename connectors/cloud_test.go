package connectors

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
)

func TestAnInstanceOfACloudIsNamedAsNarrowlyAsKnown(t *testing.T) {
	keys := func(ids []asset.Identifier) []string {
		out := make([]string, 0, len(ids))
		for _, id := range ids {
			out = append(out, id.Key())
		}
		return out
	}
	for _, c := range []struct {
		name string
		ids  []asset.Identifier
		want []string
	}{
		{"all is known", AWSInstance("111122223333", "eu-west-1", "i-0a"), []string{"cloud_resource||arn:aws:ec2:eu-west-1:111122223333:instance/i-0a", "cloud_instance|aws/111122223333/eu-west-1|i-0a"}},
		{"China is a partition of its own", AWSInstance("111122223333", "cn-north-1", "i-0a")[:1], []string{"cloud_resource||arn:aws-cn:ec2:cn-north-1:111122223333:instance/i-0a"}},
		{"and so is GovCloud", AWSInstance("111122223333", "us-gov-west-1", "i-0a")[:1], []string{"cloud_resource||arn:aws-us-gov:ec2:us-gov-west-1:111122223333:instance/i-0a"}},
		{"an image has its region's", []asset.Identifier{AWSImage("cn-north-1", "ami-1")}, []string{"cloud_resource||arn:aws-cn:ec2:cn-north-1::image/ami-1"}},
		{"no region", AWSInstance("111122223333", "", "i-0a"), []string{"cloud_instance|aws/111122223333|i-0a"}},
		{"no account", AWSInstance("", "eu-west-1", "i-0a"), []string{"cloud_instance|aws|i-0a"}},
		{"no instance", AWSInstance("111122223333", "eu-west-1", "web-1"), []string{}},
		{"Azure ignores case", AzureVM("/subscriptions/S/resourceGroups/R", "AB-1"), []string{"cloud_resource||/subscriptions/s/resourcegroups/r", "cloud_instance|azure|ab-1"}},
		{"no resource of Azure's", AzureVM("x", ""), []string{}},
		{"Google", GCPInstance("lab", "42"), []string{"cloud_instance|gcp/lab|42"}},
		{"a name of Google's", GCPInstance("lab", "web-1"), []string{}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, keys(c.ids)) })
	}
	require.Equal(t, "eu-west-1", AWSRegion("eu-west-1a"))
	require.Equal(t, "eu-west-1", AWSRegion("eu-west-1"))
}

func TestTagsThatNameAnOwnerAreClues(t *testing.T) {
	rest, hints := SplitTags(map[string]string{"Team": "payments", "app:owner-email": "x@example.org", "Environment": "prod", "Owner": " "})
	require.Equal(t, map[string]string{"Environment": "prod", "Owner": ""}, rest)
	require.Equal(t, []asset.OwnerHint{{Value: "payments", From: "tag Team"}, {Value: "x@example.org", From: "tag app:owner-email"}}, hints)
	for _, key := range []string{"cost-center", "Business Unit", "SupportGroup"} {
		require.True(t, OwnerTag(key), key)
	}
	require.True(t, OwnerTag("acme.example/created-by"))
	require.False(t, OwnerTag("created-by-build"), "that is no name")
	require.True(t, OwnerClue("managed_by", "payments"))
	require.False(t, OwnerClue("managed_by", "Terraform"), "that is a tool")
	require.False(t, OwnerTag("environment"))
	require.False(t, OwnerTag("app.kubernetes.io/managed-by"), "that is a tool")
}
