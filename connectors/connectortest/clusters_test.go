package connectortest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
)

// TestSourcesOfOneClusterSpeakOfTheSameObjects reads one deployment as the inventory, the
// operator and the scanner of a cluster tell of it.
func TestSourcesOfOneClusterSpeakOfTheSameObjects(t *testing.T) {
	const inventory, operator, scanner, lab = "kubernetes", "trivyoperator", "kubescape", "lab"
	shop := asset.Identifier{Kind: asset.SourceAssetID, Scope: "kubernetes/lab", Value: "deployment/web/shop"}
	node := asset.Identifier{Kind: asset.SourceAssetID, Scope: "kubernetes/lab", Value: "node/node-1"}

	require.Equal(t, []asset.Identifier{shop}, told(t, inventory, lab, kubernetesObject("Deployment", `"namespace":"web","name":"shop"`)).Identifiers)
	require.Equal(t, []asset.Identifier{shop}, told(t, operator, lab, operatorReport("ConfigAuditReport", "ReplicaSet", "web", "shop-965685897", "")).Identifiers)
	require.Equal(t, []asset.Identifier{shop}, told(t, scanner, lab, kubescapeReport("Deployment", `"namespace":"web","name":"shop"`)).Identifiers)

	t.Run("a container is part of it", func(t *testing.T) {
		container := told(t, operator, lab, operatorReport("VulnerabilityReport", "ReplicaSet", "web", "shop-965685897", "app"))
		require.Equal(t, asset.EdgePartOf, container.Edges[0].Kind)
		require.Equal(t, shop, container.Edges[0].To)
	})
	t.Run("a pod is part of it too, and runs on a node", func(t *testing.T) {
		pod := told(t, inventory, lab, `{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"web","name":"shop-965685897-x","labels":{"pod-template-hash":"965685897"},
			"ownerReferences":[{"kind":"ReplicaSet","name":"shop-965685897"}]},"spec":{"nodeName":"node-1"}}`)
		edges := map[asset.EdgeKind][]asset.Identifier{}
		for _, e := range pod.Edges {
			edges[e.Kind] = append(edges[e.Kind], e.To)
		}
		require.Contains(t, edges[asset.EdgePartOf], shop)
		require.Equal(t, []asset.Identifier{node}, edges[asset.EdgeRunsOn])
	})
	t.Run("so is a node, which is a host", func(t *testing.T) {
		for _, d := range []*asset.Description{
			told(t, inventory, lab, kubernetesObject("Node", `"name":"node-1"`)),
			told(t, operator, lab, operatorReport("InfraAssessmentReport", "Node", "", "node-1", "")),
			told(t, scanner, lab, kubescapeReport("Node", `"name":"node-1"`)),
		} {
			require.Contains(t, d.Identifiers, node)
			require.Equal(t, asset.Host, d.Kind)
		}
	})
	t.Run("without a name, a cluster is its source's own", func(t *testing.T) {
		own := told(t, inventory, "", kubernetesObject("Deployment", `"namespace":"web","name":"shop"`))
		require.NotEqual(t, shop.Scope, own.Identifiers[0].Scope)
		require.Equal(t, shop.Value, own.Identifiers[0].Value)
	})
}

func kubernetesObject(kind, metadata string) string {
	return `{"apiVersion":"v1","kind":"` + kind + `","metadata":{` + metadata + `},"spec":{}}`
}

func operatorReport(kind, of, namespace, name, container string) string {
	return `{"apiVersion":"aquasecurity.github.io/v1alpha1","kind":"` + kind + `","metadata":{"name":"r","labels":{"trivy-operator.resource.kind":"` + of + `","trivy-operator.resource.name":"` + name +
		`","trivy-operator.resource.namespace":"` + namespace + `","trivy-operator.container.name":"` + container + `"}},"report":{"updateTimestamp":"2026-11-20T12:00:00Z","os":{"family":"debian"}}}`
}

func kubescapeReport(kind, metadata string) string {
	return `{"generationTime":"2026-11-20T12:00:00Z","summaryDetails":{"controls":{"C-1":{}}},"resources":[{"resourceID":"r","object":{"kind":"` + kind + `","metadata":{` + metadata + `}}}],` +
		`"results":[{"resourceID":"r","controls":[{"controlID":"C-1","status":{"status":"failed"}}]}]}`
}

// told is the one asset that a body from a cluster tells of.
func told(t *testing.T, connector, cluster, body string) *asset.Description {
	t.Helper()
	r, err := builtin.Find(connector)
	require.NoError(t, err)
	config := r.Config()
	named, err := json.Marshal(map[string]string{"cluster": cluster})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(named, config))
	rec, err := connectortest.Decode(t, r, config, []byte(body))
	require.NoError(t, err)
	require.NotEmpty(t, rec.Covered)
	return &rec.Covered[0].Asset
}
