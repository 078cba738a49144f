package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAChatsCallsGoToTheChatAndNowhereWhereThereIsNone(t *testing.T) {
	for _, path := range []string{"/slack/commands", "/slack/interactions", "/slack/events"} {
		none := httptest.NewRecorder()
		newRig(t).server.Handler().ServeHTTP(none, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("x")))
		require.Equal(t, http.StatusUnauthorized, none.Code)

		r := newRig(t, func(d *Deps) {
			d.Chat = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				_, err = w.Write([]byte(r.URL.Path + " " + string(body)))
				assert.NoError(t, err)
			})
		})
		w := httptest.NewRecorder()
		r.server.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("raw=1")))
		require.Equal(t, path+" raw=1", w.Body.String(), "the body is as it was sent: its signature is over that")
	}
}
