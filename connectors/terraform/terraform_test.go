package terraform_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/terraform"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, terraform.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, terraform.Registration(), nil)
	}
	connectortest.Counts(t, terraform.Registration(), nil)
}

func TestGolden(t *testing.T) {
	config := configured(t)
	config.Repository = "github.com/quell-lab/infra"
	for _, file := range []string{"v4.tfstate", "v3.tfstate"} {
		connectortest.Golden(t, terraform.Registration(), config, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, terraform.Registration(), "terraform-state") }

func configured(t *testing.T, urls ...string) *terraform.Config {
	t.Helper()
	config, ok := terraform.Registration().Config().(*terraform.Config)
	require.True(t, ok)
	config.URLs, config.User, config.Password = urls, "quell", secret.New("hunter2hunter2")
	require.Empty(t, config.Validate())
	return config
}

func sample(t *testing.T, file string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	require.Contains(t, string(body), "invented", "the sample has secrets to hide")
	return body
}

func TestNoSecretOfAStateIsKept(t *testing.T) {
	for _, file := range []string{"v4.tfstate", "v3.tfstate"} {
		rec, err := connectortest.Decode(t, terraform.Registration(), nil, sample(t, file))
		require.NoError(t, err)
		text, err := json.Marshal(rec)
		require.NoError(t, err)
		require.NotContains(t, string(text), "invented", file)
		require.NotContains(t, string(text), "secretname", "what the provider calls secret isn't kept, listed or not")
	}
}

const (
	one = "https://gitlab.example.org/api/v4/projects/7/terraform/state/one"
	two = "https://gitlab.example.org/api/v4/projects/7/terraform/state/two"
)

func replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	return connectortest.NewReplay(t, []connectortest.Exchange{
		{Method: "GET", URL: one, Status: 200, Body: sample(t, "v4.tfstate")},
		{Method: "GET", URL: two, Status: 200, Body: sample(t, "v3.tfstate")},
	})
}

func TestAPulledStateIsTheSameAsAnUploadedOneWithoutItsSecrets(t *testing.T) {
	got := connectortest.ConformPuller(t, terraform.Registration(), configured(t, one, two), replay)
	require.True(t, got.Run.Complete, got.Run.Why)
	var uploaded []asset.Description
	for _, file := range []string{"v4.tfstate", "v3.tfstate"} {
		rec, err := connectortest.Decode(t, terraform.Registration(), nil, sample(t, file))
		require.NoError(t, err)
		for _, cov := range rec.Covered {
			uploaded = append(uploaded, cov.Asset)
		}
	}
	require.Len(t, got.Covered, 7)
	for i, cov := range got.Covered {
		require.Equal(t, uploaded[i], cov.Asset)
	}
	for _, page := range got.Pages {
		require.NotContains(t, string(page), "invented", "pages are stored")
		require.NotContains(t, string(page), "secretname")
	}
}

func TestAStateThatWasNeverWrittenIsEmpty(t *testing.T) {
	p := connectortest.NewReplay(t, []connectortest.Exchange{{Method: "GET", URL: one, Status: 204}})
	got := connectortest.Sync(t, terraform.Registration(), configured(t, one), p.Client(), time.Time{})
	require.Empty(t, got.Pages)
	require.True(t, got.Run.Complete)
}

func TestAMachineIsKnownAsItsCloudKnowsIt(t *testing.T) {
	rec, err := connectortest.Decode(t, terraform.Registration(), nil, sample(t, "v4.tfstate"))
	require.NoError(t, err)
	web, vm := rec.Covered[0].Asset, rec.Covered[2].Asset
	require.Equal(t, asset.Identifier{Kind: asset.CloudResourceID, Value: "arn:aws:ec2:eu-central-1:123456789012:instance/i-0abc0abc0abc0abc0"}, web.Identifiers[0])
	require.Equal(t, asset.Identifier{Kind: asset.CloudInstanceID, Scope: "aws/123456789012/eu-central-1", Value: "i-0abc0abc0abc0abc0"}, web.Identifiers[1])
	require.Equal(t, []asset.OwnerHint{{Value: "payments", From: "tag Owner"}}, web.OwnerHints)
	require.Equal(t, "/subscriptions/s1/resourcegroups/lab/providers/microsoft.compute/virtualmachines/vm1", vm.Identifiers[0].Value)
	require.Equal(t, "azure", vm.Identifiers[1].Scope)
	require.Equal(t, asset.InternetYes, rec.Covered[3].Asset.Internet)
	require.Equal(t, map[string]int{"data_source_is_not_managed": 1, "instance_about_to_be_destroyed": 1, "resource_of_no_cloud": 1, "resource_without_name_in_its_cloud": 1}, rec.Skipped)
}

func TestAStateOfAnotherVersionIsRefused(t *testing.T) {
	for _, version := range []string{"1", "5"} {
		_, err := connectortest.Decode(t, terraform.Registration(), nil, []byte(strings.Replace(string(sample(t, "v4.tfstate")), `"version": 4`, `"version": `+version, 1)))
		require.ErrorContains(t, err, "version 3 or 4")
	}
}
