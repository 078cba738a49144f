package activities

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Evidence is where the evidence of verdicts is kept, by hash.
type Evidence interface {
	// Blob reads one; fault.NotFound.
	Blob(ctx context.Context, sha string) (io.ReadCloser, error)
}

const (
	maxAttached   = 40      // files on one ticket
	maxAttachment = 1 << 20 // bytes of one
	attachBatch   = 5       // files that one activity attaches
)

// attachable are the hashes of the evidence that belongs on a ticket, oldest members first.
func (a *Activities) attachable(rem *lifecycle.Remediation, members []member) []string {
	if rem.Ticket == "" || a.Evidence == nil || !a.keeping(rem.Tracker).Attach {
		return nil
	}
	if _, ok := a.Trackers[rem.Tracker].(connectors.Attacher); !ok {
		return nil
	}
	var all []string
	for i := range members {
		m := &members[i]
		if m.verdict != nil {
			all = append(all, m.verdict.Evidence...)
		}
		if m.proof != nil && m.proof.Verdict != nil {
			all = append(all, m.proof.Verdict.Evidence...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Attach attaches evidence to the ticket: each file once, whose name is its hash. What
// can't be attached, because it is gone, too large or refused, is left out: the ticket
// links to it in quell.
func (a *Activities) Attach(ctx context.Context, in RemediationStep) (Done, error) {
	rem, err := a.remediation(ctx, in.ID)
	if err != nil || rem.Ticket == "" || a.Evidence == nil {
		return Done{}, err
	}
	tracker, err := a.tracker(&rem)
	if err != nil {
		return Done{}, err
	}
	attacher, ok := tracker.(connectors.Attacher)
	for _, intent := range in.Intents {
		result := "the tracker takes no files"
		if ok {
			if result, err = a.attach(ctx, attacher, rem.Ticket, causeOf(intent)); err != nil {
				return Done{}, err
			}
		}
		if err := a.done(ctx, []string{intent}, result); err != nil {
			return Done{}, err
		}
	}
	return Done{}, nil
}

func (a *Activities) attach(ctx context.Context, to connectors.Attacher, ticket, sha string) (result string, err error) {
	r, err := a.Evidence.Blob(ctx, sha)
	if fault.Is(err, fault.NotFound) {
		return "it is no longer kept", nil
	}
	if err != nil {
		return "", fault.Wrap(fault.KindOf(err), err, "reading evidence")
	}
	body, err := io.ReadAll(io.LimitReader(r, maxAttachment+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return "", fault.Wrap(fault.KindOf(err), err, "reading evidence "+sha)
	}
	if len(body) > maxAttachment {
		return "it is too large", nil
	}
	err = to.Attach(ctx, ticket, connectors.Attachment{Name: "evidence-" + sha + ".txt", Type: "text/plain; charset=utf-8", Body: body})
	switch fault.KindOf(err) {
	case "":
		return ticket, nil
	case fault.Denied, fault.Invalid, fault.NotFound, fault.Conflict:
		a.Log.WarnContext(ctx, "evidence can't be attached to a ticket", "ticket", ticket, "evidence", sha, "error", err)
		return "refused: " + lifecycle.Plain(err.Error(), 200), nil
	default:
		return "", fault.Wrap(fault.KindOf(err), err, "attaching evidence to ticket "+ticket)
	}
}
