package opsgenie_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/notifiertest"
	"github.com/quellsec/quell/connectors/opsgenie"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

const key = "0c1d-genie-key-2e3f"

// genie is Opsgenie: open alerts by their alias, with notes.
type genie struct {
	order  []string
	alerts map[string][]string
	closed []string
}

func (g *genie) take(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "GenieKey "+key {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var in struct{ Message, Alias, Description, Note, Priority string }
	if r.Method == http.MethodPost && json.NewDecoder(r.Body).Decode(&in) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/v2/alerts"), "/")
	switch alias := strings.Join(path[1:max(1, len(path)-1)], "/"); {
	case r.URL.Path == "/v2/alerts":
		if in.Message == "" && in.Description == "" || len(in.Message) > 130 || len(in.Description) > 15000 || len(in.Alias) > 512 || in.Alias == "" || !strings.HasPrefix(in.Priority, "P") {
			if in.Alias == "" || len(in.Message) > 130 || len(in.Description) > 15000 {
				w.WriteHeader(http.StatusUnprocessableEntity)
				return
			}
		}
		if _, open := g.alerts[in.Alias]; !open { // else only its count goes up
			g.alerts[in.Alias] = []string{}
			g.order = append(g.order, in.Message+"\n"+in.Description)
		}
		w.WriteHeader(http.StatusAccepted)
	case strings.HasSuffix(r.URL.Path, "/notes") && r.Method == http.MethodGet:
		var out struct {
			Data []map[string]string `json:"data"`
		}
		for _, n := range g.alerts[alias] {
			out.Data = append(out.Data, map[string]string{"note": n})
		}
		_ = json.NewEncoder(w).Encode(out)
	case strings.HasSuffix(r.URL.Path, "/notes") && len(in.Note) <= 25000 && g.alerts[alias] != nil:
		g.alerts[alias] = append(g.alerts[alias], in.Note)
		g.order = append(g.order, in.Note)
		w.WriteHeader(http.StatusAccepted)
	case strings.HasSuffix(r.URL.Path, "/close"):
		g.closed = append(g.closed, alias)
		w.WriteHeader(http.StatusAccepted)
	default:
		w.WriteHeader(http.StatusUnprocessableEntity)
	}
}

func rig(t *testing.T) (notifiertest.Rig, *genie) {
	t.Helper()
	g := &genie{alerts: map[string][]string{}}
	s := notifiertest.NewServer(t, g.take)
	c := &opsgenie.Config{URL: s.URL, Key: secret.New(key)}
	require.Empty(t, c.Validate())
	reg := opsgenie.Registration()
	in, err := reg.Open(connectors.Env{HTTP: httpclient.New(httpclient.Options{Reach: reg.Reach(c), Rate: 1000, Now: time.Now})}, c)
	require.NoError(t, err)
	poster, ok := in.(connectors.Poster)
	require.True(t, ok)
	return notifiertest.Rig{Notifier: poster, To: "payments", Next: s.Next, Secrets: []string{key}, Got: func() []string { return g.order }}, g
}

func TestItIsANotifier(t *testing.T) {
	notifiertest.Run(t, func(t *testing.T) notifiertest.Rig {
		t.Helper()
		r, _ := rig(t)
		return r
	})
}

func TestANoteWhoseAnswerWasLostIsLookedFor(t *testing.T) {
	r, g := rig(t)
	head, err := r.Notifier.Post(t.Context(), notifiertest.Message("one"), connectors.Attempt{To: "payments"})
	require.NoError(t, err)
	second := notifiertest.Message("two")
	r.Next(notifiertest.Lost)
	_, err = r.Notifier.Post(t.Context(), second, connectors.Attempt{To: "payments", Head: head})
	require.Error(t, err)
	_, err = r.Notifier.Post(t.Context(), second, connectors.Attempt{To: "payments", Head: head, Since: time.Now()})
	require.NoError(t, err)
	require.Len(t, g.order, 2)
	refresher, ok := r.Notifier.(connectors.Refresher)
	require.True(t, ok)
	require.NoError(t, refresher.Refresh(t.Context(), head, connectors.Card{Done: true}, nil))
	require.Equal(t, []string{"quell/thread-one"}, g.closed)
}
