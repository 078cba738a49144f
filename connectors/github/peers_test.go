//go:build peers

package github_test

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/github"
	"github.com/quellsec/quell/internal/secret"
)

// TestSignaturesOfOctokitAreAccepted lets GitHub's own JavaScript library sign.
func TestSignaturesOfOctokitAreAccepted(t *testing.T) {
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...) //nolint:gosec // the test's own words
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "@octokit/webhooks-methods@6.0.0")
	const key, body = "a key with ünicode", `{"action":"created","text":"é\n"}`
	signed := run("node", "--input-type=module", "-e",
		`import {sign} from "@octokit/webhooks-methods"; console.log(await sign(process.argv[1], process.argv[2]))`, key, body)

	in, err := github.Registration().Open(connectors.Env{Source: "x"}, config(func(c *github.Config) { c.Secret = secret.New(key) }))
	require.NoError(t, err)
	v, ok := in.(connectors.WebhookVerifier)
	require.True(t, ok)
	header := http.Header{"X-Hub-Signature-256": {signed}}
	_, err = v.VerifyWebhook(header, []byte(body), time.Unix(0, 0))
	require.NoError(t, err)
	_, err = v.VerifyWebhook(header, []byte(body+" "), time.Unix(0, 0))
	require.Error(t, err)
}
