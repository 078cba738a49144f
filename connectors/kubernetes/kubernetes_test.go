package kubernetes_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/kubernetes"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, kubernetes.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, kubernetes.Registration(), nil)
	}
	connectortest.Counts(t, kubernetes.Registration(), nil)
}

func TestGolden(t *testing.T) {
	for _, file := range []string{"list.json", "pods.json"} {
		connectortest.Golden(t, kubernetes.Registration(), nil, file, *update)
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, kubernetes.Registration(), "kubernetes") }

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, kubernetes.Registration(), nil, []byte(body))
	require.NoError(t, err)
	return rec
}

func TestAPodRunsOnItsNodeIsPartOfItsDeploymentAndAnInstanceOfItsImages(t *testing.T) {
	body, err := os.ReadFile("testdata/pods.json")
	require.NoError(t, err)
	rec := decode(t, string(body))
	pod := rec.Covered[0].Asset
	require.Equal(t, asset.EphemeralPod, pod.Ephemeral)
	to := map[asset.EdgeKind][]string{}
	for _, e := range pod.Edges {
		to[e.Kind] = append(to[e.Kind], e.To.Value)
	}
	require.Equal(t, map[asset.EdgeKind][]string{
		asset.EdgeRunsOn: {"node/node-1"}, asset.EdgePartOf: {"namespace/shop", "deployment/shop/web"},
		asset.EdgeInstanceOf: {"sha256:" + strings.Repeat("1a", 32)},
	}, to)
	require.False(t, pod.Gone)
	require.True(t, rec.Covered[1].Asset.Gone, "what has succeeded runs no more")
}

func TestWhatFacesTheInternet(t *testing.T) {
	service := func(kind, annotations, ingress string) string {
		return `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"n","annotations":{` + annotations + `}},"spec":{"type":"` + kind + `","clusterIP":"10.0.0.1"},"status":{"loadBalancer":{"ingress":[` + ingress + `]}}}`
	}
	for _, tt := range []struct{ name, body, want string }{
		{"a cluster IP", service("ClusterIP", ``, ``), asset.InternetUnknown},
		{"a load balancer", service("LoadBalancer", ``, ``), asset.InternetYes},
		{"with a public address", service("LoadBalancer", ``, `{"ip":"203.0.113.7"}`), asset.InternetYes},
		{"with a name", service("LoadBalancer", ``, `{"hostname":"x.elb.example.org"}`), asset.InternetYes},
		{"with private addresses alone", service("LoadBalancer", ``, `{"ip":"10.1.2.3"}`), asset.InternetUnknown},
		{"with one of each", service("LoadBalancer", ``, `{"ip":"10.1.2.3"},{"ip":"203.0.113.7"}`), asset.InternetYes},
		{"asked for inside AWS", service("LoadBalancer", `"service.beta.kubernetes.io/aws-load-balancer-internal":"0.0.0.0/0"`, ``), asset.InternetNo},
		{"not asked for inside Azure", service("LoadBalancer", `"service.beta.kubernetes.io/azure-load-balancer-internal":"false"`, ``), asset.InternetYes},
		{"asked for inside Google's", service("LoadBalancer", `"networking.gke.io/load-balancer-type":"Internal"`, ``), asset.InternetNo},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, decode(t, tt.body).Covered[0].Asset.Internet) })
	}
}

func TestANodeIsKnownToItsCloud(t *testing.T) {
	node := func(id string) asset.Identifier {
		return decode(t, `{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"},"spec":{"providerID":"`+id+`"},"status":{"nodeInfo":{}}}`).Covered[0].Asset.Identifiers[0]
	}
	require.Equal(t, asset.Identifier{Kind: asset.CloudInstanceID, Scope: "aws", Value: "i-0123456789abcdef0"}, node("aws:///us-east-1a/i-0123456789abcdef0"))
	require.Equal(t, asset.Identifier{Kind: asset.CloudResourceID, Value: "//compute.googleapis.com/projects/p/zones/z/instances/n"}, node("gce://p/z/n"))
	require.Equal(t, asset.Identifier{Kind: asset.CloudResourceID, Value: "/subscriptions/s/resourcegroups/g/providers/microsoft.compute/virtualmachines/n"}, node("azure:///subscriptions/S/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/n"))
	require.Equal(t, asset.Identifier{Kind: asset.SourceAssetID, Value: "node/n1"}, node("kind://docker/x/n1"))
}

