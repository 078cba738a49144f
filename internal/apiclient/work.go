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
