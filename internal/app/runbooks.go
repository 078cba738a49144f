package app

import (
	"context"
	"net/http"
	"time"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/connectors/webhookout"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/runbook"
	"github.com/quellsec/quell/internal/secret"
	"github.com/quellsec/quell/internal/store"
)

// openRunbooks makes the configured runbooks ready to be asked for and called.
func (a *app) openRunbooks(calls *peopleMetrics) (*activities.Runbooks, error) {
	out := &activities.Runbooks{Store: a.store, Call: map[string]activities.Caller{}, Wake: a.lifecycle.WakeRun}
	for i := range a.cfg.Runbooks {
		b := &a.cfg.Runbooks[i]
		book, err := runbook.New(b.Definition(), a.cfg.Owners, a.cfg.Scopes)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "opening runbook "+b.Name)
		}
		client := httpclient.New(httpclient.Options{Reach: []string{httpclient.HostOf(b.URL)}, Observe: calls.of("runbooks/" + b.Name), Now: now})
		endpoint, err := webhookout.NewEndpoint(b.URL, client, now, b.Secret, b.Previous)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "opening runbook "+b.Name)
		}
		out.All, out.Call[b.Name] = append(out.All, book), endpoint
	}
	return out, nil
}

// runbookHook gives the API what checks the calls of a runbook.
func (a *app) runbookHook(name string) (api.RunbookHook, bool) {
	for i := range a.cfg.Runbooks {
		if b := &a.cfg.Runbooks[i]; b.Name == name {
			return api.RunbookHook{Name: name, Verifier: runbookVerifier{b}}, true
		}
	}
	return api.RunbookHook{}, false
}

// runbookVerifier checks that a call is signed with a key of the runbook's.
type runbookVerifier struct{ *config.Runbook }

// VerifyWebhook implements api.WebhookVerifier.
func (v runbookVerifier) VerifyWebhook(header http.Header, body []byte, at time.Time) (string, error) {
	return signature.StandardWebhooks().Verify(header, body, at, []secret.String{v.Secret, v.Previous}...) //nolint:wrapcheck // it says what was being done
}

// runs gives the API the runs of runbooks.
type runs struct {
	*activities.Activities
	store *store.Store
}

// Run implements api.RunbookRuns.
func (r runs) Run(ctx context.Context, id string) (runbook.Run, error) {
	return r.store.RunbookRun(ctx, id)
}

// RunsOf implements api.RunbookRuns.
func (r runs) RunsOf(ctx context.Context, remediation string) ([]runbook.Run, error) {
	return r.store.RunsOf(ctx, remediation)
}

// FindRuns implements api.RunbookRuns.
func (r runs) FindRuns(ctx context.Context, book string, state runbook.State, l exposure.List) (exposure.Page[runbook.Run], error) {
	return r.store.FindRuns(ctx, book, state, l)
}

// RunbookStatuses implements api.RunbookRuns.
func (r runs) RunbookStatuses(ctx context.Context) ([]lifecycle.RunbookStatus, error) {
	return r.RunbooksNow(ctx)
}

// FindControls implements api.Controls.
func (r runs) FindControls(ctx context.Context, name string, state exposure.ControlState, l exposure.List) (exposure.Page[exposure.Control], error) {
	return r.store.FindControls(ctx, name, state, l)
}

// controlTests are what shows that controls have failed.
func controlTests(controls []config.Control) []activities.ControlTest {
	out := make([]activities.ControlTest, 0, len(controls))
	for i := range controls {
		out = append(out, activities.ControlTest{Name: controls[i].Name, Techniques: controls[i].Techniques, Sources: controls[i].Sources})
	}
	return out
}
