package api

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// desk is an outbox with one notifier, mail.
type desk struct{}

func (desk) Status(context.Context) ([]lifecycle.NotifierStatus, error) {
	return []lifecycle.NotifierStatus{{Name: "mail", Connector: "email", Waiting: 3, Addresses: []lifecycle.AddressStatus{{Address: "a@example.com", To: "web", Bad: "no such user"}}}}, nil
}

func (desk) Check(_ context.Context, name string) ([]string, error) {
	if name != "mail" {
		return nil, fault.New(fault.NotFound, "there is no notifier %q in the configuration", name)
	}
	return []string{"addresses.escalation is missing"}, nil
}

func (desk) Test(ctx context.Context, name, to, by string) (string, error) {
	_, err := desk{}.Check(ctx, name)
	return name + "/" + to + "/" + by, err
}

func (desk) Messages(_ context.Context, notifier, state, to string, _ exposure.List) (exposure.Page[lifecycle.Told], error) {
	return exposure.Page[lifecycle.Told]{Items: []lifecycle.Told{{ID: "m", Notifier: notifier, State: state, To: to, At: time.Unix(0, 0).UTC()}}}, nil
}

func TestWhatWasToldIsShownAndNotifiersAreCheckedAndTested(t *testing.T) {
	r := newRig(t)
	admin, viewer := r.token(t, "ann", RoleAdmin), r.token(t, "bob", RoleViewer)
	list := into[exposure.Page[lifecycle.Told]](t, r.ask(http.MethodGet, prefix+"/messages?notifier=mail&to=web&state=folded", viewer, nil), http.StatusOK)
	require.Equal(t, "folded", list.Items[0].State)
	refused(t, r.ask(http.MethodGet, prefix+"/messages?state=gone", viewer, nil), http.StatusBadRequest)
	status := into[exposure.Page[lifecycle.NotifierStatus]](t, r.ask(http.MethodGet, prefix+"/notifiers", viewer, nil), http.StatusOK)
	require.Equal(t, "no such user", status.Items[0].Addresses[0].Bad)
	check := into[lifecycle.NotifierCheck](t, r.ask(http.MethodPost, prefix+"/notifiers/mail/check", admin, nil), http.StatusOK)
	require.Len(t, check.Problems, 1)
	refused(t, r.ask(http.MethodPost, prefix+"/notifiers/none/check", admin, nil), http.StatusNotFound)
	refused(t, r.ask(http.MethodPost, prefix+"/notifiers/mail/test", viewer, map[string]string{"to": "web"}), http.StatusForbidden)
	refused(t, r.ask(http.MethodPost, prefix+"/notifiers/mail/test", admin, map[string]string{}), http.StatusBadRequest)
	sent := into[TestResult](t, r.ask(http.MethodPost, prefix+"/notifiers/mail/test", admin, map[string]string{"to": "web"}), http.StatusAccepted)
	require.Contains(t, sent.Message, "mail/web/")
}
