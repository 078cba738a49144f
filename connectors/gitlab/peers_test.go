//go:build peers

package gitlab_test

import (
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/gitlab"
	"github.com/quellsec/quell/internal/secret"
)

// TestSignaturesOfTheReferenceLibraryAreAccepted lets the reference library of Standard
// Webhooks sign.
func TestSignaturesOfTheReferenceLibraryAreAccepted(t *testing.T) {
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...) //nolint:gosec // the test's own words
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "standardwebhooks@1.1.1")
	const key, body = "whsec_cXVlbGwtcXVlbGwtcXVlbGwtcXVlbGw=", `{"object_kind":"vulnerability","text":"é"}`
	now := time.Unix(1_770_000_000, 0)
	signed := run("node", "-e",
		`const {Webhook} = require("standardwebhooks"); console.log(new Webhook(process.argv[1]).sign("msg_1", new Date(Number(process.argv[3]) * 1000), process.argv[2]))`,
		key, body, strconv.FormatInt(now.Unix(), 10))
	header := http.Header{}
	header.Set("webhook-id", "msg_1")
	header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	header.Set("webhook-signature", signed)
	id, err := verify(t, &gitlab.Config{SigningToken: secret.New(key)}, header, body, now)
	require.NoError(t, err)
	require.Equal(t, "msg_1", id)
}
