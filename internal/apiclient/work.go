package apiclient

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
)

// Owners lists the teams.
func (c *Client) Owners(ctx context.Context) ([]Item[ownership.Team], error) {
	return whole[ownership.Team](ctx, c, "/owners")
}

// TestOwner explains how an asset's owner is found.
func (c *Client) TestOwner(ctx context.Context, id asset.ID) (Item[OwnerTest], error) {
	return post[OwnerTest](ctx, c, "/owners/test", map[string]asset.ID{"asset": id}, nil)
}

// Approvals walks the requests for exceptions that wait for the caller, or all that wait.
func (c *Client) Approvals(ctx context.Context, everybodys bool, limit int) iter.Seq2[Item[Approval], error] {
	query := url.Values{}
	if everybodys {
		query.Set("all", "true")
	}
	return All[Approval](ctx, c, "/approvals", query, limit)
}

// ExplainOwner explains how an exposure's owner is found.
func (c *Client) ExplainOwner(ctx context.Context, id exposure.ID) (Item[OwnerTest], error) {
	return post[OwnerTest](ctx, c, "/owners/test", map[string]exposure.ID{"exposure": id}, nil)
}

// Tickets walks the tickets of the built-in tracker, by status and team where given.
func (c *Client) Tickets(ctx context.Context, query url.Values, limit int) iter.Seq2[Item[Ticket], error] {
	return All[Ticket](ctx, c, "/tickets", query, limit)
}

// Ticket reads one ticket.
func (c *Client) Ticket(ctx context.Context, key string) (Item[Ticket], error) {
	return get[Ticket](ctx, c, "/tickets"+seg(key), nil)
}

// MoveTicket moves a ticket to todo, in_progress or done. Done is a claim, not a proof.
func (c *Client) MoveTicket(ctx context.Context, key, status string) (Item[Ticket], error) {
	return post[Ticket](ctx, c, "/tickets"+seg(key)+"/status", map[string]string{"status": status}, nil)
}

// CommentTicket comments on a ticket, once for each idempotency key.
func (c *Client) CommentTicket(ctx context.Context, key, text, idempotency string) (Item[Ticket], error) {
	return post[Ticket](ctx, c, "/tickets"+seg(key)+"/comments", map[string]string{"text": text}, map[string]string{"Idempotency-Key": idempotency})
}

// Inbox walks the messages of the built-in inbox, newest first.
func (c *Client) Inbox(ctx context.Context, to string, unread bool, limit int) iter.Seq2[Item[Message], error] {
	query := named("to", to)
	if unread {
		query.Set("unread", "true")
	}
	return All[Message](ctx, c, "/inbox", query, limit)
}

// MarkRead marks a message as read.
func (c *Client) MarkRead(ctx context.Context, id string) error {
	_, err := decoded[json.RawMessage](ctx, c, request{method: http.MethodPost, path: Prefix + "/inbox" + seg(id) + "/read"})
	return err
}

// Intel tells how fresh the threat intelligence is.
func (c *Client) Intel(ctx context.Context) ([]Item[IntelStatus], error) {
	return whole[IntelStatus](ctx, c, "/intel")
}

// ImportIntel imports threat intelligence: kev (CISA's JSON) or epss (FIRST's CSV).
func (c *Client) ImportIntel(ctx context.Context, kind string, body io.Reader) (Item[IntelImport], error) {
	return decoded[IntelImport](ctx, c, request{method: http.MethodPost, path: Prefix + "/intel" + seg(kind), body: body,
		header: map[string]string{"Content-Type": "application/octet-stream"}})
}

// Reassess decides on every exposure anew.
func (c *Client) Reassess(ctx context.Context) (Item[Upkeep], error) {
	return decoded[Upkeep](ctx, c, request{method: http.MethodPost, path: Prefix + "/reassess"})
}

// Rebuild starts every workflow anew from the store.
func (c *Client) Rebuild(ctx context.Context) (Item[Upkeep], error) {
	return decoded[Upkeep](ctx, c, request{method: http.MethodPost, path: Prefix + "/rebuild"})
}

// Tokens lists the tokens, without their texts.
func (c *Client) Tokens(ctx context.Context) ([]Item[Token], error) {
	return whole[Token](ctx, c, "/tokens")
}

// CreateToken makes a token. Its text is in the answer and nowhere else.
func (c *Client) CreateToken(ctx context.Context, in TokenRequest) (Item[Token], error) {
	return post[Token](ctx, c, "/tokens", in, nil)
}

// RevokeToken revokes a token, at once and for good.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	_, err := decoded[json.RawMessage](ctx, c, request{method: http.MethodDelete, path: Prefix + "/tokens" + seg(id)})
	return err
}

// Trackers tells how things stand with the trackers.
func (c *Client) Trackers(ctx context.Context) ([]Item[TrackerStatus], error) {
	return whole[TrackerStatus](ctx, c, "/trackers")
}

// CheckTracker has a tracker look at its set-up at the vendor.
func (c *Client) CheckTracker(ctx context.Context, name string) (Item[TrackerStatus], error) {
	return decoded[TrackerStatus](ctx, c, request{method: http.MethodPost, path: Prefix + "/trackers" + seg(name) + "/check"})
}

// Remediations walks what the tickets are about.
func (c *Client) Remediations(ctx context.Context, query url.Values, limit int) iter.Seq2[Item[Remediation], error] {
	return All[Remediation](ctx, c, "/remediations", query, limit)
}

// Remediation reads one, by its ID or its ticket's key.
func (c *Client) Remediation(ctx context.Context, name string) (Item[RemediationDetail], error) {
	return get[RemediationDetail](ctx, c, "/remediations"+seg(name), nil)
}

// RecreateTicket has another ticket made in place of a deleted one.
func (c *Client) RecreateTicket(ctx context.Context, name string) (Item[Remediation], error) {
	return decoded[Remediation](ctx, c, request{method: http.MethodPost, path: Prefix + "/remediations" + seg(name) + "/recreate"})
}
