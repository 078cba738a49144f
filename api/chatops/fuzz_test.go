package chatops_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/slack/slacktest"
)

// FuzzWhatIsSigned sends whatever, well signed: it is never a panic, and decides nothing.
func FuzzWhatIsSigned(f *testing.F) {
	f.Add("interactions", `{"type":"block_actions","user":{"id":"U0ANN00000"},"actions":[{"action_id":"quell/claim/0","value":"exposure:x","action_ts":"1"}]}`)
	f.Add("interactions", `{"type":"view_submission","user":{"id":"U0ANN00000"},"view":{"id":"V1","callback_id":"quell/form","private_metadata":"{\"k\":\"accept_risk\",\"s\":\"exposure:x\"}"}}`)
	f.Add("interactions", `{"type":"view_submission","user":{"id":"U0CAROL000"},"view":{"id":"V1","callback_id":"quell/form","private_metadata":"{}","state":{"values":{"until":{"v":{"selected_date":"x"}}}}}}`)
	f.Add("commands", "accept x 99999999d")
	f.Add("commands", "claim")
	f.Add("events", `{"type":"event_callback","event":{"type":"app_home_opened","user":"U0ANN00000","tab":"home"}}`)
	f.Fuzz(func(t *testing.T, kind, text string) {
		r := newRig(t, nil)
		call := slacktest.Call{Kind: "events", Body: []byte(text)}
		switch kind {
		case "interactions":
			call = slacktest.Call{Kind: kind, Body: []byte(url.Values{"payload": {text}}.Encode())}
		case "commands":
			call = slacktest.Call{Kind: kind, Body: []byte(url.Values{"user_id": {carol}, "trigger_id": {text + "t"}, "text": {text}}.Encode())}
		}
		reply, err := r.fake.Again(t.Context(), call, 1)
		require.NoError(t, err)
		require.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, reply.Status, reply.Body)
		r.chat.Drain(t.Context())
	})
}
