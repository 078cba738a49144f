package slack_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

// The example of Slack's own documentation, "Verifying requests from Slack".
const (
	docSecret    = "8f742231b10e8888abcd99yyyzzz85a5"
	docTime      = 1531420618
	docSignature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
	docBody      = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner" +
		"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
		"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)

func TestSlacksDocumentedSignatureIsGoodAndNothingElseIs(t *testing.T) {
	sent := time.Unix(docTime, 0)
	for _, tt := range []struct {
		name              string
		current, previous string
		signature         string
		body              string
		at                time.Duration
		good              bool
	}{
		{"the documented call", docSecret, "", docSignature, docBody, 0, true},
		{"while the secret is rotated", "new", docSecret, docSignature, docBody, 0, true},
		{"just in time", docSecret, "", docSignature, docBody, 5 * time.Minute, true},
		{"a clock that is behind", docSecret, "", docSignature, docBody, -5 * time.Minute, true},
		{"too late", docSecret, "", docSignature, docBody, 5*time.Minute + time.Second, false},
		{"too early", docSecret, "", docSignature, docBody, -5*time.Minute - time.Second, false},
		{"another body", docSecret, "", docSignature, docBody + "&", 0, false},
		{"another secret", "x", "y", docSignature, docBody, 0, false},
		{"no secret", "", "", docSignature, docBody, 0, false},
		{"no version", docSecret, "", docSignature[3:], docBody, 0, false},
		{"another version", docSecret, "", "v1=" + docSignature[3:], docBody, 0, false},
		{"cut short", docSecret, "", docSignature[:40], docBody, 0, false},
		{"none", docSecret, "", "", docBody, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := opened(t, &slack.Config{SigningSecret: secret.New(tt.current), PreviousSecret: secret.New(tt.previous), BaseURL: "https://slack.com/api/"})
			header := http.Header{}
			header.Set("X-Slack-Signature", tt.signature)
			header.Set("X-Slack-Request-Timestamp", strconv.Itoa(docTime))
			_, err := s.VerifyWebhook(header, []byte(tt.body), sent.Add(tt.at))
			if tt.good {
				require.NoError(t, err)
				return
			}
			require.Equal(t, fault.Denied, fault.KindOf(err))
		})
	}
}

// TestTheClientLibrarysVectorIsGood checks the JSON body of the library's own tests.
func TestTheClientLibrarysVectorIsGood(t *testing.T) {
	const body = `{"token":"aF5ynEYQH0dFN9imlgcADxDB","team_id":"XXXXXXXXX","api_app_id":"YYYYYYYYY","event":{"type":"app_mention","user":"AAAAAAAAA","text":"<@EEEEEEEEE> hello world","client_msg_id":"477cc591-ch73-a14z-4db8-g0cd76321bec","ts":"1531431954.000073","channel":"TTTTTTTTT","event_ts":"1531431954.000073"},"type":"event_callback","event_id":"TvBP7LRED7","event_time":1531431954,"authed_users":["EEEEEEEEE"]}`
	s := opened(t, &slack.Config{SigningSecret: secret.New("e6b19c573432dcc6b075501d51b51bb8")})
	header := http.Header{"X-Slack-Signature": {"v0=adada4ed31709aef585c2580ca3267678c6a8eaeb7e0c1aca3ee57b656886b2c"}, "X-Slack-Request-Timestamp": {"1531431954"}}
	_, err := s.VerifyWebhook(header, []byte(body), time.Unix(1531431954, 0))
	require.NoError(t, err)
}

func opened(t *testing.T, c *slack.Config) *slack.Slack {
	t.Helper()
	instance, err := slack.Registration().Open(connectors.Env{}, c)
	require.NoError(t, err)
	s, ok := instance.(*slack.Slack)
	require.True(t, ok)
	return s
}
