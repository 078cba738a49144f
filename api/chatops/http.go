package chatops

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/quellsec/quell/internal/fault"
)

// largestCall bounds what Slack sends: a press carries the message that it was on.
const largestCall = 1 << 20

// Handler answers /slack/commands, /slack/interactions and /slack/events. Whatever is not
// signed with our secret is answered alike, and read no further.
func (c *Chat) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /slack/commands", c.signed(c.httpCommand))
	mux.HandleFunc("POST /slack/interactions", c.signed(c.httpInteraction))
	mux.HandleFunc("POST /slack/events", c.signed(c.httpEvent))
	return mux
}

func (c *Chat) signed(handle func(w http.ResponseWriter, r *http.Request, body []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestCall))
		if err != nil {
			http.Error(w, "the body is too large, or ended early", http.StatusRequestEntityTooLarge)
			return
		}
		if _, err := c.Slack.VerifyWebhook(r.Header, body, c.Now()); err != nil {
			c.Log.Debug("refusing a call that isn't signed by Slack", "error", err)
			http.Error(w, "the call does not show a valid, fresh signature", http.StatusUnauthorized)
			return
		}
		handle(w, r, body)
	}
}

func (c *Chat) httpCommand(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, "this is no form", http.StatusBadRequest)
		return
	}
	out, err := c.command(r.Context(), call{User: form.Get("user_id"), Team: form.Get("team_id"), Channel: form.Get("channel_id"),
		Response: form.Get("response_url"), Trigger: form.Get("trigger_id"), ID: form.Get("trigger_id")}, form.Get("text"))
	c.reply(w, out.body(), err)
}

func (c *Chat) httpInteraction(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("payload") == "" {
		http.Error(w, "this is no interaction", http.StatusBadRequest)
		return
	}
	out, err := c.interaction(r.Context(), []byte(form.Get("payload")))
	c.reply(w, out, err)
}

func (c *Chat) httpEvent(w http.ResponseWriter, r *http.Request, body []byte) {
	var envelope struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		http.Error(w, "this is no event", http.StatusBadRequest)
		return
	}
	if envelope.Type == "url_verification" {
		answer, err := json.Marshal(map[string]string{"challenge": envelope.Challenge})
		c.reply(w, answer, err)
		return
	}
	c.event(r.Context(), body)
	c.reply(w, nil, nil)
}

// reply acknowledges a call, or says that it wasn't taken: then Slack shows that it went
// wrong, and whoever pressed does so again.
func (c *Chat) reply(w http.ResponseWriter, body []byte, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		status := http.StatusServiceUnavailable
		if fault.Is(err, fault.Invalid) {
			status = http.StatusBadRequest
		}
		c.Log.Warn("a call of Slack's was not taken", "error", err)
		http.Error(w, "it was not taken", status)
		return
	}
	if len(body) > 0 {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(body); err != nil {
		c.Log.Debug("answering Slack", "error", err)
	}
}
