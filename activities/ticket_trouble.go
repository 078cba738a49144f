package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// gone takes note that the ticket was deleted. Another is made, once; where policy says
// so, or if that one was deleted too, somebody is asked first.
func (a *Activities) gone(ctx context.Context, rem *lifecycle.Remediation) (SyncResult, error) {
	ask := a.keeping(rem.Tracker).AskDeleted
	key := rem.Ticket
	after, err := a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool {
		if r.Ticket != key {
			return false
		}
		d := lifecycle.DeletedTicket{Key: key, At: a.now(), Times: 1}
		if r.Deleted != nil {
			d.Times += r.Deleted.Times
		}
		d.Asked = ask || d.Times > 1
		r.Deleted = &d
		r.Ticket, r.TicketURL, r.Digest, r.Look, r.SeenDone, r.Trouble = "", "", "", time.Time{}, false, nil
		return true
	})
	if err != nil || after.Deleted == nil || !after.Deleted.Asked || after.Status == lifecycle.RemediationDone {
		return SyncResult{Gone: true}, err
	}
	what := fmt.Sprintf("ticket %s was deleted in %s, and what it is about is not fixed: say whether there is to be another, with quell remediations recreate %s", key, rem.Tracker, rem.ID)
	if after.Deleted.Times > 1 {
		what = fmt.Sprintf("ticket %s was deleted in %s like the one before it: say whether there is to be another, with quell remediations recreate %s", key, rem.Tracker, rem.ID)
	}
	return SyncResult{Gone: true}, a.trouble(ctx, rem.ID, what)
}

// Recreate is somebody's word that there is to be another ticket in place of a deleted
// one. Conflict if none is asked for.
func (a *Activities) Recreate(ctx context.Context, id, by string) (lifecycle.Remediation, error) {
	asked := false
	rem, err := a.edit(ctx, id, func(r *lifecycle.Remediation) bool {
		if asked = r.Deleted != nil && r.Deleted.Asked; !asked {
			return false
		}
		d := *r.Deleted
		d.Asked = false
		r.Deleted, r.Trouble = &d, nil
		return true
	})
	if err != nil {
		return rem, err
	}
	if !asked {
		return rem, fault.New(fault.Conflict, "making another ticket for remediation %s: nobody has deleted one that is waited for", id)
	}
	a.Log.InfoContext(ctx, "another ticket is made in place of a deleted one", "remediation", id, "by", by)
	return rem, a.wakeRemediation(ctx, id, "recreate", false)
}

// afflicted takes note of an error that doesn't pass by itself, such as a permission that
// was lost or a project that was archived, and gives it back. Denied never makes another
// ticket: what may not be seen may well be there.
func (a *Activities) afflicted(ctx context.Context, rem *lifecycle.Remediation, err error) error {
	switch fault.KindOf(err) {
	case fault.Denied, fault.Invalid, fault.Conflict:
	case fault.NotFound: // it was deleted since we last looked: the next look says so
		_, noted := a.edit(ctx, rem.ID, func(r *lifecycle.Remediation) bool { r.Look = a.now(); return true })
		return errors.Join(err, noted)
	default:
		return err // it is tried again, and mostly passes
	}
	if noted := a.trouble(ctx, rem.ID, lifecycle.Plain(err.Error(), 400)); noted != nil {
		a.Log.WarnContext(ctx, "noting what keeps a remediation from its ticket", "remediation", rem.ID, "error", noted)
	}
	return err
}

// trouble records what keeps a remediation from its ticket, and tells those above, once
// for as long as it lasts.
func (a *Activities) trouble(ctx context.Context, id, what string) error {
	rem, err := a.edit(ctx, id, func(r *lifecycle.Remediation) bool {
		if r.Trouble != nil && r.Trouble.What == what {
			return false
		}
		t := lifecycle.Trouble{What: what, Since: a.now()}
		if r.Trouble != nil {
			t.Since, t.Told = r.Trouble.Since, r.Trouble.Told
		}
		r.Trouble = &t
		return true
	})
	if err != nil || rem.Trouble == nil || rem.Trouble.Told {
		return err
	}
	m := connectors.Message{Cause: id + "|trouble|" + stamp(rem.Trouble.Since), To: Escalation, Kind: "tracker", Subjects: []string{id}, Thread: id, Links: map[string]string{},
		Subject: "The ticket of " + lifecycle.Plain(orEscalation(rem.Owner), 80) + " can't be kept: " + lifecycle.Plain(rem.Ticket, 60),
		Text:    fmt.Sprintf("What remediation %s has to do in %s can't be done since %s: %s", id, text(rem.Tracker), moment(rem.Trouble.Since), text(what))}
	if rem.TicketURL != "" {
		m.Links["ticket"] = rem.TicketURL
	}
	if err := a.Notifier.Notify(ctx, m); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "telling of a ticket that can't be kept")
	}
	_, err = a.edit(ctx, id, func(r *lifecycle.Remediation) bool {
		if r.Trouble == nil || r.Trouble.Told {
			return false
		}
		t := *r.Trouble
		t.Told = true
		r.Trouble = &t
		return true
	})
	return err
}