func TestWhatContainersAreToldIsNeverKept(t *testing.T) {
	const told = "s3cr3tvalue"
	rec, err := connectortest.Decode(t, kubernetes.Registration(), nil, []byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"w","namespace":"n","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"`+told+`"},
		"labels":{"app.kubernetes.io/managed-by":"Helm","acme.example/team":"web"}},"spec":{"template":{"spec":{"containers":[{"image":"nginx:1","env":[{"name":"PASSWORD","value":"`+told+`"}],"args":["--key=`+told+`"]}]}}}}`))
	require.NoError(t, err)
	a := rec.Covered[0].Asset
	require.NotContains(t, a.Tags, told)
	for _, v := range a.Tags {
		require.NotContains(t, v, told)
	}
	require.Equal(t, []asset.OwnerHint{{Value: "web", From: "label acme.example/team"}}, a.OwnerHints, "Helm owns nothing")
}

const server = "https://k8s.example.org:6443"

func configured(t *testing.T) *kubernetes.Config {
	t.Helper()
	config, ok := kubernetes.Registration().Config().(*kubernetes.Config)
	require.True(t, ok)
	config.URL, config.Token, config.Page = server, secret.New("hunter2hunter2"), 2
	require.Empty(t, config.Validate())
	require.Len(t, (&kubernetes.Config{Cluster: "a|b", URL: "https://k8s.example.org"}).Validate(), 3, "page, cluster and token")
	return config
}

func list(kind, path, more, items string) connectortest.Exchange {
	return connectortest.Exchange{Method: "GET", URL: server + path, Status: 200, Body: []byte(`{"kind":"` + kind + `List","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"` + more + `"},"items":[` + items + `]}`)}
}

func exchanges() []connectortest.Exchange {
	item := func(name string) string { return `{"metadata":{"name":"` + name + `","namespace":"n"}}` }
	return []connectortest.Exchange{
		list("Namespace", "/api/v1/namespaces?limit=2", "", `{"metadata":{"name":"n"}}`),
		list("Node", "/api/v1/nodes?limit=2", "", ``),
		list("Deployment", "/apis/apps/v1/deployments?limit=2", "", item("d")),
		list("StatefulSet", "/apis/apps/v1/statefulsets?limit=2", "", ``),
		list("DaemonSet", "/apis/apps/v1/daemonsets?limit=2", "", ``),
		list("Service", "/api/v1/services?limit=2", "", item("s")),
		list("Ingress", "/apis/networking.k8s.io/v1/ingresses?limit=2", "", ``),
		list("Pod", "/api/v1/pods?limit=2", "t1", item("p1")+","+item("p2")),
		list("Pod", "/api/v1/pods?limit=2&continue=t1", "", item("p3")),
	}
}

func TestASyncReadsEveryListToItsEnd(t *testing.T) {
	got := connectortest.ConformPuller(t, kubernetes.Registration(), configured(t), func(t *testing.T) *connectortest.Replay {
		t.Helper()
		return connectortest.NewReplay(t, exchanges())
	})
	require.Len(t, got.Covered, 6)
	require.True(t, got.Run.Complete, got.Run.Why)
	require.Equal(t, 6, got.Run.Counts["received"])
}

func TestAForgottenContinueTokenBeginsTheSyncAnew(t *testing.T) {
	all := exchanges()
	gone := all[len(all)-1]
	gone.Status, gone.Body = 410, []byte(`{"kind":"Status","reason":"Expired","code":410}`)
	p := connectortest.NewReplay(t, append([]connectortest.Exchange{gone}, all...)) // the first answer is 410, the second the list
	got := connectortest.Sync(t, kubernetes.Registration(), configured(t), p.Client(), time.Time{})
	require.Equal(t, 1, got.Faults)
	require.Len(t, got.Covered, 6)
	require.True(t, got.Run.Complete)
}

func TestAListThatTheServerDoesntHaveMakesTheSyncIncomplete(t *testing.T) {
	all := exchanges()
	for i := range all {
		if strings.Contains(all[i].URL, "ingresses") {
			all[i].Status = 404
		}
	}
	got := connectortest.Sync(t, kubernetes.Registration(), configured(t), connectortest.NewReplay(t, all).Client(), time.Time{})
	require.False(t, got.Run.Complete)
	require.Equal(t, "the server has no ingresses", got.Run.Why)
}
