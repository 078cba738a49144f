package storetest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// MongoDB gives the addresses of fresh databases: on the server that
// QUELL_TEST_MONGODB_URI names, or on a FerretDB that it starts for the test.
func MongoDB(t *testing.T) func(t *testing.T) string {
	t.Helper()
	server := os.Getenv("QUELL_TEST_MONGODB_URI")
	if server == "" {
		server = startFerretDB(t)
	}
	base, query, _ := strings.Cut(server, "?")
	if query != "" {
		query = "?" + query
	}
	var n atomic.Int64
	run := bson.NewObjectID().Hex()
	return func(*testing.T) string {
		return fmt.Sprintf("%s/quell_%s_%d%s", strings.TrimRight(base, "/"), run, n.Add(1), query)
	}
}

// startFerretDB starts bin/ferretdb on a free port and ends it with the test.
func startFerretDB(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(root(t), "bin", "ferretdb")
	if _, err := os.Stat(bin); err != nil {
		require.FailNow(t, "there is no bin/ferretdb to test against: run make tools, or name a server in QUELL_TEST_MONGODB_URI")
	}
	cmd := exec.CommandContext(t.Context(), bin, "--listen-addr=127.0.0.1:0", "--sqlite-url=file:"+t.TempDir()+"/") //nolint:gosec // our own tool
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		// The test's context has ended it; how is of no interest.
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "starting FerretDB")
	_, address, ok := strings.Cut(strings.TrimSpace(line), "listening on ")
	require.True(t, ok, "FerretDB said %q", line)
	return address
}

// root is the repository's root.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "there is no go.mod above the test")
		dir = parent
	}
}
