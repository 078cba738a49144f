package trackertest

import (
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

var hooking = []rule{
	{"a webhook tells which issue was changed", "hooked person", hooksTell},
	{"a repeated webhook has the same cause, and another change another", "hooked person", hooksHaveCauses},
	{"a webhook that is not signed so is denied", "hooked person", hooksAreVerified},
	{"what is none of ours, or no webhook at all, is passed over", "hooked", foreignHooks},
}

func (h *Harness) hook(t *testing.T) connectors.TicketHook {
	t.Helper()
	hook, ok := h.Tracker.(connectors.TicketHook)
	require.True(t, ok)
	return hook
}

func hooksTell(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	vendor[Person](t, h).Move(key, connectors.IssueDone, "bob")
	for _, send := range []func(string) (http.Header, []byte){vendor[Hooked](t, h).Hook, vendor[Hooked](t, h).Rotated} {
		header, body := send(key)
		_, err := h.hook(t).VerifyWebhook(header, body, h.Now())
		require.NoError(t, err)
		change, ok := h.hook(t).Ticket(header, body)
		require.True(t, ok)
		require.Equal(t, key, change.Key)
		require.Contains(t, []string{"", Marker}, change.Marker)
		require.NotEmpty(t, change.Cause)
		require.NotEmpty(t, change.What)
	}
}

func hooksHaveCauses(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	hooked := vendor[Hooked](t, h)
	vendor[Person](t, h).Move(key, connectors.IssueDone, "bob")
	header, body := hooked.Hook(key)
	one, ok := h.hook(t).Ticket(header, body)
	require.True(t, ok)
	again, ok := h.hook(t).Ticket(header, body)
	require.True(t, ok)
	require.Equal(t, one, again)
	h.pass()
	vendor[Person](t, h).Say(key, "it is fixed", "bob")
	header, body = hooked.Hook(key)
	other, ok := h.hook(t).Ticket(header, body)
	require.True(t, ok)
	require.NotEqual(t, one.Cause, other.Cause)
}

func hooksAreVerified(t *testing.T, h *Harness) {
	t.Helper()
	key := h.create(t).Key
	vendor[Person](t, h).Move(key, connectors.IssueDone, "bob")
	header, body := vendor[Hooked](t, h).Hook(key)
	deny := func(header http.Header, body []byte) {
		t.Helper()
		_, err := h.hook(t).VerifyWebhook(header, body, h.Now())
		requireKind(t, fault.Denied, err)
		h.clean(t, err)
	}
	deny(http.Header{}, body)
	for name := range header {
		without := maps.Clone(header)
		without[name] = []string{"x"}
		if _, err := h.hook(t).VerifyWebhook(without, body, h.Now()); err != nil {
			requireKind(t, fault.Denied, err)
			h.clean(t, err)
			continue
		}
		require.NotContains(t, []string{"X-Hub-Signature", "X-Hub-Signature-256", "X-Gitlab-Token", "Authorization"}, name, "this is what proves it")
	}
}

func foreignHooks(t *testing.T, h *Harness) {
	t.Helper()
	header, body := vendor[Hooked](t, h).Foreign()
	_, err := h.hook(t).VerifyWebhook(header, body, h.Now())
	require.NoError(t, err)
	_, ok := h.hook(t).Ticket(header, body)
	require.False(t, ok)
	for _, body := range []string{"", "null", "[]", "{", `{"issue":null}`, `{"issue":{"key":7}}`, `{"webhookEvent":"jira:issue_updated","issue":{}}`, "\x00"} {
		_, ok := h.hook(t).Ticket(header, []byte(body))
		require.False(t, ok, body)
	}
}
