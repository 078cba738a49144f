//go:build peers

package webhookout_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/notifiertest"
	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/connectors/webhookout"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// node runs a script with the package standardwebhooks, which `make test-peers` installs.
func node(t *testing.T, script string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "node", append([]string{"--input-type=commonjs", "-e", `const {Webhook} = require("standardwebhooks"); ` + script}, args...)...).CombinedOutput() //nolint:gosec // the test's own words
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

const verify = `const h = {"webhook-id": process.argv[2], "webhook-timestamp": process.argv[3], "webhook-signature": process.argv[4]};
	new Webhook(process.argv[1]).verify(process.argv[5], h); console.log("good")`

// TestTheReferenceLibraryTakesWhatWeSign posts a message, and a runbook's call, and lets the
// specification's own library check both, with either key while one is rotated.
func TestTheReferenceLibraryTakesWhatWeSign(t *testing.T) {
	before := "whsec_" + base64.StdEncoding.EncodeToString([]byte("abcdef0123456789abcdef0123456789"))
	var header http.Header
	var body []byte
	s := notifiertest.NewServer(t, func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header
		var err error
		body, err = io.ReadAll(r.Body)
		require.NoError(t, err)
	})
	checked := func(key string) {
		t.Helper()
		require.Equal(t, "good", node(t, verify, key, header.Get("Webhook-Id"), header.Get("Webhook-Timestamp"), header.Get("Webhook-Signature"), string(body)))
	}
	reg := webhookout.Registration()
	c := &webhookout.Config{URL: s.URL, Secret: secret.New(key), Previous: secret.New(before)}
	client := httpclient.New(httpclient.Options{Reach: reg.Reach(c), Rate: 1000, Now: time.Now})
	in, err := reg.Open(connectors.Env{Source: "soar", HTTP: client, Now: time.Now}, c) // the library goes by the real clock
	require.NoError(t, err)
	poster, ok := in.(connectors.Poster)
	require.True(t, ok)
	_, err = poster.Post(t.Context(), notifiertest.Message("ünïcode 💥"), connectors.Attempt{To: "soar"})
	require.NoError(t, err)
	checked(key)
	checked(before)

	endpoint, err := webhookout.NewEndpoint(s.URL, client, time.Now, secret.New(key), secret.New(before))
	require.NoError(t, err)
	_, err = endpoint.Call(t.Context(), "run_5d41402abc4b2a76", []byte(`{"type":"quell.runbook.run","data":{"reason":"é\n"}}`))
	require.NoError(t, err)
	require.Equal(t, "run_5d41402abc4b2a76", header.Get("Webhook-Id"))
	checked(key)
	checked(before)
}

// TestWeTakeWhatTheReferenceLibrarySigns is how a runbook answers.
func TestWeTakeWhatTheReferenceLibrarySigns(t *testing.T) {
	const body = `{"run":"run_1","status":"done","detail":"é"}`
	at := time.Now()
	signed := node(t, `console.log(new Webhook(process.argv[1]).sign("msg_1", new Date(Number(process.argv[3]) * 1000), process.argv[2]))`, key, body, fmt.Sprint(at.Unix()))
	h := http.Header{}
	h.Set("Webhook-Id", "msg_1")
	h.Set("Webhook-Timestamp", fmt.Sprint(at.Unix()))
	h.Set("Webhook-Signature", signed)
	id, err := signature.StandardWebhooks().Verify(h, []byte(body), at, secret.New(key), secret.String{})
	require.NoError(t, err)
	require.Equal(t, "msg_1", id)
	_, err = signature.StandardWebhooks().Verify(h, []byte(body+" "), at, secret.New(key))
	require.Error(t, err)
}
