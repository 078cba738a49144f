//go:build peers

package kubernetes_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/kubernetes"
	"github.com/quellsec/quell/internal/secret"
)

const clusterToken = "hunter2hunter2"

// cluster is a real kube-apiserver over a real etcd, with nothing in it.
type cluster struct {
	t         *testing.T
	url, etcd string
	client    *http.Client
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed on the next lines
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return port
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...) //nolint:noctx,gosec // ended below
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start(), "run make test-peers, which installs it")
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // killed is what it is
		if t.Failed() {
			t.Logf("%s: %s", name, log.Bytes()[max(0, log.Len()-3000):])
		}
	})
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	server := filepath.Join(connectortest.Folder(t, ".."), "bin", ".peers", "kube-apiserver")
	if _, err := os.Stat(server); err != nil {
		t.Skip("kube-apiserver takes minutes to build: make test-peers PEERS=kubernetes")
	}
	dir := t.TempDir()
	etcd, peer, port := freePort(t), freePort(t), freePort(t)
	run(t, "etcd", "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls", "http://127.0.0.1:"+etcd, "--advertise-client-urls", "http://127.0.0.1:"+etcd,
		"--listen-peer-urls", "http://127.0.0.1:"+peer, "--initial-advertise-peer-urls", "http://127.0.0.1:"+peer, "--initial-cluster", "default=http://127.0.0.1:"+peer)
	key := filepath.Join(dir, "sa.key")
	out, err := exec.CommandContext(t.Context(), "openssl", "genrsa", "-out", key, "2048").CombinedOutput() //nolint:gosec // a file of the test's
	require.NoError(t, err, "%s", out)
	tokens := filepath.Join(dir, "tokens.csv")
	require.NoError(t, os.WriteFile(tokens, []byte(clusterToken+",quell,1\n"), 0o600))
	run(t, server, "--etcd-servers", "http://127.0.0.1:"+etcd, "--secure-port", port, "--bind-address", "127.0.0.1", "--cert-dir", filepath.Join(dir, "certs"),
		"--service-account-issuer", "https://cluster.example.org", "--service-account-key-file", key, "--service-account-signing-key-file", key,
		"--token-auth-file", tokens, "--authorization-mode", "AlwaysAllow", "--disable-admission-plugins", "ServiceAccount", "--service-cluster-ip-range", "10.0.0.0/24")
	c := &cluster{t: t, url: "https://127.0.0.1:" + port, etcd: "http://127.0.0.1:" + etcd}
	require.Eventually(t, func() bool {
		return c.trusted(filepath.Join(dir, "certs", "apiserver.crt")) && c.call(http.MethodGet, "/readyz", nil) == http.StatusOK
	},
		2*time.Minute, 200*time.Millisecond, "the API server comes up")
	return c
}

// trusted makes a client that trusts the certificate which the server made for itself.
func (c *cluster) trusted(certificate string) bool {
	pem, err := os.ReadFile(certificate)
	if err != nil {
		return false
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	return true
}

func (c *cluster) call(method, path string, object any) int {
	text, err := json.Marshal(object)
	require.NoError(c.t, err)
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, bytes.NewReader(text))
	require.NoError(c.t, err)
	r.Header.Set("Authorization", "Bearer "+clusterToken)
	r.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(r)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body) // only the status counts
	_ = response.Body.Close()                 // likewise
	return response.StatusCode
}

type object map[string]any

func (c *cluster) create(path, kind, version, name string, more object) {
	c.t.Helper()
	o := object{"apiVersion": version, "kind": kind, "metadata": object{"name": name, "labels": object{"team": "payments"}}}
	for k, v := range more {
		o[k] = v
	}
	require.Equal(c.t, http.StatusCreated, c.call(http.MethodPost, path, o), "%s %s", kind, name)
}

