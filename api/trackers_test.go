package api

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// mended is the one remediation that every rig has.
func mended() lifecycle.Remediation {
	return lifecycle.Remediation{ID: "r-1", Version: 2, Owner: "payments", Fix: "pkg:deb/openssl", Generation: 1, Status: lifecycle.RemediationOpen, Tracker: "jira",
		Ticket: "PAY-1", TicketURL: "https://jira/PAY-1", Heard: []string{"c"}, Former: []string{"OLD-1"},
		Previous: &lifecycle.EarlierTicket{Remediation: "r-0", Ticket: "PAY-0"}, Deleted: &lifecycle.DeletedTicket{Key: "PAY-00", At: noon, Times: 1, Asked: true},
		Trouble: &lifecycle.Trouble{What: "denied", Since: noon}, CreatedAt: noon, UpdatedAt: noon}
}

func (*memory) Remediation(_ context.Context, id string) (lifecycle.Remediation, error) {
	if rem := mended(); rem.ID == id {
		return rem, nil
	}
	return lifecycle.Remediation{}, missing(id)
}

func (*memory) RemediationByTicket(_ context.Context, key string) (lifecycle.Remediation, error) {
	if rem := mended(); rem.Ticket == key {
		return rem, nil
	}
	return lifecycle.Remediation{}, missing(key)
}

func (*memory) FindRemediations(_ context.Context, f lifecycle.RemediationFilter, _ exposure.List) (exposure.Page[lifecycle.Remediation], error) {
	well := mended()
	well.ID, well.Trouble = "r-2", nil
	if f.Owner != "" && f.Owner != "payments" {
		return exposure.Page[lifecycle.Remediation]{}, nil
	}
	return exposure.Page[lifecycle.Remediation]{Items: []lifecycle.Remediation{mended(), well}}, nil
}

func (*memory) Intents(context.Context, string) ([]lifecycle.Intent, error) {
	return []lifecycle.Intent{{ID: "r-1|update|d", Version: 1, Remediation: "r-1", Kind: lifecycle.IntentUpdate, Cause: "d", Attempts: 1, CreatedAt: noon}}, nil
}

func (m *memory) Recreate(_ context.Context, id, by string) (lifecycle.Remediation, error) {
	if m.down != nil {
		return lifecycle.Remediation{}, m.down
	}
	m.remediated = append(m.remediated, id+" by "+by)
	return mended(), nil
}

func (*memory) Trackers(context.Context) ([]TrackerStatus, error) {
	return []TrackerStatus{{Name: "jira", Connector: "jira", Roles: []string{"changed"}, Webhook: "/hooks/trackers/jira", Open: 3, Troubled: 1, Problems: []string{"no"},
		CheckedAt: noon, Reconciled: &lifecycle.Reconciled{Tracker: "jira", LookedAt: noon, Duplicates: []lifecycle.Stray{{Key: "PAY-9", Marker: "r-1", At: noon}}}}}, nil
}

func (m *memory) CheckTracker(ctx context.Context, name string) (TrackerStatus, error) {
	all, err := m.Trackers(ctx)
	if err != nil || name != all[0].Name {
		return TrackerStatus{}, missing(name)
	}
	return all[0], nil
}

func TestARemediationIsFoundByItsTicketAndOnlyByWhoSeesAllOfIt(t *testing.T) {
	r := newRig(t)
	out := into[RemediationDetail](t, r.get(prefix+"/remediations/PAY-1"), http.StatusOK)
	require.Equal(t, "r-1", out.Remediation.ID)
	require.False(t, out.Journal[0].Done, "what was begun and not ended is seen")
	narrow := r.token(t, "narrow", RoleViewer, "shop")
	refused(t, r.ask(http.MethodGet, prefix+"/remediations/PAY-1", narrow, nil), http.StatusNotFound)
	require.Empty(t, into[exposure.Page[lifecycle.Remediation]](t, r.ask(http.MethodGet, prefix+"/remediations", narrow, nil), http.StatusOK).Items)
	require.Len(t, into[exposure.Page[lifecycle.Remediation]](t, r.get(prefix+"/remediations"), http.StatusOK).Items, 2)
	troubled := into[exposure.Page[lifecycle.Remediation]](t, r.get(prefix+"/remediations?troubled=true"), http.StatusOK).Items
	require.Len(t, troubled, 1)
	require.Equal(t, "denied", troubled[0].Trouble.What)
	refused(t, r.get(prefix+"/remediations/none"), http.StatusNotFound)
}

func TestAPersonHasAnotherTicketMadeInPlaceOfADeletedOne(t *testing.T) {
	r := newRig(t)
	into[lifecycle.Remediation](t, r.post(prefix+"/remediations/r-1/recreate", nil), http.StatusOK)
	require.Equal(t, []string{"r-1 by operator-token"}, r.remediated)
	r.down = fault.New(fault.Conflict, "nobody has deleted one")
	refused(t, r.post(prefix+"/remediations/r-1/recreate", nil), http.StatusConflict)
}

func TestATrackerThatIsNotSetUpDoesNotKeepTheDaemonFromBeingReady(t *testing.T) {
	r := newRig(t, func(d *Deps) {
		d.Checks = append(d.Checks, Check{Name: "tracker jira", Advisory: true, Ask: func(context.Context) error { return fault.New(fault.Denied, "a secret reason") }})
	})
	out := into[Readiness](t, r.get("/readyz"), http.StatusOK)
	require.True(t, out.Ready)
	require.Equal(t, "degraded", out.Checks["tracker jira"])
	refused(t, r.post(prefix+"/trackers/other/check", nil), http.StatusNotFound)
	require.Equal(t, []string{"no"}, into[TrackerStatus](t, r.post(prefix+"/trackers/jira/check", nil), http.StatusOK).Problems)
}
