package signature

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var github = HMAC{Header: "X-Hub-Signature-256", Prefix: "sha256=", Hash: SHA256, Encoding: Hex, IDHeader: "X-GitHub-Delivery"}

// TestGitHubsOwnVector is the example of GitHub's documentation.
func TestGitHubsOwnVector(t *testing.T) {
	h := http.Header{}
	h.Set("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
	h.Set("X-GitHub-Delivery", "d-1")
	id, err := github.Verify(h, []byte("Hello, World!"), time.Time{}, secret.String{}, secret.New("It's a Secret to Everybody"))
	require.NoError(t, err)
	require.Equal(t, "d-1", id)
}

func TestWhatDoesNotFitIsDenied(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s, old := secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), secret.New("an older secret")
	v := StandardWebhooks()
	sent := func(at time.Time) http.Header {
		h := http.Header{}
		h.Set("webhook-id", "msg_1")
		h.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
		h.Set("webhook-signature", v.Sign(s, h, []byte("{}")))
		return h
	}
	id, err := v.Verify(sent(now), []byte("{}"), now, old, s)
	require.NoError(t, err)
	require.Equal(t, "msg_1", id)

	moved := sent(now)
	moved.Set("webhook-id", "msg_2")
	many := sent(now)
	many.Set("webhook-signature", "v1,AAAA v1a,xyz "+many.Get("webhook-signature"))
	_, err = v.Verify(many, []byte("{}"), now, s)
	require.NoError(t, err, "one of several fits")
	for name, c := range map[string]struct {
		header  http.Header
		body    string
		secrets []secret.String
	}{
		"another body":         {sent(now), "{ }", []secret.String{s}},
		"another id":           {moved, "{}", []secret.String{s}},
		"another secret":       {sent(now), "{}", []secret.String{old}},
		"no secret configured": {sent(now), "{}", []secret.String{{}}},
		"an old call":          {sent(now.Add(-time.Hour)), "{}", []secret.String{s}},
		"a call of tomorrow":   {sent(now.Add(time.Hour)), "{}", []secret.String{s}},
		"nothing signed":       {http.Header{}, "{}", []secret.String{s}},
	} {
		_, err := v.Verify(c.header, []byte(c.body), now, c.secrets...)
		require.Equal(t, fault.Denied, fault.KindOf(err), name)
		require.NotContains(t, err.Error(), "MfKQ9r8", name)
	}
}

func TestATokenIsComparedWhole(t *testing.T) {
	h := http.Header{"Authorization": {"bearer abcdef"}}
	require.NoError(t, Token(h, "Authorization", "Bearer ", secret.New("x"), secret.New("abcdef")))
	for _, s := range []secret.String{secret.New("abc"), secret.New("bearer abcdef"), {}} {
		require.True(t, fault.Is(Token(h, "Authorization", "Bearer ", s), fault.Denied))
	}
	require.True(t, fault.Is(Token(http.Header{}, "X-Token", "", secret.String{}), fault.Denied), "no secret lets nobody in")
}
