package pagerduty_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/notifiertest"
	"github.com/quellsec/quell/connectors/pagerduty"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

const routingKey = "R0123456789ABCDEF0123456789ABCDEF"

// duty is PagerDuty: alerts by their deduplication key, each with what was logged on it.
type duty struct {
	order    []string
	logs     map[string]map[string]bool
	resolved map[string]bool
}

func (d *duty) take(t *testing.T) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		var e struct {
			RoutingKey string `json:"routing_key"`
			Action     string `json:"event_action"`
			Dedup      string `json:"dedup_key"`
			Payload    *struct {
				Summary, Source, Severity string
				Details                   map[string]string `json:"custom_details"`
			}
			Links []struct{ Href, Text string }
		}
		bad := json.NewDecoder(r.Body).Decode(&e) != nil || r.URL.Path != "/v2/enqueue" || e.RoutingKey != routingKey || e.Dedup == "" || len(e.Dedup) > 255
		if e.Action == "trigger" {
			bad = bad || e.Payload == nil || len(e.Payload.Summary) > 1024 || !utf8.ValidString(e.Payload.Summary) || e.Payload.Source == "" ||
				!map[string]bool{"critical": true, "error": true, "warning": true, "info": true}[e.Payload.Severity]
		}
		if bad {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		if e.Action == "resolve" {
			d.resolved[e.Dedup] = true
			return
		}
		if d.logs[e.Dedup] == nil {
			d.logs[e.Dedup] = map[string]bool{}
		}
		// A repetition adds a line to the alert's log and wakes nobody.
		if text := e.Payload.Summary + "\n" + e.Payload.Details["text"]; !d.logs[e.Dedup][text] {
			d.logs[e.Dedup][text] = true
			d.order = append(d.order, text)
		}
	}
}

func rig(t *testing.T) (notifiertest.Rig, *duty) {
	t.Helper()
	d := &duty{logs: map[string]map[string]bool{}, resolved: map[string]bool{}}
	s := notifiertest.NewServer(t, d.take(t))
	c := &pagerduty.Config{URL: s.URL, Services: []pagerduty.Service{{Name: "payments", Key: secret.New(routingKey)}}}
	require.Empty(t, c.Validate())
	reg := pagerduty.Registration()
	in, err := reg.Open(connectors.Env{HTTP: httpclient.New(httpclient.Options{Reach: reg.Reach(c), Rate: 1000, Now: time.Now})}, c)
	require.NoError(t, err)
	poster, ok := in.(connectors.Poster)
	require.True(t, ok)
	return notifiertest.Rig{Notifier: poster, To: "payments", Bad: "none", Next: s.Next, Secrets: []string{routingKey}, Got: func() []string { return d.order }}, d
}

func TestItIsANotifier(t *testing.T) {
	notifiertest.Run(t, func(t *testing.T) notifiertest.Rig {
		t.Helper()
		r, _ := rig(t)
		return r
	})
}

func TestOneRemediationIsOneAlertThatItsProofResolves(t *testing.T) {
	r, d := rig(t)
	first, second := notifiertest.Message("one"), notifiertest.Message("two")
	second.Thread = first.Thread
	head, err := r.Notifier.Post(t.Context(), first, connectors.Attempt{To: "payments"})
	require.NoError(t, err)
	_, err = r.Notifier.Post(t.Context(), second, connectors.Attempt{To: "payments", Head: head})
	require.NoError(t, err)
	require.Len(t, d.logs, 1)
	refresher, ok := r.Notifier.(connectors.Refresher)
	require.True(t, ok)
	require.NoError(t, refresher.Refresh(t.Context(), head, connectors.Card{State: "1 of 3 live"}, nil))
	require.Empty(t, d.resolved)
	require.NoError(t, refresher.Refresh(t.Context(), head, connectors.Card{Done: true}, nil))
	require.Equal(t, map[string]bool{"quell/thread-one": true}, d.resolved)
	require.Error(t, refresher.Refresh(t.Context(), "strange", connectors.Card{Done: true}, nil))
}
