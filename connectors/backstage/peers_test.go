//go:build peers

package backstage_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/backstage"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/secret"
)

const backstageToken = "hunter2hunter2"

// entities are a team, what it owns, and what that is built from.
const entities = `apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments}
spec: {type: team, children: [], profile: {email: payments@quell-lab.net}}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop, annotations: {github.com/project-slug: quell-lab/shop}}
spec: {type: website, lifecycle: production, owner: payments}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: invoices}
spec: {type: service, lifecycle: production, owner: group:default/payments}
`

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed on the next lines
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return port
}

// start runs a program until the test ends.
func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // it may have ended
		_ = cmd.Wait()                         // however it ends
		if t.Failed() {
			t.Logf("%s: %s", cmd.Path, log.Bytes()[max(0, log.Len()-3000):])
		}
	})
}

// startPostgres starts a database of the test's own, as the user that Debian made for it,
// and gives its port.
func startPostgres(t *testing.T) string {
	t.Helper()
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	require.NoError(t, err)
	require.NotEmpty(t, programs, "run make test-peers, which installs PostgreSQL")
	bin := filepath.Dir(programs[len(programs)-1])
	who, err := user.Lookup("postgres")
	require.NoError(t, err)
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	require.NoError(t, err)
	dir, err := os.MkdirTemp("/tmp", "quell-postgres-") //nolint:usetesting // another user has to reach it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chown(dir, int(uid), int(gid)))
	as := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...) //nolint:noctx,gosec // ended below
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return cmd
	}
	out, err := as("initdb", "-D", dir+"/data", "-A", "trust", "-U", "postgres", "--no-sync").CombinedOutput()
	require.NoError(t, err, "%s", out)
	port := freePort(t)
	start(t, as("postgres", "-D", dir+"/data", "-p", port, "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"))
	return port
}

// startBackstage starts a backend whose catalog holds the entities, and gives its address.
func startBackstage(t *testing.T) string {
	t.Helper()
	app := filepath.Join(connectortest.Folder(t, ".."), "bin", ".peers", "backstage")
	if _, err := os.Stat(filepath.Join(app, "node_modules")); err != nil {
		t.Skip("Backstage is some 740 packages: make test-peers PEERS=backstage")
	}
	dir := t.TempDir()
	port := freePort(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "entities.yaml"), []byte(entities), 0o600))
	config := filepath.Join(dir, "app-config.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `app: {title: test, baseUrl: "http://127.0.0.1:%[1]s"}
organization: {name: quell-lab}
backend:
  baseUrl: http://127.0.0.1:%[1]s
  listen: {host: 127.0.0.1, port: %[1]s}
  database: {client: pg, connection: {host: 127.0.0.1, port: %[2]s, user: postgres, password: unused}}
  auth: {externalAccess: [{type: static, options: {token: %[3]s, subject: quell}}]}
catalog:
  rules: [{allow: [Component, Group]}]
  locations: [{type: file, target: %[4]s}]
`, port, startPostgres(t), backstageToken, filepath.Join(dir, "entities.yaml")), 0o600))
	cmd := exec.Command("node", filepath.Join(app, "index.js"), "--config", config) //nolint:noctx,gosec // ended by start
	cmd.Dir = app
	cmd.Env = append(os.Environ(), "NODE_ENV=production")
	start(t, cmd)
	url := "http://127.0.0.1:" + port
	require.Eventually(t, func() bool { return entitiesAt(t, url) >= 3 }, 2*time.Minute, 500*time.Millisecond, "the catalog is filled")
	return url
}

// entitiesAt is how many entities the catalog holds that are ours.
func entitiesAt(t *testing.T, url string) int {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/catalog/entities/by-query?filter=kind=component,kind=group", http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+backstageToken)
	response, err := (&http.Client{Timeout: 5 * time.Second}).Do(r)
	if err != nil {
		return 0
	}
	body, _ := io.ReadAll(response.Body) // half of it holds fewer
	_ = response.Body.Close()            // it was only read
	return bytes.Count(body, []byte(`"ownedBy"`)) + bytes.Count(body, []byte(`"ownerOf"`))/2
}

// TestARealBackstageSaysWhoOwnsWhat reads a catalog with pages of one.
func TestARealBackstageSaysWhoOwnsWhat(t *testing.T) {
	url := startBackstage(t)
	reg := backstage.Registration()
	config, ok := reg.Config().(*backstage.Config)
	require.True(t, ok)
	config.URL, config.Token, config.Page = url, secret.New(backstageToken), 1
	require.Empty(t, config.Validate())
	got := connectortest.Sync(t, reg, config, &http.Client{Timeout: time.Minute}, time.Time{})
	require.Greater(t, len(got.Pages), 2, "one entity a page")
	owners := map[string]string{}
	for _, cov := range got.Covered {
		for _, hint := range cov.Asset.OwnerHints {
			owners[cov.Asset.Name] = hint.Value
		}
		if cov.Asset.Kind == asset.Repository {
			require.Contains(t, cov.Asset.Name, "quell-lab/shop")
		}
	}
	require.Equal(t, "group:default/payments", owners["shop"], "%v", owners)
	require.Equal(t, "group:default/payments", owners["invoices"], "a name that was short is made whole")
}