// fill puts five nodes, three pods, a service and an ingress into the cluster.
func (c *cluster) fill() {
	c.t.Helper()
	c.create("/api/v1/namespaces", "Namespace", "v1", "shop", nil)
	for i := range 5 {
		c.create("/api/v1/nodes", "Node", "v1", fmt.Sprintf("node-%d.quell-lab.net", i), nil)
	}
	containers := object{"containers": []object{{"name": "web", "image": "registry.quell-lab.net/web:1"}}}
	for i := range 3 {
		c.create("/api/v1/namespaces/shop/pods", "Pod", "v1", fmt.Sprintf("web-%d", i), object{"spec": containers})
	}
	c.create("/api/v1/namespaces/shop/services", "Service", "v1", "web", object{"spec": object{"type": "LoadBalancer", "ports": []object{{"port": 443}}}})
	c.create("/apis/networking.k8s.io/v1/namespaces/shop/ingresses", "Ingress", "networking.k8s.io/v1", "web", object{"spec": object{"rules": []object{{"host": "shop.quell-lab.net",
		"http": object{"paths": []object{{"path": "/", "pathType": "Prefix", "backend": object{"service": object{"name": "web", "port": object{"number": 443}}}}}}}}}})
}

func (c *cluster) config() *kubernetes.Config {
	config, ok := kubernetes.Registration().Config().(*kubernetes.Config)
	require.True(c.t, ok)
	config.URL, config.Token, config.Page = c.url, secret.New(clusterToken), 2
	require.Empty(c.t, config.Validate())
	return config
}

// TestARealClusterIsListedPageByPage lists a cluster with pages of two.
func TestARealClusterIsListedPageByPage(t *testing.T) {
	c := startCluster(t)
	c.fill()
	got := connectortest.Sync(t, kubernetes.Registration(), c.config(), c.client, time.Time{})
	kinds := map[string]int{}
	for _, cov := range got.Covered {
		kinds[string(cov.Asset.Kind)]++
		if cov.Asset.Name == "shop.quell-lab.net" {
			require.Equal(t, "yes", cov.Asset.Internet)
		}
	}
	require.Equal(t, 5, kinds["host"], "five nodes, over three pages")
	require.Equal(t, 1, kinds["web_application"])
	require.GreaterOrEqual(t, kinds["cloud_resource"], 5, "pods, service, ingress and namespaces")
	require.Greater(t, len(got.Pages), 5)

	t.Run("a page that the cluster has forgotten begins the sync anew", func(t *testing.T) { c.forgets(t) })
}

// forgets has etcd drop what the next page is read from.
func (c *cluster) forgets(t *testing.T) {
	t.Helper()
	in, err := kubernetes.Registration().Open(connectors.Env{Source: "cluster", HTTP: c.client}, c.config())
	require.NoError(t, err)
	puller, ok := in.(connectors.Puller)
	require.True(t, ok)
	req := connectors.PullRequest{}
	for range 20 { // until it is in the midst of a list, and not at the beginning of one
		var page bytes.Buffer
		step, err := puller.Pull(t.Context(), req, &page)
		require.NoError(t, err)
		req.Cursor = step.Next
		if bytes.Contains([]byte(step.Next), []byte("continue")) || bytes.Contains([]byte(step.Next), []byte(`"c":"`)) || len(step.Next) > 60 {
			break
		}
	}
	require.NotEmpty(t, req.Cursor)
	c.create("/api/v1/namespaces", "Namespace", "v1", "later", nil)
	var status struct {
		Header struct {
			Revision json.Number `json:"revision"`
		} `json:"header"`
	}
	ask := func(path, body string, into any) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.etcd+path, bytes.NewReader([]byte(body)))
		require.NoError(t, err)
		response, err := (&http.Client{Timeout: time.Minute}).Do(r)
		require.NoError(t, err)
		require.NoError(t, json.NewDecoder(response.Body).Decode(into))
		require.NoError(t, response.Body.Close())
	}
	ask("/v3/kv/range", `{"key":"AA==","limit":1}`, &status)
	var done map[string]any
	ask("/v3/kv/compaction", `{"revision":"`+status.Header.Revision.String()+`","physical":true}`, &done)
	require.Eventually(t, func() bool {
		var page bytes.Buffer
		_, err := puller.Pull(t.Context(), req, &page)
		return errors.Is(err, connectors.ErrExpired)
	}, 30*time.Second, 200*time.Millisecond, "410 Gone is told as an expired cursor")
}
